//! What a server adds to an object and a person does not write: uids, versions, who manages which fields, defaults.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::identity::uuid;
use super::managed::synthesised_managed_fields;
use crate::observed::{Kinds, Live};
use crate::resource::{Address, AppId};
use crate::schema::{Schemas, with_defaults};

/// Completes all objects of a snapshot.
pub(super) fn complete(objects: BTreeMap<Address, Value>, kinds: &Kinds, schemas: &Schemas) -> BTreeMap<Address, Live> {
    let world = Whole {
        uids: objects.iter().map(|(address, object)| (address.clone(), uid(address, object))).collect(),
        apps: objects.keys().filter_map(Address::as_app).collect(),
        kinds,
        schemas,
    };
    let complete = |(address, object)| {
        let object = if Address::is_keycloak(&address) {
            keycloak(&address, object)
        } else {
            world.kubernetes(&address, object)
        };
        (address.clone(), Live::from_value(address, object))
    };
    objects.into_iter().map(complete).collect()
}

/// What an object needs to know of the others.
struct Whole<'w> {
    uids: BTreeMap<Address, String>,
    apps: BTreeSet<AppId>,
    kinds: &'w Kinds,
    schemas: &'w Schemas,
}

impl Whole<'_> {
    fn kubernetes(&self, address: &Address, mut object: Value) -> Value {
        // What has a uid and a version comes from a server, and is as that server had it.
        let recorded = ["/metadata/uid", "/metadata/resourceVersion"].iter().all(|at| object.pointer(at).is_some());
        if let Some(metadata) = object.get_mut("metadata") {
            put(metadata, "uid", self.uid(address));
            if !recorded {
                put(metadata, "resourceVersion", "1");
                put(metadata, "generation", 1);
            }
            self.owners(metadata, address);
        }
        if object.pointer("/metadata/managedFields").is_none() {
            let managed = synthesised_managed_fields(address, &object, &self.apps, self.schemas);
            if let Some(metadata) = object.get_mut("metadata") {
                put(metadata, "managedFields", managed);
            }
        }
        // Nobody applied a default, so this comes after managedFields.
        match self.schemas.get(&address.group, &address.kind) {
            Some(schema) if !recorded && schema.knows_defaults() => with_defaults(&object, schema.root()),
            _ => object,
        }
    }

    fn owners(&self, metadata: &mut Value, address: &Address) {
        for owner in metadata.get_mut("ownerReferences").and_then(Value::as_array_mut).into_iter().flatten() {
            let text = |key| owner.get(key).and_then(Value::as_str).unwrap_or_default();
            let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
            let (kind, name) = (text("kind"), text("name"));
            let namespaced = self.kinds.get(group, kind).is_none_or(|info| info.namespaced);
            let of = match &address.namespace {
                Some(namespace) if namespaced => Address::namespaced(group, kind, namespace, name),
                _ => Address::cluster_scoped(group, kind, name),
            };
            put(owner, "uid", self.uid(&of));
        }
    }

    fn uid(&self, address: &Address) -> String {
        self.uids.get(address).cloned().unwrap_or_else(|| made_uid(address))
    }
}

fn keycloak(address: &Address, mut object: Value) -> Value {
    put(&mut object, "id", made_uid(address));
    object
}

/// The uid that an object without one has: the same for the same address.
pub(super) fn made_uid(address: &Address) -> String {
    uuid(&address.to_string())
}

fn uid(address: &Address, object: &Value) -> String {
    let pointer = if address.is_keycloak() { "/id" } else { "/metadata/uid" };
    object.pointer(pointer).and_then(Value::as_str).map_or_else(|| made_uid(address), Into::into)
}

fn put(object: &mut Value, key: &str, value: impl Into<Value>) {
    let map: Option<&mut Map<String, Value>> = object.as_object_mut();
    if let Some(map) = map {
        map.entry(key).or_insert_with(|| value.into());
    }
}
