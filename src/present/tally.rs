//! Counting, and the line of totals.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::fields::{in_doubt, only_drift};
use super::words::{count, list};
use crate::diagnostic::Severity;
use crate::diff::Class;
use crate::plan::{Action, Actor, Change, Plan};
use crate::resource::Address;

/// Totals; each object counts where its reason lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Creates.
    pub add: usize,
    /// Updates that the input asks for.
    pub change: usize,
    /// Replaces.
    pub replace: usize,
    /// Deletes and releases.
    pub delete: usize,
    /// Adoptions.
    pub adopt: usize,
    /// Objects with a field that is set back.
    pub drifted: usize,
    /// Left to an operator.
    pub operator: usize,
    /// Objects with a field that only the server can tell.
    pub doubt: usize,
    /// Objects that are as wanted.
    pub in_sync: usize,
}

/// The totals of a plan as its text and its JSON say them.
///
/// An update that only sets back what somebody else changed is drifted, not also
/// changed; what may or may not differ is in doubt, not in sync.
pub fn tally(plan: &Plan) -> Totals {
    tally_of(plan.changes.values())
}

/// The same over some changes.
pub(super) fn tally_of<'c>(changes: impl IntoIterator<Item = &'c Change>) -> Totals {
    let mut totals = Totals::default();
    for change in changes {
        if matches!(change.actor, Actor::Operator(_)) && change.action != Action::None {
            totals.operator += 1;
            continue;
        }
        match change.action {
            Action::None if in_doubt(change) => {}
            Action::None => totals.in_sync += 1,
            Action::Create => totals.add += 1,
            Action::Update if only_drift(change) => {}
            Action::Update => totals.change += 1,
            Action::Replace => totals.replace += 1,
            Action::Delete | Action::Release => totals.delete += 1,
            Action::Adopt => totals.adopt += 1,
        }
        totals.drifted += usize::from(change.fields.iter().any(|field| matches!(field.class, Class::Drift(_))));
        totals.doubt += usize::from(in_doubt(change));
    }
    totals
}

/// `13 to add, 1 to change, 0 to replace, delete, adopt; 1 drifted, to be set back.`
pub(super) fn line(plan: &Plan) -> String {
    let totals = tally(plan);
    let groups = [
        (totals.add, "add"),
        (totals.change, "change"),
        (totals.replace, "replace"),
        (totals.delete, "delete"),
        (totals.adopt, "adopt"),
    ];
    let mut parts: Vec<String> =
        groups.iter().filter(|(number, _)| *number > 0).map(|(number, verb)| format!("{number} to {verb}")).collect();
    let none: Vec<&str> = groups.iter().filter(|(number, _)| *number == 0).map(|(_, verb)| *verb).collect();
    if !none.is_empty() {
        parts.push(format!("0 to {}", none.join(", ")));
    }
    let mut line = parts.join(", ");
    let rest = [
        (totals.drifted, "drifted, to be set back"),
        (totals.operator, "left to the operator"),
        (totals.doubt, "in doubt"),
        (plan.blocked.len(), "blocked"),
    ];
    for (number, words) in rest.iter().filter(|(number, _)| *number > 0) {
        line.push_str(&format!("; {number} {words}"));
    }
    if let Some(refused) = refused(plan) {
        line.push_str(&format!("; {refused} refused"));
    }
    line.push('.');
    line
}

/// `1 app and 2 objects`: what errors stop, which no other total counts.
fn refused(plan: &Plan) -> Option<String> {
    let errors = || plan.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let alone = || errors().filter(|found| found.app.is_none());
    let objects: BTreeSet<&Address> = alone().filter_map(|found| found.object.as_ref()).collect();
    let packs = objects.iter().filter(|object| object.kind == "Application").count();
    let parts: Vec<String> = [
        (plan.stopped().len(), "app"),
        (packs, "pack"),
        (objects.len() - packs, "object"),
        (alone().filter(|found| found.object.is_none()).count(), "input"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, word)| count(number, word))
    .collect();
    (!parts.is_empty()).then(|| list(&parts))
}

/// `1 change, 1 drift`: what moves in one block.
pub(super) fn summary(totals: &Totals) -> Option<String> {
    let parts: Vec<String> = [
        (totals.add, count(totals.add, "addition")),
        (totals.change, count(totals.change, "change")),
        (totals.replace, count(totals.replace, "replacement")),
        (totals.delete, count(totals.delete, "deletion")),
        (totals.adopt, count(totals.adopt, "adoption")),
        (totals.drifted, count(totals.drifted, "drift")),
        (totals.operator, format!("{} left to the operator", totals.operator)),
        (totals.doubt, format!("{} in doubt", totals.doubt)),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(_, words)| words)
    .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
