//! Labels of Namespaces, and what selects them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Facts;
use crate::observed::Observed;
use crate::resource::Address;

/// The labels that a Namespace will have; `None` when they cannot be read.
pub(super) fn of_namespace(name: &str, facts: Facts<'_>) -> Option<BTreeMap<String, String>> {
    let address = Address::cluster_scoped("", "Namespace", name);
    let mut labels = BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), name.to_owned())]);
    let mut add = |value: &Value| {
        let map = value.pointer("/metadata/labels").and_then(Value::as_object);
        labels.extend(
            map.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))),
        );
    };
    match facts.world.get(&address) {
        Observed::Unreadable(_) => return None,
        observed => observed.live().into_iter().for_each(|live| add(live.value())),
    }
    // The manifest of a Namespace, and the entries that packs hold of it.
    let wanted = facts.desired.wanted.range(address.clone()..).take_while(|(found, _)| found.object() == address);
    wanted.for_each(|(_, resource)| add(&resource.body.value));
    Some(labels)
}

/// Whether a label selector (`matchLabels`, `matchExpressions`) takes these labels.
pub(super) fn selects(selector: &Value, labels: &BTreeMap<String, String>) -> bool {
    let equal = selector.get("matchLabels").and_then(Value::as_object);
    let equal = equal.into_iter().flatten().all(|(key, value)| labels.get(key).map(String::as_str) == value.as_str());
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    equal
        && expressions.into_iter().flatten().all(|expression| {
            let text = |key: &str| expression.get(key).and_then(Value::as_str).unwrap_or_default();
            let value = labels.get(text("key"));
            let values = expression.get("values").and_then(Value::as_array);
            let among = value.is_some_and(|value| {
                values.into_iter().flatten().any(|candidate| candidate.as_str() == Some(value.as_str()))
            });
            match text("operator") {
                "In" => among,
                "NotIn" => !among,
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_requirement_of_a_selector_must_hold() {
        let labels = BTreeMap::from([("team".to_owned(), "bi".to_owned())]);
        let expression = |key: &str, operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        for (selector, selected) in [
            (json!({}), true),
            (json!({"matchLabels": {"team": "bi"}}), true),
            (json!({"matchLabels": {"team": "bi", "tier": "1"}}), false),
            (expression("team", "In", &["web", "bi"]), true),
            (expression("team", "NotIn", &["bi"]), false),
            (expression("tier", "NotIn", &["1"]), true),
            (expression("team", "Exists", &[]), true),
            (expression("tier", "DoesNotExist", &[]), true),
            (expression("team", "Near", &["bi"]), false),
        ] {
            assert_eq!(selects(&selector, &labels), selected, "{selector}");
        }
    }
}
