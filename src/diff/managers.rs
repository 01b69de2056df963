//! The other field managers of an object.

use super::change::Who;
use crate::observed::{FieldSet, Live, ManagedEntry, Operation};
use crate::resource::{FieldPath, PathStep};

/// Managers that own something at or below one place, each with what it owns from there on.
///
/// All entries count, also those of a subresource: an autoscaler writes `spec.replicas` through `scale`, and an apply that
/// changes it conflicts with that entry as with any other.
#[derive(Clone)]
pub(super) struct Others<'l>(Vec<(&'l ManagedEntry, &'l FieldSet)>);

impl<'l> Others<'l> {
    /// Everybody but `manager`'s own applies, latest first.
    pub(super) fn of(live: &'l Live, manager: &str) -> Self {
        let ours = |entry: &ManagedEntry| entry.manager == manager && entry.is_apply() && entry.subresource.is_empty();
        let mut others: Vec<_> =
            live.managed().iter().filter(|entry| !ours(entry)).map(|entry| (entry, &entry.fields)).collect();
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

fn who(entry: &ManagedEntry) -> Who {
    Who::Manager {
        name: entry.manager.clone(),
        operation: match entry.operation {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        },
        time: entry.time.clone(),
    }
}
