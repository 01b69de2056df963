//! `metadata.managedFields` while it is worked on.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::compare::Comparison;
use super::{Conflict, Writer, typed};
use crate::observed::{FieldSet, ManagedEntry, Operation};
use crate::resource::FieldPath;
use crate::schema::Typing;

/// Who an entry belongs to. Appliers are one whatever version they wrote, updaters are not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Manager {
    operation: Operation,
    name: String,
    api_version: String,
    subresource: String,
}

impl Manager {
    pub(super) fn applying(writer: Writer<'_>) -> Self {
        Self {
            operation: Operation::Apply,
            name: writer.manager.into(),
            api_version: String::new(),
            subresource: writer.subresource.into(),
        }
    }

    pub(super) fn updating(writer: Writer<'_>) -> Self {
        Self { operation: Operation::Update, api_version: writer.api_version.into(), ..Self::applying(writer) }
    }

    /// One that has no entry.
    pub(super) fn nobody() -> Self {
        Self {
            operation: Operation::Update,
            name: String::new(),
            api_version: String::new(),
            subresource: String::new(),
        }
    }
}

/// An entry.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Managed {
    pub(super) fields: FieldSet,
    pub(super) api_version: String,
    pub(super) time: Option<String>,
}

/// All entries of an object.
#[derive(Clone, Debug, Default)]
pub(super) struct Managers(BTreeMap<Manager, Managed>);

