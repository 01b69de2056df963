//! Objects to be judged: right ones, and right ones with one or more things wrong.

use serde_json::{Map, Value, json};

use crate::packctl::root;
use crate::stand_in::dice::Dice;

/// An object and what was done to it.
pub(super) struct Case {
    pub(super) what: String,
    pub(super) object: Value,
    /// packctl refuses it on purpose, though the server does not.
    pub(super) stricter: bool,
}

impl Case {
    fn new(what: impl Into<String>, object: Value) -> Self {
        Self { what: what.into(), object, stricter: false }
    }

    pub(super) fn of(mut self, api_version: &str, namespace: &str) -> Self {
        self.object["apiVersion"] = json!(api_version);
        // A case about the metadata's own type has none.
        if let Some(metadata) = self.object["metadata"].as_object_mut() {
            metadata.insert("namespace".into(), json!(namespace));
        }
        self
    }
}

/// A sample as an object.
pub(super) fn sample(text: &str) -> Value {
    let mut object: Value = serde_yaml::from_str(text).expect("a sample is YAML");
    object["metadata"] = json!({"name": "sample", "labels": {"a": "b"}});
    object
}

/// The schema of an embedded CRD's storage version.
pub(super) fn schema(file: &str) -> Value {
    let text = std::fs::read_to_string(root().join("src/schema/crds").join(format!("{file}.yaml"))).expect("a CRD");
    let crd: Value = serde_yaml::from_str(&text).expect("a CRD is YAML");
    let versions = crd["spec"]["versions"].as_array().expect("versions");
    let version = versions.iter().find(|version| version["storage"] == true).expect("a storage version");
    version["schema"]["openAPIV3Schema"].clone()
}

pub(super) fn nebariapp_schema() -> Value {
    schema("reconcilers.nebari.dev_nebariapps")
}

fn app(name: &str, spec: &Value) -> Value {
    json!({"kind": "NebariApp", "metadata": {"name": name}, "spec": spec})
}

fn small() -> Value {
    json!({"hostname": "a.example.test", "service": {"name": "web", "port": 80}})
}

/// T06 to T11 of the operator's tests, the CEL rule, and metadata.
pub(super) fn by_hand() -> Vec<Case> {
    let mut cases = Vec::new();
    let with = |pointer: &str, value: Value| {
        let mut object = app("by-hand", &small());
        set(&mut object, pointer, value);
        object
    };
    for host in
        ["Invalid-UPPER.example.com", "-bad.example.com", "a..b", "*.a", "a_b", "a.b.", "a\n", "é", "0-0.1", "a"]
    {
        cases.push(Case::new(format!("hostname {host:?}"), with("/spec/hostname", json!(host))));
    }
    cases.push(Case::new("a hostname of 300 characters", with("/spec/hostname", json!("a".repeat(300)))));
    for port in
        [json!(0), json!(99_999), json!(65_535), json!(65_536), json!("80"), json!(80.0), json!(8e1), json!(-0.0)]
    {
        cases.push(Case::new(format!("port {port}"), with("/spec/service/port", port)));
    }
    for path in ["api/v1", "/", "/a//b", "", "/\u{1F600}"] {
        cases.push(Case::new(
            format!("path {path:?}"),
            with("/spec/routing", json!({"routes": [{"pathPrefix": path}]})),
        ));
    }
    let three = [None, Some(json!(true)), Some(json!(false)), Some(Value::Null)];
    for forward in &three {
        for enforce in &three {
            let mut auth = json!({"enabled": true});
            forward.iter().for_each(|value| auth["forwardAccessToken"] = value.clone());
            enforce.iter().for_each(|value| auth["enforceAtGateway"] = value.clone());
            cases.push(Case::new(format!("auth {auth}"), with("/spec/auth", auth)));
        }
    }
    let names = ["A", "a.b", "a_b", "-a", "a-", "1", "a..b"].map(str::to_owned);
    for name in names.into_iter().chain([250, 253, 254].map(|length| "a".repeat(length))) {
        cases.push(Case::new(format!("name {name}"), app(&name, &small())));
    }
    let long = "k".repeat(64);
    for (key, value) in
        [("a", "b"), ("a/b", ""), ("A/b", "x"), ("a/b/c", "x"), (&long, "x"), ("a", &long), ("a", "-x"), ("a", "x_1.y")]
    {
        cases.push(Case::new(format!("label {key}={value}"), with("/metadata/labels", json!({key: value}))));
        cases.push(Case::new(format!("annotation {key}={value}"), with("/metadata/annotations", json!({key: value}))));
    }
    for (what, pointer, value) in [
        ("annotations of 300 KiB", "/metadata/annotations", json!({"a": "x".repeat(300 * 1024)})),
        ("an unknown field of the metadata", "/metadata/label", json!({"a": "b"})),
        ("labels that are a list", "/metadata/labels", json!(["a"])),
        ("labels that are null", "/metadata/labels", Value::Null),
        ("a label that is a number", "/metadata/labels", json!({"a": 1})),
        ("metadata of a known name and wrong type", "/metadata/finalizers", json!("x")),
        ("a finalizer", "/metadata/finalizers", json!(["a.b/c"])),
        ("a finalizer that is no name", "/metadata/finalizers", json!(["a b"])),
        ("a time of the server", "/metadata/creationTimestamp", Value::Null),
        ("a time that is none", "/metadata/creationTimestamp", json!("today")),
        ("an owner without uid", "/metadata/ownerReferences", json!([{"apiVersion": "v1", "kind": "A", "name": "a"}])),
        ("a status of another shape", "/status", json!({"conditions": "none"})),
        ("a field beside the spec", "/color", json!("green")),
        ("no spec", "/spec", Value::Null),
        ("a spec that is a list", "/spec", json!([])),
    ] {
        cases.push(Case::new(what, with(pointer, value)));
    }
    // A creation that is no dry run is refused too; a null becomes a text that nobody wrote.
    for (what, pointer, value) in [
        ("a version of the server", "/metadata/resourceVersion", json!("7")),
        ("a label that is null", "/metadata/labels", json!({"a": null})),
    ] {
        cases.push(Case { stricter: true, ..Case::new(what, with(pointer, value)) });
    }
    cases
}

