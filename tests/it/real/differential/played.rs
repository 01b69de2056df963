//! What a snapshot makes of a pair against what the server did: the object, who has which field, what conflicts.

use std::collections::{BTreeMap, BTreeSet};

use packctl::observed::{FieldSet, ManagedEntry};
use packctl::provider::snapshot::merge::{Refused, Writer, apply};
use packctl::resource::FieldPath;
use packctl::schema::{Typing, stored};
use serde_json::{Value, json};

use super::verdict::{Pair, shown};

/// Where the two do not agree, in words.
pub(super) fn disagreements(pair: &Pair<'_>, manager: &str) -> Vec<String> {
    let api_version = pair.desired["apiVersion"].as_str().unwrap_or_default();
    let writer = Writer { manager, api_version, subresource: "", now: "2026-11-24T12:00:00Z" };
    let typing = Typing::of_object(Some(pair.schema));
    let played = |force| apply(Some(pair.live), pair.desired, writer, force, typing);
    let refused = match played(false) {
        Ok(_) => BTreeSet::new(),
        Err(Refused::Conflict(conflicts)) => {
            conflicts.into_iter().map(|conflict| (conflict.field(), conflict.manager)).collect()
        }
        Err(Refused::Untyped(why)) => return vec![format!("a snapshot refuses it: {why}")],
    };
    let mut found: Vec<String> = difference(&refused, pair.refused, |(path, who)| format!("{path} of {who}"))
        .map(|what| format!("a snapshot's conflicts: {what}"))
        .collect();
    match played(true) {
        Ok(merged) => {
            let object = stored(&merged, Some(pair.schema));
            found.extend(contents(pair, &object));
            found.extend(managers(&object, pair.server));
        }
        Err(refused) => found.push(format!("a snapshot refuses it with force: {refused:?}")),
    }
    found
}

fn contents<'p>(pair: &'p Pair<'p>, object: &Value) -> impl Iterator<Item = String> {
    let (played, server) = (pair.leaves(object), pair.leaves(pair.server));
    let paths: BTreeSet<FieldPath> = played.keys().chain(server.keys()).cloned().collect();
    let differs = move |path: FieldPath| {
        let (played, server) = (played.get(&path), server.get(&path));
        // What no table knows of a built-in kind the server alone fills in, and an empty struct may be nothing to it.
        let emptied = played.is_some_and(|value| *value == json!({})) && server.is_none();
        let filled = pair.schema.root().is_built_in() && (played.is_none() || emptied);
        let same = pair.is_same(&path, played, server) || pair.is_aside(&path) || filled;
        (!same).then(|| format!("a snapshot's {path}: {}, server {}", shown(played), shown(server)))
    };
    paths.into_iter().filter_map(differs)
}

fn managers(object: &Value, server: &Value) -> Vec<String> {
    let (played, server) = (entries(object), entries(server));
    let names: BTreeSet<&String> = played.keys().chain(server.keys()).collect();
    let mut found = Vec::new();
    for name in names {
        let fields = |entries: &BTreeMap<String, FieldSet>| -> BTreeSet<String> {
            let members = entries.get(name).map(FieldSet::members).unwrap_or_default();
            members.iter().map(ToString::to_string).collect()
        };
        let (ours, theirs) = (fields(&played), fields(&server));
        let lines = difference(&ours, &theirs, String::clone);
        found.extend(lines.map(|what| format!("a snapshot's {name}: {what}")));
        if played.contains_key(name) != server.contains_key(name) {
            found.push(format!("a snapshot's {name}: only one has an entry"));
        }
    }
    found
}

/// Who has what, by manager, operation, version and subresource.
fn entries(object: &Value) -> BTreeMap<String, FieldSet> {
    let list = object.pointer("/metadata/managedFields").cloned().unwrap_or_default();
    let list: Vec<ManagedEntry> = serde_json::from_value(list).unwrap_or_default();
    let entry = |entry: ManagedEntry| {
        let ManagedEntry { manager, operation, api_version, subresource, fields, .. } = entry;
        (format!("{manager} {operation:?} {api_version} {subresource}"), fields)
    };
    list.into_iter().map(entry).collect()
}

fn difference<'s, T: Ord>(
    played: &'s BTreeSet<T>,
    server: &'s BTreeSet<T>,
    says: impl Fn(&T) -> String + Copy + 's,
) -> impl Iterator<Item = String> + 's {
    let only_played = played.difference(server).map(move |one| format!("only the snapshot: {}", says(one)));
    only_played.chain(server.difference(played).map(move |one| format!("only the server: {}", says(one))))
}