impl Managers {
    /// Those of an object; none where it has none that can be read.
    pub(super) fn of(object: &Value) -> Self {
        let entries = object.pointer("/metadata/managedFields").cloned().unwrap_or(Value::Null);
        let entries = Vec::<ManagedEntry>::deserialize(entries).unwrap_or_default();
        let read = |entry: ManagedEntry| {
            let api_version = if entry.is_apply() { String::new() } else { entry.api_version.clone() };
            let manager = Manager {
                operation: entry.operation,
                name: entry.manager,
                api_version,
                subresource: entry.subresource,
            };
            // Of no field at all, the whole object is not one.
            let fields = FieldSet { member: false, ..entry.fields };
            (manager, Managed { fields, api_version: entry.api_version, time: entry.time })
        };
        Self(entries.into_iter().map(read).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, manager: &Manager) -> Option<&Managed> {
        self.0.get(manager)
    }

    /// Sets an entry; an empty one is none.
    pub(super) fn insert(&mut self, manager: Manager, managed: Managed) {
        if managed.fields.is_empty() {
            self.0.remove(&manager);
        } else {
            self.0.insert(manager, managed);
        }
    }

    /// The fields of all of them.
    pub(super) fn fields(&self) -> FieldSet {
        self.0.values().fold(FieldSet::default(), |all, managed| all.union(&managed.fields))
    }

    /// Entries from when a place was not yet atomic own the place itself (`typed/reconcile_schema.go`).
    pub(super) fn fit(&mut self, typing: Typing<'_>) {
        for managed in self.0.values_mut() {
            managed.fields = typed::fitted(&managed.fields, typing);
        }
    }

    /// Fields of others that get another value, in the order of managers and paths.
    pub(super) fn conflicts(&self, own: &Manager, changes: &Comparison) -> Vec<Conflict> {
        let changed = changes.modified.union(&changes.added);
        let others = self.0.iter().filter(|(manager, _)| *manager != own);
        others
            .flat_map(|(manager, managed)| {
                let taken = managed.fields.intersection(&changed).members();
                taken.into_iter().map(|path| Conflict {
                    manager: manager.name.clone(),
                    operation: manager.operation,
                    path,
                })
            })
            .collect()
    }

    /// Takes from all others what changed hands or is gone; who has nothing left goes.
    pub(super) fn lose(&mut self, own: &Manager, changes: &Comparison) {
        let changed = changes.modified.union(&changes.added);
        for (_, managed) in self.0.iter_mut().filter(|(manager, _)| *manager != own) {
            let taken = managed.fields.intersection(&changed);
            managed.fields = managed.fields.difference(&taken).difference(&changes.removed);
        }
        self.0.retain(|_, managed| !managed.fields.is_empty());
    }

    /// Takes from an entry what nobody manages.
    pub(super) fn strip(&mut self, own: &Manager) {
        if let Some(managed) = self.0.remove(own) {
            self.insert(own.clone(), Managed { fields: stripped(&managed.fields), ..managed });
        }
    }

    pub(super) fn stamp(&mut self, own: &Manager, now: &str) {
        if let Some(managed) = self.0.get_mut(own) {
            managed.time = Some(now.into());
        }
    }

    /// Draws the oldest updaters of a version together, beyond a number of them (`util/managedfields/capmanagers.go`).
    pub(super) fn cap(&mut self) {
        const MOST: usize = 10;
        let updaters = self.0.iter().filter(|(manager, _)| manager.operation == Operation::Update);
        let mut updaters: Vec<_> = updaters.map(|(manager, managed)| (seconds(managed), manager.clone())).collect();
        updaters.sort_by(|(left, a), (right, b)| {
            (left, &a.name, &a.api_version, &a.subresource).cmp(&(right, &b.name, &b.api_version, &b.subresource))
        });
        let mut left = updaters.len();
        let mut first_of: BTreeMap<String, Manager> = BTreeMap::new();
        for (_, manager) in updaters {
            if left <= MOST {
                return;
            }
            let bucket = Manager {
                operation: Operation::Update,
                name: "ancient-changes".into(),
                api_version: manager.api_version.clone(),
                subresource: String::new(),
            };
            let Some(first) = first_of.get(&manager.api_version) else {
                first_of.insert(manager.api_version.clone(), manager);
                continue;
            };
            if !self.0.contains_key(&bucket)
                && let Some(managed) = self.0.remove(first)
            {
                self.0.insert(bucket.clone(), managed);
            }
            if let (Some(newer), Some(drawn)) = (self.0.remove(&manager), self.0.get_mut(&bucket)) {
                drawn.fields = drawn.fields.union(&newer.fields);
                drawn.time = newer.time;
            }
            left -= 1;
        }
    }

    /// Puts them into an object, in the order of the API server: appliers first, then by time, then by name.
    pub(super) fn write(&self, object: &mut Value) {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by(|(a, left), (b, right)| {
            (a.operation, seconds(left), &a.name, &left.api_version, &a.subresource).cmp(&(
                b.operation,
                seconds(right),
                &b.name,
                &right.api_version,
                &b.subresource,
            ))
        });
        let entries: Vec<Value> = entries.into_iter().map(|(manager, managed)| entry(manager, managed)).collect();
        let Some(metadata) = object
            .as_object_mut()
            .map(|object| object.entry("metadata").or_insert_with(|| json!({})))
            .and_then(Value::as_object_mut)
        else {
            return;
        };
        if entries.is_empty() {
            metadata.remove("managedFields");
        } else {
            metadata.insert("managedFields".into(), entries.into());
        }
    }
}

/// When an entry last changed.
fn seconds(managed: &Managed) -> i64 {
    let time = managed.time.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    time.map_or(0, |time| time.as_second())
}

/// A set without what the server itself sets: nobody manages that.
pub(super) fn stripped(fields: &FieldSet) -> FieldSet {
    const METADATA: [&str; 9] = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let mut set = FieldSet::default();
    for top in ["apiVersion", "kind", "metadata"] {
        set.insert(&FieldPath::of(top).0);
    }
    for field in METADATA {
        set.insert(&FieldPath::of("metadata").field(field).0);
    }
    fields.difference(&set)
}

fn entry(manager: &Manager, managed: &Managed) -> Value {
    let operation = match manager.operation {
        Operation::Apply => "Apply",
        Operation::Update => "Update",
    };
    let mut entry = Map::new();
    entry.insert("apiVersion".into(), managed.api_version.as_str().into());
    entry.insert("fieldsType".into(), "FieldsV1".into());
    entry.insert("fieldsV1".into(), managed.fields.to_fields_v1());
    entry.insert("manager".into(), manager.name.as_str().into());
    entry.insert("operation".into(), operation.into());
    if !manager.subresource.is_empty() {
        entry.insert("subresource".into(), manager.subresource.as_str().into());
    }
    if let Some(time) = &managed.time {
        entry.insert("time".into(), time.as_str().into());
    }
    entry.into()
}
