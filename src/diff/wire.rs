//! The body of a write: what is compared is what is sent.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::resource::{Hand, Resource};
use crate::schema::without_nulls;

/// The body that server-side apply (or Keycloak) gets for a resource, without uid and resourceVersion.
///
/// Adds the controller ownerReference when its uid is known, and on objects that we make whole the annotation with the hash
/// of the declared paths. Unknowns of the body are absent.
pub fn wire_body(resource: &Resource, owner_uid: Option<&str>) -> Value {
    let mut body = without_nulls(resource.body.value.clone());
    if resource.hand == Hand::Record {
        return body;
    }
    let declared = declared_hash(&body, resource);
    let Some(root) = body.as_object_mut() else { return body };
    root.insert("apiVersion".into(), json!(resource.api_version));
    root.insert("kind".into(), json!(resource.address.kind));
    let metadata = root.entry("metadata").or_insert_with(|| json!({}));
    let Some(metadata) = metadata.as_object_mut() else { return body };
    metadata.insert("name".into(), json!(resource.address.name));
    if let Some(namespace) = &resource.address.namespace {
        metadata.insert("namespace".into(), json!(namespace));
    }
    if resource.hand == Hand::Whole {
        if let Some(annotations) = metadata.entry("annotations").or_insert_with(|| json!({})).as_object_mut() {
            annotations.insert(Hand::DECLARED.into(), json!(declared));
        }
        if let (Some(owner), Some(uid)) = (&resource.owner, owner_uid) {
            let api_version =
                if owner.as_app().is_some() { "reconcilers.nebari.dev/v1".to_owned() } else { "v1".to_owned() };
            metadata.insert(
                "ownerReferences".into(),
                json!([{
                    "apiVersion": api_version, "kind": owner.kind, "name": owner.name, "uid": uid,
                    "controller": true, "blockOwnerDeletion": true,
                }]),
            );
        }
    }
    body
}

/// 32 hex digits over the declared paths, without values; list positions count, owners do not.
fn declared_hash(body: &Value, resource: &Resource) -> String {
    let mut paths = Vec::new();
    collect("", body, &mut paths);
    // A value that is known only at the write is declared all the same.
    paths.extend(resource.body.unknown.keys().map(|path| format!("/{}", path.to_string().replace('.', "/"))));
    paths.sort();
    let paths = paths.join("\n");
    Sha256::digest(paths).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn collect(path: &str, value: &Value, paths: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(name, value)| collect(&format!("{path}/{name}"), value, paths))
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(index, item)| collect(&format!("{path}/{index}"), item, paths));
        }
        _ => paths.push(path.to_owned()),
    }
}
