//! The digest of a plan, one for each app: what was decided, without actors, times, uids and versions.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::steps::Conditions;
use super::types::{Act, Plan, Precondition};
use crate::resource::SecretId;

/// 32 hex digits by `namespace/name`, `-` for what belongs to no app.
pub(super) fn digests(plan: &Plan, conditions: &Conditions) -> BTreeMap<String, String> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for change in plan.changes.values().filter(|change| !change.steps.is_empty()) {
        let app = change.app.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let text = texts.entry(app).or_default();
        text.push_str(&format!("{} {:?}\n", change.address, change.action));
        let only_if = conditions.get(&change.address).map(|(only_if, _)| only_if);
        if let Some(Precondition::Unchanged { fingerprint, .. } | Precondition::Entry { fingerprint, .. }) = only_if {
            text.push_str(&format!("{fingerprint}\n"));
        }
        if let Some(taking) = &change.taking {
            let fields = taking.over.from.iter().map(|taken| (&taken.manager, taken.fields.to_fields_v1()));
            text.push_str(&format!("{:?}\n", fields.collect::<Vec<_>>()));
        }
        for id in &change.steps {
            let step = &plan.steps[*id];
            text.push_str(&format!("{} {} {:?}\n", step.title, step.wave, step.waits));
            if let Act::Apply { resource, force } = &step.act {
                text.push_str(&format!("{} {force}\n", without_secrets(&resource.body.value)));
            }
        }
    }
    texts
        .into_iter()
        .map(|(app, text)| (app, Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect()))
        .collect()
}

fn without_secrets(value: &Value) -> Value {
    match value {
        Value::String(text) if SecretId::from_placeholder(text).is_some() => Value::String("secret".into()),
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), without_secrets(value))).collect(),
        Value::Array(items) => items.iter().map(without_secrets).collect(),
        other => other.clone(),
    }
}
