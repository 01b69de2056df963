//! Temporary contract.
use crate::diagnostic::{Diagnostic, Place};
use crate::observed::Kinds;
use crate::resource::Address;
use serde_json::Value;
use std::sync::Arc;
/// D
#[derive(Clone, Debug)]
pub struct Document {
    /// v
    pub value: Value,
    /// f
    pub file: Arc<str>,
    text: Arc<str>,
}
impl Document {
    /// p
    pub fn place(&self, pointer: &str) -> Place {
        let here = |key: &str, line: &str| {
            let line = line.trim_start_matches([' ', '{', '"']);
            line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches('"').starts_with(':'))
        };
        let found = pointer.rsplit('/').find_map(|key| self.text.lines().position(|line| here(key, line)));
        let line = found.and_then(|line| u32::try_from(line + 1).ok()).unwrap_or(1);
        Place { file: self.file.clone(), line, column: 1 }
    }
    /// a
    pub fn address(&self, ns: Option<&str>, kinds: &Kinds) -> Option<Address> {
        let text = |p: &str| self.value.pointer(p).and_then(Value::as_str);
        let (g, _v) = text("/apiVersion")?.split_once('/').unwrap_or(("", text("/apiVersion")?));
        let kind = text("/kind")?;
        let name = text("/metadata/name")?;
        if kinds.get(g, kind)?.namespaced {
            Some(Address::namespaced(g, kind, text("/metadata/namespace").or(ns)?, name))
        } else {
            Some(Address::cluster_scoped(g, kind, name))
        }
    }
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
    Ok(values.into_iter().map(|value| Document { file: file.clone(), value, text: text.into() }).collect())
}

/// Writes a value.
pub fn write(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_default()
}
