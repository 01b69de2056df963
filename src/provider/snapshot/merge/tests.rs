use serde_json::{Value, json};

use super::*;
use crate::schema::{Atom, Schema, Schemas};

const A: &str = "team-a";
const B: &str = "team-b";
const NOON: &str = "2026-11-24T12:00:00Z";

/// A kind with one field of each sort.
fn schema() -> Schema {
    let text = json!({"type": "string"});
    let mapped =
        |atomic: Option<&str>| json!({"type": "object", "additionalProperties": text, "x-kubernetes-map-type": atomic});
    let port = json!({
        "type": "object",
        "properties": {
            "name": text, "number": {"type": "integer"},
            "protocol": {"type": "string", "default": "TCP"}, "note": text,
        },
    });
    let root = json!({
        "type": "object",
        "properties": {
            "apiVersion": text, "kind": text, "metadata": {"type": "object"},
            "spec": {
                "type": "object",
                "properties": {
                    "text": text,
                    "granular": mapped(None),
                    "atomic": mapped(Some("atomic")),
                    "list": {"type": "array", "items": text},
                    "set": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
                    "ports": {
                        "type": "array", "items": port, "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["number", "protocol"],
                    },
                    "inner": {"type": "object", "properties": {"x": text, "y": text}},
                    "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    "either": {"x-kubernetes-int-or-string": true},
                },
            },
        },
    });
    let version = json!({"name": "v1", "storage": true, "schema": {"openAPIV3Schema": root}});
    let mut schemas = Schemas::default();
    schemas.add_crd(&json!({"spec": {"group": "example.com", "names": {"kind": "Thing"}, "versions": [version]}}));
    schemas.get("example.com", "Thing").cloned().expect("a schema")
}

fn body(spec: Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "thing"}, "spec": spec})
}

fn writer(manager: &str) -> Writer<'_> {
    Writer { manager, api_version: "example.com/v1", subresource: "", now: NOON }
}

fn try_apply(live: Option<&Value>, manager: &str, spec: Value, force: bool) -> Result<Value, Refused> {
    apply(live, &body(spec), writer(manager), force, Typing::of_object(Some(&schema())))
}

fn applied(live: Option<&Value>, manager: &str, spec: Value) -> Value {
    try_apply(live, manager, spec, false).expect("no conflict")
}

fn released(live: &Value, manager: &str) -> Value {
    let mut empty = body(json!({}));
    empty.as_object_mut().expect("an object").remove("spec");
    apply(Some(live), &empty, writer(manager), false, Typing::of_object(Some(&schema()))).expect("no conflict")
}

/// Changes a live object as an update would.
fn updated(live: &Value, manager: &str, spec: Value) -> Value {
    let mut object = live.clone();
    object["spec"] = spec;
    update(Some(live), &object, writer(manager), Typing::of_object(Some(&schema())))
}

fn conflicts(result: Result<Value, Refused>) -> Vec<(String, String)> {
    match result {
        Err(Refused::Conflict(found)) => found.iter().map(|one| (one.manager.clone(), one.field())).collect(),
        other => panic!("no conflict: {other:?}"),
    }
}

/// The FieldsV1 of a manager, below `spec`.
fn owns(object: &Value, manager: &str) -> Value {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let entry = entries.into_iter().find(|entry| entry["manager"] == manager);
    entry.map_or(Value::Null, |entry| entry["fieldsV1"]["f:spec"].clone())
}

#[test]
fn each_sort_of_field_has_its_own_ownership() {
    let object = applied(
        None,
        A,
        json!({
            "text": "a", "granular": {"k": "v"}, "atomic": {"k": "v"}, "list": ["x", "y"], "set": ["x"],
            "ports": [{"number": 80, "note": "n"}], "inner": {}, "open": {"deep": {"er": 1}, "list": [1]}, "either": "50%",
        }),
    );
    let expected = json!({
        "f:text": {}, "f:granular": {"f:k": {}}, "f:atomic": {}, "f:list": {}, "f:set": {"v:\"x\"": {}},
        "f:ports": {"k:{\"number\":80,\"protocol\":\"TCP\"}": {".": {}, "f:number": {}, "f:note": {}}},
        "f:inner": {}, "f:open": {"f:deep": {".": {}, "f:er": {}}, "f:list": {}}, "f:either": {},
    });
    assert_eq!(owns(&object, A), expected);
    let entry = &object["metadata"]["managedFields"][0];
    assert_eq!(
        (&entry["operation"], &entry["time"], &entry["fieldsType"]),
        (&json!("Apply"), &json!(NOON), &json!("FieldsV1"))
    );
}

