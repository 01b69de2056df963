//! Values seen through their types: what fits, which fields they have, how the server words a path.

use std::collections::BTreeSet;

use serde_json::{Number, Value};

use crate::observed::FieldSet;
use crate::resource::{FieldPath, PathStep};
use crate::schema::{Atom, ListKind, Typing};

/// The items of a list, with the step that leads to each.
pub(super) fn steps(items: &[Value], kind: &ListKind, typing: Typing<'_>) -> Vec<Result<PathStep, String>> {
    items.iter().map(|item| step(item, kind, typing)).collect()
}

/// The step to an item; the error says why it has none (`typed/helpers.go`).
fn step(item: &Value, kind: &ListKind, typing: Typing<'_>) -> Result<PathStep, String> {
    let ListKind::Map(names) = kind else {
        return match item {
            Value::Object(_) => Err("associative list without keys has an element that's a map type".into()),
            Value::Array(_) => Err("not supported: associative list with lists as elements".into()),
            Value::Null => Err("associative list without keys has an element that's an explicit null".into()),
            scalar => Ok(PathStep::Item(compact(scalar))),
        };
    };
    let Value::Object(fields) = item else {
        let what = if item.is_null() { "a null element" } else { "non-map elements" };
        return Err(format!("associative list with keys may not have {what}"));
    };
    let given = |name: &String| fields.get(name).or_else(|| typing.key_default(name));
    let mut keys: Vec<(String, String)> =
        names.iter().filter_map(|name| Some((name.clone(), compact(given(name)?)))).collect();
    if keys.is_empty() && !names.is_empty() {
        let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for \
             any key fields)",
            names.join(" ")
        ));
    }
    keys.sort();
    Ok(PathStep::Key(keys))
}

/// A scalar as compact JSON; a whole number is written without a point, as it would be compared.
fn compact(value: &Value) -> String {
    match value.as_f64() {
        Some(number) if value.is_f64() && number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "whole and within the exact range")]
            Value::Number(Number::from(number as i64)).to_string()
        }
        _ => value.to_string(),
    }
}

/// What of a body the schema does not allow; each text begins with the field (`typed/validate.go`).
pub(super) fn validate(body: &Value, typing: Typing<'_>) -> Result<(), Vec<String>> {
    let mut wrong = Vec::new();
    check(body, typing, &mut FieldPath::default(), &mut wrong);
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn check(value: &Value, typing: Typing<'_>, path: &mut FieldPath, wrong: &mut Vec<String>) {
    if let Err(wants) = typing.admits(value) {
        wrong.push(format!("{}: {wants}, got {value}", path.worded()));
        return;
    }
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                path.0.push(PathStep::Field(name.clone()));
                match typing.field(name) {
                    Some(below) => check(value, below, path, wrong),
                    None => wrong.push(format!("{}: field not declared in schema", path.worded())),
                }
                path.0.pop();
            }
        }
        Value::Array(items) => {
            let mut seen = BTreeSet::new();
            for (position, item) in items.iter().enumerate() {
                let next = match typing.atom(value) {
                    Atom::Items(kind) => step(item, &kind, typing),
                    Atom::Leaf | Atom::Fields => Ok(PathStep::Index(position)),
                };
                let next = match next {
                    Ok(next) => next,
                    Err(why) => {
                        wrong.push(format!("{}: element {position}: {why}", path.worded()));
                        return;
                    }
                };
                if !seen.insert(next.clone()) {
                    let key = FieldPath(vec![next.clone()]).worded();
                    wrong.push(format!("{}: duplicate entries for key {key}", path.worded()));
                }
                path.0.push(next);
                check(item, typing.items(), path, wrong);
                path.0.pop();
            }
        }
        _ => {}
    }
}

/// The fields that a value has (`typed/tofieldset.go`).
pub(super) fn field_set(value: &Value, typing: Typing<'_>) -> FieldSet {
    let mut set = FieldSet::default();
    collect(value, typing, &mut set);
    set
}

/// Notes in `set` the fields at and below its place.
fn collect(value: &Value, typing: Typing<'_>, set: &mut FieldSet) {
    match (typing.atom(value), value) {
        (Atom::Leaf, _) => set.member = true,
        (Atom::Fields, Value::Object(map)) => {
            for (name, value) in map {
                let below = set.children.entry(PathStep::Field(name.clone())).or_default();
                if let Some(typing) = typing.field(name) {
                    collect(value, typing, below);
                }
                let is_empty = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
                below.member |= is_empty || !typing.declares(name);
            }
        }
        (Atom::Items(kind), Value::Array(items)) => {
            let steps = steps(items, &kind, typing);
            let mut seen = BTreeSet::new();
            let duplicates: BTreeSet<&PathStep> = steps.iter().flatten().filter(|step| !seen.insert(*step)).collect();
            for (item, step) in items.iter().zip(&steps) {
                let Ok(step) = step else { continue };
                let below = set.children.entry(step.clone()).or_default();
                below.member = true;
                if !duplicates.contains(step) {
                    collect(item, typing.items(), below);
                }
            }
        }
        // Of another form than the type says, or null.
        (Atom::Fields | Atom::Items(_), _) => {}
    }
    set.children.retain(|_, below| below.member || !below.children.is_empty());
}

/// The set with the struct fields that lie on the way to its members (`EnsureNamedFieldsAreMembers`).
pub(super) fn with_named(set: &FieldSet, typing: Option<Typing<'_>>) -> FieldSet {
    let children = set.children.iter().map(|(step, below)| {
        let (named, typing) = match (step, typing) {
            (PathStep::Field(name), Some(typing)) => (typing.declares(name), typing.field(name)),
            (PathStep::Key(_), Some(typing)) => (false, Some(typing.items())),
            _ => (false, None),
        };
        let below =
            FieldSet { member: below.member || (named && !below.children.is_empty()), ..with_named(below, typing) };
        (step.clone(), below)
    });
    FieldSet { member: set.member, children: children.collect() }
}

/// The set with everything below an atomic place drawn together to that place.
pub(super) fn fitted(set: &FieldSet, typing: Typing<'_>) -> FieldSet {
    let children = set.children.iter().map(|(step, below)| {
        let typing = match step {
            PathStep::Field(name) => typing.field(name),
            PathStep::Key(_) | PathStep::Item(_) | PathStep::Index(_) => Some(typing.items()),
        };
        let fitted = match typing {
            Some(typing) if !below.children.is_empty() && typing.is_atomic() => {
                FieldSet { member: true, ..FieldSet::default() }
            }
            Some(typing) => fitted(below, typing),
            None => below.clone(),
        };
        (step.clone(), fitted)
    });
    FieldSet { member: set.member, children: children.collect() }
}
