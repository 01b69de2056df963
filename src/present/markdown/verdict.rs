//! One word for who decides whether to look, and the totals below it.

use crate::diff::Class;
use crate::plan::{Action, Actor, Change, Plan};
use crate::present::fields::{is_chart_version, only_drift};
use crate::present::head::Signal;
use crate::present::view::last_field;
use crate::resource::{Hand, PackId, PathStep};

/// How much attention a plan asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Only images and versions move, and nothing is to be careful with.
    Routine,
    /// It can be applied; people should read it.
    Look,
    /// A part of it is not planned.
    Stops,
}

impl Verdict {
    pub(super) fn of(plan: &Plan, blockers: &[Signal], cautions: &[Signal], openings: &[Signal]) -> Self {
        if !blockers.is_empty() {
            return Self::Stops;
        }
        let quiet = cautions.is_empty() && openings.is_empty();
        if quiet && plan.changes.values().all(is_routine) { Self::Routine } else { Self::Look }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Routine => "Routine",
            Self::Look => "Needs a look",
            Self::Stops => "Stops",
        }
    }

    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Routine => "Only images and versions move. ",
            Self::Look => "",
            Self::Stops => "A part of it cannot be planned. ",
        }
    }
}

/// Whether a change does no more than move a version.
fn is_routine(change: &Change) -> bool {
    let is_record = change.pack.as_ref().map(PackId::record_name).as_ref() == Some(&change.address.name);
    let version = |path| {
        let own = |step: &PathStep| matches!(step, PathStep::Field(key) if key == Hand::DECLARED);
        last_field(path) == Some("image") || is_chart_version(path) || path.0.last().is_some_and(own)
    };
    match (change.action, &change.actor) {
        (Action::None, _) => change.fields.is_empty(),
        (Action::Update, Actor::Packctl) => {
            change.notes.is_empty()
                && change
                    .fields
                    .iter()
                    .all(|field| field.class == Class::Pending && (is_record || version(&field.path)))
        }
        _ => false,
    }
}

/// Who does how much, and what only sets back what somebody else changed.
pub(super) fn totals(plan: &Plan) -> String {
    let mut out = String::from("| | add | change | replace | delete | adopt |\n|:--|--:|--:|--:|--:|--:|\n");
    let drift = |change: &Change| only_drift(change);
    let ours = |change: &Change| change.actor == Actor::Packctl;
    out.push_str(&row("to do", plan, |change| ours(change) && !drift(change)).unwrap_or_default());
    out.push_str(&row("drift, to be set back", plan, |change| ours(change) && drift(change)).unwrap_or_default());
    out.push_str(&row("left to the operator", plan, |change| !ours(change)).unwrap_or_default());
    out.push('\n');
    if out.lines().count() > 3 { out } else { String::new() }
}

fn row(name: &str, plan: &Plan, of: impl Fn(&Change) -> bool) -> Option<String> {
    let mut counts = [0_usize; 5];
    for change in plan.changes.values().filter(|change| of(change)) {
        let column = match change.action {
            Action::None => continue,
            Action::Create => 0,
            Action::Update => 1,
            Action::Replace => 2,
            Action::Delete | Action::Release => 3,
            Action::Adopt => 4,
        };
        counts[column] += 1;
    }
    let cells: Vec<String> = counts.iter().map(usize::to_string).collect();
    counts.iter().any(|count| *count > 0).then(|| format!("| {name} | {} |\n", cells.join(" | ")))
}
