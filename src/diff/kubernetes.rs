//! The comparison on the Kubernetes side, on top of managedFields.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::change::{Class, Difference, FieldChange, Fingerprint, Who};
use super::conflict::conflicts;
use super::keyed::Keyed;
use super::managers::Others;
use super::removal::{Place, Removal};
use super::value::{canonical, extends, is_one_known, places, same, same_scalar};
use super::wire::wire_body;
use crate::observed::{FieldSet, Live, ManagedEntry};
use crate::resource::{FieldPath, Hand, PathStep, Resource, SecretId};
use crate::schema::{Fallback, ListKind, Node, Schema, Schemas, with_defaults};

pub(super) fn diff(resource: &Resource, live: &Live, owner_uid: Option<&str>, schemas: &Schemas) -> Difference {
    let desired = wire_body(resource, owner_uid);
    let schema = schemas.get(&resource.address.group, &resource.address.kind);
    let manager = resource.hand.manager();
    let first = if live.managed().is_empty() { vec![before_first_apply(live, schema)] } else { Vec::new() };
    let entries = if first.is_empty() { live.managed() } else { &first };
    let mut comparison = Comparison {
        live,
        others: Others::of(entries, manager),
        owned: live.applied_by(manager),
        declared_as_now: live.annotation(Hand::DECLARED)
            == desired.pointer("/metadata/annotations").and_then(|found| found.get(Hand::DECLARED)?.as_str()),
        entry: matches!(resource.hand, Hand::Entry { .. }),
        schema,
        fields: Vec::new(),
        looked_at: Sha256::new(),
        secrets: Vec::new(),
    };
    comparison.looked_at.update(if comparison.owned.is_some() { "ours" } else { "foreign" });

    let declared = declared(&desired);
    for (name, value) in &declared {
        let path = FieldPath::default();
        match name.as_str() {
            "metadata" => comparison.compare(&path.field(name), value, live.value().get(name), Some(METADATA.root())),
            _ => {
                let root = schema.map(Schema::root);
                comparison.compare_fields(&path, std::iter::once((*name, &**value)), Some(live.value()), root);
            }
        }
    }
    for path in resource.body.unknown.keys() {
        let before = path.find(live.value()).cloned();
        let class = comparison.class(path);
        let holders = comparison.managers(path);
        comparison.fields.push(FieldChange { path: path.clone(), before, after: None, unknown: true, class, holders });
    }
    comparison.removals(&desired, resource);
    comparison.finish(&declared)
}

/// An object without managedFields belongs, when it is applied for the first time, to a manager that the server makes up.
fn before_first_apply(live: &Live, schema: Option<&Schema>) -> ManagedEntry {
    let mut entry = ManagedEntry::before_first_apply(live.value(), schema.map(Schema::root));
    if let Some(metadata) = live.value().get("metadata") {
        let metadata = FieldSet::of(metadata, Some(METADATA.root()));
        entry.fields.children.insert(PathStep::Field("metadata".into()), metadata);
    }
    entry
}

/// What a body declares, by its top field: without the address and the kind. An entry's body declares nothing else of
/// metadata, whose resourceVersion would be looked at, and moves with each status.
fn declared(body: &Value) -> Vec<(&String, Cow<'_, Value>)> {
    let mut declared = Vec::new();
    for (name, value) in body.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("apiVersion" | "kind", _) => {}
            ("metadata", Value::Object(map)) => {
                let mut map = map.clone();
                map.remove("name");
                map.remove("namespace");
                if !map.is_empty() {
                    declared.push((name, Cow::Owned(Value::Object(map))));
                }
            }
            _ => declared.push((name, Cow::Borrowed(value))),
        }
    }
    declared
}

struct Comparison<'c> {
    live: &'c Live,
    others: Others<'c>,
    owned: Option<&'c FieldSet>,
    declared_as_now: bool,
    entry: bool,
    schema: Option<&'c Schema>,
    fields: Vec<FieldChange>,
    looked_at: Sha256,
    secrets: Vec<SecretId>,
}

impl<'c> Comparison<'c> {
    /// Compares a declared value with the live one, down to the leaves of ownership.
    fn compare(&mut self, path: &FieldPath, desired: &Value, live: Option<&Value>, node: Option<Node<'_>>) {
        match (desired, live) {
            (Value::Object(_), _) if node.is_some_and(Node::is_atomic) => {
                self.compare_atomic(path, desired, live, node);
            }
            (Value::Object(map), Some(Value::Object(_))) if map.is_empty() => self.look(path, live),
            (Value::Object(map), _) if map.is_empty() => {
                self.look(path, live);
                self.report(path, live, Some(desired));
            }
            (Value::Object(map), _) => {
                self.compare_fields(path, map.iter(), live, node);
            }
            (Value::Array(items), _) => match node.map(Node::list_kind) {
                Some(ListKind::Map(keys)) => self.compare_map_list(path, items, live, &keys, node),
                Some(ListKind::Set) => self.compare_set(path, items, live),
                Some(ListKind::Atomic) | None => self.compare_atomic(path, desired, live, node),
            },
            (_, Some(live)) => {
                self.look(path, Some(live));
                if is_one_known(desired, live) {
                    let class = Class::Doubt("a snapshot holds no values of secrets");
                    self.push(path, Some(live), Some(desired), class);
                } else if !same_scalar(desired, live, node) {
                    self.report(path, Some(live), Some(desired));
                }
            }
            (_, None) => {
                self.look(path, None);
                self.report(path, None, Some(desired));
            }
        }
    }

