//! Reading a document field by field: what has the wrong type or is not known is named with its place.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::{Document, step};

/// Reads fields and gathers what is wrong with them.
pub(super) struct Fields<'d> {
    document: &'d Document,
    code: &'static str,
    pub(super) errors: Vec<Diagnostic>,
}

impl<'d> Fields<'d> {
    /// A reader whose findings carry `code`.
    pub(super) fn new(document: &'d Document, code: &'static str) -> Self {
        Self { document, code, errors: Vec::new() }
    }

    /// The value at a pointer; `null` counts as absent.
    pub(super) fn get(&self, pointer: &str) -> Option<&'d Value> {
        self.document.value.pointer(pointer).filter(|value| !value.is_null())
    }

    /// Whether something stands at a pointer that is neither null nor an empty map, list or text.
    pub(super) fn says_something(&self, pointer: &str) -> bool {
        self.get(pointer).is_some_and(|value| !is_empty(value))
    }

    pub(super) fn text(&mut self, pointer: &str) -> Option<String> {
        let value = self.get(pointer)?;
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            // Other values may be secrets.
            let read = value.as_bool().map(|flag| format!(", not `{flag}`")).unwrap_or_default();
            self.wrong(pointer, format!("must be a text{read}"), "quote it");
        }
        text
    }

    pub(super) fn flag(&mut self, pointer: &str) -> bool {
        match self.get(pointer) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.wrong(pointer, "must be true or false".into(), "write it without quotes");
                false
            }
        }
    }

    /// The keys of a map, with the pointer of each.
    pub(super) fn keys(&mut self, pointer: &str) -> Vec<(String, String)> {
        match self.get(pointer) {
            None => Vec::new(),
            Some(Value::Object(fields)) => {
                fields.keys().map(|key| (key.clone(), format!("{pointer}/{}", step(key)))).collect()
            }
            Some(_) => {
                self.wrong(pointer, "must be a map".into(), "write `KEY: VALUE` lines below it");
                Vec::new()
            }
        }
    }

    /// The pointers of the items of a list.
    pub(super) fn items(&mut self, pointer: &str) -> Vec<String> {
        match self.get(pointer) {
            None => Vec::new(),
            Some(Value::Array(items)) => (0..items.len()).map(|index| format!("{pointer}/{index}")).collect(),
            Some(_) => {
                self.wrong(pointer, "must be a list".into(), "write `- ITEM` lines below it");
                Vec::new()
            }
        }
    }

    /// A map of texts.
    pub(super) fn texts(&mut self, pointer: &str) -> BTreeMap<String, String> {
        let keys = self.keys(pointer);
        keys.into_iter().filter_map(|(key, below)| Some((key, self.text(&below)?))).collect()
    }

    pub(super) fn place(&self, pointer: &str) -> Place {
        self.document.place(pointer)
    }

    pub(super) fn wrong(&mut self, pointer: &str, what: String, help: &str) {
        let field = self.document.path(pointer).to_string();
        let error = Diagnostic::error(self.code, format!("`{field}` {what}"));
        self.errors.push(error.field(field).place(Some(self.document.place(pointer))).help(help));
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
