//! What another hand does to a leaf, and what the server makes of managedFields then.
//!
//! An update takes the fields that it changes from all others; an apply by force takes those that it names; what is removed is
//! nobody's any more, unless it is a part of an atomic value, which then belongs to whoever removed it
//! (sigs.k8s.io/structured-merge-diff, `merge.Updater`). `server` shows the same by dry-run.

use packctl::observed::{FieldSet, Live};
use packctl::resource::{FieldPath, PathStep, SecretId};
use serde_json::{Value, json};

use super::leaf::{Leaf, Part};

/// The field manager of the other hand.
pub(super) const OTHER: &str = "another-hand";

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    /// Another value, as `kubectl edit` writes it.
    Update,
    /// Another value, applied by force.
    Apply,
    /// The leaf goes.
    Remove,
}

impl Deed {
    /// Those that are possible on a leaf and change something that it is owned for.
    pub(super) fn on(leaf: &Leaf) -> &'static [Self] {
        match leaf.part {
            // Without a key an item is none.
            Part::OfKey => &[Self::Update],
            // What is put into an empty map is a field of its own.
            Part::Whole if leaf.value.is_object() => &[Self::Remove],
            _ => &[Self::Update, Self::Apply, Self::Remove],
        }
    }
}

/// Another value of the same type.
pub(super) fn another(value: &Value) -> Value {
    match value {
        Value::Bool(value) => (!value).into(),
        Value::Number(number) => (number.as_i64().unwrap_or(0) + 1).into(),
        // Another secret, whose value is known where that of the first is.
        Value::String(text) => match SecretId::from_placeholder(text) {
            Some(SecretId(id)) => SecretId(id ^ 987).placeholder().into(),
            None => format!("{text}-x").into(),
        },
        Value::Array(_) => json!(["x"]),
        Value::Object(_) => json!({"x": "x"}),
        Value::Null => json!("x"),
    }
}

/// The object with another value at a leaf, or without the leaf.
pub(super) fn changed(object: &Value, leaf: &Leaf, new: Option<&Value>) -> Value {
    let mut object = object.clone();
    match new {
        Some(new) => *object.pointer_mut(&leaf.pointer).expect("the leaf is there") = new.clone(),
        None => {
            let (above, last) = leaf.pointer.rsplit_once('/').expect("a pointer");
            match object.pointer_mut(above).expect("it is in something") {
                Value::Object(map) => drop(map.remove(&last.replace("~1", "/").replace("~0", "~"))),
                Value::Array(items) => drop(items.remove(last.parse().expect("a position"))),
                _ => unreachable!("a leaf is in a map or a list"),
            }
        }
    }
    object
}

/// The live object afterwards: with a new value at the leaf, or without it.
pub(super) fn done(live: &Live, leaf: &Leaf, deed: Deed) -> Live {
    with(live, leaf, deed, (deed != Deed::Remove).then(|| another(&leaf.value)))
}

/// The same, with this value.
pub(super) fn with(live: &Live, leaf: &Leaf, deed: Deed, new: Option<Value>) -> Live {
    let mut object = changed(&live.whole(), leaf, new.as_ref());
    let mut entries = Vec::new();
    let raw = live.whole()["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    for (mut raw, entry) in raw.into_iter().zip(live.managed()) {
        let (_, left) = entry.fields.split(&mut |field| field.starts_with(&leaf.owned));
        if !left.is_empty() {
            raw["fieldsV1"] = left.to_fields_v1();
            entries.push(raw);
        }
    }
    let gained = match (leaf.part, &new) {
        (Part::Whole, None) | (Part::OfSet, None) | (Part::OfKey, _) => None,
        (Part::OfSet, Some(new)) => {
            let mut path = leaf.owned.clone();
            path.0.pop();
            Some(path.step(PathStep::Item(new.to_string())))
        }
        (Part::Whole | Part::OfAtomic, _) => Some(leaf.owned.clone()),
    };
    if let Some(path) = gained {
        let operation = if deed == Deed::Apply { "Apply" } else { "Update" };
        entries.push(json!({
            // A list leaves out the version of its items.
            "manager": OTHER, "operation": operation, "apiVersion": live.managed().first().map(|entry| &entry.api_version),
            "time": "2026-11-24T10:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": only(&path).to_fields_v1(),
        }));
    }
    object["metadata"]["managedFields"] = entries.into();
    Live::from_value(live.address.clone(), object)
}

/// The set of one path.
fn only(path: &FieldPath) -> FieldSet {
    let leaf = FieldSet { member: true, ..FieldSet::default() };
    path.0.iter().rev().fold(leaf, |below, step| {
        let mut set = FieldSet::default();
        set.children.insert(step.clone(), below);
        set
    })
}
