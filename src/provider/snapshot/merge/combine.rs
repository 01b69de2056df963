//! The live object with what is applied laid over it (`typed/merge.go`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::typed;
use crate::resource::{FieldPath, PathStep};
use crate::schema::{Atom, ListKind, Typing};

/// Merges; the errors are in the server's words.
pub(super) fn merge(live: &Value, body: &Value, typing: Typing<'_>) -> Result<Value, Vec<String>> {
    let mut wrong = Vec::new();
    let merged = combined(Some(live), Some(body), typing, &mut wrong);
    if wrong.is_empty() { Ok(merged.unwrap_or(Value::Null)) } else { Err(wrong) }
}

fn combined(left: Option<&Value>, right: Option<&Value>, typing: Typing<'_>, wrong: &mut Vec<String>) -> Option<Value> {
    let atom = typing.atom(right.or(left)?);
    let either = || right.or(left).cloned();
    match atom {
        Atom::Leaf => either(),
        Atom::Fields => {
            let (left, right) = (left.and_then(Value::as_object), right.and_then(Value::as_object));
            if left.is_none_or(Map::is_empty) && right.is_none_or(Map::is_empty) {
                return either();
            }
            let mut out = Map::new();
            let names: BTreeSet<&String> = left.into_iter().chain(right).flat_map(Map::keys).collect();
            for name in names {
                let (left, right) = (left.and_then(|map| map.get(name)), right.and_then(|map| map.get(name)));
                let value = match typing.field(name) {
                    Some(below) => combined(left, right, below, wrong),
                    // What the schema does not know can only be live, and stays.
                    None => right.or(left).cloned(),
                };
                if let Some(value) = value {
                    out.insert(name.clone(), value);
                }
            }
            (!out.is_empty()).then_some(Value::Object(out))
        }
        Atom::Items(kind) => {
            let (left, right) = (left.and_then(Value::as_array), right.and_then(Value::as_array));
            if left.is_none_or(Vec::is_empty) && right.is_none_or(Vec::is_empty) {
                return either();
            }
            let (left, right) = (left.map_or(&[][..], Vec::as_slice), right.map_or(&[][..], Vec::as_slice));
            let out = items(left, right, &kind, typing, wrong);
            (!out.is_empty()).then_some(Value::Array(out))
        }
    }
}

/// Items of both, each once: those of the body in its order, and live ones where they stood between them.
fn items(left: &[Value], right: &[Value], kind: &ListKind, typing: Typing<'_>, wrong: &mut Vec<String>) -> Vec<Value> {
    let mut index = |list: &[Value], may_repeat: bool| {
        let mut order: Vec<(usize, PathStep)> = Vec::new();
        let mut found: BTreeMap<PathStep, Option<usize>> = BTreeMap::new();
        for (position, step) in typed::steps(list, kind, typing).into_iter().enumerate() {
            match step {
                Err(why) => wrong.push(format!("element {position}: {why}")),
                Ok(step) if found.contains_key(&step) && !may_repeat => {
                    wrong.push(format!("duplicate entries for key {}", FieldPath(vec![step]).worded()));
                }
                Ok(step) => {
                    // Repeated items are not merged with the new value.
                    let once = !found.contains_key(&step);
                    found.insert(step.clone(), once.then_some(position));
                    order.push((position, step));
                }
            }
        }
        (order, found)
    };
    let (right_order, in_right) = index(right, false);
    let (left_order, in_left) = index(left, true);
    if !wrong.is_empty() {
        return Vec::new();
    }
    let below = typing.items();
    let mut shared = right_order.iter().map(|(_, step)| step).filter(|step| in_left.contains_key(*step));
    let mut next_shared = shared.next();
    let mut merged: BTreeSet<&PathStep> = BTreeSet::new();
    let mut out = Vec::with_capacity(left.len().max(right.len()));
    let of_left = |step: &PathStep| match in_left.get(step) {
        Some(Some(position)) => left.get(*position),
        Some(None) => Some(&Value::Null),
        None => None,
    };
    let (mut l, mut r) = (0, 0);
    while l < left_order.len() || r < right_order.len() {
        let (lhs, rhs) = (left_order.get(l), right_order.get(r));
        if let (Some((_, step)), Some((position, other))) = (lhs, rhs) {
            if step == other {
                merged.insert(step);
                out.extend(combined(of_left(step), right.get(*position), below, wrong));
                l += 1;
                r += 1;
                next_shared = shared.next();
                continue;
            }
            if in_right.contains_key(step) && next_shared.is_some_and(|next| next != step) {
                // Shared, and its turn comes later.
                l += 1;
                continue;
            }
        }
        if let Some((position, step)) = lhs {
            if !in_right.contains_key(step) {
                out.extend(combined(left.get(*position), None, below, wrong));
                l += 1;
                continue;
            }
            if merged.contains(step) {
                l += 1;
            }
        }
        if let Some((position, step)) = rhs {
            merged.insert(step);
            out.extend(combined(of_left(step), right.get(*position), below, wrong));
            r += 1;
            if next_shared == Some(step) {
                next_shared = shared.next();
            }
        }
    }
    out
}
