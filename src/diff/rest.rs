//! Whether nothing differs, without saying what: most objects are as they should be, and for them no path is made, no hash
//! taken and no default filled in.
//!
//! It says yes only where that is plain. Everything else, also what the server holds for the same, is for the comparison.

use serde_json::Value;

use super::keyed::Keyed;
use super::kubernetes::METADATA;
use super::wire::wire_body;
use crate::observed::{FieldSet, Live};
use crate::resource::{Hand, PathStep, Resource};
use crate::schema::{ListKind, Node, Schema, Schemas, has_defaults};

pub(super) fn at_rest(resource: &Resource, live: &Live, owner_uid: Option<&str>, schemas: &Schemas) -> bool {
    if !resource.body.unknown.is_empty() || resource.hand == Hand::Record {
        return false;
    }
    let Some(owned) = live.applied_by(resource.hand.manager()) else { return false };
    let desired = wire_body(resource, owner_uid);
    let root = schemas.get(&resource.address.group, &resource.address.kind).map(Schema::root);
    let node = |name: &str| match name {
        "metadata" => Some(METADATA.root()),
        _ => root.and_then(|root| root.field(name)),
    };
    let address = |name: &str| matches!(name, "apiVersion" | "kind");
    let fields = desired.as_object().into_iter().flatten().filter(|(name, _)| !address(name));
    { fields }.all(|(name, value)| live.value().get(name).is_some_and(|live| holds(live, value, node(name))))
        && owned.children.iter().all(|(step, owned)| match step {
            PathStep::Field(name) => desired.get(name).is_some_and(|value| declares(value, owned, node(name))),
            _ => false,
        })
}

/// Whether the live value has all that is declared, as it is declared.
fn holds(live: &Value, desired: &Value, node: Option<Node<'_>>) -> bool {
    match (desired, live) {
        (Value::Object(_), Value::Object(_)) if node.is_some_and(Node::is_atomic) => is_same_atom(live, desired, node),
        (Value::Object(fields), Value::Object(live)) => fields.iter().all(|(name, value)| {
            let below = node.and_then(|node| node.field(name));
            live.get(name).is_some_and(|live| holds(live, value, below))
        }),
        (Value::Array(items), Value::Array(found)) => match node.map(Node::list_kind) {
            Some(ListKind::Map(keys)) => {
                let keyed = Keyed { keys: &keys, node: node.and_then(Node::items) };
                items.iter().all(|item| keyed.find(item, Some(live)).is_some_and(|live| holds(live, item, keyed.node)))
            }
            Some(ListKind::Set) => items.iter().all(|item| found.contains(item)),
            Some(ListKind::Atomic) | None => is_same_atom(live, desired, node),
        },
        (desired, live) => desired == live,
    }
}

/// Whether two values that are owned as one are the same, and would be with what the server fills in.
fn is_same_atom(live: &Value, desired: &Value, node: Option<Node<'_>>) -> bool {
    live == desired && node.is_none_or(|node| has_defaults(desired, node))
}

/// Whether all that was applied is still declared.
fn declares(desired: &Value, owned: &FieldSet, node: Option<Node<'_>>) -> bool {
    owned.children.iter().all(|(step, owned)| {
        let (value, below) = match step {
            PathStep::Field(name) => (desired.get(name), node.and_then(|node| node.field(name))),
            PathStep::Key(step) => {
                let Some(ListKind::Map(keys)) = node.map(Node::list_kind) else { return false };
                let items = node.and_then(Node::items);
                (Keyed { keys: &keys, node: items }.at(step, desired), items)
            }
            PathStep::Item(_) => {
                return crate::resource::FieldPath(vec![step.clone()]).find(desired).is_some();
            }
            PathStep::Index(_) => return false,
        };
        value.is_some_and(|value| declares(value, owned, below))
    })
}
