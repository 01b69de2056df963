//! What the schema of its kind says of a document, as findings.

use serde_json::Value;

use super::nebariapp;
use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::schema::{Schema, Unknown, Violation, find, unknown_fields};
use crate::yaml::Document;

/// How unknown fields of a NebariApp are taken. Those of other kinds are errors, as kubectl has it: a misspelt `data` would
/// empty a ConfigMap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownFields {
    /// A warning, and the field is left out, as the API server does it.
    #[default]
    Warn,
    /// An error (`--strict`).
    Refuse,
}

/// Fields of a document that its kind does not have: a finding each, and the pointers of those that are to be left out.
///
/// An unknown field of a NebariApp that may have been meant for `spec.auth` is an error under both ways: a typo must not open
/// an app. `who` is the object as people call it.
pub fn unknown(document: &Document, who: &str, schema: &Schema, way: UnknownFields) -> (Vec<Diagnostic>, Vec<String>) {
    let kind = document.text("/kind").unwrap_or_default();
    let (mut findings, mut pointers) = (Vec::new(), Vec::new());
    for found in unknown_fields(&document.value, schema) {
        let field = document.path(&found.pointer).to_string();
        let protects = kind == nebariapp::KIND && may_mean_login(&found, schema);
        let (severity, more) = match way {
            _ if protects => (Severity::Error, ", and could be meant for the login"),
            UnknownFields::Warn if kind == nebariapp::KIND => (Severity::Warning, "; it is left out"),
            UnknownFields::Warn | UnknownFields::Refuse => (Severity::Error, ""),
        };
        let help = match &found.near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "remove or correct it".into(),
        };
        let place = Some(document.place(&found.pointer));
        let finding = Diagnostic::error("PK0313", format!("{who}: {kind} has no field `{field}`{more}"));
        findings.push(Diagnostic { severity, ..finding.field(field).place(place).help(help) });
        pointers.push(found.pointer);
    }
    (findings, pointers)
}

/// Whether an unknown field stands below `spec.auth`, may be a typo of `auth`, or has the name of one of its fields.
fn may_mean_login(found: &Unknown, schema: &Schema) -> bool {
    let name = found.name();
    let of_auth = || find(schema, "spec.auth").is_ok_and(|auth| auth.fields().iter().any(|field| field.name() == name));
    found.pointer.starts_with("/spec/auth/")
        || name.eq_ignore_ascii_case("auth")
        || found.near.as_deref() == Some("auth")
        || (name != "enabled" && of_auth())
}

/// The finding for something that the API server would refuse. `who` is the object as people call it.
pub fn refused(who: &str, kind: &str, field: String, violation: &Violation, place: Option<Place>) -> Diagnostic {
    if violation.undecided {
        let message = format!("{who}: a rule of the kind could not be evaluated: {}", violation.message);
        let help = "the API server will decide when it is applied";
        return Diagnostic::warning("PK0401", message).field(field).place(place).help(help);
    }
    let subject = if field.is_empty() { String::new() } else { format!("`{field}` ") };
    let help = match field.split_once('[').map_or(field.as_str(), |(above, _)| above) {
        path if path.starts_with("spec") => {
            format!("`packctl explain {}.{path}` says what it may be", kind.to_lowercase())
        }
        _ => "correct the field".into(),
    };
    Diagnostic::error("PK0401", format!("{who}: {subject}{}", violation.message)).field(field).place(place).help(help)
}

/// A JSON pointer in a value as people read it: `spec.routes[0]`.
pub fn field_at(value: &Value, pointer: &str) -> String {
    Document::from_value(&"".into(), value.clone()).path(pointer).to_string()
}