    fn compare_fields<'v>(
        &mut self,
        path: &FieldPath,
        desired: impl Iterator<Item = (&'v String, &'v Value)>,
        live: Option<&Value>,
        node: Option<Node<'_>>,
    ) {
        for (name, value) in desired {
            let (path, below) = (path.field(name), node.and_then(|node| node.field(name)));
            let live_value = live.and_then(|live| live.get(name));
            match below {
                Some(below) if below.is_built_in() && below.is_absent(value) => {
                    let siblings = live.and_then(Value::as_object);
                    let fallback =
                        node.zip(siblings).map_or(Fallback::Nothing, |(node, live)| node.fallback(name, live));
                    self.compare_absent(&path, value, live_value, below, fallback);
                }
                _ => self.compare(&path, value, live_value, below),
            }
        }
    }

    /// A value is declared that the server does not keep: it is as good as absent, or a default takes its place.
    fn compare_absent(
        &mut self,
        path: &FieldPath,
        desired: &Value,
        live: Option<&Value>,
        node: Node<'_>,
        fallback: Fallback<'_>,
    ) {
        self.look(path, live);
        // An empty map or list that is merged says nothing of what others put into it.
        let is_merged = match desired {
            Value::Object(_) => !node.is_atomic(),
            Value::Array(_) => node.list_kind() != ListKind::Atomic,
            _ => false,
        };
        let Some(live) = live.filter(|live| !is_merged && !node.is_absent(live)) else { return };
        match fallback {
            Fallback::Kept => {}
            Fallback::Value(value) if same(value, live, Some(node)) => {}
            Fallback::Value(value) => self.report(path, Some(live), Some(value)),
            Fallback::Nothing => self.report(path, Some(live), Some(desired)),
            Fallback::Computed => {
                let class = match self.class(path) {
                    class @ Class::Drift(Who::Manager { .. }) => class,
                    _ => Class::Doubt("the server puts something in the place of an empty value"),
                };
                let (before, holders) = (Some(live.clone()), self.managers(path));
                self.fields.push(FieldChange {
                    path: path.clone(),
                    before,
                    after: None,
                    unknown: true,
                    class,
                    holders,
                });
            }
        }
    }

    fn compare_map_list(
        &mut self,
        path: &FieldPath,
        items: &[Value],
        live: Option<&Value>,
        keys: &[String],
        node: Option<Node<'_>>,
    ) {
        let keyed = Keyed { keys, node: node.and_then(Node::items) };
        for item in items {
            let found = keyed.find(item, live);
            self.compare(&path.step(keyed.step(item, found)), item, found, keyed.node);
        }
    }

    fn compare_set(&mut self, path: &FieldPath, items: &[Value], live: Option<&Value>) {
        for item in items {
            let step = path.step(PathStep::Item(item.to_string()));
            let found = live.and_then(Value::as_array).and_then(|live| live.iter().find(|other| *other == item));
            self.look(&step, found);
            if found.is_none() {
                self.report(&step, None, Some(item));
            }
        }
    }

    fn compare_atomic(&mut self, path: &FieldPath, desired: &Value, live: Option<&Value>, node: Option<Node<'_>>) {
        self.look(path, live);
        let filled = node.map_or_else(|| desired.clone(), |node| with_defaults(desired, node));
        let wanted = canonical(&filled, node);
        let live_value = live.and_then(|live| canonical(live, node));
        let (Some(wanted), Some(found)) = (&wanted, &live_value) else {
            if wanted != live_value {
                self.report(path, live, wanted.as_ref());
            }
            return;
        };
        if same(wanted, found, node) {
            return;
        }
        let class = match (self.class(path), node) {
            // The server fills in what is ours; a value that somebody took from us is his.
            (class @ Class::Drift(Who::Manager { .. }), _) => class,
            (_, None) if extends(found, wanted, node) => Class::Doubt("no schema says what the server fills in here"),
            (_, Some(of)) if of.is_built_in() && extends(found, wanted, node) => {
                Class::Doubt("the server may have filled this in")
            }
            (class, _) => class,
        };
        let mut differing = Vec::new();
        places(path, Some(found), Some(wanted), node, &mut differing);
        let holders = self.managers(path);
        for (path, before, after) in differing {
            let (class, holders) = (class.clone(), holders.clone());
            self.fields.push(FieldChange { path, before, after, unknown: false, class, holders });
        }
    }

    /// Fields that we applied and do not declare any more.
    fn removals(&mut self, desired: &Value, resource: &Resource) {
        let Some(owned) = self.owned else { return };
        let owners = owners();
        let is_kept = |path: &FieldPath| {
            // An owner whose uid is not known yet is still wanted.
            let owner_to_come = resource.owner.is_some() && desired.pointer("/metadata/ownerReferences").is_none();
            (owner_to_come && path.starts_with(&owners))
                || resource.body.unknown.keys().any(|unknown| path.starts_with(unknown) || unknown.starts_with(path))
        };
        let mut found = Vec::new();
        for (step, owned) in &owned.children {
            let PathStep::Field(name) = step else { continue };
            let Some(live) = self.live.value().get(name).filter(|live| !live.is_null()) else { continue };
            let place = Place {
                owned,
                desired: desired.get(name),
                live,
                node: self.top(name),
                others: self.others.below(step),
            };
            let top = self.schema.map(Schema::root).zip(self.live.value().as_object());
            let fallback = top.map_or(Fallback::Nothing, |(root, live)| root.fallback(name, live));
            place.settle(&FieldPath::default().field(name), &is_kept, fallback, &mut found);
        }
        for Removal { path, before, after, unknown, stays_for } in found {
            self.look(&path, Some(&before));
            let class = stays_for.first().cloned().map_or(Class::Pending, Class::Stuck);
            let holders = self.managers(&path);
            self.fields.push(FieldChange { path, before: Some(before), after, unknown, class, holders });
        }
    }

    /// The schema of a field of the object itself.
    fn top(&self, name: &str) -> Option<Node<'c>> {
        if name == "metadata" {
            Some(METADATA.root())
        } else {
            self.schema.and_then(|schema| schema.root().field(name))
        }
    }

    fn report(&mut self, path: &FieldPath, before: Option<&Value>, after: Option<&Value>) {
        self.push(path, before, after, self.class(path));
    }

    fn push(&mut self, path: &FieldPath, before: Option<&Value>, after: Option<&Value>, class: Class) {
        let (before, after) = (before.cloned(), after.cloned());
        let holders = self.managers(path);
        self.fields.push(FieldChange { path: path.clone(), before, after, unknown: false, class, holders });
    }

    fn class(&self, path: &FieldPath) -> Class {
        let others = self.managers(path);
        let Some(owned) = self.owned else {
            return Class::Foreign(others.into_iter().next().unwrap_or(Who::Unknown));
        };
        if owned.touches(path) {
            return Class::Pending;
        }
        match others.into_iter().next() {
            Some(who) => Class::Drift(who),
            // The app was made anew, so its uid is another one; nobody changed the object.
            None if path.starts_with(&owners()) && owned.touches(&owners()) => Class::Pending,
            // The mark is on everything that we apply, so that it is not there tells by itself.
            None if self.entry || self.declared_as_now || *path == mark() => Class::Drift(Who::Unknown),
            None => Class::Pending,
        }
    }

    /// Other managers that own the path, latest first.
    fn managers(&self, path: &FieldPath) -> Vec<Who> {
        self.others.touching(path)
    }

    fn look(&mut self, path: &FieldPath, live: Option<&Value>) {
        self.looked_at.update(format!("{path}\0"));
        match live.and_then(|live| SecretId::from_placeholder(live.as_str()?)) {
            Some(secret) => {
                self.looked_at.update("secret");
                self.secrets.push(secret);
            }
            None => self.looked_at.update(live.map(Value::to_string).unwrap_or_default()),
        }
        for who in self.managers(path) {
            self.looked_at.update(format!("\0{}", who.name()));
        }
        self.looked_at.update("\n");
    }

    fn finish(mut self, declared: &[(&String, Cow<'_, Value>)]) -> Difference {
        // The hash of the declared paths goes along with every change; alone it is one.
        let hash = mark();
        if self.fields.iter().any(|field| field.path != hash) {
            self.fields.retain(|field| field.path != hash);
        }
        self.fields.sort_by(|a, b| a.path.cmp(&b.path));
        let mut found = Vec::new();
        if !self.fields.is_empty() {
            for (name, value) in declared {
                let step = PathStep::Field((*name).clone());
                let others = self.others.below(&step);
                let live = self.live.value().get(name);
                conflicts(&FieldPath(vec![step]), value, live, self.top(name), &others, &mut found);
            }
            found.sort();
            found.dedup();
        }
        let fingerprint = Fingerprint::of(&self.looked_at.finalize(), self.secrets);
        Difference { fields: self.fields, conflicts: found, ours: self.owned.is_some(), fingerprint }
    }
}

/// Where the hash of the declared paths stands.
fn mark() -> FieldPath {
    FieldPath::of("metadata.annotations").field(Hand::DECLARED)
}

fn owners() -> FieldPath {
    FieldPath::of("metadata.ownerReferences")
}

/// `metadata` as the API server merges it; CRD schemas leave it out (k8s.io/apimachinery `meta/v1` ObjectMeta).
pub(super) static METADATA: LazyLock<Schema> = LazyLock::new(|| {
    Schema::built_in(json!({
        "type": "object",
        "properties": {
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
            "finalizers": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "ownerReferences": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["uid"],
                "items": {"type": "object", "x-kubernetes-map-type": "atomic"},
            },
        },
    }))
});