#[test]
fn what_another_has_with_another_value_is_a_conflict_and_force_takes_it() {
    let live = applied(None, A, json!({"text": "a", "list": ["x"], "ports": [{"number": 80, "note": "n"}]}));
    let wanted = json!({"text": "b", "list": ["y"], "ports": [{"number": 80, "note": "m"}], "inner": {"x": "mine"}});
    let fields = [".spec.list", ".spec.text", ".spec.ports[number=80,protocol=\"TCP\"].note"];
    let expected: Vec<_> = fields.iter().map(|field| (A.to_owned(), (*field).to_owned())).collect();
    assert_eq!(conflicts(try_apply(Some(&live), B, wanted.clone(), false)), expected);

    let taken = try_apply(Some(&live), B, wanted, true).expect("forced");
    assert_eq!(taken["spec"]["text"], "b");
    // The items and their keys are of both; what was taken is of one.
    let left = json!({"f:ports": {"k:{\"number\":80,\"protocol\":\"TCP\"}": {".": {}, "f:number": {}}}});
    assert_eq!(owns(&taken, A), left);
}

#[test]
fn an_update_takes_fields_without_asking_and_is_asked_about_later() {
    let live = applied(None, A, json!({"text": "a", "granular": {"k": "v"}}));
    let live = updated(&live, "kubectl-edit", json!({"text": "edited", "granular": {"k": "v", "l": "w"}}));
    assert_eq!(owns(&live, A), json!({"f:granular": {"f:k": {}}}));
    assert_eq!(owns(&live, "kubectl-edit"), json!({"f:text": {}, "f:granular": {"f:l": {}}}));
    let back = try_apply(Some(&live), A, json!({"text": "a", "granular": {"k": "v"}}), false);
    assert_eq!(conflicts(back), [("kubectl-edit".into(), ".spec.text".into())]);
    let removed = updated(&live, "kubectl-edit", json!({"granular": {"l": "w"}}));
    assert_eq!((owns(&removed, A), owns(&removed, "kubectl-edit")), (Value::Null, json!({"f:granular": {"f:l": {}}})));
}

#[test]
fn a_dropped_field_goes_unless_somebody_else_has_it_too() {
    let all = json!({"text": "a", "granular": {"k": "v", "l": "w"}, "set": ["x", "y"], "ports": [{"number": 80}, {"number": 81}]});
    let live = applied(None, A, all);
    let shared =
        applied(Some(&live), B, json!({"text": "a", "granular": {"k": "v"}, "set": ["x"], "ports": [{"number": 80}]}));
    let live = applied(Some(&shared), A, json!({"inner": {"x": "new"}}));
    let left = json!({
        "text": "a", "granular": {"k": "v"}, "set": ["x"], "ports": [{"number": 80}], "inner": {"x": "new"},
    });
    assert_eq!(live["spec"], left);
    assert_eq!(owns(&live, A), json!({"f:inner": {"f:x": {}}}));

    // An empty apply is the release; of a field that nobody has any more nothing stays, of the rest everything.
    let live = released(&released(&live, A), B);
    assert_eq!((&live["spec"], &live["metadata"]["managedFields"]), (&Value::Null, &Value::Null));
}

#[test]
fn what_nobody_manages_or_an_updater_has_stays() {
    let live = applied(None, A, json!({"inner": {"x": "a"}, "granular": {"k": "v"}}));
    let live = updated(&live, "controller", json!({"inner": {"x": "a", "y": "c"}, "granular": {"k": "v", "c": "c"}}));
    let live = released(&live, A);
    assert_eq!(live["spec"], json!({"inner": {"y": "c"}, "granular": {"c": "c"}}));

    let mut unowned = applied(None, A, json!({"inner": {"x": "a"}}));
    unowned["spec"]["inner"]["y"] = json!("a default");
    assert_eq!(released(&unowned, A)["spec"], Value::Null, "a struct goes with its owner, also what lies in it");
}

#[test]
fn a_changed_key_is_another_item_and_items_keep_their_order() {
    let port = |number: u16, note: &str| json!({"number": number, "note": note});
    let live = applied(None, A, json!({"ports": [port(1, "a"), port(2, "a"), port(3, "a")]}));
    let live = applied(Some(&live), B, json!({"ports": [port(9, "b"), port(8, "b")]}));
    let numbers = |object: &Value| -> Vec<u64> {
        let ports = object["spec"]["ports"].as_array().cloned().unwrap_or_default();
        ports.iter().filter_map(|port| port["number"].as_u64()).collect()
    };
    assert_eq!(numbers(&live), [1, 2, 3, 9, 8]);
    let live = applied(Some(&live), A, json!({"ports": [port(3, "a"), port(4, "a"), port(1, "a")]}));
    assert_eq!(numbers(&live), [3, 9, 8, 4, 1]);
}

#[test]
fn the_same_again_changes_nothing_but_the_time() {
    let spec = json!({"text": "a", "set": ["x"], "ports": [{"number": 80}]});
    let live = applied(None, A, spec.clone());
    let again = apply(
        Some(&live),
        &body(spec),
        Writer { now: "2026-11-24T13:00:00Z", ..writer(A) },
        false,
        Typing::of_object(Some(&schema())),
    );
    let again = again.expect("no conflict");
    assert_eq!(again["metadata"]["managedFields"][0]["time"], Value::Null);
    let without_time = |object: &Value| {
        let mut object = object.clone();
        object["metadata"]["managedFields"][0].as_object_mut().expect("an entry").remove("time");
        object
    };
    assert_eq!(without_time(&again), without_time(&live));
}

