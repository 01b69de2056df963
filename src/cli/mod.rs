//! The command line: what is typed becomes settings, stages are called, an exit status comes out. One file a command.

mod apply;
mod args;
mod config;
mod controller;
mod destroy;
mod doubt;
mod drift;
mod exit;
mod explain;
mod failure;
mod graph;
mod plan;
mod progress;
mod session;
mod settings;
mod show;
mod snapshot;
mod terminal;
#[cfg(test)]
mod tests;
mod words;

use std::ffi::OsString;

use clap::Parser as _;
use clap::error::ErrorKind;

pub use exit::ExitStatus;

use args::{Cli, Command, When};
use failure::Failure;
use terminal::Terminal;

use crate::diagnostic::SourceMap;
use crate::resource::Secrets;

/// Runs one command. `arguments` begins with the program's name.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitStatus {
    let cli = match Cli::try_parse_from(arguments) {
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
        When::Auto => None,
        When::Always => Some(true),
        When::Never => Some(false),
    };
    let terminal = Terminal::new(color, cli.width, Secrets::default());
    match dispatch(cli.command, &terminal).await {
        Ok(status) => status,
        Err(failure) => report(&failure, &terminal),
    }
}

async fn dispatch(command: Command, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    match command {
        Command::Plan(args) => plan::run(args, terminal).await,
        Command::Apply(args) => apply::run(args, terminal).await,
        Command::Destroy(args) => destroy::run(args, terminal).await,
        Command::Drift(args) => drift::run(args, terminal).await,
        Command::Graph(args) => graph::run(args, terminal).await,
        Command::Explain(args) => explain::run(args, terminal).await,
        Command::Snapshot(args) => snapshot::run(args, terminal).await,
        Command::Config(args) => config::run(args, terminal).await,
        Command::Controller(args) => controller::run(&args, terminal),
    }
}

fn report(failure: &Failure, terminal: &Terminal) -> ExitStatus {
    show::findings(&failure.diagnostics, &SourceMap::default(), terminal);
    terminal.say(&format!("error: {}", failure.message));
    if let Some(help) = &failure.help {
        terminal.say(&format!("help: {help}"));
    }
    failure.status
}
