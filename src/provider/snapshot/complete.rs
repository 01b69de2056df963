//! What a server adds to an object and a person does not write: uids, versions, who manages which fields.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::managed::synthesised_managed_fields;
use crate::observed::{Kinds, Live};
use crate::resource::{Address, AppId, hex};
use crate::schema::Schemas;

/// Completes all objects of a snapshot.
pub(super) fn complete(objects: BTreeMap<Address, Value>, kinds: &Kinds, schemas: &Schemas) -> BTreeMap<Address, Live> {
    let uids: BTreeMap<Address, String> =
        objects.iter().map(|(address, object)| (address.clone(), uid(address, object))).collect();
    let apps: BTreeSet<AppId> = objects.keys().filter_map(Address::as_app).collect();
    let complete = |(address, mut object): (Address, Value)| {
        let uid = uids.get(&address).cloned().unwrap_or_default();
        if address.is_keycloak() {
            put(&mut object, "id", uid);
        } else {
            if let Some(metadata) = object.get_mut("metadata") {
                server_fields(metadata, uid);
                owners(metadata, &address, &uids, kinds);
            }
            if object.pointer("/metadata/managedFields").is_none() {
                let managed = synthesised_managed_fields(&address, &object, &apps, schemas);
                if let Some(metadata) = object.get_mut("metadata") {
                    put(metadata, "managedFields", managed);
                }
            }
        }
        (address.clone(), Live::from_value(address, object))
    };
    objects.into_iter().map(complete).collect()
}

/// The uid that an object without one has: the same for the same address.
pub(super) fn made_uid(address: &Address) -> String {
    let digits = hex(&Sha256::digest(address.to_string()), 32);
    [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digits.get(part).unwrap_or_default()).join("-")
}

fn uid(address: &Address, object: &Value) -> String {
    let pointer = if address.is_keycloak() { "/id" } else { "/metadata/uid" };
    object.pointer(pointer).and_then(Value::as_str).map_or_else(|| made_uid(address), Into::into)
}

fn server_fields(metadata: &mut Value, uid: String) {
    // Not every kind has a generation: an object that a server gave its uid and version lacks it for that reason.
    let recorded = metadata.get("uid").is_some() && metadata.get("resourceVersion").is_some();
    put(metadata, "uid", uid);
    if !recorded {
        put(metadata, "resourceVersion", "1");
        put(metadata, "generation", 1);
    }
}

fn owners(metadata: &mut Value, address: &Address, uids: &BTreeMap<Address, String>, kinds: &Kinds) {
    for owner in metadata.get_mut("ownerReferences").and_then(Value::as_array_mut).into_iter().flatten() {
        let text = |key| owner.get(key).and_then(Value::as_str).unwrap_or_default();
        let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
        let (kind, name) = (text("kind"), text("name"));
        let namespaced = kinds.get(group, kind).is_none_or(|info| info.namespaced);
        let of = match &address.namespace {
            Some(namespace) if namespaced => Address::namespaced(group, kind, namespace, name),
            _ => Address::cluster_scoped(group, kind, name),
        };
        let uid = uids.get(&of).cloned().unwrap_or_else(|| made_uid(&of));
        put(owner, "uid", uid);
    }
}

fn put(object: &mut Value, key: &str, value: impl Into<Value>) {
    let map: Option<&mut Map<String, Value>> = object.as_object_mut();
    if let Some(map) = map {
        map.entry(key).or_insert_with(|| value.into());
    }
}
