//! What a server keeps of a value: no nulls, nothing empty where that is the same as absent, defaults filled in.

use serde_json::{Map, Value};

use super::{ListKind, Node, Schema, admitted, with_defaults};

/// The object as a server would store it.
///
/// Of custom resources everything is known. Of built-in kinds the table knows the defaults inside atomic values and those of
/// keys alone; others are not filled in, and quantities keep their spelling.
pub fn stored(object: &Value, schema: Option<&Schema>) -> Value {
    let Some(schema) = schema else { return without_nulls(object.clone()) };
    let root = schema.root();
    if schema.knows_defaults() {
        return admitted(object, root);
    }
    let kept = present(object, Some(root)).unwrap_or_else(|| Value::Object(Map::new()));
    with_known_defaults(&kept, root)
}

/// A value without the fields that are `null`: in our documents, and to a server that knows no schema, that means absent.
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// What of a value a built-in kind does not take for absent.
fn present(value: &Value, node: Option<Node<'_>>) -> Option<Value> {
    let kept = match value {
        Value::Null => return None,
        Value::Object(map) => {
            let field = |(name, value): (&String, &Value)| {
                Some((name.clone(), present(value, node.and_then(|node| node.field(name)))?))
            };
            Value::Object(map.iter().filter_map(field).collect())
        }
        Value::Array(items) if items.is_empty() => return None,
        Value::Array(items) => {
            let below = node.and_then(Node::items);
            items.iter().map(|item| present(item, below).unwrap_or_else(|| empty_of(item))).collect()
        }
        scalar => scalar.clone(),
    };
    (!node.is_some_and(|node| node.is_absent(&kept))).then_some(kept)
}

/// An item stays an item, whatever of it is absent.
fn empty_of(item: &Value) -> Value {
    match item {
        Value::Object(_) => Value::Object(Map::new()),
        Value::Array(_) => Value::Array(Vec::new()),
        other => other.clone(),
    }
}

fn with_known_defaults(value: &Value, node: Node<'_>) -> Value {
    match value {
        Value::Object(_) if node.is_atomic() => with_defaults(value, node),
        Value::Object(map) => {
            let field = |(name, value): (&String, &Value)| {
                let value = node.field(name).map_or_else(|| value.clone(), |below| with_known_defaults(value, below));
                (name.clone(), value)
            };
            Value::Object(map.iter().map(field).collect())
        }
        Value::Array(items) => {
            let Some(below) = node.items() else { return value.clone() };
            let item = |item: &Value| match (node.list_kind(), item) {
                (ListKind::Map(keys), Value::Object(map)) => {
                    let mut keyed = map.clone();
                    for key in keys.iter().filter(|key| !map.contains_key(*key)) {
                        keyed.extend(below.default_of(key, map).map(|default| (key.clone(), default.clone())));
                    }
                    with_known_defaults(&Value::Object(keyed), below)
                }
                (ListKind::Atomic, item) => with_defaults(item, below),
                (_, item) => item.clone(),
            };
            items.iter().map(item).collect()
        }
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Schemas;

    #[test]
    fn a_built_in_kind_keeps_no_empties_and_gets_the_defaults_of_keys_and_atomic_values() {
        let schemas = Schemas::default();
        let container = json!({"name": "a", "ports": [{"containerPort": 80}], "args": [], "env": null});
        let object = json!({"metadata": {"name": "a", "labels": {}}, "spec": {"template": {"spec": {
            "containers": [container], "volumes": [{"name": "v", "emptyDir": {}}],
        }}}});
        let stored = stored(&object, schemas.get("apps", "Deployment"));
        let container = json!({"name": "a", "ports": [{"containerPort": 80, "protocol": "TCP"}]});
        assert_eq!(stored["metadata"], json!({"name": "a"}));
        assert_eq!(stored["spec"]["template"]["spec"]["containers"], json!([container]));
        assert_eq!(stored["spec"]["template"]["spec"]["volumes"], json!([{"name": "v", "emptyDir": {}}]));
        assert_eq!(stored["spec"].get("replicas"), None, "nobody measured it");
    }

    #[test]
    fn a_custom_resource_gets_its_defaults_and_loses_its_nulls() {
        let schemas = Schemas::default();
        let object = json!({"spec": {"parentRefs": [{"name": "gw", "sectionName": null}], "hostnames": []}});
        let stored = stored(&object, schemas.get("gateway.networking.k8s.io", "HTTPRoute"));
        let parent = json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gw"});
        assert_eq!(stored["spec"]["parentRefs"], json!([parent]));
        assert_eq!(stored["spec"]["hostnames"], json!([]));
    }
}
