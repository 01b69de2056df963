//! What tells one object from another, and one state of it from the next.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::resource::{Address, hex};

/// Gives an object its uid: another one for each object that has this address after the other.
pub(super) fn identified(address: &Address, object: &mut Value, made_before: usize) {
    let text = format!("{address} {} {made_before}", object["metadata"]["creationTimestamp"]);
    object["metadata"]["uid"] = uuid(&text).into();
    versioned(object);
}

/// A uuid that depends on a text alone.
pub(super) fn uuid(text: &str) -> String {
    let digits = hex(&Sha256::digest(text), 32);
    [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digits.get(part).unwrap_or_default()).join("-")
}

/// Gives an object its resourceVersion: a hash of the rest of it. Clients may only ask whether two are equal, and so the same
/// world is the same bytes, in whatever order its writers came.
pub(super) fn versioned(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    metadata.remove("resourceVersion");
    let digits = hex(&Sha256::digest(object.to_string()), 12);
    let version = u64::from_str_radix(&digits, 16).unwrap_or(1);
    object["metadata"]["resourceVersion"] = version.to_string().into();
}
