//! A plan as text.
//!
//! In this order: what was read and what was not; what people must read; a block per pack, then one for what has none; the
//! packs that are in sync, on one line; the totals; the next command.

use super::blocks::{Block, blocks};
use super::layout::{Columns, Line, below};
use super::visible::{columns, wrap};
use super::{Label, Style, View, head, tally};
use crate::diagnostic::Severity;
use crate::plan::{Action, Plan};

/// A plan that is longer repeats at its foot what people must read.
const LONG: usize = 60;

/// Writes a plan.
pub fn plan(out: &mut String, plan: &Plan, style: &Style) {
    plan_then(out, plan, &next_command(plan), style);
}

/// Writes a plan that ends with another last line than [`plan`] gives it.
pub fn plan_then(out: &mut String, plan: &Plan, next: &str, style: &Style) {
    let view = View::new(plan, style);
    head::header(out, &view);
    let mut unread = head::scope(&view);
    unread.extend(head::unread(&view));
    let signals = head::signals(&view);
    if !unread.is_empty() {
        head::write(out, &view, &unread);
    }
    if !signals.is_empty() {
        out.push('\n');
        head::write(out, &view, &signals);
    }
    if nothing_to_do(&view) && !style.all {
        let objects = super::words::count(tally(plan).in_sync, "object");
        let limit = if plan.unreadable.is_empty() { "" } else { ", as far as it could be read" };
        below(out, &view, 0, Label::Plain, &format!("Nothing to do: {objects} in sync{limit}."), style.width);
        left(out, &view);
        return;
    }
    let start = out.len();
    write_blocks(out, &view);
    if !signals.is_empty() && out[start..].lines().count() > LONG {
        out.push('\n');
        head::write(out, &view, &signals);
    }
    out.push('\n');
    below(out, &view, 0, Label::Plain, &tally::line(plan), style.width);
    left(out, &view);
    let next = if plan.is_empty() && !next.is_empty() { nothing_to_apply(plan) } else { next };
    below(out, &view, 0, Label::Faint, next, style.width);
}

/// The apps that are another's, on one line.
fn left(out: &mut String, view: &View<'_>) {
    if let Some(text) = super::head::left(view) {
        below(out, view, 0, Label::Plain, &text, view.style.width);
    }
}

/// The last line where no command helps.
fn nothing_to_apply(plan: &Plan) -> &'static str {
    if plan.diagnostics.iter().any(|found| found.severity == Severity::Error) {
        "Nothing to apply: correct the errors above."
    } else {
        "Nothing here is for packctl to apply."
    }
}

/// Whether there is nothing to show, apply, doubt or repair.
pub(super) fn nothing_to_do(view: &View<'_>) -> bool {
    let plan = view.plan;
    let still = plan.changes.values().all(|change| change.action == Action::None && change.fields.is_empty());
    let sound = plan.diagnostics.iter().all(|found| found.severity != Severity::Error);
    still && sound && plan.is_empty() && plan.blocked.is_empty() && plan.openings.is_empty() && view.stopped.is_empty()
}

fn write_blocks(out: &mut String, view: &View<'_>) {
    let (quiet, moving): (Vec<Block<'_>>, Vec<Block<'_>>) = blocks(view).into_iter().partition(|block| block.quiet);
    let places: Vec<usize> = moving.iter().map(|block| columns(&block.place)).collect();
    let layout = Columns::of(moving.iter().flat_map(|block| &block.rows), &places, view.style.width);
    let names = moving.iter().map(|block| columns(&block.name)).max().unwrap_or(0) + 2;
    for block in &moving {
        out.push('\n');
        write_heading(out, view, block, names.min(24), layout.place);
        for row in &block.rows {
            layout.write(out, row, view);
        }
    }
    let in_sync = quiet.iter().map(|block| block.in_sync).sum();
    let name = |block: Block<'_>| if block.loose { head::LOOSE.into() } else { block.name };
    let names: Vec<String> = quiet.into_iter().map(name).collect();
    if let Some(text) = head::in_sync(view, &names, in_sync) {
        out.push('\n');
        below(out, view, 0, Label::Plain, &text, view.style.width);
    }
}

/// The name of a block, what happens to it, and where it is declared.
fn write_heading(out: &mut String, view: &View<'_>, block: &Block<'_>, names: usize, place_at: Option<usize>) {
    let margin = names.max(columns(&block.name) + 2);
    let width = view.style.width;
    let room = width.saturating_sub(margin).max(20);
    let pieces = wrap(&block.facts, room, room);
    let mut place = block.place.as_str();
    for (position, piece) in pieces.iter().enumerate() {
        let mut line = Line::new(view);
        if position == 0 {
            line.put(Label::Heading, &block.name);
        }
        line.to(margin);
        line.put(Label::Plain, piece);
        let at = place_at.filter(|at| line.at + 2 <= *at).unwrap_or(line.at + 2);
        if pieces.len() == 1 && at + columns(place) <= width {
            line.to(at);
            line.put(Label::Faint, std::mem::take(&mut place));
        }
        line.end(out);
    }
    below(out, view, margin, Label::Faint, place, width);
}

/// What to type next; the inputs are the caller's.
fn next_command(plan: &Plan) -> String {
    if plan.seen.snapshot {
        let snapshot = super::visible(&plan.seen.server);
        format!("Next: packctl apply --snapshot {snapshot}, with the same inputs; it writes into the snapshot.")
    } else {
        "Next: packctl apply, with the same inputs.".into()
    }
}
