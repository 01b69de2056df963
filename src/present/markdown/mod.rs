//! A plan as the comment of a pull request, in Markdown as GitHub, GitLab and Gitea read it.
//!
//! In the order of what a reviewer asks: may I merge without a look; what stops; what to be careful with; what opens; which
//! images move; then a fold per pack, the most dangerous first. A block of which there is nothing is left out, and so is the
//! whole comment where nothing changes. The first line is a hidden marker, so that one comment can be edited in place.

mod cut;
mod difference;
mod escape;
mod fold;
mod images;
mod verdict;

use super::head::{self, Signal};
use super::{Label, Style, View, text};
use crate::plan::Plan;
use escape::{code, inline, marker};
use verdict::Verdict;

#[cfg(test)]
pub(in crate::present) use escape::tests::hostile;

/// GitHub takes no longer comment. It counts characters; bytes are never fewer.
pub const LIMIT: usize = 65_536;

/// What one list may take, so that the folds below keep some room.
const LIST: usize = 11_000;
/// What is left free: masking a secret may lengthen a text.
const RESERVE: usize = 536;
/// Columns of one sentence; what is longer is cut with its length.
const SENTENCE: usize = 600;

/// The comment; `None` when nothing changes and nothing is wrong.
pub fn plan(plan: &Plan) -> Option<String> {
    let style = Style { width: 100, ..Style::default() };
    let view = View::new(plan, &style);
    let mut blockers = head::findings(&view, crate::diagnostic::Severity::Error);
    blockers.extend(head::unread(&view));
    if text::nothing_to_do(&view) && blockers.is_empty() {
        return None;
    }
    let openings = head::openings(&view);
    let mut cautions = head::losses(&view);
    cautions.extend(head::drift(&view));
    cautions.extend(head::kept(&view));
    cautions.extend(head::findings(&view, crate::diagnostic::Severity::Warning));
    let verdict = Verdict::of(plan, &blockers, &cautions, &openings);

    let mut out = marker(&plan.cluster);
    out.push_str(&format!("### {}: {}\n\n", verdict.words(), code(&view.cut(&plan.cluster, 100))));
    out.push_str(&format!("{}{}\n\n", verdict.reason(), inline(&super::tally::line(plan))));
    out.push_str(&verdict::totals(plan));
    list(&mut out, &view, "Scope", &head::scope(&view));
    list(&mut out, &view, "Blockers", &blockers);
    list(&mut out, &view, "Cautions", &cautions);
    list(&mut out, &view, "Hosts and logins", &openings);
    images::table(&mut out, &view, LIST);
    let foot = foot(&view);
    let room = LIMIT - RESERVE - foot.len();
    cut::folds(&mut out, fold::folds(&view), room);
    out.push_str(&foot);
    Some(out)
}

/// A heading and its points, as many as there is room for.
fn list(out: &mut String, view: &View<'_>, heading: &str, signals: &[Signal]) {
    if signals.is_empty() {
        return;
    }
    out.push_str(&format!("**{heading}**\n\n"));
    let start = out.len();
    for (position, signal) in signals.iter().enumerate() {
        let point = point(view, signal);
        if out.len() - start + point.len() > LIST {
            let rest = signals.len() - position;
            out.push_str(&format!("- and {rest} more; <code>packctl plan</code> shows them\n"));
            break;
        }
        out.push_str(&point);
    }
    out.push('\n');
}

fn point(view: &View<'_>, signal: &Signal) -> String {
    let mut point = format!("- **{}** {}", signal.word, inline(&view.cut(&signal.text, SENTENCE)));
    if !signal.place.is_empty() {
        point.push_str(&format!(" {}", code(&view.cut(&signal.place, SENTENCE))));
    }
    if !signal.help.is_empty() {
        point.push_str(&format!("<br>{}", inline(&view.cut(&signal.help, SENTENCE))));
    }
    point.push('\n');
    point
}

/// Where all of this was read.
fn foot(view: &View<'_>) -> String {
    let read = view.cut(&head::read(view), SENTENCE);
    format!("<sub>{}; packctl {}</sub>\n", inline(&read), env!("CARGO_PKG_VERSION"))
}

/// Whether a change weighs more than another: what is lost, what somebody else did, what guards, the rest.
fn risk(change: &crate::plan::Change) -> usize {
    match Label::of(change) {
        Label::Delete => 0,
        Label::Adopt | Label::Drift => 1,
        _ if ["SecurityPolicy", "HTTPRoute", "client", "Gateway", "ClusterRole", "ClusterRoleBinding"]
            .contains(&change.address.kind.as_str()) =>
        {
            2
        }
        Label::Update => 3,
        _ => 4,
    }
}
