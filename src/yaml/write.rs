//! Values to text.

use serde::Serialize;
use serde_json::Value;

use crate::diagnostic::Diagnostic;

/// One YAML document; texts are quoted wherever a YAML 1.1 reader would take them for something else.
pub fn write(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_else(|_| value.to_string())
}

/// One YAML document with the fields in the order of the type.
pub fn write_typed<T: Serialize>(value: &T) -> Result<String, Diagnostic> {
    serde_saphyr::to_string(value)
        .map_err(|error| Diagnostic::error("PK0106", format!("cannot be written as YAML: {error}")))
}
