//! What a pair is about, for the counts.

use std::collections::BTreeSet;

use packctl::diff::{Class, FieldChange, Who};
use packctl::resource::PathStep;
use serde_json::Value;

use super::verdict::Pair;

/// Nothing differs, and that is plain.
pub(super) const AT_A_GLANCE: &str = "nothing to do, at a glance";

/// All classes.
pub(super) const ALL: [&str; 38] = [
    "conflict inside a list",
    "conflict with an Apply manager",
    "conflict with an Update manager",
    "conflict with before-first-apply",
    "conflict with several managers",
    "conflict with the manager of a subresource",
    "drift by an Apply manager",
    "drift by an Update manager",
    "drift by unknown: removed by somebody",
    "foreign",
    "in doubt",
    "managers: 1",
    "managers: 2",
    "managers: 3",
    "managers: 4 and more",
    "managers: none is recorded",
    "nothing to do",
    AT_A_GLANCE,
    "nothing to do, beside fields of others and defaults",
    "nothing to do, though an apply would conflict",
    "pending, co-owned",
    "pending: added",
    "pending: changed",
    "pending: removed",
    "shape: a struct goes as a whole",
    "shape: another type (int or string)",
    "shape: atomic list",
    "shape: field in an item of a keyed list",
    "shape: field in an item of a keyed list added",
    "shape: inside an atomic list",
    "shape: item of a keyed list removed",
    "shape: item of a set added",
    "shape: item of a set removed",
    "shape: scalar",
    "shape: scalar removed",
    "stays: held by an Apply manager",
    "stays: held by an Update manager",
    "the object was never applied by us",
];

/// The classes of one pair, each once.
pub(super) fn of(pair: &Pair<'_>) -> Vec<&'static str> {
    let mut found = BTreeSet::new();
    let fields = &pair.predicted.fields;
    let managers = pair.live.pointer("/metadata/managedFields").and_then(Value::as_array).map_or(0, Vec::len);
    found.insert(match managers {
        0 => "managers: none is recorded",
        1 => "managers: 1",
        2 => "managers: 2",
        3 => "managers: 3",
        _ => "managers: 4 and more",
    });
    if fields.is_empty() {
        found.insert("nothing to do");
        if !pair.refused.is_empty() {
            found.insert("nothing to do, though an apply would conflict");
        }
        if pair.leaves(pair.desired).len() < pair.leaves(pair.live).len() {
            found.insert("nothing to do, beside fields of others and defaults");
        }
    }
    if !pair.predicted.ours {
        found.insert("the object was never applied by us");
    }
    for field in fields {
        found.insert(class(field));
        found.insert(shape(field));
    }
    for (path, who) in pair.refused {
        found.insert(match who.as_str() {
            "argocd" | "helper" => "conflict with an Apply manager",
            "autoscaler" => "conflict with the manager of a subresource",
            "before-first-apply" => "conflict with before-first-apply",
            _ => "conflict with an Update manager",
        });
        if path.contains("[=") || path.contains('[') {
            found.insert("conflict inside a list");
        }
    }
    let who: BTreeSet<&String> = pair.refused.iter().map(|(_, who)| who).collect();
    if who.len() > 1 {
        found.insert("conflict with several managers");
    }
    found.into_iter().collect()
}

fn class(field: &FieldChange) -> &'static str {
    let removed = field.after.is_none() && !field.unknown;
    match (&field.class, removed) {
        (Class::Pending, _) if !removed && !field.holders.is_empty() => "pending, co-owned",
        (Class::Pending, false) if field.before.is_none() => "pending: added",
        (Class::Pending, false) => "pending: changed",
        (Class::Pending, true) => "pending: removed",
        (Class::Drift(Who::Unknown), _) => "drift by unknown: removed by somebody",
        (Class::Drift(Who::Manager { operation: "Apply", .. }), _) => "drift by an Apply manager",
        (Class::Drift(Who::Manager { .. }), _) => "drift by an Update manager",
        (Class::Foreign(_), _) => "foreign",
        (Class::Stuck(Who::Manager { operation: "Apply", .. }), _) => "stays: held by an Apply manager",
        (Class::Stuck(_), _) => "stays: held by an Update manager",
        (Class::Doubt(_), _) => "in doubt",
    }
}

fn shape(field: &FieldChange) -> &'static str {
    let last = field.path.0.last();
    let removed = field.after.is_none();
    let kind = |value: &Option<Value>| value.as_ref().map(|value| (value.is_number(), value.is_string()));
    match last {
        _ if field.before.is_some() && field.after.is_some() && kind(&field.before) != kind(&field.after) => {
            "shape: another type (int or string)"
        }
        Some(PathStep::Item(_)) if removed => "shape: item of a set removed",
        Some(PathStep::Item(_)) => "shape: item of a set added",
        Some(PathStep::Key(_)) => "shape: item of a keyed list removed",
        _ if field.path.0.iter().any(|step| matches!(step, PathStep::Index(_))) => "shape: inside an atomic list",
        _ if field.before.as_ref().is_some_and(Value::is_array)
            || field.after.as_ref().is_some_and(Value::is_array) =>
        {
            "shape: atomic list"
        }
        _ if field.path.0.iter().any(|step| matches!(step, PathStep::Key(_))) => match field.before {
            None => "shape: field in an item of a keyed list added",
            Some(_) => "shape: field in an item of a keyed list",
        },
        _ if removed && field.before.as_ref().is_some_and(Value::is_object) => "shape: a struct goes as a whole",
        _ if removed => "shape: scalar removed",
        _ => "shape: scalar",
    }
}
