//! Secret values leave the documents before anything else sees them.

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::resource::{self, PUBLIC_KEYS, Secrets};
use crate::yaml::{Document, step};

/// Takes the values of a `kind: Secret` into the table of the run: `stringData` moves to `data`, each value becomes its
/// placeholder. Public keys stay, as base64. An error leaves no value behind either.
pub fn conceal(document: &mut Document, secrets: &Secrets) -> Result<(), Diagnostic> {
    if !is_secret(document) {
        return Ok(());
    }
    let mut data = BTreeMap::new();
    let mut result = Ok(());
    for (map, encoded) in [("data", true), ("stringData", false)] {
        let entries = match document.value.get_mut(map).map(Value::take) {
            None | Some(Value::Null) => continue,
            Some(Value::Object(entries)) => entries,
            Some(_) => {
                result = result.and(Err(refusal(document, &format!("/{map}"), "must be a map")));
                continue;
            }
        };
        for (key, value) in entries {
            let pointer = format!("/{map}/{}", step(&key));
            let Value::String(text) = value else {
                result = result.and(Err(refusal(document, &pointer, "must be a text")));
                continue;
            };
            let bytes = if encoded {
                // Line breaks are allowed, as Go's decoder allows them.
                let plain: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
                match STANDARD.decode(&plain) {
                    Ok(bytes) => bytes,
                    Err(_) => {
                        secrets.intern(text.as_bytes());
                        result = result.and(Err(refusal(document, &pointer, "is no base64")));
                        continue;
                    }
                }
            } else {
                text.into_bytes()
            };
            let public = PUBLIC_KEYS.contains(&key.as_str());
            let value = if public { STANDARD.encode(&bytes) } else { secrets.intern(&bytes).placeholder() };
            data.insert(key, value);
        }
    }
    let last_applied = last_applied();
    if document.value.pointer(&last_applied).is_some() {
        if let Some(annotation) = document.value.pointer_mut(&last_applied) {
            *annotation = Value::Null;
        }
        let error = refusal(document, &last_applied, "holds the values of the Secret");
        result = result.and(Err(error.help("remove the annotation")));
    }
    if let Some(object) = document.value.as_object_mut() {
        let had = object.remove("stringData").is_some() | object.contains_key("data");
        if had {
            object.insert(
                "data".into(),
                Value::Object(data.into_iter().map(|(key, value)| (key, value.into())).collect()),
            );
        }
    }
    result
}

/// The text of an input with the values of its Secrets replaced, line for line; `None` if that cannot be done.
pub(crate) fn redacted(text: &str, documents: &[Document]) -> Option<String> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for document in documents.iter().filter(|document| is_secret(document)) {
        for map in ["/data", "/stringData"] {
            for_each_leaf(&document.value, map, &mut |pointer| {
                let key = pointer.rsplit('/').next().unwrap_or_default();
                if !PUBLIC_KEYS.contains(&key) {
                    ranges.push(document.bytes(pointer)?);
                }
                Some(())
            })?;
        }
        let last_applied = last_applied();
        if document.value.pointer(&last_applied).is_some() {
            ranges.push(document.bytes(&last_applied)?);
        }
    }
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut shown = String::with_capacity(text.len());
    let mut end = 0;
    for range in ranges {
        let range = range.start.max(end)..range.end.max(end);
        shown.push_str(text.get(end..range.start)?);
        let hidden = text.get(range.clone())?;
        let lines: Vec<&str> = hidden.split('\n').map(|line| if line.is_empty() { "" } else { "(secret)" }).collect();
        shown.push_str(&lines.join("\n"));
        end = range.end;
    }
    shown.push_str(text.get(end..)?);
    Some(shown)
}

/// The JSON pointer to kubectl's copy of a whole manifest.
fn last_applied() -> String {
    format!("/metadata/annotations/{}", step(resource::LAST_APPLIED))
}

pub(crate) fn is_secret(document: &Document) -> bool {
    document.kind().is_some_and(|(group, _, kind)| group.is_empty() && kind == "Secret")
}

fn for_each_leaf(value: &Value, pointer: &str, visit: &mut dyn FnMut(&str) -> Option<()>) -> Option<()> {
    match value.pointer(pointer) {
        None => Some(()),
        Some(Value::Object(fields)) => {
            fields.keys().try_for_each(|key| for_each_leaf(value, &format!("{pointer}/{}", step(key)), visit))
        }
        Some(Value::Array(items)) => {
            (0..items.len()).try_for_each(|index| for_each_leaf(value, &format!("{pointer}/{index}"), visit))
        }
        Some(_) => visit(pointer),
    }
}

fn refusal(document: &Document, pointer: &str, what: &str) -> Diagnostic {
    let field = document.path(pointer).to_string();
    Diagnostic::error("PK0116", format!("`{field}` of this Secret {what}"))
        .field(field)
        .place(Some(document.place(pointer)))
        .help("write the value as base64 in `data`, or as it is in `stringData`")
}
