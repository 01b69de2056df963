//! Conditions of a status.

use serde_json::{Value, json};

use super::{list, text};

/// Conditions by type; the later one of a type wins, and each stands where its type came first.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions(Vec<(&'static str, bool, String, String)>);

impl Conditions {
    pub(super) fn set(&mut self, kind: &'static str, status: bool, reason: &str, message: impl Into<String>) {
        let condition = (kind, status, reason.to_owned(), message.into());
        match self.0.iter_mut().find(|(other, ..)| *other == kind) {
            Some(same) => *same = condition,
            None => self.0.push(condition),
        }
    }

    pub(super) fn has(&self, kind: &str) -> bool {
        self.0.iter().any(|(other, ..)| *other == kind)
    }

    /// As they are written: at a generation, and with the time of the last change, which `before` has for those that stay.
    pub(super) fn written(&self, before: Option<&Value>, generation: i64, now: &str) -> Value {
        let written = self.0.iter().map(|(kind, status, reason, message)| {
            let status = if *status { "True" } else { "False" };
            let old = before.map(|before| list(before, "/conditions")).unwrap_or_default();
            let old = old.iter().find(|old| text(old, "/type") == *kind && text(old, "/status") == status);
            let since =
                old.map(|old| text(old, "/lastTransitionTime")).filter(|since| !since.is_empty()).unwrap_or(now);
            json!({
                "type": kind, "status": status, "reason": reason, "message": message,
                "observedGeneration": generation, "lastTransitionTime": since,
            })
        });
        written.collect()
    }
}
