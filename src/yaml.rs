//! A stand-in for the YAML module, replaced at the merge.

use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place};

/// One document of a file.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file.
    pub file: Arc<str>,
    /// The content.
    pub value: Value,
}

/// Reads all documents of a text.
pub fn read_all(file: &Arc<str>, text: &str) -> Result<Vec<Document>, Diagnostic> {
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    let values: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        Diagnostic::error("yaml", error.without_snippet().to_string()).place(Some(Place {
            file: file.clone(),
            line: u32::try_from(line).unwrap_or(1),
            column: u32::try_from(column).unwrap_or(1),
        }))
    })?;
    Ok(values.into_iter().map(|value| Document { file: file.clone(), value }).collect())
}

/// Writes a value.
pub fn write(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_default()
}
