//! Progress of an apply: a line on stderr for each thing that happens.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::terminal::Terminal;
use crate::apply::{Event, Listener, Outcome};
use crate::plan::{Step, Until};

/// Lines for people and CI logs.
pub(super) struct Lines {
    terminal: Terminal,
    total: usize,
    ended: AtomicUsize,
}

impl Lines {
    pub(super) fn new(terminal: Terminal, total: usize) -> Self {
        Self { terminal, total, ended: AtomicUsize::new(0) }
    }
}

impl Listener for Lines {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::Waiting { step, until, reason } => {
                let what = format!("{} of {}", until.words(), until.address().short());
                self.terminal.say(&format!(
                    "        {} {} waits for {what}: {reason}",
                    step.title,
                    step.address.short()
                ));
            }
            Event::NotProbed { step, reason } => {
                self.terminal.say(&format!(
                    "        {} {} is not probed: its Gateway cannot be reached from here ({reason})",
                    step.title,
                    step.address.short()
                ));
            }
            Event::Writing { .. } => {}
            // The summary names what was never tried: it is no progress.
            Event::Ended { outcome: Outcome::Skipped(_) | Outcome::NotStarted, .. } => {}
            Event::Ended { step, outcome } => {
                let number = self.ended.fetch_add(1, Ordering::Relaxed) + 1;
                let end = match outcome {
                    Outcome::Done => String::new(),
                    Outcome::AlreadyDone => "  already done".into(),
                    Outcome::Failed(reason) => format!("  failed: {reason}"),
                    Outcome::Changed(reason) => format!("  stopped: {reason}"),
                    Outcome::Skipped(_) | Outcome::NotStarted => "  not done".into(),
                };
                let line = format!("{number:>4}/{} {} {}{end}", self.total, step.title, step.address.short());
                self.terminal.say(&line);
                if let Some(look) = look(step, outcome) {
                    self.terminal.say(&format!("        help: {look}"));
                }
            }
        }
    }
}

/// Where to look when what a step waits for did not come.
fn look(step: &Step, outcome: &Outcome) -> Option<String> {
    let Outcome::Failed(reason) = outcome else { return None };
    let waited = |until: &&Until| reason.contains(&format!("{} of {}", until.words(), until.address().short()));
    let address = step.waits.iter().find(waited)?.address();
    let namespace = address.namespace.as_ref().map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
    let closed = if step.title == "open" { "; the app stays closed" } else { "" };
    let longer = if reason.starts_with("waited ") { "; --wait-limit SECONDS waits longer" } else { "" };
    Some(format!("look at `kubectl describe {}{namespace} {}`{closed}{longer}", address.kind, address.name))
}
