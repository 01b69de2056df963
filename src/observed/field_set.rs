//! Sets of fields as sets: what server-side apply does with them (structured-merge-diff `fieldpath.Set`).

use super::FieldSet;
use crate::resource::{FieldPath, PathStep};

impl FieldSet {
    /// Adds a field, not those above it.
    pub fn insert(&mut self, path: &[PathStep]) {
        let mut set = self;
        for step in path {
            set = set.children.entry(step.clone()).or_default();
        }
        // Nobody owns the object as a whole.
        set.member = !path.is_empty();
    }

    /// Whether a step below this set's own place is a member.
    pub fn has(&self, step: &PathStep) -> bool {
        self.children.get(step).is_some_and(|below| below.member)
    }

    /// The fields of either.
    pub fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        union.absorb(other);
        union
    }

    /// The fields of both.
    pub fn intersection(&self, other: &Self) -> Self {
        self.combined(|step, ours| match other.children.get(step) {
            Some(theirs) => Self { member: ours.member && theirs.member, ..ours.intersection(theirs) },
            None => Self::default(),
        })
    }

    /// The fields that the other does not have. One above, or below, of which the other has only this stays.
    pub fn difference(&self, other: &Self) -> Self {
        self.combined(|step, ours| match other.children.get(step) {
            Some(theirs) => Self { member: ours.member && !theirs.member, ..ours.difference(theirs) },
            None => ours.clone(),
        })
    }

    /// The fields that the other does not have, nor anything above them.
    pub fn without(&self, other: &Self) -> Self {
        self.combined(|step, ours| match other.children.get(step) {
            Some(theirs) if theirs.member => Self::default(),
            Some(theirs) => Self { member: ours.member, ..ours.without(theirs) },
            None => ours.clone(),
        })
    }

    /// Each child replaced; what holds no field is left out.
    fn combined(&self, of: impl Fn(&PathStep, &Self) -> Self) -> Self {
        let children = self.children.iter().map(|(step, ours)| (step.clone(), of(step, ours)));
        let children = children.filter(|(_, below)| below.member || !below.children.is_empty()).collect();
        Self { member: false, children }
    }

    /// Every field of the set, those of a place before those below it.
    pub fn members(&self) -> Vec<FieldPath> {
        let mut found = Vec::new();
        self.collect_members(&FieldPath::default(), &mut found);
        found
    }

    fn collect_members(&self, path: &FieldPath, found: &mut Vec<FieldPath>) {
        let members = self.children.iter().filter(|(_, below)| below.member);
        found.extend(members.map(|(step, _)| path.step(step.clone())));
        for (step, below) in &self.children {
            below.collect_members(&path.step(step.clone()), found);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn set(fields: &Value) -> FieldSet {
        FieldSet::from_fields_v1(fields)
    }

    #[test]
    fn a_field_and_those_below_it_are_fields_of_their_own() {
        let (parent, child) = (set(&json!({"f:a": {}})), set(&json!({"f:a": {"f:b": {}}})));
        let both = set(&json!({"f:a": {".": {}, "f:b": {}}}));
        assert_eq!(parent.union(&child), both);
        assert_eq!(both.difference(&parent), child);
        assert_eq!(both.difference(&child), parent);
        assert_eq!(child.difference(&parent), child);
        assert!(both.without(&parent).is_empty() && child.without(&parent).is_empty());
        assert_eq!(both.without(&child), parent);
        assert!(parent.intersection(&child).is_empty());
        assert_eq!(both.intersection(&child), child);
    }
}
