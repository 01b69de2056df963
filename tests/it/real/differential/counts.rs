//! What came of all pairs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::classes;

/// How many pairs of each class a whole run has to have.
const ENOUGH: usize = 100;

/// What came of the pairs of one live object, or of many.
#[derive(Default)]
pub(super) struct Counts {
    kinds: BTreeMap<String, Row>,
    classes: BTreeMap<&'static str, usize>,
    /// The stories of failures, by their first line.
    failures: BTreeMap<String, String>,
}

#[derive(Default)]
struct Row {
    agree: usize,
    disagree: usize,
    /// Bodies that the server does not accept for another reason, and the last of these reasons.
    invalid: usize,
    reason: Option<String>,
}

impl Counts {
    pub(super) fn agreed(&mut self, kind: &str, classes: Vec<&'static str>) {
        self.row(kind).agree += 1;
        classes.into_iter().for_each(|class| *self.classes.entry(class).or_insert(0) += 1);
    }

    /// A failure without a story is one of an object that has told its story.
    pub(super) fn disagreed(&mut self, kind: &str, story: Option<String>) {
        self.row(kind).disagree += 1;
        self.failures.extend(story.map(|story| (story.lines().next().unwrap_or_default().to_owned(), story)));
    }

    pub(super) fn invalid(&mut self, kind: &str, count: usize, reason: String) {
        let row = self.row(kind);
        row.invalid += count;
        row.reason = Some(reason);
    }

    pub(super) fn has_failed(&self, kind: &str) -> bool {
        self.kinds.get(kind).is_some_and(|row| row.disagree > 0)
    }

    pub(super) fn add(&mut self, other: Counts) {
        for (kind, more) in other.kinds {
            let row = self.kinds.entry(kind).or_default();
            row.agree += more.agree;
            row.disagree += more.disagree;
            row.invalid += more.invalid;
            row.reason = more.reason.or(row.reason.take());
        }
        other.classes.into_iter().for_each(|(class, count)| *self.classes.entry(class).or_insert(0) += count);
        self.failures.extend(other.failures);
    }

    /// Pairs on which both could be asked.
    pub(super) fn pairs(&self) -> usize {
        self.kinds.values().map(|row| row.agree + row.disagree).sum()
    }

    /// Classes that too few pairs were about.
    pub(super) fn rare(&self) -> Vec<&'static str> {
        classes::ALL.into_iter().filter(|class| self.classes.get(class).copied().unwrap_or(0) < ENOUGH).collect()
    }

    pub(super) fn failures(&self) -> Vec<&str> {
        self.failures.values().map(String::as_str).collect()
    }

    pub(super) fn table(&self) -> String {
        let mut table = format!("{:<28}{:>8}{:>10}{:>9}\n", "kind", "agree", "disagree", "invalid");
        for (kind, row) in &self.kinds {
            let reason = row.reason.as_deref().unwrap_or_default();
            let reason: String = reason.chars().take(120).collect();
            let _ = writeln!(table, "{kind:<28}{:>8}{:>10}{:>9}  {reason}", row.agree, row.disagree, row.invalid);
        }
        let _ = writeln!(table, "\n{:<60}{:>8}", "class", "pairs");
        for (class, count) in &self.classes {
            let _ = writeln!(table, "{class:<60}{count:>8}");
        }
        table
    }

    fn row(&mut self, kind: &str) -> &mut Row {
        self.kinds.entry(kind.to_owned()).or_default()
    }
}
