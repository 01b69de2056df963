//! A NebariApp as it will be after the apply.

use serde_json::Value;

use crate::observed::Live;
use crate::resource::{FieldPath, Hand, PathStep};
use crate::schema::{Schemas, with_defaults, without_nulls};

/// Merges the declared object into the live one as server-side apply would, and fills in the CRD's defaults.
///
/// A field that the input omits and somebody else owns stays in force; a field that we applied and no longer declare goes.
/// Every list of a NebariApp's spec is atomic, so lists are replaced.
pub(super) fn effective(declared: Option<&Value>, live: Option<&Live>, schemas: &Schemas) -> Value {
    let mut value = live.map_or(Value::Null, |live| live.value().clone());
    // Server-side apply takes null as absent: a field that somebody else owns stays in force behind it.
    let declared = declared.map(|declared| without_nulls(declared.clone()));
    if let (Some(live), Some(declared)) = (live, &declared) {
        let others = |path: &FieldPath| {
            live.managed().iter().any(|entry| {
                !(entry.manager == Hand::MANAGER && entry.is_apply())
                    && entry.subresource.is_empty()
                    && entry.fields.touches(path)
            })
        };
        for path in live.applied_by(Hand::MANAGER).map(|owned| owned.leaves()).unwrap_or_default() {
            // A field that goes takes along what is above it and nobody declares any more: `routing: {tls: {...}}` leaves no
            // empty `routing`, which would be a route.
            let above = (1..=path.0.len()).map(|length| FieldPath(path.0[..length].to_vec()));
            if let Some(goes) = above.into_iter().find(|above| above.find(declared).is_none() && !others(above)) {
                remove(&mut value, &goes);
            }
        }
    }
    if let Some(declared) = &declared {
        merge(&mut value, declared);
    }
    match schemas.get("reconcilers.nebari.dev", "NebariApp") {
        Some(schema) => with_defaults(&value, schema.root()),
        None => value,
    }
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

fn remove(value: &mut Value, path: &FieldPath) {
    let Some((last, above)) = path.0.split_last() else { return };
    let mut value = value;
    for step in above {
        let PathStep::Field(name) = step else { return };
        match value.get_mut(name) {
            Some(below) => value = below,
            None => return,
        }
    }
    if let (PathStep::Field(name), Some(map)) = (last, value.as_object_mut()) {
        map.remove(name);
    }
}
