//! What the YAML reader says, in our words.

use std::sync::Arc;

use serde_saphyr::Error;

use super::read::{MAX_DEPTH, MAX_NODES, position};
use crate::diagnostic::{Diagnostic, Place};

/// The finding for an error of the reader.
pub(super) fn diagnostic(file: &Arc<str>, error: &Error) -> Diagnostic {
    let text = plain(error);
    let limit = ["budget breached", "alias replay", "recursion limit", "alias expansion"]
        .iter()
        .any(|sign| text.to_lowercase().contains(sign));
    let (code, message, help) = match error {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("(a map)");
            ("PK0106", format!("the key `{key}` is there twice"), "keep one of the two".into())
        }
        Error::SerdeUnknownField { field, expected, .. } => (
            "PK0106",
            format!("unknown field `{field}`, expected {}", list(expected)),
            "remove the field or correct its name".into(),
        ),
        Error::NonFiniteFloat { value, .. } => {
            ("PK0106", format!("the number `{value}` has no JSON form"), "quote it if it is a text".into())
        }
        _ if limit => {
            let what = match &text {
                text if text.contains("nchor") || text.contains("lias") => "the aliases of the text expand too far",
                text if text.contains("epth") || text.contains("recursion") => "the text is nested too deeply",
                _ => "the text holds too much",
            };
            let help = format!("the limits of one file are {MAX_DEPTH} levels and {MAX_NODES} nodes; split it");
            ("PK0107", what.to_owned(), help)
        }
        _ if text.to_lowercase().contains("tab") => {
            ("PK0106", text, "indent with spaces, YAML allows no tabs there".into())
        }
        _ => ("PK0106", text, "correct the YAML".into()),
    };
    let place = error.location().map(position).map(|(line, column)| Place { file: file.clone(), line, column });
    Diagnostic::error(code, message).place(place).help(help)
}

/// The error without its position, which stands in the place.
fn plain(error: &Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let end = [" at line ", " (defined"].iter().filter_map(|sign| line.find(sign)).min().unwrap_or(line.len());
    line[..end].trim_end_matches(['.', ':', ',']).to_owned()
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
