//! What the pods of a manifest refer to and are told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The pod of a workload; `None` for every other kind.
fn pod<'v>(kind: &str, object: &'v Value) -> Option<&'v Value> {
    object.pointer(match kind {
        "Pod" => "/spec",
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => "/spec/template/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        _ => return None,
    })
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers"].into_iter().flat_map(|list| items(pod, list))
}

fn items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The Secrets without which the pods of a workload do not start, with the keys that they name. What is marked optional is
/// left out: pods start without it.
pub(crate) fn secrets<'v>(kind: &str, object: &'v Value) -> BTreeMap<&'v str, BTreeSet<&'v str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let Some(pod) = pod(kind, object) else { return found };
    let mut add = |reference: &'v Value, name: &str, keys: &mut dyn Iterator<Item = &'v str>| {
        if reference.get("optional") != Some(&Value::Bool(true))
            && let Some(name) = text(reference, name)
        {
            found.entry(name).or_default().extend(keys);
        }
    };
    for container in containers(pod) {
        for variable in items(container, "env") {
            if let Some(reference) = variable.pointer("/valueFrom/secretKeyRef") {
                add(reference, "name", &mut text(reference, "key").into_iter());
            }
        }
        for source in items(container, "envFrom") {
            source.get("secretRef").into_iter().for_each(|reference| add(reference, "name", &mut std::iter::empty()));
        }
    }
    for volume in items(pod, "volumes") {
        let projected = volume.get("projected").into_iter().flat_map(|projected| items(projected, "sources"));
        let sources = projected.filter_map(|source| Some((source.get("secret")?, "name")));
        for (reference, name) in volume.get("secret").map(|secret| (secret, "secretName")).into_iter().chain(sources) {
            add(reference, name, &mut items(reference, "items").filter_map(|item| text(item, "key")));
        }
    }
    found
}

/// The texts that a manifest tells its program: variables of containers, and entries of a ConfigMap. Name and value.
pub(super) fn settings<'v>(kind: &str, object: &'v Value) -> Vec<(&'v str, &'v str)> {
    if kind == "ConfigMap" {
        let data = object.get("data").and_then(Value::as_object).into_iter().flatten();
        return data.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect();
    }
    let variables = pod(kind, object).into_iter().flat_map(containers).flat_map(|container| items(container, "env"));
    variables.filter_map(|variable| Some((text(variable, "name")?, text(variable, "value")?))).collect()
}

/// Whether any text in an object has `word` in it.
pub(super) fn mentions(value: &Value, word: &str) -> bool {
    match value {
        Value::String(text) => text.contains(word),
        Value::Array(items) => items.iter().any(|item| mentions(item, word)),
        Value::Object(fields) => fields.values().any(|field| mentions(field, word)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_way_to_need_a_secret_counts_and_optional_ones_do_not() {
        let pod = json!({
            "initContainers": [{"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": "one"}}}]}],
            "containers": [{
                "env": [
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "a", "key": "two"}}},
                    {"name": "C", "valueFrom": {"secretKeyRef": {"name": "no", "key": "x", "optional": true}}},
                    {"name": "D", "value": "text"},
                ],
                "envFrom": [{"secretRef": {"name": "b"}}, {"configMapRef": {"name": "no"}}],
            }],
            "volumes": [
                {"secret": {"secretName": "c", "items": [{"key": "k", "path": "p"}]}},
                {"secret": {"secretName": "no", "optional": true}},
                {"projected": {"sources": [{"secret": {"name": "d"}}, {"secret": {"name": "no", "optional": true}}]}},
            ],
        });
        let of = |keys: &[&'static str]| keys.iter().copied().collect::<BTreeSet<_>>();
        let wanted = BTreeMap::from([("a", of(&["one", "two"])), ("b", of(&[])), ("c", of(&["k"])), ("d", of(&[]))]);
        for (kind, object) in [
            ("Pod", json!({"spec": pod})),
            ("Deployment", json!({"spec": {"template": {"spec": pod}}})),
            ("CronJob", json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}})),
        ] {
            assert_eq!(secrets(kind, &object), wanted, "{kind}");
            assert_eq!(settings(kind, &object), [("D", "text")], "{kind}");
        }
        assert!(secrets("ConfigMap", &json!({"spec": pod})).is_empty());
    }
}
