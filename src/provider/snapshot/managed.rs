//! `metadata.managedFields` for objects that were written without it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::resource::{Address, AppId, Hand, PackId};
use crate::schema::{ListKind, Node, Schemas};

/// Who manages what no mark says is ours.
const UNKNOWN: &str = "unknown";

/// Annotations that clients and controllers of Kubernetes write themselves.
const NEVER_OURS: [&str; 2] = ["kubectl.kubernetes.io/", "deployment.kubernetes.io/"];

/// What a server would have recorded, had packctl applied what carries its marks and somebody unknown the rest.
///
/// A Gateway is shared and never ours as a whole: the listeners of the snapshot's apps belong to an entry each.
pub(super) fn synthesised_managed_fields(
    address: &Address,
    object: &Value,
    apps: &BTreeSet<AppId>,
    schemas: &Schemas,
) -> Value {
    let mut fields = body(address, object, schemas);
    let metadata = metadata(object);
    let version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let mut entries = Vec::new();
    let mut push = |manager: &str, operation: &str, fields: Map<String, Value>| {
        if !fields.is_empty() {
            entries.push(json!({
                "manager": manager, "operation": operation, "apiVersion": version,
                "fieldsType": "FieldsV1", "fieldsV1": fields,
            }));
        }
    };
    if (address.group.as_str(), address.kind.as_str()) == ("gateway.networking.k8s.io", "Gateway") {
        for (manager, entry) in listeners(&mut fields, apps) {
            push(&manager, "Apply", entry);
        }
        with_metadata(&mut fields, metadata);
        push(UNKNOWN, "Update", fields);
    } else if is_ours(address, object) {
        let (ours, others) = divided(metadata);
        with_metadata(&mut fields, ours);
        push(Hand::MANAGER, "Apply", fields);
        let mut rest = Map::new();
        with_metadata(&mut rest, others);
        push(UNKNOWN, "Update", rest);
    } else {
        with_metadata(&mut fields, metadata);
        push(UNKNOWN, "Update", fields);
    }
    entries.into()
}

fn is_ours(address: &Address, object: &Value) -> bool {
    let has = |list: &str, key: &str| object.pointer("/metadata").and_then(|of| of.get(list)?.get(key)).is_some();
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let of_app = |owner: &Value| {
        let group = owner.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        owner.get("kind").and_then(Value::as_str) == Some("NebariApp") && group.starts_with("reconcilers.nebari.dev/")
    };
    !address.is_keycloak()
        && (has("labels", PackId::MARK)
            || has("labels", "nebari.dev/nebariapp-name")
            || has("labels", "packctl.nebari.dev/gateway")
            || has("annotations", Hand::DECLARED)
            || owners.into_iter().flatten().any(of_app))
}

/// Everything but metadata and status.
fn body(address: &Address, object: &Value, schemas: &Schemas) -> Map<String, Value> {
    let root = schemas.get(&address.group, &address.kind).map(|schema| schema.root());
    let declared =
        |(name, _): &(&String, &Value)| !matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "status");
    let field =
        |(name, value): (&String, &Value)| (format!("f:{name}"), fields(value, root.and_then(|root| root.field(name))));
    object.as_object().into_iter().flatten().filter(declared).map(field).collect()
}

/// Labels, annotations, owners and finalizers.
fn metadata(object: &Value) -> Map<String, Value> {
    let mut metadata = Map::new();
    let Some(given) = object.get("metadata") else { return metadata };
    for list in ["annotations", "labels"] {
        let keys = given.get(list).and_then(Value::as_object);
        let keys: Map<String, Value> =
            keys.into_iter().flatten().map(|(key, _)| (format!("f:{key}"), json!({}))).collect();
        if !keys.is_empty() {
            metadata.insert(format!("f:{list}"), keys.into());
        }
    }
    let items = |list: &str| given.get(list).and_then(Value::as_array).into_iter().flatten();
    let owners: Map<String, Value> = items("ownerReferences")
        .filter_map(|owner| owner.get("uid"))
        .map(|uid| (format!("k:{}", json!({"uid": uid})), json!({})))
        .collect();
    let finalizers: Map<String, Value> = items("finalizers").map(|name| (format!("v:{name}"), json!({}))).collect();
    for (list, items) in [("ownerReferences", owners), ("finalizers", finalizers)] {
        if !items.is_empty() {
            metadata.insert(format!("f:{list}"), items.into());
        }
    }
    metadata
}

/// What of the metadata packctl applied, and the rest. packctl sets no finalizers.
fn divided(metadata: Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
    let (mut ours, mut others) = (Map::new(), Map::new());
    for (list, items) in metadata {
        let Value::Object(items) = items else { continue };
        let foreign = |key: &str| {
            let key = key.trim_start_matches("f:");
            list == "f:finalizers" || NEVER_OURS.iter().any(|prefix| key.starts_with(prefix))
        };
        let (theirs, mine): (Map<_, _>, Map<_, _>) = items.into_iter().partition(|(key, _)| foreign(key));
        for (side, items) in [(&mut ours, mine), (&mut others, theirs)] {
            if !items.is_empty() {
                side.insert(list.clone(), items.into());
            }
        }
    }
    (ours, others)
}

fn with_metadata(fields: &mut Map<String, Value>, metadata: Map<String, Value>) {
    if !metadata.is_empty() {
        fields.insert("f:metadata".into(), metadata.into());
    }
}

/// Takes the listeners of apps out of a Gateway's fields, each with its manager.
fn listeners(fields: &mut Map<String, Value>, apps: &BTreeSet<AppId>) -> Vec<(String, Map<String, Value>)> {
    let Some(Value::Object(all)) = fields.get_mut("f:spec").and_then(|spec| spec.get_mut("f:listeners")) else {
        return Vec::new();
    };
    let mut found: Vec<(String, Map<String, Value>)> = Vec::new();
    for app in apps {
        let key = format!("k:{}", json!({"name": format!("tls-{}-{}", app.name, app.namespace)}));
        if let Some(listener) = all.remove(&key) {
            let manager = Hand::entry(&app.to_string(), "listener").manager().to_owned();
            let entry = json!({"f:listeners": {key: listener}});
            found.push((manager, Map::from_iter([("f:spec".to_owned(), entry)])));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// FieldsV1 of a value: everything in it down to what is owned as one.
fn fields(value: &Value, node: Option<Node<'_>>) -> Value {
    match value {
        Value::Object(map) if !node.is_some_and(Node::is_atomic) => map
            .iter()
            .map(|(name, value)| (format!("f:{name}"), fields(value, node.and_then(|node| node.field(name)))))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => match node.map(Node::list_kind) {
            Some(ListKind::Map(keys)) => items
                .iter()
                .map(|item| {
                    let below = node.and_then(Node::items);
                    let mut owned = fields(item, below);
                    if let Some(owned) = owned.as_object_mut() {
                        owned.insert(".".into(), json!({}));
                    }
                    (format!("k:{}", Value::Object(key_of(item, &keys, below))), owned)
                })
                .collect::<Map<_, _>>()
                .into(),
            Some(ListKind::Set) => {
                items.iter().map(|item| (format!("v:{item}"), json!({}))).collect::<Map<_, _>>().into()
            }
            Some(ListKind::Atomic) | None => json!({}),
        },
        _ => json!({}),
    }
}

fn key_of(item: &Value, keys: &[String], node: Option<Node<'_>>) -> Map<String, Value> {
    let value = |name: &String| {
        let given = item.get(name).cloned();
        given.or_else(|| node?.field(name)?.default().cloned()).map(|value| (name.clone(), value))
    };
    keys.iter().filter_map(value).collect()
}
