//! `metadata.managedFields`: who wrote which fields.
//!
//! FieldsV1 (sigs.k8s.io/structured-merge-diff, `fieldpath/serialize.go`): `f:` a field, `k:` an item of a list map by its
//! keys, `v:` an item of a set, `i:` a position, `.` the element itself. An empty object is a leaf.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::resource::{FieldPath, PathStep};
use crate::schema::{ListKind, Node};

/// How a manager wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Operation {
    /// Server-side apply.
    Apply,
    /// Create, update or patch.
    Update,
}

/// One entry of `metadata.managedFields`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedEntry {
    /// The field manager.
    #[serde(default)]
    pub manager: String,
    /// Apply or Update.
    pub operation: Operation,
    /// The version that the paths are written in.
    #[serde(default)]
    pub api_version: String,
    /// When it last changed; not reliable for no-op co-ownership (kubernetes/kubernetes#127938).
    #[serde(default)]
    pub time: Option<String>,
    /// `status` for status writers.
    #[serde(default)]
    pub subresource: String,
    /// The paths.
    #[serde(default, rename = "fieldsV1")]
    pub fields: FieldSet,
}

impl ManagedEntry {
    /// The entry that the first apply makes for whatever is there, on an object without any: its fields are everybody's.
    pub fn before_first_apply(value: &Value, schema: Option<Node<'_>>) -> Self {
        Self {
            manager: "before-first-apply".into(),
            operation: Operation::Update,
            api_version: String::new(),
            time: None,
            subresource: String::new(),
            fields: FieldSet::of(value, schema),
        }
    }

    /// Whether it was written by server-side apply.
    pub fn is_apply(&self) -> bool {
        self.operation == Operation::Apply
    }
}

/// A set of field paths, as a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// The element itself is a member (`.` or a leaf).
    pub member: bool,
    /// What lies below.
    pub children: BTreeMap<PathStep, FieldSet>,
}

impl FieldSet {
    /// Reads FieldsV1. Unknown prefixes are left out, as the server does.
    pub fn from_fields_v1(fields: &Value) -> Self {
        Self::deserialize(fields).unwrap_or_default()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }

    /// As FieldsV1.
    pub fn to_fields_v1(&self) -> Value {
        let own = (self.member && !self.children.is_empty()).then(|| (".".to_owned(), Value::Object(Map::new())));
        let below = self.children.iter().map(|(step, below)| (key_of(step), below.to_fields_v1()));
        Value::Object(own.into_iter().chain(below).collect())
    }

    /// Adds all members of another set.
    pub fn absorb(&mut self, other: &Self) {
        self.member |= other.member;
        for (step, below) in &other.children {
            self.children.entry(step.clone()).or_default().absorb(below);
        }
    }

    /// Splits into the leaves that are asked for, and the rest. A container's own membership goes with its last leaf.
    pub fn split(&self, wanted: &mut dyn FnMut(&FieldPath) -> bool) -> (Self, Self) {
        self.split_at(&FieldPath::default(), wanted)
    }

    fn split_at(&self, path: &FieldPath, wanted: &mut dyn FnMut(&FieldPath) -> bool) -> (Self, Self) {
        let (mut taken, mut rest) = (Self::default(), Self::default());
        if self.children.is_empty() {
            let side = if self.member && wanted(path) { &mut taken } else { &mut rest };
            side.member = self.member;
            return (taken, rest);
        }
        for (step, below) in &self.children {
            let (took, left) = below.split_at(&path.step(step.clone()), wanted);
            for (side, part) in [(&mut taken, took), (&mut rest, left)] {
                if !part.is_empty() {
                    side.children.insert(step.clone(), part);
                }
            }
        }
        let side = if rest.children.is_empty() { &mut taken } else { &mut rest };
        side.member = self.member;
        (taken, rest)
    }

    /// The set of a whole value: what a manager owns that wrote all of it.
    pub fn of(value: &Value, node: Option<Node<'_>>) -> Self {
        let mut set = Self::default();
        let atomic = node.is_some_and(Node::is_atomic);
        match (value, node.map(Node::list_kind)) {
            (Value::Object(map), _) if !atomic && !map.is_empty() => {
                for (name, value) in map.iter().filter(|(_, value)| !value.is_null()) {
                    let below = node.and_then(|node| node.field(name));
                    set.children.insert(PathStep::Field(name.clone()), Self::of(value, below));
                }
            }
            (Value::Array(items), Some(ListKind::Map(keys))) if !items.is_empty() => {
                let below = node.and_then(Node::items);
                for item in items {
                    let key = |name: &String| Some((name.clone(), item.get(name)?.to_string()));
                    let mut step: Vec<_> = keys.iter().filter_map(key).collect();
                    step.sort();
                    let item = Self { member: true, ..Self::of(item, below) };
                    set.children.insert(PathStep::Key(step), item);
                }
            }
            (Value::Array(items), Some(ListKind::Set)) if !items.is_empty() => {
                let leaf = |item: &Value| (PathStep::Item(item.to_string()), Self { member: true, ..Self::default() });
                set.children.extend(items.iter().map(leaf));
            }
            _ => set.member = true,
        }
        set
    }

    /// Whether this very path is a member.
    pub fn contains(&self, path: &FieldPath) -> bool {
        self.at(path).is_some_and(|set| set.member)
    }

