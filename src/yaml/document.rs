//! A value with the places of its fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::Place;
use crate::observed::Kinds;
use crate::resource::{Address, FieldPath};

/// One document of an input, and where each of its fields stands.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it says, as JSON.
    pub value: Value,
    /// The file as the user would name it; `-` for standard input.
    pub file: Arc<str>,
    pub(super) places: Arc<Spot>,
}

/// Where a value stands, and what lies below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) bytes: Option<(u32, u32)>,
    pub(super) below: Below,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Below {
    Nothing,
    Map(BTreeMap<Box<str>, Spot>),
    List(Vec<Spot>),
}

impl Below {
    fn at(&self, step: &str) -> Option<&Spot> {
        match self {
            Self::Nothing => None,
            Self::Map(fields) => fields.get(step),
            Self::List(items) => items.get(step.parse::<usize>().ok()?),
        }
    }
}

/// The steps of a JSON pointer.
fn steps(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"))
}

/// A key as a step of a JSON pointer.
pub fn step(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

impl Document {
    /// A document without an input of its own; every place in it is the file's beginning.
    pub fn from_value(file: &Arc<str>, value: Value) -> Self {
        let places = Arc::new(Spot { line: 1, column: 1, bytes: None, below: Below::Nothing });
        Self { value, file: file.clone(), places }
    }

    /// The place of the field at a JSON pointer, that of its key; where it has none, that of its nearest ancestor.
    pub fn place(&self, pointer: &str) -> Place {
        let mut spot: &Spot = &self.places;
        for step in steps(pointer) {
            let Some(below) = spot.below.at(&step) else { break };
            spot = below;
        }
        Place { file: self.file.clone(), line: spot.line, column: spot.column }
    }

    /// The bytes of the input text that the value at a JSON pointer was read from; `None` where nothing is known.
    pub fn bytes(&self, pointer: &str) -> Option<std::ops::Range<usize>> {
        let mut spot: &Spot = &self.places;
        for step in steps(pointer) {
            spot = spot.below.at(&step)?;
        }
        let (start, length) = spot.bytes?;
        Some(start as usize..(start + length) as usize)
    }

    /// The path of a JSON pointer, as people read it: `spec.rules[0].name`.
    pub fn path(&self, pointer: &str) -> FieldPath {
        let mut value = Some(&self.value);
        steps(pointer).fold(FieldPath::default(), |path, step| {
            let index = step.parse::<usize>().ok().filter(|_| value.is_some_and(Value::is_array));
            value = match index {
                Some(index) => value.and_then(|value| value.get(index)),
                None => value.and_then(|value| value.get(step.as_str())),
            };
            index.map_or_else(|| path.field(&step), |index| path.index(index))
        })
    }

    /// A string at a JSON pointer.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer)?.as_str()
    }

    /// The API group, version and kind that the document names; the group is empty for core.
    pub fn kind(&self) -> Option<(&str, &str, &str)> {
        let api_version = self.text("/apiVersion")?;
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let kind = self.text("/kind")?;
        (!version.is_empty() && !kind.is_empty()).then_some((group, version, kind))
    }

    /// The object's name.
    pub fn name(&self) -> Option<&str> {
        self.text("/metadata/name").filter(|name| !name.is_empty())
    }

    /// The object that the document describes, `None` if it lacks apiVersion, kind or name.
    ///
    /// A namespaced object without a namespace is in `namespace_default`; a cluster-scoped one is in none, whatever it says.
    /// A kind that is not in `kinds` counts as namespaced if a namespace is known for it.
    pub fn address(&self, namespace_default: Option<&str>, kinds: &Kinds) -> Option<Address> {
        let (group, _, kind) = self.kind()?;
        let name = self.name()?;
        let own = self.text("/metadata/namespace").filter(|namespace| !namespace.is_empty());
        let namespaced = kinds.get(group, kind).is_none_or(|info| info.namespaced);
        Some(match own.or(namespace_default).filter(|_| namespaced) {
            Some(namespace) => Address::namespaced(group, kind, namespace, name),
            None => Address::cluster_scoped(group, kind, name),
        })
    }

    /// The documents that a list (`kind: List` and its like) holds, each with its own places; any other document as it is.
    pub(super) fn expand(self, documents: &mut Vec<Self>) {
        let is_list = self.text("/kind").is_some_and(|kind| kind.ends_with("List"))
            && self.text("/apiVersion").is_some()
            && self.value.get("spec").is_none();
        let items = match self.value.get("items") {
            Some(Value::Array(items)) if is_list => items.len(),
            Some(Value::Null) if is_list => return,
            _ => return documents.push(self),
        };
        for index in 0..items {
            let Some(value) = self.value.pointer(&format!("/items/{index}")) else { continue };
            let places = match &self.places.below {
                Below::Map(fields) => match fields.get("items").map(|items| &items.below) {
                    Some(Below::List(items)) => items.get(index).cloned(),
                    _ => None,
                },
                _ => None,
            };
            let places = places.map_or_else(|| self.places.clone(), Arc::new);
            Self { value: value.clone(), file: self.file.clone(), places }.expand(documents);
        }
    }
}
