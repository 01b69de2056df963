//! The command line: what is typed becomes settings, stages are called, an exit status comes out. One file a command.

mod apply;
mod args;
mod completions;
mod config;
mod controller;
mod destroy;
mod doubt;
mod drift;
mod exit;
mod explain;
mod failure;
mod field;
mod graph;
mod help;
mod lock;
mod names;
mod plan;
mod progress;
mod session;
mod settings;
mod show;
mod snapshot;
mod status;
mod terminal;
#[cfg(test)]
mod tests;
mod validate;
mod words;

use std::ffi::OsString;
use std::path::Path;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};

pub use exit::ExitStatus;

use args::{Cli, Command, When};
use failure::Failure;
use terminal::Terminal;

use crate::diagnostic::SourceMap;
use crate::resource::Secrets;

/// Runs one command. `arguments` begins with the program's name.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitStatus {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let program = program(arguments.first());
    let matches = Cli::command().bin_name(program).try_get_matches_from(arguments);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitStatus::Success,
                _ => ExitStatus::Usage,
            };
        }
    };
    let color = match cli.color {
        When::Auto => settings::color(),
        When::Always => Some(true),
        When::Never => Some(false),
    };
    let terminal = Terminal::new(program, color, cli.width, !cli.no_progress, Secrets::default());
    match dispatch(cli.command, &terminal).await {
        Ok(status) => status,
        Err(failure) => report(&failure, &terminal),
    }
}

/// How people call this program: kubectl finds its plugins by their file's name.
fn program(called: Option<&OsString>) -> &'static str {
    let name = called.map(Path::new).and_then(Path::file_stem).and_then(|name| name.to_str());
    if name.is_some_and(|name| name.starts_with("kubectl-")) { "kubectl packctl" } else { "packctl" }
}

async fn dispatch(command: Command, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    match command {
        Command::Plan(args) => plan::run(args, terminal).await,
        Command::Apply(args) => apply::run(args, terminal).await,
        Command::Destroy(args) => destroy::run(args, terminal).await,
        Command::Status(args) => status::run(args, terminal).await,
        Command::Drift(args) => drift::run(args, terminal).await,
        Command::Graph(args) => graph::run(args, terminal).await,
        Command::Explain(args) => explain::run(args, terminal).await,
        Command::Validate(args) => validate::run(&args, terminal),
        Command::Snapshot(args) => snapshot::run(args, terminal).await,
        Command::Config(args) => config::run(args, terminal).await,
        Command::Controller(args) => controller::run(&args, terminal),
        Command::Completions(args) => completions::run(&args, terminal),
        Command::Help(args) => help::run(&args, terminal),
        Command::Complete { words } => completions::complete(&words, terminal),
    }
}

fn report(failure: &Failure, terminal: &Terminal) -> ExitStatus {
    show::findings(&failure.diagnostics, &SourceMap::default(), terminal);
    terminal.error(&failure.message, failure.help.as_deref());
    failure.status
}
