//! `packctl help`: a command's options, or a page of the guide.

use clap::CommandFactory as _;

use super::ExitStatus;
use super::args::{Cli, HelpArgs};
use super::failure::Failure;
use super::terminal::Terminal;
use crate::guide::PAGES;

pub(super) fn run(args: &HelpArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let mut command = Cli::command().bin_name(terminal.program());
    command.build();
    let Some((first, rest)) = args.topic.split_first() else {
        let width = PAGES.iter().map(|page| page.topic.len()).max().unwrap_or(0);
        let topics: String = PAGES.iter().map(|page| format!("  {:width$}  {}\n", page.topic, page.title())).collect();
        let help = command.render_help();
        terminal.data(&format!("{help}\nTopics, each told by `{} help TOPIC`:\n{topics}", terminal.program()))?;
        return Ok(ExitStatus::Success);
    };
    if let Some(page) = PAGES.iter().find(|page| page.topic == first && rest.is_empty()) {
        let width = terminal.style(false).width;
        terminal.data(&page.wrapped(width))?;
        return Ok(ExitStatus::Success);
    }
    let mut at = &mut command;
    for word in &args.topic {
        at = match at.find_subcommand_mut(word) {
            Some(below) => below,
            None => {
                let topics: Vec<&str> = PAGES.iter().map(|page| page.topic).collect();
                return Err(Failure::usage(format!("`{}` is no command and no topic", args.topic.join(" ")))
                    .help(format!("the topics are {}", topics.join(", "))));
            }
        };
    }
    let help = at.render_help();
    terminal.data(&help.to_string())?;
    Ok(ExitStatus::Success)
}