/// A NebariApp with every field, and with each of them broken in each way.
pub(super) fn systematic(schema: &Value) -> Vec<Case> {
    let mut sample = app("systematic", &maximal(&schema["properties"]["spec"]));
    // A public client for scripts needs no gateway.
    sample["spec"]["auth"]["enforceAtGateway"] = json!(true);
    mutations(schema, &sample)
}

/// NebariApps of chance with up to three things wrong.
pub(super) fn random(schema: &Value, count: u64) -> Vec<Case> {
    (0..count)
        .map(|seed| {
            let mut dice = Dice::new(seed);
            let mut object = app(&format!("random-{seed}"), &chance(&schema["properties"]["spec"], &mut dice));
            let mut what = format!("random {seed}");
            for _ in 0..dice.below(4) {
                let mut mutations = mutations(schema, &object);
                let chosen = dice.below(mutations.len() as u64);
                let chosen = mutations.swap_remove(usize::try_from(chosen).expect("an index"));
                what = format!("{what}, {}", chosen.what);
                object = chosen.object;
            }
            Case::new(what, object)
        })
        .collect()
}

/// One thing wrong, everywhere in the object but in its metadata.
pub(super) fn mutations(schema: &Value, sample: &Value) -> Vec<Case> {
    let mut cases = vec![Case::new("as it is", sample.clone())];
    for (name, value) in sample.as_object().expect("an object") {
        if !["metadata", "kind", "apiVersion", "status"].contains(&name.as_str()) {
            mutate(sample, &format!("/{name}"), value, &schema["properties"][name], &mut cases);
        }
    }
    cases
}

fn mutate(sample: &Value, pointer: &str, value: &Value, schema: &Value, cases: &mut Vec<Case>) {
    let mut add = |what: String, change: &dyn Fn(&mut Value)| {
        let mut object = sample.clone();
        change(&mut object);
        cases.push(Case::new(format!("{pointer}: {what}"), object));
    };
    for other in replacements(schema) {
        add(format!("{other}"), &|object| set(object, pointer, other.clone()));
    }
    let (above, name) = pointer.rsplit_once('/').expect("a pointer");
    add("removed".into(), &|object| match object.pointer_mut(above) {
        Some(Value::Object(map)) => drop(map.remove(&unescaped(name))),
        Some(Value::Array(items)) => drop(items.remove(name.parse().expect("an index"))),
        _ => {}
    });
    match value {
        Value::Object(map) => {
            let slip = map.keys().next().map(|name| name[..name.len() - 1].to_owned()).filter(|slip| !slip.is_empty());
            for unknown in ["zzz".to_owned(), "X-y.z".to_owned()].into_iter().chain(slip) {
                add(format!("with {unknown}"), &|object| {
                    set(object, &format!("{pointer}/{}", escaped(&unknown)), json!({"a": 1}))
                });
            }
            for (name, below) in map {
                let node = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
                mutate(sample, &format!("{pointer}/{}", escaped(name)), below, node, cases);
            }
        }
        Value::Array(items) => {
            for count in [2, 17, 65] {
                let many: Value =
                    items.iter().cycle().take(if items.is_empty() { 0 } else { count }).cloned().collect();
                add(format!("{count} items"), &|object| set(object, pointer, many.clone()));
            }
            for (index, item) in items.iter().enumerate().take(2) {
                mutate(sample, &format!("{pointer}/{index}"), item, &schema["items"], cases);
            }
        }
        _ => {}
    }
}

