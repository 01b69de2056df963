//! What rules could not look at: said once for each reason, not once for each app.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;

/// How many names are spelled out.
const NAMED: usize = 5;

/// What was not checked, by the reason.
#[derive(Debug, Default)]
pub(super) struct Unread(BTreeMap<String, BTreeSet<String>>);

impl Unread {
    /// Notes something that was not checked.
    pub(super) fn add(&mut self, reason: &str, what: String) {
        self.0.entry(reason.to_owned()).or_default().insert(what);
    }

    /// One warning for each reason.
    pub(super) fn findings(self, code: &str) -> impl Iterator<Item = Diagnostic> {
        self.0.into_iter().map(move |(reason, what)| {
            let verb = if what.len() == 1 { "was" } else { "were" };
            Diagnostic::warning(code, format!("{} {verb} not checked: {reason}", some(&what)))
                .help("ask for the right to read it, or plan on a snapshot of who may")
        })
    }
}

/// The first few of many names: `a, b and 7 more`.
pub(super) fn some(names: &BTreeSet<String>) -> String {
    let named: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    match names.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
