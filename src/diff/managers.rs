//! The other field managers of an object.

use super::change::Who;
use crate::observed::{FieldSet, ManagedEntry};
use crate::resource::{FieldPath, PathStep};

/// Managers that own something at or below one place, each with what it owns from there on.
///
/// All entries count, also those of a subresource: an autoscaler writes `spec.replicas` through `scale`, and an apply that
/// changes it conflicts with that entry as with any other.
#[derive(Clone)]
pub(super) struct Others<'l>(Vec<(&'l ManagedEntry, &'l FieldSet)>);

impl<'l> Others<'l> {
    /// Everybody but `manager`'s own applies, latest first. Of two entries of one name the server takes the second; its own
    /// scale handler leaves such a pair.
    pub(super) fn of(entries: &'l [ManagedEntry], manager: &str) -> Self {
        let ours = |entry: &ManagedEntry| entry.manager == manager && entry.is_apply() && entry.subresource.is_empty();
        let again = |(at, entry): (usize, &ManagedEntry)| entries[at + 1..].iter().any(|later| is_one(entry, later));
        let counts = |(at, entry): &(usize, &ManagedEntry)| !ours(entry) && !again((*at, entry));
        let mut others: Vec<_> =
            entries.iter().enumerate().filter(counts).map(|(_, entry)| (entry, &entry.fields)).collect();
        others.sort_by(|(a, _), (b, _)| b.time.cmp(&a.time).then_with(|| a.manager.cmp(&b.manager)));
        Self(others)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that own something at or below a step.
    pub(super) fn below(&self, step: &PathStep) -> Self {
        Self(self.0.iter().filter_map(|(entry, set)| Some((*entry, set.children.get(step)?))).collect())
    }

    /// Those that own this very place: a leaf, or an item of a list.
    pub(super) fn members(&self) -> Vec<Who> {
        self.0.iter().filter(|(_, set)| set.member).map(|(entry, _)| who(entry)).collect()
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Who> {
        self.0.iter().map(|(entry, _)| who(entry)).collect()
    }

    /// Those that own a path, something above it, or something below it.
    pub(super) fn touching(&self, path: &FieldPath) -> Vec<Who> {
        self.0.iter().filter(|(_, set)| set.touches(path)).map(|(entry, _)| who(entry)).collect()
    }
}

/// Whether two entries are one to the server. Applies count as one in all versions of a kind.
fn is_one(left: &ManagedEntry, right: &ManagedEntry) -> bool {
    left.manager == right.manager
        && left.operation == right.operation
        && left.subresource == right.subresource
        && (left.is_apply() || left.api_version == right.api_version)
}

fn who(entry: &ManagedEntry) -> Who {
    Who::manager(&entry.manager, entry.operation, entry.time.as_deref())
}
