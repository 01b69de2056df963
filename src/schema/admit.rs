//! What the API server makes of an object before it judges it: unknown fields go, nulls go, defaults come in.
//!
//! Source: `pruning` and `defaulting` of k8s.io/apiextensions-apiserver v0.34; a differential test holds both equal.

use serde_json::{Map, Value};

use super::pointer::{name, step};
use super::{Node, Schema, nearest, object_meta};

/// A field that the schema of a kind does not know. The API server drops it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// JSON pointer in the object.
    pub pointer: String,
    /// The field that was probably meant.
    pub near: Option<String>,
}

impl Unknown {
    /// The field's own name.
    pub fn name(&self) -> String {
        name(self.pointer.rsplit('/').next().unwrap_or_default())
    }
}

/// The fields that a kind's schema does not know, in the order of the object. `status` is left out: nobody declares it.
pub fn unknown_fields(object: &Value, schema: &Schema) -> Vec<Unknown> {
    let root = schema.root();
    let mut search = Search::default();
    for (name, value) in object.as_object().into_iter().flatten() {
        let node = match (name.as_str(), root.field(name)) {
            ("apiVersion" | "kind" | "status", _) => continue,
            // CRDs say nothing of the metadata: it is the same for all kinds.
            ("metadata", _) => Some(object_meta()),
            (_, Some(node)) => Some(node),
            (_, None) if keeps(root) => continue,
            (_, None) => None,
        };
        search.path.push(At::Field(name));
        match node {
            Some(node) => search.collect(value, node),
            None => search.unknown(name, root),
        }
        search.path.pop();
    }
    search.found
}

/// Whether a node keeps fields that it does not name. Of a custom kind an object without properties keeps none.
fn keeps(node: Node<'_>) -> bool {
    node.preserves_unknown() || node.is_map() || (node.is_built_in() && node.properties().next().is_none())
}

/// Looks into everything, and spells a pointer only where something is found: mostly nothing is.
#[derive(Default)]
struct Search<'v> {
    path: Vec<At<'v>>,
    found: Vec<Unknown>,
}

/// One step into a value.
#[derive(Clone, Copy)]
enum At<'v> {
    Field(&'v str),
    Item(usize),
}

impl<'v> Search<'v> {
    fn collect(&mut self, value: &'v Value, node: Node<'_>) {
        match value {
            Value::Object(map) => {
                for (name, below) in map {
                    self.path.push(At::Field(name));
                    match node.field(name) {
                        Some(node) => self.collect(below, node),
                        None if keeps(node) => {}
                        None if node.is_embedded() && ["apiVersion", "kind", "metadata"].contains(&name.as_str()) => {}
                        None => self.unknown(name, node),
                    }
                    self.path.pop();
                }
            }
            Value::Array(items) => {
                if let Some(node) = node.items() {
                    for (index, item) in items.iter().enumerate() {
                        self.path.push(At::Item(index));
                        self.collect(item, node);
                        self.path.pop();
                    }
                }
            }
            _ => {}
        }
    }

    fn unknown(&mut self, name: &str, node: Node<'_>) {
        let step = |at: &At<'_>| match at {
            At::Field(name) => format!("/{}", step(name)),
            At::Item(index) => format!("/{index}"),
        };
        let pointer = self.path.iter().map(step).collect();
        let near = nearest(name, node.properties().map(|(known, _)| known)).map(str::to_owned);
        self.found.push(Unknown { pointer, near });
    }
}

/// Takes the field at a JSON pointer out of an object.
pub fn remove(object: &mut Value, pointer: &str) {
    let Some((above, last)) = pointer.rsplit_once('/') else { return };
    if let Some(Value::Object(map)) = object.pointer_mut(above) {
        map.remove(&name(last));
    }
}

/// A value as the API server would keep it: a null that the field cannot hold becomes its default or goes, and what is
/// missing gets its default, at every depth. Unknown fields are left alone.
pub fn admitted(value: &Value, node: Node<'_>) -> Value {
    match value {
        Value::Object(map) => {
            let mut kept = Map::new();
            for (name, value) in map {
                match node.field(name) {
                    Some(below) if value.is_null() && !below.is_nullable() => {}
                    Some(below) => drop(kept.insert(name.clone(), admitted(value, below))),
                    None => drop(kept.insert(name.clone(), value.clone())),
                }
            }
            for (name, below) in node.properties() {
                if let (None, Some(default)) = (kept.get(name), below.default()) {
                    kept.insert(name.to_owned(), admitted(default, below));
                }
            }
            Value::Object(kept)
        }
        Value::Array(items) => match node.items() {
            Some(below) => items
                .iter()
                .map(|item| match below.default() {
                    Some(default) if item.is_null() && !below.is_nullable() => admitted(default, below),
                    _ => admitted(item, below),
                })
                .collect(),
            None => value.clone(),
        },
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Schemas;
    use super::*;

    fn unknown(kind: (&str, &str), object: &Value) -> Vec<(String, Option<String>)> {
        let schemas = Schemas::default();
        let schema = schemas.get(kind.0, kind.1).expect("embedded");
        unknown_fields(object, schema).into_iter().map(|found| (found.pointer, found.near)).collect()
    }

    #[test]
    fn unknown_fields_are_found_at_every_depth_and_free_maps_are_free() {
        let app = json!({
            "metadata": {"label": {"a": "b"}, "labels": {"any": "thing"}},
            "specs": {},
            "spec": {"routing": {"annotations": {"a/b": "c"}, "routes": [{"pathPrefix": "/", "pathTyp": "Exact"}]}},
            "status": {"new": 1},
        });
        let near = |text: &str| Some(text.to_owned());
        assert_eq!(
            unknown(("reconcilers.nebari.dev", "NebariApp"), &app),
            [
                ("/metadata/label".to_owned(), near("labels")),
                ("/spec/routing/routes/0/pathTyp".to_owned(), near("pathType")),
                ("/specs".to_owned(), near("spec")),
            ]
        );
        let map = json!({"data": {"any": "x"}, "dat": {}});
        assert_eq!(unknown(("", "ConfigMap"), &map), [("/dat".to_owned(), near("data"))]);
    }

    #[test]
    fn nulls_go_or_become_the_default() {
        let schemas = Schemas::default();
        let schema = schemas.get("reconcilers.nebari.dev", "NebariApp").expect("embedded");
        let spec = json!({"gateway": null, "serviceAccountName": null, "auth": {"groups": [null], "provider": null}});
        let kept = admitted(&json!({ "spec": spec }), schema.root());
        assert_eq!(kept["spec"]["gateway"], "public");
        assert_eq!(kept["spec"]["auth"]["provider"], "keycloak");
        assert_eq!(kept["spec"]["auth"]["groups"], json!([null]));
        assert!(kept["spec"].get("serviceAccountName").is_none());
    }

    #[test]
    fn a_field_is_removed_by_its_pointer() {
        let mut object = json!({"a": {"b/c": 1, "d": [{"e": 2, "f": 3}]}});
        remove(&mut object, "/a/b~1c");
        remove(&mut object, "/a/d/0/e");
        remove(&mut object, "/nothing/here");
        assert_eq!(object, json!({"a": {"d": [{"f": 3}]}}));
    }
}
