//! A plan as JSON, in the shape of Terraform's plan format so that policies and viewers made for it work.
//!
//! `format_version` 1.x only gains keys: readers ignore what they do not know, and refuse another major version. What is
//! packctl's own stands under `packctl` of each change and in keys of the top level that Terraform does not have.

mod build;
mod document;
mod validate;
mod values;

pub use build::document;
pub use document::{
    CauseEntry, ChangeDetail, ChangeValues, DriftEntry, FieldEntry, HandEntry, Importing, OpeningEntry, Ownership,
    PackEntry, PlanDocument, PreconditionEntry, RealmEntry, ResourceChange, ScopeEntry, Seen, StepEntry,
    UnreadableEntry, WaitEntry,
};

pub use validate::ValidateDocument;

use serde::Serialize;

use super::visible::is_hidden;
use crate::plan::Plan;

/// The version of the format that this program writes.
pub const FORMAT_VERSION: &str = "1.1";

/// A plan as JSON text with a final newline: the same bytes for equal plans.
pub fn write(plan: &Plan) -> String {
    text(&document(plan))
}

/// A document as JSON text with a final newline.
pub fn text(document: &PlanDocument) -> String {
    pretty(document)
}

/// The same for any document.
pub fn pretty(document: &impl Serialize) -> String {
    // Serialising maps with string keys into memory has nothing to fail with.
    let plain = serde_json::to_string_pretty(document).unwrap_or_default();
    let mut text = String::with_capacity(plain.len() + 1);
    for character in plain.chars() {
        // Outside of strings all is ASCII, so this escapes within strings only; names stay exact and a terminal safe.
        if is_hidden(character) && character != '\n' {
            for unit in character.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(character);
        }
    }
    text.push('\n');
    text
}
