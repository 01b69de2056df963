//! The metadata of an object, which is the same for all kinds.
//!
//! Source: `ValidateObjectMeta` of k8s.io/apimachinery v0.34.

use std::sync::LazyLock;

use serde_json::Value;

use super::judge::type_violations;
use super::pointer::step;
use super::{BUILT_IN, Node, Schema, Violation};

/// The node of `metadata`.
pub(super) fn object_meta() -> Node<'static> {
    static SCHEMA: LazyLock<Option<&'static Schema>> =
        LazyLock::new(|| BUILT_IN.get(&(String::new(), "ConfigMap".to_owned())));
    const NOTHING: &Value = &Value::Null;
    let nothing = Node { value: NOTHING, definitions: NOTHING, knows_defaults: false };
    SCHEMA.and_then(|schema| schema.root().field("metadata")).unwrap_or(nothing)
}

/// What the API server would refuse of the metadata of an object that is created. `custom`: its kind comes from a CRD, whose
/// objects all have names of one form.
pub fn metadata_violations(object: &Value, custom: bool) -> Vec<Violation> {
    let Some(metadata) = object.get("metadata") else { return Vec::new() };
    let mut found = type_violations("/metadata", metadata, object_meta());
    if !found.is_empty() {
        return found;
    }
    let mut refuse = |pointer: String, message: &str| {
        found.push(Violation { pointer, message: message.to_owned(), undecided: false });
    };
    let text = |name: &str| metadata.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(name) = text("name") {
        if custom && !is_subdomain(name) {
            refuse("/metadata/name".into(), DNS_NAME);
        } else if !custom && (name == "." || name == ".." || name.contains(['/', '%'])) {
            refuse("/metadata/name".into(), "must not be `.` or `..` and must not hold `/` or `%`");
        }
    }
    if text("namespace").is_some_and(|namespace| !is_label(namespace)) {
        refuse("/metadata/namespace".into(), "must be a DNS label: at most 63 lower case letters, digits and `-`");
    }
    if text("resourceVersion").is_some() {
        refuse("/metadata/resourceVersion".into(), "is given by the server and must not be set");
    }
    let map = |name: &str| metadata.get(name).and_then(Value::as_object).into_iter().flatten();
    for (key, value) in map("labels") {
        let pointer = format!("/metadata/labels/{}", step(key));
        if !is_qualified(key) {
            refuse(pointer, QUALIFIED);
        } else if !value.as_str().is_none_or(is_label_value) {
            refuse(
                pointer,
                "must be at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends",
            );
        }
    }
    let mut size = 0;
    for (key, value) in map("annotations") {
        size += key.len() + value.as_str().map_or(0, str::len);
        if !is_qualified(&key.to_lowercase()) {
            refuse(format!("/metadata/annotations/{}", step(key)), QUALIFIED);
        }
    }
    if size > 256 * 1024 {
        refuse("/metadata/annotations".into(), "must have at most 256 KiB in all");
    }
    for (index, name) in metadata.get("finalizers").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if !name.as_str().is_some_and(is_qualified) {
            refuse(format!("/metadata/finalizers/{index}"), QUALIFIED);
        }
    }
    for (index, owner) in metadata.get("ownerReferences").and_then(Value::as_array).into_iter().flatten().enumerate() {
        for name in ["apiVersion", "kind", "name", "uid"] {
            if owner.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
                refuse(format!("/metadata/ownerReferences/{index}/{name}"), "must not be empty");
            }
        }
    }
    found
}

const DNS_NAME: &str = "must be a DNS name of at most 253 characters: lower case letters, digits, `-` and `.`, each part beginning \
                        and ending with a letter or digit";
const QUALIFIED: &str =
    "must be a name of at most 63 letters, digits, `-`, `_` and `.`, or such a name after a DNS name and `/`";

fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_part(text)
}

/// A part of a DNS name, however long.
fn is_part(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = text.as_bytes();
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part)
}

fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_name(text)
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

fn is_qualified(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_name(name),
        None => is_name(text),
    }
}
