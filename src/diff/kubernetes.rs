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
use super::value::{canonical, extends, is_absent, places, same, same_scalar};
use super::wire::wire_body;
use crate::observed::{FieldSet, Live};
use crate::resource::{FieldPath, Hand, PathStep, Resource, SecretId};
use crate::schema::{ListKind, Node, Schema, Schemas, with_defaults};

pub(super) fn diff(resource: &Resource, live: &Live, owner_uid: Option<&str>, schemas: &Schemas) -> Difference {
    let desired = wire_body(resource, owner_uid);
    let schema = schemas.get(&resource.address.group, &resource.address.kind);
    let manager = resource.hand.manager();
    let mut comparison = Comparison {
        live,
        others: Others::of(live, manager),
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
        comparison.compare(&FieldPath::default().field(name), value, live.value().get(name), comparison.top(name));
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
        if node.is_some_and(|node| self.built_in() && is_absent(desired, node)) {
            // Declared, and the server keeps it as absent; somebody else's value there is not ours to set back by this.
            let live_is_absent = live.is_none_or(|live| node.is_some_and(|node| is_absent(live, node)));
            self.look(path, live);
            if !live_is_absent && !desired.is_object() {
                self.report(path, live, Some(desired));
            }
            return;
        }
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
                for (name, value) in map {
                    let below = node.and_then(|node| node.field(name));
                    self.compare(&path.field(name), value, live.and_then(|live| live.get(name)), below);
                }
            }
            (Value::Array(items), _) => match node.map(Node::list_kind) {
                Some(ListKind::Map(keys)) => self.compare_map_list(path, items, live, &keys, node),
                Some(ListKind::Set) => self.compare_set(path, items, live),
                Some(ListKind::Atomic) | None => self.compare_atomic(path, desired, live, node),
            },
            (_, Some(live)) => {
                self.look(path, Some(live));
                if !same_scalar(desired, live, node) {
                    self.report(path, Some(live), Some(desired));
                }
            }
            (_, None) => {
                self.look(path, None);
                self.report(path, None, Some(desired));
            }
        }
    }

    fn built_in(&self) -> bool {
        self.schema.is_some_and(|schema| !schema.knows_defaults())
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
        let wanted = canonical(&filled, node, self.built_in());
        let live_value = live.and_then(|live| canonical(live, node, self.built_in()));
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
            (_, Some(_)) if self.built_in() && extends(found, wanted, node) => {
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
        let owners = FieldPath::of("metadata.ownerReferences");
        let is_kept = |path: &FieldPath| {
            // An owner whose uid is not known yet is still wanted.
            let owner_to_come = resource.owner.is_some() && desired.pointer("/metadata/ownerReferences").is_none();
            (owner_to_come && path.starts_with(&owners))
                || resource.body.unknown.keys().any(|unknown| path.starts_with(unknown) || unknown.starts_with(path))
        };
        let mut found = Vec::new();
        for (step, owned) in &owned.children {
            let PathStep::Field(name) = step else { continue };
            let Some(live) = self.live.value().get(name) else { continue };
            let place = Place {
                owned,
                desired: desired.get(name),
                live,
                node: self.top(name),
                others: self.others.below(step),
            };
            place.removals(&FieldPath::default().field(name), &is_kept, &mut found);
        }
        for Removal { path, before, after, stays_for } in found {
            self.look(&path, Some(&before));
            let class = stays_for.first().cloned().map_or(Class::Pending, Class::Stuck);
            let holders = self.managers(&path);
            self.fields.push(FieldChange { path, before: Some(before), after, unknown: false, class, holders });
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
        let class = self.class(path);
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
            None if path.starts_with(&FieldPath::of("metadata.ownerReferences")) => Class::Pending,
            None if self.entry || self.declared_as_now => Class::Drift(Who::Unknown),
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
        let hash = FieldPath::of("metadata.annotations").field(Hand::DECLARED);
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
        }
        let fingerprint = Fingerprint::of(&self.looked_at.finalize(), self.secrets);
        Difference { fields: self.fields, conflicts: found, ours: self.owned.is_some(), fingerprint }
    }
}

/// `metadata` as the API server merges it; CRD schemas leave it out (k8s.io/apimachinery `meta/v1` ObjectMeta).
static METADATA: LazyLock<Schema> = LazyLock::new(|| {
    Schema::of(json!({
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
