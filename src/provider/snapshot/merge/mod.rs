//! Server-side apply: what an API server makes of a live object and the fields that somebody applies.
//!
//! The algorithm is that of sigs.k8s.io/structured-merge-diff v6 (`merge/update.go`, `typed/`) and of its use in
//! k8s.io/apimachinery 0.34 (`util/managedfields`), function by function, so that it can be read beside them. It is pure: no
//! clock, no world, no defaults, no validation but that of types. One thing is left out: conversion between versions; all
//! managers are taken to have written in the version of the object.
//!
//! [`apply`] is the way in.

mod combine;
mod compare;
mod managers;
mod prune;
mod typed;

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::observed::{FieldSet, Operation};
use crate::resource::FieldPath;
use crate::schema::Typing;

use compare::{compare, equal};
use managers::{Managed, Manager, Managers, stripped};

/// Who writes, and how.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'w> {
    /// The field manager.
    pub manager: &'w str,
    /// `group/version` that is written.
    pub api_version: &'w str,
    /// Empty, or `status`. A write of the object never touches the status, and one of the status nothing else.
    pub subresource: &'w str,
    /// RFC 3339, for the entry in `managedFields`.
    pub now: &'w str,
}

/// A field that an apply would take from somebody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// The field manager that has it.
    pub manager: String,
    /// How that one wrote it.
    pub operation: Operation,
    /// The field.
    pub path: FieldPath,
}

impl Conflict {
    /// The field as the API server words it: `.spec.listeners[name="a"].port`.
    pub fn field(&self) -> String {
        self.path.worded()
    }
}

/// Why nothing is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Others manage fields and give them other values.
    Conflict(Vec<Conflict>),
    /// The body does not fit the schema; in the server's words.
    Untyped(String),
}

/// Applies `body` to `live` (`None`: the object is made) and gives the object as it is then, `managedFields` included.
///
/// `typing` is that of the kind: [`Typing::of_object`]. The body has `apiVersion`, `kind`, `metadata`; an empty one beyond that
/// releases the manager's fields. The result is not defaulted and has the metadata of the live object; where nothing changed it
/// equals the live object, but for the time of the manager's entry.
///
/// # Errors
/// Conflicts, unless `force`; types that the schema does not have.
pub fn apply(
    live: Option<&Value>,
    body: &Value,
    writer: Writer<'_>,
    force: bool,
    typing: Typing<'_>,
) -> Result<Value, Refused> {
    typed::validate(body, typing).map_err(|wrong| Refused::Untyped(wrong.join("\n")))?;
    let nothing = json!({"apiVersion": body["apiVersion"], "kind": body["kind"]});
    let live = live.unwrap_or(&nothing);
    let mut managers = Managers::of(live);
    if managers.is_empty() {
        // An object from before anybody applied: its fields are of somebody without a name.
        let before = Writer { manager: "before-first-apply", ..writer };
        managers = updated(&typing.zero(), live, before, managers, typing);
    }
    managers.fit(typing);
    let own = Manager::applying(writer);
    let merged = combine::merge(live, body, typing).map_err(|wrong| Refused::Untyped(wrong.join("\n")))?;
    let last = managers.get(&own).cloned();
    // Its own name and namespace count while it is pruned: they hold `metadata`.
    let fields = typed::field_set(body, typing).without(&out_of_reach(writer));
    managers.insert(own.clone(), Managed { fields, api_version: writer.api_version.into(), time: None });
    let object = match last.filter(|last| !last.fields.is_empty()) {
        Some(last) => prune::prune(&merged, &managers, &last.fields, typing),
        None => merged,
    };
    let changes = compare(live, &object, typing).without(&out_of_reach(writer));
    let conflicts = managers.conflicts(&own, &changes);
    if !force && !conflicts.is_empty() {
        return Err(Refused::Conflict(conflicts));
    }
    managers.lose(&own, &changes);
    managers.strip(&own);
    let mut object = if equal(live, &object) {
        live.clone()
    } else {
        // A manager that only joined in has no time (kubernetes/kubernetes#127938).
        managers.stamp(&own, writer.now);
        object
    };
    managers.write(&mut object);
    Ok(object)
}

/// Notes in `managedFields` of `object` what an update, or a create (`live` absent), made of `live`.
pub fn update(live: Option<&Value>, object: &Value, writer: Writer<'_>, typing: Typing<'_>) -> Value {
    let nothing = typing.zero();
    let (is_new, live) = (live.is_none(), live.unwrap_or(&nothing));
    let mut managers = Managers::of(live);
    let mut object = object.clone();
    if managers.is_empty() && !is_new {
        // Nobody is tracked before the first apply.
        return object;
    }
    managers.fit(typing);
    let mut managers = updated(live, &object, writer, managers, typing);
    managers.cap();
    managers.write(&mut object);
    object
}

/// The live object with another list in `managedFields`, which is what a patch of nothing else makes. `[]` and `[{}]` take all
/// entries away, and from then on nobody is tracked; a list that cannot be read changes nothing.
pub fn handed_over(live: &Value, managed_fields: &Value, typing: Typing<'_>) -> Value {
    let mut object = live.clone();
    object["metadata"]["managedFields"] = managed_fields.clone();
    let mut managers = Managers::of(&object);
    let is_reset = *managed_fields == json!([]) || *managed_fields == json!([{}]);
    if managers.is_empty() && !is_reset {
        return live.clone();
    }
    managers.fit(typing);
    managers.cap();
    managers.write(&mut object);
    object
}

fn updated(live: &Value, object: &Value, writer: Writer<'_>, mut managers: Managers, typing: Typing<'_>) -> Managers {
    let changes = compare(live, object, typing).without(&out_of_reach(writer));
    let own = Manager::updating(writer);
    // What an earlier update of the same manager set, and this one changes, is set by this one.
    managers.lose(&Manager::nobody(), &changes);
    let taken = stripped(&changes.added.union(&changes.modified));
    if !taken.is_empty() {
        let before = managers.get(&own).map(|managed| managed.fields.clone()).unwrap_or_default();
        let fields = before.union(&taken);
        managers.insert(own.clone(), Managed { fields, api_version: writer.api_version.into(), time: None });
        managers.stamp(&own, writer.now);
    }
    managers
}

/// What a write of this subresource cannot set.
fn out_of_reach(writer: Writer<'_>) -> FieldSet {
    let mut set = FieldSet::default();
    let fields: &[&str] = if writer.subresource.is_empty() { &["status"] } else { &["spec", "data", "metadata"] };
    for field in fields {
        set.insert(&FieldPath::of(field).0);
    }
    set
}
