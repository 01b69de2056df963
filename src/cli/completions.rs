//! `packctl completions`: scripts for shells, and the answers that kubectl asks a plugin for.

use clap::{Arg, Command, CommandFactory as _};
use clap_complete::{Generator, Shell};

use super::ExitStatus;
use super::args::{Cli, CompletionsArgs, For};
use super::failure::Failure;
use super::terminal::Terminal;
use crate::guide::PAGES;

/// kubectl runs a program of this name to complete `kubectl packctl`.
const KUBECTL: &str = "\
#!/bin/sh
# Save this as kubectl_complete-packctl, executable, in a folder on PATH, beside kubectl-packctl.
exec kubectl-packctl __complete \"$@\"
";

pub(super) fn run(args: &CompletionsArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let shell = match args.shell {
        For::Bash => Shell::Bash,
        For::Elvish => Shell::Elvish,
        For::Fish => Shell::Fish,
        For::Powershell => Shell::PowerShell,
        For::Zsh => Shell::Zsh,
        For::Kubectl => {
            terminal.data(KUBECTL)?;
            return Ok(ExitStatus::Success);
        }
    };
    let mut command = Cli::command().bin_name("packctl");
    command.build();
    let mut script = Vec::new();
    shell.generate(&command, &mut script);
    terminal.data(&String::from_utf8_lossy(&script))?;
    Ok(ExitStatus::Success)
}

/// Prints what may stand in the place of the last word, as kubectl reads it.
pub(super) fn complete(words: &[String], terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let mut command = Cli::command();
    command.build();
    terminal.data(&answer(&command, words))?;
    Ok(ExitStatus::Success)
}

/// A line for each candidate, and a last one that says whether files may stand there too (`:0`) or not (`:4`).
fn answer(root: &Command, words: &[String]) -> String {
    let (last, before) = words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let mut at = root;
    let mut open: Option<&Arg> = None;
    for word in before {
        if open.take().is_some() {
            continue;
        }
        if word.starts_with('-') {
            open = option(at, word).filter(|option| option.get_action().takes_values() && !word.contains('='));
        } else if let Some(below) = at.find_subcommand(word) {
            at = below;
        }
    }
    let line = |name: &str, about: String| match about.lines().next() {
        Some(about) => format!("{name}\t{about}\n"),
        None => format!("{name}\n"),
    };
    let values = |option: &Arg| -> Vec<String> {
        let values = option.get_possible_values();
        let named = values.iter().filter(|value| !value.is_hide_set());
        named.map(|value| line(value.get_name(), text(value.get_help()))).collect()
    };
    let (found, files): (Vec<String>, bool) = if let Some(option) = open {
        let values = values(option);
        let none = values.is_empty();
        (values, none)
    } else if last.starts_with('-') {
        let options = at.get_arguments().filter(|option| !option.is_hide_set());
        let name = |option: &Arg| Some(line(&format!("--{}", option.get_long()?), text(option.get_help())));
        (options.filter_map(name).collect(), false)
    } else {
        let about = |below: &Command| line(below.get_name(), text(below.get_about()));
        let below = at.get_subcommands().filter(|below| !below.is_hide_set());
        let mut found: Vec<String> = below.map(about).collect();
        found.extend(at.get_positionals().flat_map(values));
        if at.get_name() == "help" {
            found.extend(root.get_subcommands().filter(|below| !below.is_hide_set()).map(about));
            found.extend(PAGES.iter().map(|page| line(page.topic, page.title().to_owned())));
        }
        (found, false)
    };
    let found: String = found.into_iter().filter(|line| line.starts_with(last)).collect();
    format!("{found}:{}\n", if files { 0 } else { 4 })
}

fn option<'c>(command: &'c Command, word: &str) -> Option<&'c Arg> {
    let name = word.split('=').next().unwrap_or(word);
    command.get_arguments().find(|option| match name.strip_prefix("--") {
        Some(long) => option.get_long() == Some(long),
        None => option.get_short().is_some_and(|short| name == format!("-{short}")),
    })
}

fn text(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(words: &[&str]) -> String {
        let mut command = Cli::command();
        command.build();
        answer(&command, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn kubectl_gets_commands_options_values_and_files() {
        assert!(completed(&["pl"]).starts_with("plan\tShow what would change\n:4"));
        assert!(completed(&["plan", "--excl"]).starts_with("--exclude\t"));
        assert!(completed(&["plan", "--no-pro"]).starts_with("--no-progress\t"), "global options too");
        assert_eq!(completed(&["graph", "-o", "me"]), "mermaid\n:4\n");
        assert_eq!(completed(&["plan", "-f", ""]), ":0\n");
        assert_eq!(completed(&["plan", "-f", "x", "--delivery", "d"]), "direct\n:4\n");
        assert!(completed(&["help", "plan-f"]).starts_with("plan-format\t"));
        assert!(!completed(&[""]).contains("__complete"));
    }
}
