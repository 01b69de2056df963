//! Values for the document: the object before and after, and what of it is secret or unknown.

use serde_json::{Map, Value};

use super::super::Numbers;
use crate::diff::{Class, FieldChange};
use crate::resource::{Entry, FieldPath, PathStep};

/// An object without what only the server keeps, and without kind and version: its address has them, and lists leave them out.
pub(super) fn cleaned(live: &Value, keycloak: bool) -> Value {
    let mut value = live.clone();
    let Some(fields) = value.as_object_mut() else { return value };
    if keycloak {
        fields.remove("id");
        return value;
    }
    for key in ["apiVersion", "kind", "status"] {
        fields.remove(key);
    }
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in ["managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"] {
            metadata.remove(key);
        }
    }
    value
}

/// Of a shared object: its name, and the one entry.
pub(super) fn narrowed(object: &Value, entry: &Entry) -> Value {
    let Some(fields) = object.as_object() else { return object.clone() };
    let mut kept = Map::new();
    let metadata = fields.get("metadata").and_then(Value::as_object).into_iter().flatten();
    let mut metadata: Map<String, Value> = metadata
        .filter(|(key, _)| matches!(key.as_str(), "name" | "namespace"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if let Some(value) = object.pointer("/metadata").and_then(|metadata| metadata.get(&entry.list)?.get(&entry.key)) {
        metadata.insert(entry.list.clone(), Map::from_iter([(entry.key.clone(), value.clone())]).into());
    }
    kept.insert("metadata".into(), metadata.into());
    let items = object.pointer("/spec").and_then(|spec| spec.get(&entry.list)?.as_array()).into_iter().flatten();
    let named = |item: &&Value| item.get("name").and_then(Value::as_str) == Some(&entry.key);
    let items: Vec<Value> = items.filter(named).cloned().collect();
    if !items.is_empty() {
        kept.insert("spec".into(), Map::from_iter([(entry.list.clone(), items.into())]).into());
    }
    kept.into()
}

/// An object with changed fields written into it.
pub(super) fn overlaid(before: &Value, fields: &[FieldChange]) -> Value {
    let mut value = before.clone();
    let changing = || fields.iter().filter(|field| !matches!(field.class, Class::Stuck(_)));
    for field in changing() {
        if let Some(after) = &field.after {
            set(&mut value, &field.path.0, after.clone());
        }
    }
    // From the end, so that positions of a list still mean what they meant.
    for field in changing().rev() {
        if field.after.is_none() {
            remove(&mut value, &field.path.0);
        }
    }
    value
}

/// `true` at each of these paths.
pub(super) fn marked<'p>(paths: impl Iterator<Item = &'p FieldPath>) -> Value {
    let mut tree = Value::Object(Map::new());
    for path in paths {
        set(&mut tree, &path.0, true.into());
    }
    tree
}

/// `true` at each secret of a value; `false` where there is no object.
pub(super) fn sensitive(value: &Value) -> Value {
    match (flags(value), value) {
        (Some(flags), _) => flags,
        (None, Value::Object(_)) => Map::new().into(),
        (None, _) => false.into(),
    }
}

fn flags(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => Numbers::holds_secret(text).then(|| true.into()),
        Value::Array(items) => {
            let flags: Vec<Option<Value>> = items.iter().map(flags).collect();
            let any = flags.iter().any(Option::is_some);
            any.then(|| flags.into_iter().map(|flag| flag.unwrap_or(false.into())).collect())
        }
        Value::Object(fields) => {
            let flags: Map<String, Value> =
                fields.iter().filter_map(|(key, field)| Some((key.clone(), flags(field)?))).collect();
            (!flags.is_empty()).then(|| flags.into())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Writes a value at a path, making what is missing on the way.
pub(super) fn set(target: &mut Value, steps: &[PathStep], value: Value) {
    let Some((step, rest)) = steps.split_first() else {
        *target = value;
        return;
    };
    if let PathStep::Field(name) = step {
        if !target.is_object() {
            *target = Map::new().into();
        }
        if let Some(fields) = target.as_object_mut() {
            set(fields.entry(name.clone()).or_insert(Value::Null), rest, value);
        }
        return;
    }
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Some(items) = target.as_array_mut() else { return };
    let position = position(items, step).unwrap_or_else(|| {
        items.push(made(step));
        items.len() - 1
    });
    set(&mut items[position], rest, value);
}

/// Takes a field out, and the maps that held nothing else, as server-side apply does.
fn remove(target: &mut Value, steps: &[PathStep]) {
    let Some((step, rest)) = steps.split_first() else { return };
    match (step, target) {
        (PathStep::Field(name), Value::Object(fields)) if rest.is_empty() => {
            fields.remove(name);
        }
        (PathStep::Field(name), Value::Object(fields)) => {
            let Some(below) = fields.get_mut(name) else { return };
            remove(below, rest);
            if below.as_object().is_some_and(Map::is_empty) {
                fields.remove(name);
            }
        }
        (step, Value::Array(items)) => match position(items, step) {
            Some(position) if rest.is_empty() => {
                items.remove(position);
            }
            Some(position) => remove(&mut items[position], rest),
            None => {}
        },
        _ => {}
    }
}

/// The position of what a step means in a list.
fn position(items: &[Value], step: &PathStep) -> Option<usize> {
    // Steps hold compact JSON; comparing a `Value` with a string would compare the contents of strings instead.
    let is = |value: &Value, expected: &str| {
        let text = value.to_string();
        text == expected
    };
    match step {
        PathStep::Index(position) => (*position < items.len()).then_some(*position),
        PathStep::Item(expected) => items.iter().position(|item| is(item, expected)),
        PathStep::Key(keys) => items.iter().position(|item| {
            keys.iter().all(|(name, expected)| item.get(name).is_some_and(|value| is(value, expected)))
        }),
        PathStep::Field(_) => None,
    }
}

/// The item that a step asks for when a list has none.
fn made(step: &PathStep) -> Value {
    let parsed = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| text.into());
    match step {
        PathStep::Key(keys) => keys.iter().map(|(name, value)| (name.clone(), parsed(value))).collect(),
        PathStep::Item(value) => parsed(value),
        PathStep::Field(_) | PathStep::Index(_) => Value::Null,
    }
}