    /// Whether the path, something above it, or something below it is a member.
    pub fn touches(&self, path: &FieldPath) -> bool {
        let mut set = self;
        for step in &path.0 {
            match set.children.get(step) {
                Some(below) => set = below,
                // An atomic value is one leaf: whatever lies in it belongs to its owner.
                None => return set.member && set.children.is_empty(),
            }
        }
        set.member || !set.children.is_empty()
    }

    /// Whether every leaf of a value is a member: nobody filled anything in beside what this manager wrote.
    pub fn covers(&self, value: &Value) -> bool {
        if self.children.is_empty() {
            return self.member;
        }
        match value {
            Value::Object(map) => map.iter().all(|(name, value)| {
                self.children.get(&PathStep::Field(name.clone())).is_some_and(|set| set.covers(value))
            }),
            // Each item of a list that is ours in part has a member of its own; what is in it is looked at with it.
            Value::Array(items) => items.len() == self.children.values().filter(|set| set.member).count(),
            _ => self.member,
        }
    }

    /// The subtree at a path.
    pub fn at(&self, path: &FieldPath) -> Option<&Self> {
        path.0.iter().try_fold(self, |set, step| set.children.get(step))
    }

    /// All members without members below them, in order.
    pub fn leaves(&self) -> Vec<FieldPath> {
        let mut leaves = Vec::new();
        self.collect(&FieldPath::default(), &mut leaves);
        leaves
    }

    fn collect(&self, path: &FieldPath, leaves: &mut Vec<FieldPath>) {
        if self.children.is_empty() && self.member {
            leaves.push(path.clone());
        }
        for (step, below) in &self.children {
            below.collect(&path.step(step.clone()), leaves);
        }
    }
}

impl<'de> Deserialize<'de> for FieldSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Fields)
    }
}

/// Reads FieldsV1 as it streams by: these maps are a third of what a server sends.
struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = FieldSet;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FieldsV1")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<FieldSet, M::Error> {
        let mut set = FieldSet::default();
        let mut empty = true;
        while let Some(key) = map.next_key::<Key>()? {
            empty = false;
            match key {
                Key::Step(step) => {
                    set.children.insert(step, map.next_value()?);
                }
                Key::Itself | Key::Unknown => {
                    set.member |= matches!(key, Key::Itself);
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        set.member |= empty;
        Ok(set)
    }

    fn visit_unit<E>(self) -> Result<FieldSet, E> {
        Ok(FieldSet::default())
    }
}

enum Key {
    /// `.`
    Itself,
    Step(PathStep),
    Unknown,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyText)
    }
}

struct KeyText;

impl Visitor<'_> for KeyText {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key of FieldsV1")
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(if key == "." { Key::Itself } else { step_of(key).map_or(Key::Unknown, Key::Step) })
    }
}

fn key_of(step: &PathStep) -> String {
    match step {
        PathStep::Field(name) => format!("f:{name}"),
        PathStep::Index(position) => format!("i:{position}"),
        PathStep::Item(text) => format!("v:{text}"),
        PathStep::Key(keys) => {
            let keys: Vec<String> =
                keys.iter().map(|(name, text)| format!("{}:{text}", Value::from(&**name))).collect();
            format!("k:{{{}}}", keys.join(","))
        }
    }
}

fn step_of(key: &str) -> Option<PathStep> {
    let (prefix, text) = key.split_once(':')?;
    match prefix {
        "f" => Some(PathStep::Field(text.into())),
        "i" => text.parse().ok().map(PathStep::Index),
        "v" => serde_json::from_str::<Value>(text).ok().map(|value| PathStep::Item(value.to_string())),
        "k" => {
            let keys: BTreeMap<String, Value> = serde_json::from_str(text).ok()?;
            Some(PathStep::Key(keys.into_iter().map(|(name, value)| (name, value.to_string())).collect()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_v1_becomes_paths() {
        let set = FieldSet::from_fields_v1(&json!({
            "f:spec": {
                "f:hostnames": {},
                "f:listeners": {"k:{\"name\":\"a\"}": {".": {}, "f:port": {}}},
                "f:set": {"v:\"x\"": {}},
            }
        }));
        let leaves: Vec<String> = set.leaves().iter().map(ToString::to_string).collect();
        assert_eq!(leaves, ["spec.hostnames", "spec.listeners[name=a].port", "spec.set[\"x\"]"]);
        assert!(set.touches(&FieldPath::of("spec.hostnames").index(3)));
        assert!(!set.touches(&FieldPath::of("spec.rules")));
    }

    #[test]
    fn a_set_is_written_as_it_was_read_and_splits_by_leaf() {
        let fields = json!({
            "f:metadata": {"f:labels": {".": {}, "f:a": {}, "f:b/c": {}}},
            "f:spec": {
                "f:listeners": {"k:{\"name\":\"a\",\"port\":1}": {".": {}, "f:port": {}}},
                "f:set": {"v:\"x\"": {}, "i:2": {}},
            }
        });
        let set = FieldSet::from_fields_v1(&fields);
        assert_eq!(set.to_fields_v1(), fields);
        let (labels, rest) =
            set.split(&mut |path| path.to_string() == "metadata.labels.a" || path.starts_with(&FieldPath::of("spec")));
        assert_eq!(labels.to_fields_v1(), json!({"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": fields["f:spec"]}));
        assert_eq!(rest.to_fields_v1(), json!({"f:metadata": {"f:labels": {".": {}, "f:b/c": {}}}}));
        let mut both = labels;
        both.absorb(&rest);
        assert_eq!(both, set);
    }
}
