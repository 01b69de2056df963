//! Fields that an applier no longer declares go, unless somebody else has them (`merge/update.go` `prune`, `typed/remove.go`).

use serde_json::{Map, Value};

use super::managers::Managers;
use super::typed::{field_set, steps, with_named};
use crate::observed::FieldSet;
use crate::resource::PathStep;
use crate::schema::{Atom, Typing};

/// `merged` without what `last` had and nobody has now; `managers` has the applier's new fields in it.
pub(super) fn prune(merged: &Value, managers: &Managers, last: &FieldSet, typing: Typing<'_>) -> Value {
    let named = |set: &FieldSet| with_named(set, Some(typing));
    let fields_of = |value: &Value| named(&field_set(value, typing));
    let all = fields_of(merged);
    let last = named(last);
    let pruned = removed(merged, &last, typing);
    // What others have, or the applier still declares, comes back.
    let owned = fields_of(&pruned).union(&named(&managers.fields()));
    let pruned = removed(merged, &all.difference(&owned), typing);
    // And so does what went along only because it lies below.
    let gone = all.difference(&fields_of(&pruned)).intersection(&last);
    removed(merged, &gone, typing)
}

/// The value without the fields of a set. What becomes empty is null.
fn removed(value: &Value, set: &FieldSet, typing: Typing<'_>) -> Value {
    let below = |step: &PathStep, value: &Value, typing: Typing<'_>| match set.children.get(step) {
        Some(set) if !set.children.is_empty() => removed(value, set, typing),
        _ => value.clone(),
    };
    match (typing.atom(value), value) {
        (Atom::Fields, Value::Object(map)) => {
            let mut kept = Map::new();
            for (name, value) in map {
                let step = PathStep::Field(name.clone());
                if set.has(&step) {
                    continue;
                }
                let value = match typing.field(name) {
                    Some(typing) => below(&step, value, typing),
                    None => value.clone(),
                };
                kept.insert(name.clone(), value);
            }
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        (Atom::Items(kind), Value::Array(items)) => {
            let kept: Vec<Value> = items
                .iter()
                .zip(steps(items, &kind, typing))
                .filter_map(|(item, step)| match step {
                    Ok(step) if set.has(&step) => None,
                    Ok(step) => Some(below(&step, item, typing.items())),
                    Err(_) => Some(item.clone()),
                })
                .collect();
            if kept.is_empty() { Value::Null } else { Value::Array(kept) }
        }
        // Something below a leaf is to go: then the leaf goes.
        (Atom::Leaf, Value::Object(_) | Value::Array(_)) => Value::Null,
        _ => value.clone(),
    }
}
