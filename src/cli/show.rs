//! What several commands print the same way.

use super::args::{InputArgs, Output, SelectArgs};
use super::failure::Failure;
use super::plan::Planned;
use super::terminal::Terminal;
use crate::diagnostic::{Diagnostic, Severity, SourceMap};
use crate::present;

/// What was typed for the plan, so that the next command can be told.
pub(super) type Typed<'a> = (&'a InputArgs, &'a SelectArgs);

/// A plan in the format that was asked for.
pub(super) fn output(
    planned: &Planned,
    input: Typed<'_>,
    format: Output,
    all: bool,
    terminal: &Terminal,
) -> Result<(), Failure> {
    match format {
        Output::Text => plan(planned, input, all, terminal)?,
        Output::Json => terminal.data(&present::json::write(&planned.plan))?,
        Output::Markdown => match present::markdown::plan(&planned.plan) {
            Some(comment) => {
                errors(planned, terminal);
                terminal.data(&comment)?;
            }
            None => terminal.say("Nothing changes, so there is no comment: stdout is empty."),
        },
    }
    Ok(())
}

/// Findings to stderr, the plan to stdout.
pub(super) fn plan(planned: &Planned, input: Typed<'_>, all: bool, terminal: &Terminal) -> Result<(), Failure> {
    errors(planned, terminal);
    let mut out = String::new();
    present::text::plan_then(&mut out, &planned.plan, &next(planned, input, terminal.program()), &terminal.style(all));
    terminal.data(&out)?;
    Ok(())
}

/// The same for `destroy`, whose plan says itself what to type.
pub(super) fn destroy(planned: &Planned, all: bool, terminal: &Terminal) -> Result<(), Failure> {
    errors(planned, terminal);
    let mut out = String::new();
    present::text::plan_then(&mut out, &planned.plan, "", &terminal.style(all));
    terminal.data(&out)?;
    Ok(())
}

/// Errors with their surroundings. The plan itself lists them, and the warnings, with what to do: on a terminal that shows
/// both streams the surroundings would say everything a second time.
fn errors(planned: &Planned, terminal: &Terminal) {
    if terminal.shows_both() {
        return;
    }
    let found = planned.plan.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    findings(&found.cloned().collect::<Vec<_>>(), &planned.loaded.sources, terminal);
}

/// Errors and warnings with their surroundings.
pub(super) fn findings(found: &[Diagnostic], sources: &SourceMap, terminal: &Terminal) {
    if found.is_empty() {
        return;
    }
    let mut out = String::new();
    present::diagnostics::render(&mut out, found, sources, &terminal.style_beside());
    terminal.say(out.trim_end());
    terminal.say("");
}

/// The last line of a plan: what to type next.
fn next(planned: &Planned, (input, select): Typed<'_>, program: &str) -> String {
    let all =
        |option: &str, values: &[String]| values.iter().map(|value| format!(" {option} {value}")).collect::<String>();
    let files = all("-f", &input.filename);
    let recursive = if input.recursive { " -R" } else { "" };
    let part = all("--target", &select.target) + &all("--exclude", &select.exclude);
    let seen = &planned.plan.seen;
    let snapshot = if seen.snapshot { format!(" --snapshot {}", seen.server) } else { String::new() };
    format!("To do it: {program} apply{files}{recursive}{part}{snapshot}")
}