/// Values of every type, and those at the limits of the schema.
fn replacements(schema: &Value) -> Vec<Value> {
    let mut values = vec![
        Value::Null,
        json!(true),
        json!(7),
        json!(-1),
        json!(7.5),
        json!(7.0),
        json!(3_000_000_000_u64),
        json!(1e20),
        json!(""),
        json!("text"),
        json!("7"),
        json!("Exact"),
        json!("/x y"),
        json!([]),
        json!([null]),
        json!([{}]),
        json!({}),
        json!({"x": 1}),
    ];
    values.extend(schema["enum"].as_array().into_iter().flatten().cloned());
    for limit in ["minimum", "maximum"] {
        let limit = schema[limit].as_i64();
        values.extend(limit.into_iter().flat_map(|limit| [json!(limit - 1), json!(limit), json!(limit + 1)]));
    }
    if let Some(most) =
        schema["maxLength"].as_u64().and_then(|most| usize::try_from(most).ok()).filter(|most| *most < 5000)
    {
        values
            .extend(["a", "é"].iter().flat_map(|letter| [json!(letter.repeat(most)), json!(letter.repeat(most + 1))]));
    }
    if schema.get("pattern").is_some() {
        values.extend(
            ["a", "/", "x/", "-a", "a.b", "a..b", "A", "*.a", "a_b", "a\n", "é", "0-0.1", "٣"].map(|text| json!(text)),
        );
    }
    values
}

/// A valid value with every property.
fn maximal(schema: &Value) -> Value {
    if let Some(first) = schema.pointer("/enum/0") {
        return first.clone();
    }
    let properties = || schema["properties"].as_object().into_iter().flatten();
    match schema["type"].as_str().expect("a type") {
        "object" if schema.get("additionalProperties").is_some() => json!({"a.b/key": "value"}),
        "object" => properties().map(|(name, below)| (name.clone(), maximal(below))).collect::<Map<_, _>>().into(),
        "array" => json!([maximal(&schema["items"])]),
        "boolean" => json!(true),
        "integer" => schema.get("minimum").cloned().unwrap_or(json!(7)),
        "string" if schema["pattern"] == "^/.*" => json!("/x"),
        "string" => json!("a-1.example"),
        other => panic!("no sample for {other}"),
    }
}

/// A valid value with some of the properties.
fn chance(schema: &Value, dice: &mut Dice) -> Value {
    if let Some(choices) = schema["enum"].as_array() {
        return choices[usize::try_from(dice.below(choices.len() as u64)).expect("an index")].clone();
    }
    match schema["type"].as_str().expect("a type") {
        "object" if schema.get("additionalProperties").is_none() => {
            let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
            let mut map = Map::new();
            for (name, below) in schema["properties"].as_object().into_iter().flatten() {
                let value = chance(below, dice);
                if required(name) || dice.one_in(2) {
                    // Null is as good as absent where nothing is required.
                    let value = if !required(name) && dice.one_in(12) { Value::Null } else { value };
                    map.insert(name.clone(), value);
                }
            }
            Value::Object(map)
        }
        "array" => (0..dice.below(4)).map(|_| chance(&schema["items"], dice)).collect(),
        "boolean" => json!(dice.one_in(2)),
        _ => maximal(schema),
    }
}

fn set(object: &mut Value, pointer: &str, value: Value) {
    let (above, name) = pointer.rsplit_once('/').expect("a pointer");
    match object.pointer_mut(above) {
        Some(Value::Object(map)) => drop(map.insert(unescaped(name), value)),
        Some(Value::Array(items)) => items[name.parse::<usize>().expect("an index")] = value,
        _ => panic!("{pointer} has no place"),
    }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}
