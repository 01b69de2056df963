//! The numbers of secrets, as people see them.
//!
//! Ids of a run follow the order in which providers answered. People get the order of first appearance in the plan, which
//! is the same in each run and says nothing of the value.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::plan::{Act, Change, Plan};
use crate::resource::{FieldPath, PathStep, Resource, SecretId};

/// How a secret is written.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// `(secret 3)`.
    Words,
    /// `packctl-secret:3`.
    Placeholder,
}

/// The number of each secret of a plan, from 1.
#[derive(Debug, Default)]
pub(super) struct Numbers(BTreeMap<SecretId, usize>);

impl Numbers {
    /// Numbers the secrets of a plan in address order.
    pub(super) fn of_plan(plan: &Plan) -> Self {
        let mut numbers = Self::default();
        for change in plan.changes.values() {
            numbers.see_change(change);
        }
        for step in &plan.steps {
            if let Act::Apply { resource, .. } = &step.act {
                numbers.see_resource(resource);
            }
        }
        numbers
    }

    /// Numbers the secrets of one value.
    pub(super) fn of_value(value: &Value) -> Self {
        let mut numbers = Self::default();
        numbers.see(value);
        numbers
    }

    fn see_change(&mut self, change: &Change) {
        if let Some(before) = &change.before {
            self.see(before);
        }
        if let Some(resource) = &change.resource {
            self.see_resource(resource);
        }
        for field in &change.fields {
            self.see_path(&field.path);
            for value in [&field.before, &field.after].into_iter().flatten() {
                self.see(value);
            }
        }
    }

    fn see_resource(&mut self, resource: &Resource) {
        self.see(&resource.body.value);
        for path in resource.body.unknown.keys().chain(resource.causes.keys()) {
            self.see_path(path);
        }
    }

    fn see(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.see_text(text),
            Value::Array(items) => items.iter().for_each(|item| self.see(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.see(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn see_path(&mut self, path: &FieldPath) {
        for step in &path.0 {
            match step {
                PathStep::Key(keys) => keys.iter().for_each(|(_, value)| self.see_text(value)),
                PathStep::Item(value) => self.see_text(value),
                PathStep::Field(_) | PathStep::Index(_) => {}
            }
        }
    }

    fn see_text(&mut self, text: &str) {
        for piece in pieces(text) {
            if let Piece::Secret(id) = piece {
                let next = self.0.len() + 1;
                self.0.entry(id).or_insert(next);
            }
        }
    }

    /// The words for a string that is a secret and nothing else.
    pub(super) fn whole(&self, text: &str, form: Form) -> Option<String> {
        SecretId::from_placeholder(text).map(|id| self.name(id, form))
    }

    /// `text` with every placeholder in it renumbered.
    pub(super) fn text(&self, text: &str, form: Form) -> String {
        pieces(text)
            .map(|piece| match piece {
                Piece::Text(text) => text.to_owned(),
                Piece::Secret(id) => self.name(id, form),
            })
            .collect()
    }

    /// Whether a text is or holds a secret.
    pub(super) fn holds_secret(text: &str) -> bool {
        pieces(text).any(|piece| matches!(piece, Piece::Secret(_)))
    }

    /// A copy of `value` with every placeholder in it renumbered, in placeholder form.
    pub(super) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text, Form::Placeholder).into(),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => fields.iter().map(|(key, field)| (key.clone(), self.value(field))).collect(),
            other => other.clone(),
        }
    }

    fn name(&self, id: SecretId, form: Form) -> String {
        match (self.0.get(&id), form) {
            (Some(number), Form::Words) => format!("(secret {number})"),
            (Some(number), Form::Placeholder) => format!("{}{number}", *PREFIX),
            // A text that no value of the plan holds: the id of the run must not show.
            (None, Form::Words) => "(secret)".into(),
            (None, Form::Placeholder) => PREFIX.trim_end_matches(':').into(),
        }
    }
}

enum Piece<'t> {
    Text(&'t str),
    Secret(SecretId),
}

/// What all placeholders start with.
static PREFIX: LazyLock<String> = LazyLock::new(|| SecretId(0).placeholder().trim_end_matches('0').into());

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let prefix = PREFIX.as_str();
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut from = 0;
        while let Some(found) = rest[from..].find(prefix) {
            let start = from + found;
            let digits = rest[start + prefix.len()..].bytes().take_while(u8::is_ascii_digit).count();
            let end = start + prefix.len() + digits;
            let Some(id) = SecretId::from_placeholder(&rest[start..end]) else {
                from = end;
                continue;
            };
            if start > 0 {
                let (before, placeholder) = rest.split_at(start);
                rest = placeholder;
                return Some(Piece::Text(before));
            }
            rest = &rest[end..];
            return Some(Piece::Secret(id));
        }
        Some(Piece::Text(std::mem::take(&mut rest)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_follow_appearance_not_the_run() {
        let numbers = Numbers::of_value(&json!({"a": "packctl-secret:9", "b": ["x", "packctl-secret:2"]}));
        assert_eq!(numbers.whole("packctl-secret:9", Form::Words).as_deref(), Some("(secret 1)"));
        assert_eq!(numbers.whole("packctl-secret:2", Form::Placeholder).as_deref(), Some("packctl-secret:2"));
        assert_eq!(numbers.whole("plain", Form::Words), None);
        assert_eq!(
            numbers.text("a packctl-secret:2, packctl-secret:x, packctl-secret:77", Form::Words),
            "a (secret 2), packctl-secret:x, (secret)"
        );
        assert_eq!(numbers.text("packctl-secret:4294967296", Form::Words), "packctl-secret:4294967296");
    }
}
