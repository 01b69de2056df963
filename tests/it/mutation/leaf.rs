//! The leaves of a live object: every scalar, and every map or list that is empty.

use packctl::observed::FieldSet;
use packctl::resource::{FieldPath, PathStep};
use packctl::schema::{ListKind, Node, Schemas};
use serde_json::Value;

/// One leaf.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Where it stands: a JSON pointer.
    pub(super) pointer: String,
    /// The same, as a plan spells it.
    pub(super) path: FieldPath,
    /// What a manager owns who owns it: itself, the atomic value around it, or the item of a keyed list whose key it is.
    pub(super) owned: FieldPath,
    pub(super) part: Part,
    pub(super) value: Value,
}

/// What a leaf is to its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of what is owned.
    Whole,
    /// A part of an atomic value.
    OfAtomic,
    /// A key of an item of a keyed list: with another one it is another item.
    OfKey,
    /// An item of a set.
    OfSet,
}

impl Leaf {
    /// Whether a manager owns it.
    pub(super) fn is_in(&self, set: &FieldSet) -> bool {
        set.touches(&self.owned)
    }

    /// Whether it says which object this is.
    pub(super) fn is_identity(&self) -> bool {
        ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"].contains(&self.pointer.as_str())
    }

    /// Whether only the server writes it, or a controller by way of the status.
    pub(super) fn is_bookkeeping(&self) -> bool {
        let metadata =
            ["uid", "resourceVersion", "generation", "creationTimestamp"].map(|name| format!("/metadata/{name}"));
        metadata.contains(&self.pointer) || self.pointer.starts_with("/status/")
    }
}

/// All leaves of an object of a kind; managedFields, which say who wrote the rest, are none of them.
pub(super) fn leaves(object: &Value, (group, kind): (&str, &str), schemas: &Schemas) -> Vec<Leaf> {
    let root = schemas.get(group, kind).map(packctl::schema::Schema::root);
    // CRDs leave metadata out: it is the same for all kinds.
    let metadata = schemas.get("", "ConfigMap").and_then(|schema| schema.root().field("metadata"));
    let mut found = Vec::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        let node = if name == "metadata" { metadata } else { root.and_then(|root| root.field(name)) };
        let at = At { pointer: format!("/{name}"), path: FieldPath::default().field(name), within: None };
        collect(value, node, at, &mut found);
    }
    found.retain(|leaf| !leaf.pointer.starts_with("/metadata/managedFields") && !leaf.value.is_null());
    found
}

struct At {
    pointer: String,
    path: FieldPath,
    /// The atomic value around it.
    within: Option<FieldPath>,
}

impl At {
    fn below(&self, key: &str, step: PathStep) -> Self {
        let key = key.replace('~', "~0").replace('/', "~1");
        Self { pointer: format!("{}/{key}", self.pointer), path: self.path.step(step), within: self.within.clone() }
    }
}

fn collect(value: &Value, node: Option<Node<'_>>, mut at: At, found: &mut Vec<Leaf>) {
    let list = node.map(Node::list_kind);
    match value {
        Value::Object(map) if !map.is_empty() => {
            if node.is_some_and(Node::is_atomic) && at.within.is_none() {
                at.within = Some(at.path.clone());
            }
            for (name, value) in map {
                let below = at.below(name, PathStep::Field(name.clone()));
                collect(value, node.and_then(|node| node.field(name)), below, found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let of_items = node.and_then(Node::items);
            for (index, item) in items.iter().enumerate() {
                match (&list, &at.within) {
                    (Some(ListKind::Map(keys)), None) => {
                        let below = at.below(&index.to_string(), key_step(item, keys));
                        let (item_path, item_pointer) = (below.path.clone(), below.pointer.clone());
                        let before = found.len();
                        collect(item, of_items, below, found);
                        for leaf in &mut found[before..] {
                            if keys.iter().any(|key| leaf.pointer == format!("{item_pointer}/{key}")) {
                                leaf.owned = item_path.clone();
                                leaf.part = Part::OfKey;
                            }
                        }
                    }
                    (Some(ListKind::Set), None) => {
                        let below = at.below(&index.to_string(), PathStep::Item(item.to_string()));
                        found.push(leaf(below, Part::OfSet, item));
                    }
                    _ => {
                        let mut below = at.below(&index.to_string(), PathStep::Index(index));
                        below.within.get_or_insert_with(|| at.path.clone());
                        collect(item, of_items, below, found);
                    }
                }
            }
        }
        _ => {
            let part = if at.within.is_some() { Part::OfAtomic } else { Part::Whole };
            found.push(leaf(at, part, value));
        }
    }
}

fn leaf(at: At, part: Part, value: &Value) -> Leaf {
    let owned = at.within.unwrap_or_else(|| at.path.clone());
    Leaf { pointer: at.pointer, path: at.path, owned, part, value: value.clone() }
}

fn key_step(item: &Value, keys: &[String]) -> PathStep {
    let key = |name: &String| Some((name.clone(), item.get(name)?.to_string()));
    let mut step: Vec<(String, String)> = keys.iter().filter_map(key).collect();
    step.sort();
    PathStep::Key(step)
}
