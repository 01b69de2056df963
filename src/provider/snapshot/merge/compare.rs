//! What differs between two objects, by field (`typed/compare.go`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::typed;
use crate::observed::FieldSet;
use crate::resource::PathStep;
use crate::schema::{Atom, ListKind, Typing};

/// The fields that differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Comparison {
    pub(super) removed: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) added: FieldSet,
}

impl Comparison {
    /// Without these fields and everything below them.
    pub(super) fn without(self, fields: &FieldSet) -> Self {
        Self {
            removed: self.removed.without(fields),
            modified: self.modified.without(fields),
            added: self.added.without(fields),
        }
    }
}

/// Compares two objects.
pub(super) fn compare(before: &Value, after: &Value, typing: Typing<'_>) -> Comparison {
    let mut walk = Walk { found: Comparison::default(), path: Vec::new() };
    walk.compare(Some(before), Some(after), typing);
    walk.found
}

/// Whether two values are the same to the server: numbers by value.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) if left.is_f64() || right.is_f64() => {
            left.as_f64() == right.as_f64()
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| equal(value, other)))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        _ => left == right,
    }
}

struct Walk {
    found: Comparison,
    path: Vec<PathStep>,
}

impl Walk {
    fn compare(&mut self, before: Option<&Value>, after: Option<&Value>, typing: Typing<'_>) {
        let atom = |value: Option<&Value>| value.map(|value| typing.atom(value));
        let is_leaf = match (atom(before), atom(after)) {
            (None, None) => return,
            (Some(one), None) | (None, Some(one)) => self.visit(&one, before, after, typing),
            (Some(left), Some(right)) if left == right => self.visit(&right, before, after, typing),
            (Some(left), Some(right)) => {
                // The form changed: what the old one held is gone, and the new one is there.
                self.visit(&left, before, after, typing);
                self.visit(&right, before, after, typing)
            }
        };
        match (is_leaf, before, after) {
            (false, None, _) => self.found.added.insert(&self.path),
            (false, _, None) => self.found.removed.insert(&self.path),
            _ => {}
        }
    }

    /// Compares in one form; says whether the place is a leaf.
    fn visit(&mut self, atom: &Atom, before: Option<&Value>, after: Option<&Value>, typing: Typing<'_>) -> bool {
        match atom {
            Atom::Leaf => self.leaf(before, after),
            Atom::Fields => {
                let (before_map, after_map) = (before.and_then(Value::as_object), after.and_then(Value::as_object));
                if before_map.is_none_or(Map::is_empty) && after_map.is_none_or(Map::is_empty) {
                    return self.leaf(before, after);
                }
                let names: BTreeSet<&String> = before_map.into_iter().chain(after_map).flat_map(Map::keys).collect();
                for name in names {
                    let Some(below) = typing.field(name) else { continue };
                    self.path.push(PathStep::Field(name.clone()));
                    let (before, after) =
                        (before_map.and_then(|map| map.get(name)), after_map.and_then(|map| map.get(name)));
                    self.compare(before, after, below);
                    self.path.pop();
                }
                false
            }
            Atom::Items(kind) => {
                let (before_list, after_list) = (before.and_then(Value::as_array), after.and_then(Value::as_array));
                if before_list.is_none_or(Vec::is_empty) && after_list.is_none_or(Vec::is_empty) {
                    return self.leaf(before, after);
                }
                self.items(kind, before_list, after_list, typing);
                false
            }
        }
    }

    fn leaf(&mut self, before: Option<&Value>, after: Option<&Value>) -> bool {
        match (before, after) {
            (None, _) => self.found.added.insert(&self.path),
            (_, None) => self.found.removed.insert(&self.path),
            (Some(before), Some(after)) if !equal(before, after) => self.found.modified.insert(&self.path),
            _ => {}
        }
        true
    }

    fn items(&mut self, kind: &ListKind, before: Option<&Vec<Value>>, after: Option<&Vec<Value>>, typing: Typing<'_>) {
        let mut all: BTreeMap<PathStep, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
        for (is_before, list) in [(true, before), (false, after)] {
            let items = list.map_or(&[][..], Vec::as_slice);
            for (item, step) in items.iter().zip(typed::steps(items, kind, typing)) {
                let Ok(step) = step else { continue };
                let (left, right) = all.entry(step).or_default();
                if is_before { left.push(item) } else { right.push(item) }
            }
        }
        for (step, (left, right)) in all {
            self.path.push(step);
            match (left.as_slice(), right.as_slice()) {
                (left, right) if left.len() <= 1 && right.len() <= 1 => {
                    self.compare(left.first().copied(), right.first().copied(), typing.items());
                }
                // Items of one key more than once are compared as one value.
                (left, right) if left.len() >= 2 && right.len() >= 2 => {
                    let same =
                        left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right));
                    if !same {
                        self.found.modified.insert(&self.path);
                    }
                }
                (left, right) if left.len() >= 2 => {
                    if let Some(after) = right.first() {
                        self.compare(None, Some(after), typing.items());
                    }
                    self.found.removed.insert(&self.path);
                }
                (left, _) => {
                    if let Some(before) = left.first() {
                        self.compare(Some(before), None, typing.items());
                    }
                    self.found.added.insert(&self.path);
                }
            }
            self.path.pop();
        }
    }
}
