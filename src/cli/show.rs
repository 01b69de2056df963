//! What several commands print the same way.

use super::args::{InputArgs, WorldArgs};
use super::failure::Failure;
use super::plan::Planned;
use super::terminal::Terminal;
use crate::diagnostic::{Diagnostic, Severity, SourceMap};
use crate::present;

/// Findings to stderr, the plan to stdout.
pub(super) fn plan(
    planned: &Planned,
    input: &InputArgs,
    world: &WorldArgs,
    all: bool,
    terminal: &Terminal,
) -> Result<(), Failure> {
    errors(planned, terminal);
    let mut out = String::new();
    present::text::plan_then(&mut out, &planned.plan, &next(input, world), &terminal.style(all));
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
    present::diagnostics::render(&mut out, found, sources, &terminal.style(false));
    terminal.say(out.trim_end());
    terminal.say("");
}

/// The last line of a plan: what to type next.
fn next(input: &InputArgs, world: &WorldArgs) -> String {
    let files: String = input.filename.iter().map(|path| format!(" -f {path}")).collect();
    let recursive = if input.recursive { " -R" } else { "" };
    let snapshot = world.snapshot.as_ref().map(|dir| format!(" --snapshot {}", dir.display())).unwrap_or_default();
    format!("To do it: packctl apply{files}{recursive}{snapshot}")
}