#[test]
fn an_object_that_nobody_tracked_belongs_to_before_first_apply() {
    let mut live = body(json!({"text": "old", "list": ["x"]}));
    live["metadata"]["uid"] = json!("1");
    let result = try_apply(Some(&live), A, json!({"text": "new"}), false);
    assert_eq!(conflicts(result), [("before-first-apply".into(), ".spec.text".into())]);
    let taken = try_apply(Some(&live), A, json!({"text": "new"}), true).expect("forced");
    assert_eq!(owns(&taken, "before-first-apply"), json!({".": {}, "f:list": {}}));
}

#[test]
fn what_a_built_in_kind_has_when_nothing_is_said_belongs_to_nobody() {
    let schemas = Schemas::default();
    let typing = Typing::of_object(schemas.get("apps", "Deployment"));
    let container = json!({"name": "c", "image": "example/c:1"});
    let spec =
        json!({"replicas": 1, "strategy": {"type": "Recreate"}, "template": {"spec": {"containers": [container]}}});
    let metadata = json!({"name": "thing", "namespace": "here"});
    let live = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec});
    let mut body = live.clone();
    body["spec"] = json!({"replicas": 2});
    let writer = Writer { api_version: "apps/v1", ..writer(A) };
    let taken = apply(Some(&live), &body, writer, true, typing).expect("forced");
    let key = "k:{\"name\":\"c\"}";
    assert_eq!(
        taken["metadata"]["managedFields"][1]["fieldsV1"],
        json!({"f:spec": {
            "f:strategy": {"f:type": {}},
            "f:template": {"f:spec": {"f:containers": {key: {".": {}, "f:image": {}, "f:name": {}}}}},
        }})
    );
}

#[test]
fn fields_outside_the_schema_and_of_other_types_are_refused_in_the_servers_words() {
    let refused = |spec: Value| match try_apply(None, A, spec, false) {
        Err(Refused::Untyped(why)) => why,
        other => panic!("not refused: {other:?}"),
    };
    assert_eq!(refused(json!({"tpyo": 1})), ".spec.tpyo: field not declared in schema");
    assert_eq!(refused(json!({"text": 1})), ".spec.text: expected string, got 1");
    assert_eq!(refused(json!({"set": ["x", "x"]})), ".spec.set: duplicate entries for key [=\"x\"]");
    assert_eq!(refused(json!({"ports": "x"})), ".spec.ports: expected list, got \"x\"");
}

#[test]
fn labels_and_owners_are_merged_by_key_also_where_a_crd_says_nothing_of_them() {
    let owner = |uid: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": uid, "uid": uid});
    let with = |live: Option<&Value>, manager: &str, metadata: Value| {
        let mut body = body(json!({}));
        body["metadata"] = metadata;
        apply(live, &body, writer(manager), false, Typing::of_object(Some(&schema()))).expect("no conflict")
    };
    let live = with(
        None,
        A,
        json!({"name": "thing", "labels": {"a": "1"}, "ownerReferences": [owner("x")], "finalizers": ["a/b"]}),
    );
    let live = with(Some(&live), B, json!({"name": "thing", "labels": {"b": "2"}, "ownerReferences": [owner("y")]}));
    assert_eq!(live["metadata"]["labels"], json!({"a": "1", "b": "2"}));
    assert_eq!(live["metadata"]["ownerReferences"].as_array().map(Vec::len), Some(2));
    let live = with(Some(&live), A, json!({"name": "thing"}));
    assert_eq!((&live["metadata"]["labels"], &live["metadata"]["finalizers"]), (&json!({"b": "2"}), &Value::Null));
    let live = with(Some(&live), B, json!({"name": "thing"}));
    assert_eq!((&live["metadata"]["name"], &live["metadata"]["labels"]), (&json!("thing"), &Value::Null));
}

#[test]
fn the_schemas_of_the_platform_have_the_types_that_the_server_publishes() {
    let schemas = Schemas::default();
    let route = schemas.get("gateway.networking.k8s.io", "HTTPRoute").expect("embedded");
    let typing = Typing::of_object(Some(route)).field("spec").expect("spec");
    assert_eq!(typing.field("hostnames").map(|typing| typing.atom(&json!([]))), Some(Atom::Leaf));
    let pod = schemas.get("apps", "Deployment").expect("in the table");
    let path = ["spec", "template", "spec", "containers"];
    let containers =
        path.iter().try_fold(Typing::of_object(Some(pod)), |typing, name| typing.field(name)).expect("typed");
    assert_eq!(containers.atom(&json!([])), Atom::Items(crate::schema::ListKind::Map(vec!["name".into()])));
    let resources = containers.items().field("resources").and_then(|typing| typing.field("limits")).expect("typed");
    assert_eq!(resources.field("cpu").map(|typing| typing.admits(&json!(2))), Some(Ok(())), "a quantity is any scalar");
}
