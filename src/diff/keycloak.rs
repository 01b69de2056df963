//! The comparison of a Keycloak client with its record.
//!
//! Keycloak keeps no managers. What we declared last stands in the client's attribute `packctl.applied`; a field that is as
//! we declared it then, and not as it is now, was changed by another hand.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::change::{Class, Difference, FieldChange, Fingerprint, Who};
use super::wire::wire_body;
use crate::observed::Live;
use crate::resource::{FieldPath, Hand, Resource, SecretId};

pub(super) fn diff(resource: &Resource, live: &Live) -> Difference {
    let desired = wire_body(resource, None);
    let text = |value: &Value, name: &str| value.get("attributes")?.get(name)?.as_str().map(str::to_owned);
    let owner = Hand::owner_of(live.value());
    let ours = owner.is_some() && owner == Hand::owner_of(&desired);
    let record: Value =
        text(live.value(), Hand::APPLIED).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null);

    let mut looked_at = Sha256::new();
    looked_at.update(owner.unwrap_or("foreign"));
    let mut fields = Vec::new();
    let mut compare = |path: FieldPath, wanted: &Value, found: Option<&Value>, recorded: Option<&Value>| {
        let is_secret = found.and_then(Value::as_str).and_then(SecretId::from_placeholder).is_some();
        let seen =
            if is_secret { "secret".into() } else { found.map(|found| as_set(found).to_string()).unwrap_or_default() };
        looked_at.update(format!("{path}\0{seen}\n"));
        if found.is_some_and(|found| as_set(found) == as_set(wanted)) || (found.is_none() && is_empty(wanted)) {
            return;
        }
        let class = match recorded {
            _ if !ours => Class::Foreign(Who::Unknown),
            Some(recorded) if as_set(recorded) == as_set(wanted) => Class::Drift(Who::Unknown),
            _ => Class::Pending,
        };
        fields.push(FieldChange {
            path,
            before: found.cloned(),
            after: Some(wanted.clone()),
            unknown: false,
            class,
            holders: Vec::new(),
        });
    };
    for (name, wanted) in desired.as_object().into_iter().flatten() {
        if name == "attributes" {
            for (key, wanted) in wanted.as_object().into_iter().flatten() {
                let found = live.value().get("attributes").and_then(|attributes| attributes.get(key));
                let recorded = record.get("attributes").and_then(|attributes| attributes.get(key));
                // The record goes along with every change; alone it is a change only when it is not what we declare.
                if key != Hand::APPLIED {
                    compare(FieldPath::of("attributes").field(key), wanted, found, recorded);
                }
            }
        } else if name != "clientId" {
            compare(FieldPath::of(name), wanted, live.value().get(name), record.get(name));
        }
    }
    let wanted_record: Value =
        text(&desired, Hand::APPLIED).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null);
    if ours && fields.is_empty() && record != wanted_record {
        let path = FieldPath::of("attributes").field(Hand::APPLIED);
        let after = text(&desired, Hand::APPLIED).map(Value::String);
        let before = text(live.value(), Hand::APPLIED).map(Value::String);
        fields.push(FieldChange { path, before, after, unknown: false, class: Class::Pending, holders: Vec::new() });
    }
    fields.sort_by(|a, b| a.path.cmp(&b.path));
    let secret = live.text("/secret").and_then(SecretId::from_placeholder);
    let fingerprint = Fingerprint::of(&looked_at.finalize(), secret.into_iter().collect());
    Difference { fields, conflicts: Vec::new(), ours, fingerprint }
}

/// Lists are sets in Keycloak: their order changes with its cache.
fn as_set(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let items: BTreeSet<String> = items.iter().map(ToString::to_string).collect();
            items.into_iter().map(Value::String).collect()
        }
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Array(items) if items.is_empty()) || value.as_str() == Some("")
}
