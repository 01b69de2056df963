//! Exit statuses: one table for people and scripts.

use crate::apply::{Outcome, Report};
use crate::diagnostic::Severity;
use crate::diff::Class;
use crate::plan::Plan;

/// How the program ends. Where several hold the first of this order wins: 130, 1, 6, 5, 4, 3, 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// Done, or nothing to do.
    Success,
    /// An error.
    Error,
    /// Changes are pending.
    Pending,
    /// Somebody changed what we had applied.
    Drift,
    /// Something could not be read, is blocked, or is refused by a rule.
    Partial,
    /// The world is not what the plan saw.
    Stale,
    /// Somebody else holds the lock.
    Locked,
    /// Wrong usage.
    Usage,
    /// Interrupted, after a clean stop.
    Interrupted,
}

impl ExitStatus {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Error => 1,
            Self::Pending => 2,
            Self::Drift => 3,
            Self::Partial => 4,
            Self::Stale => 5,
            Self::Locked => 6,
            Self::Usage => 64,
            Self::Interrupted => 130,
        }
    }

    /// What a plan says without being applied. `detailed` adds 2 and 3, as Terraform's `-detailed-exitcode` does.
    pub(super) fn of_plan(plan: &Plan, detailed: bool) -> Self {
        let drifted = plan
            .changes
            .values()
            .any(|change| change.fields.iter().any(|field| matches!(field.class, Class::Drift(_))));
        if !plan.left_to_operator().is_empty() {
            return Self::Locked;
        }
        if is_partial(plan) {
            return Self::Partial;
        }
        match detailed {
            true if drifted => Self::Drift,
            true if !plan.is_empty() => Self::Pending,
            _ => Self::Success,
        }
    }

    /// How an apply ended.
    pub(super) fn of_report(plan: &Plan, report: &Report, interrupted: bool) -> Self {
        let any = |test: fn(&Outcome) -> bool| report.outcomes.values().any(test);
        if interrupted {
            Self::Interrupted
        } else if any(|outcome| matches!(outcome, Outcome::Failed(_))) {
            Self::Error
        } else if !plan.left_to_operator().is_empty() || any(|outcome| matches!(outcome, Outcome::Unlocked(_))) {
            Self::Locked
        } else if any(|outcome| matches!(outcome, Outcome::Changed(_))) {
            Self::Stale
        } else if is_partial(plan) {
            Self::Partial
        } else {
            Self::Success
        }
    }
}

fn is_partial(plan: &Plan) -> bool {
    !plan.unreadable.is_empty()
        || !plan.blocked.is_empty()
        || plan.diagnostics.iter().any(|found| found.severity == Severity::Error)
}
