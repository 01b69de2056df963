//! What a server-side apply without force is refused for.
//!
//! A conflict is a field that the apply would set to another value or add, and that another manager owns
//! (sigs.k8s.io/structured-merge-diff, `merge/update.go`). The server compares the body as it is sent with the object as it is
//! stored: it knows neither that `1000m` is `1` nor what a default adds to an atomic list, so a conflict may be about a field
//! that nobody would see change.

use serde_json::Value;

use super::change::Who;
use super::keyed::Keyed;
use super::managers::Others;
use crate::resource::{FieldPath, PathStep};
use crate::schema::{ListKind, Node};

/// A field that another manager owns and that a write without force is refused for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// The field, as deep as ownership goes: an atomic list is one field.
    pub path: FieldPath,
    /// Who owns it.
    pub who: Who,
}

/// Finds the conflicts of a declared value with the live one.
pub(super) fn conflicts(
    path: &FieldPath,
    desired: &Value,
    live: Option<&Value>,
    node: Option<Node<'_>>,
    others: &Others<'_>,
    found: &mut Vec<Conflict>,
) {
    if others.is_empty() {
        return;
    }
    let atomic = node.is_some_and(Node::is_atomic);
    // A map or list that comes into being is added itself, beside what is in it.
    if live.is_none() && (desired.is_object() || desired.is_array()) && !is_empty(desired) {
        report(path, others, found);
    }
    match (desired, node.map(Node::list_kind)) {
        (Value::Object(map), _) if !atomic && !map.is_empty() => {
            for (name, value) in map {
                let step = PathStep::Field(name.clone());
                let (below, live) = (node.and_then(|node| node.field(name)), live.and_then(|live| live.get(name)));
                let others = others.below(&step);
                conflicts(&path.step(step), value, live, below, &others, found);
            }
        }
        (Value::Array(items), Some(ListKind::Map(keys))) if !items.is_empty() => {
            let keyed = Keyed { keys: &keys, node: node.and_then(Node::items) };
            for item in items {
                let live = keyed.find(item, live);
                let step = keyed.step(item, live);
                let others = others.below(&step);
                conflicts(&path.step(step), item, live, keyed.node, &others, found);
            }
        }
        (Value::Array(items), Some(ListKind::Set)) if !items.is_empty() => {
            for item in items {
                let step = PathStep::Item(item.to_string());
                let is_there = live.and_then(Value::as_array).is_some_and(|live| live.contains(item));
                if !is_there {
                    report(&path.step(step.clone()), &others.below(&step), found);
                }
            }
        }
        // An empty map or list declares that it is there, and nothing of what is in it.
        (Value::Object(map), _) if !atomic && map.is_empty() && live.is_some_and(Value::is_object) => {}
        (Value::Array(_), Some(ListKind::Map(_) | ListKind::Set)) if live.is_some_and(Value::is_array) => {}
        _ if live.is_some_and(|live| is_same(desired, live)) => {}
        _ => report(path, others, found),
    }
}

fn report(path: &FieldPath, others: &Others<'_>, found: &mut Vec<Conflict>) {
    found.extend(others.members().into_iter().map(|who| Conflict { path: path.clone(), who }));
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

/// Equality of the server's merge: numbers by value, all else by spelling.
fn is_same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| is_same(value, other)))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_same(left, right))
        }
        (Value::Number(left), Value::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        _ => left == right,
    }
}
