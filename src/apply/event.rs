//! What an apply tells while it runs, and when it ends.

use std::collections::BTreeMap;

use crate::plan::{Step, Until};
use crate::resource::Address;

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Written (or, for a step that only waits, come true).
    Done,
    /// It was there already, as the plan wants it: an earlier run, or a write whose answer was lost.
    AlreadyDone,
    /// Not written, or not known to be; the reason.
    Failed(String),
    /// The world is not what the plan saw; the reason.
    Changed(String),
    /// Not written, because the lock of this run is lost; the reason.
    Unlocked(String),
    /// Not tried, because the step of this object failed or was not done.
    Skipped(Address),
    /// Not tried, because the run was interrupted.
    NotStarted,
}

impl Outcome {
    /// Whether what comes after it may go on.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done | Self::AlreadyDone)
    }
}

/// What happens.
#[derive(Clone, Copy, Debug)]
pub enum Event<'e> {
    /// A step waits; sent when it begins to wait and when the reason changes.
    Waiting {
        /// Which.
        step: &'e Step,
        /// For what.
        until: &'e Until,
        /// As the object tells it.
        reason: &'e str,
    },
    /// The Gateway cannot be reached from here: what its statuses say has to do.
    NotProbed {
        /// Which.
        step: &'e Step,
        /// Why.
        reason: &'e str,
    },
    /// A step writes.
    Writing {
        /// Which.
        step: &'e Step,
    },
    /// A step ended.
    Ended {
        /// Which.
        step: &'e Step,
        /// How.
        outcome: &'e Outcome,
    },
}

/// Who is told.
pub trait Listener: Send + Sync {
    /// Is told.
    fn on(&self, event: &Event<'_>);
}

/// How a run ended: one outcome for each step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// By step id.
    pub outcomes: BTreeMap<usize, Outcome>,
}

impl Report {
    /// Whether every step is done.
    pub fn is_complete(&self) -> bool {
        self.outcomes.values().all(Outcome::is_done)
    }

    /// How many steps are done.
    pub fn done(&self) -> usize {
        self.outcomes.values().filter(|outcome| outcome.is_done()).count()
    }
}
