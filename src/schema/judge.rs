//! A value against the schema of its kind: the verdict of the API server on an object that is created.
//!
//! Of custom kinds everything is judged that a CRD can say; of built-in kinds the types alone, which is what their table
//! knows. Source: kube-openapi's `validation/validate` and apiextensions-apiserver v0.34.

use std::collections::BTreeSet;

use serde_json::Value;

use super::patterns::in_words;
use super::pointer::step;
use super::rules::Compiled;
use super::{ListKind, Node, Schema, admitted, nearest};

/// Something that the API server would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer of the value in the object; of the missing field where one is missing.
    pub pointer: String,
    /// What it must be, without the field's name: `must begin with /`.
    pub message: String,
    /// No verdict: the rule cannot be evaluated here, the server decides.
    pub undecided: bool,
}

/// What the API server would refuse of an object. Unknown fields count for nothing, and neither do metadata and status: see
/// [`metadata_violations`](super::metadata_violations).
pub fn violations(object: &Value, schema: &Schema) -> Vec<Violation> {
    let mut object = object.clone();
    if let Some(root) = object.as_object_mut() {
        root.remove("status");
        root.remove("metadata");
    }
    if !schema.root().is_built_in() {
        object = admitted(&object, schema.root());
    }
    let mut judge = Judge { compiled: schema.compiled(), blocking: false, found: Vec::new() };
    judge.value(&mut String::new(), &object, schema.root());
    if !judge.blocking {
        judge.found.extend(schema.compiled().broken(&object).into_iter().map(|broken| Violation {
            pointer: broken.pointer,
            message: broken.message,
            undecided: broken.undecided,
        }));
    }
    judge.found
}

/// What is wrong with the types of a value of a built-in shape.
pub(super) fn type_violations(pointer: &str, value: &Value, node: Node<'_>) -> Vec<Violation> {
    let mut judge = Judge { compiled: &Compiled::default(), blocking: false, found: Vec::new() };
    judge.value(&mut pointer.to_owned(), value, node);
    judge.found
}

struct Judge<'c> {
    compiled: &'c Compiled,
    /// Something is so wrong that the server does not ask the CEL rules any more.
    blocking: bool,
    found: Vec<Violation>,
}

impl Judge<'_> {
    fn refuse(&mut self, pointer: &str, message: impl Into<String>) {
        self.found.push(Violation { pointer: pointer.to_owned(), message: message.into(), undecided: false });
    }

    fn block(&mut self, pointer: &str, message: impl Into<String>) {
        self.blocking = true;
        self.refuse(pointer, message);
    }

    /// `pointer` comes back as it was.
    fn value(&mut self, pointer: &mut String, value: &Value, node: Node<'_>) {
        if value.is_null() {
            if !node.is_built_in() && !node.is_nullable() && (node.type_name().is_some() || node.is_int_or_string()) {
                self.block(pointer, format!("must be {}, not null", expected(node)));
            }
            return;
        }
        if !fits(value, node) {
            return self.block(pointer, format!("must be {}, not {}", expected(node), shown(value)));
        }
        if !node.is_built_in() {
            self.choice(pointer, value, node);
            self.branches(pointer, value, node);
        }
        match value {
            Value::String(text) => self.text(pointer, text, node),
            Value::Number(number) => self.number(pointer, number.as_f64().unwrap_or_default(), value, node),
            Value::Array(items) => self.list(pointer, items, node),
            Value::Object(map) => self.object(pointer, map, node),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn choice(&mut self, pointer: &str, value: &Value, node: Node<'_>) {
        let Some(choices) = node.keyword("enum").and_then(Value::as_array).filter(|choices| !choices.is_empty()) else {
            return;
        };
        if choices.contains(value) {
            return;
        }
        let names: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        let all: Vec<String> = choices.iter().map(|choice| format!("`{}`", plain(choice))).collect();
        let near = value.as_str().and_then(|text| nearest(text, names.iter().copied()));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        self.block(pointer, format!("must be one of {}{near}", all.join(", ")));
    }

    fn text(&mut self, pointer: &str, text: &str, node: Node<'_>) {
        let length = text.chars().count() as u64;
        let limit = |name| node.keyword(name).and_then(Value::as_u64).filter(|_| !node.is_built_in());
        if let Some(most) = limit("maxLength").filter(|most| length > *most) {
            return self.block(pointer, format!("must have at most {most} characters, has {length}"));
        }
        if let Some(least) = limit("minLength").filter(|least| length < *least) {
            let message =
                if length == 0 { "must not be empty".into() } else { format!("must have {least} characters or more") };
            return self.refuse(pointer, message);
        }
        let pattern = node.keyword("pattern").and_then(Value::as_str);
        if let Some(pattern) = pattern.filter(|pattern| !self.compiled.matches(pattern, text)) {
            let words = in_words(pattern).map_or_else(|| format!("match {pattern}"), str::to_owned);
            self.refuse(pointer, format!("must {words}"));
        }
        let time = node.keyword("format").and_then(Value::as_str) == Some("date-time");
        if time && text.parse::<jiff::Timestamp>().is_err() {
            self.refuse(pointer, "must be a time such as 2026-11-20T14:02:00Z");
        }
    }

    fn number(&mut self, pointer: &str, number: f64, value: &Value, node: Node<'_>) {
        let limit = |name| node.keyword(name).and_then(Value::as_f64);
        let exclusive = |name| node.keyword(name) == Some(&Value::Bool(true));
        let (least, most) = (limit("minimum"), limit("maximum"));
        let low = least.is_some_and(|least| number < least || (number == least && exclusive("exclusiveMinimum")));
        let high = most.is_some_and(|most| number > most || (number == most && exclusive("exclusiveMaximum")));
        if low || high {
            let range = match (least, most) {
                (Some(least), Some(most)) => format!("between {least} and {most}"),
                (Some(least), None) => format!("{least} or more"),
                (_, most) => format!("{} or less", most.unwrap_or_default()),
            };
            self.refuse(pointer, format!("must be {range}, not {value}"));
        }
        if let Some(step) = limit("multipleOf").filter(|step| *step != 0.0 && (number / step).fract() != 0.0) {
            self.refuse(pointer, format!("must be a multiple of {step}, not {value}"));
        }
        let small = node.is_built_in() && node.keyword("format").and_then(Value::as_str) == Some("int32");
        if small && !(f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number) {
            self.refuse(pointer, format!("must be between {} and {}, not {value}", i32::MIN, i32::MAX));
        }
    }

    fn list(&mut self, pointer: &mut String, items: &[Value], node: Node<'_>) {
        let count = items.len() as u64;
        let limit = |name| node.keyword(name).and_then(Value::as_u64);
        if let Some(most) = limit("maxItems").filter(|most| count > *most) {
            self.block(pointer, format!("must have at most {most} items, has {count}"));
        }
        if let Some(least) = limit("minItems").filter(|least| count < *least) {
            self.refuse(pointer, format!("must have {least} items or more, has {count}"));
        }
        if !node.is_built_in() {
            self.duplicates(pointer, items, node);
        }
        let Some(below) = node.items() else { return };
        let length = pointer.len();
        for (index, item) in items.iter().enumerate() {
            pointer.push_str(&format!("/{index}"));
            self.value(pointer, item, below);
            pointer.truncate(length);
        }
    }

    /// Items of a set, and keys of a map list, are unique.
    fn duplicates(&mut self, pointer: &str, items: &[Value], node: Node<'_>) {
        let kind = node.list_kind();
        let mut seen = BTreeSet::new();
        let mut told = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let (key, what) = match &kind {
                ListKind::Atomic => return,
                ListKind::Set => (item.to_string(), "is there twice in a list without duplicates".to_owned()),
                ListKind::Map(keys) => {
                    let value = keys.iter().map(|key| item.get(key).map_or_else(|| "-".into(), Value::to_string));
                    let value = value.collect::<Vec<_>>().join(", ");
                    (value, format!("has the same {} as an item before it", keys.join(" and ")))
                }
            };
            if !seen.insert(key.clone()) && told.insert(key) {
                self.refuse(&format!("{pointer}/{index}"), what);
            }
        }
    }

    fn object(&mut self, pointer: &mut String, map: &serde_json::Map<String, Value>, node: Node<'_>) {
        let count = map.len() as u64;
        let limit = |name| node.keyword(name).and_then(Value::as_u64);
        if let Some(most) = limit("maxProperties").filter(|most| count > *most) {
            self.block(pointer, format!("must have at most {most} fields, has {count}"));
        }
        if let Some(least) = limit("minProperties").filter(|least| count < *least) {
            self.refuse(pointer, format!("must have {least} fields or more, has {count}"));
        }
        let length = pointer.len();
        for name in node.required().filter(|name| !map.contains_key(*name)) {
            push(pointer, name);
            self.block(pointer, "is required");
            pointer.truncate(length);
        }
        for (name, value) in map {
            let Some(below) = node.field(name) else { continue };
            push(pointer, name);
            self.value(pointer, value, below);
            pointer.truncate(length);
        }
    }

    /// `allOf`, `anyOf`, `oneOf` and `not`.
    fn branches(&mut self, pointer: &mut String, value: &Value, node: Node<'_>) {
        for branch in node.branches("allOf") {
            self.value(pointer, value, branch);
        }
        for (keyword, most) in [("anyOf", usize::MAX), ("oneOf", 1)] {
            let branches: Vec<_> = node.branches(keyword).map(|branch| self.alone(pointer, value, branch)).collect();
            let valid = branches.iter().filter(|found| found.is_empty()).count();
            if branches.is_empty() || (1..=most).contains(&valid) {
                continue;
            }
            // The branch that fits best says most.
            let best = branches.into_iter().min_by_key(Vec::len).unwrap_or_default();
            match (valid, best.as_slice()) {
                (0, [only]) => self.found.push(only.clone()),
                (0, _) => self.refuse(pointer, "fits none of the forms that it may have"),
                _ => self.refuse(pointer, format!("fits {valid} of the forms of which it may have one")),
            }
        }
        if let Some(not) = node.branches("not").next()
            && self.alone(pointer, value, not).is_empty()
        {
            self.refuse(pointer, "has a form that it must not have");
        }
    }

    fn alone(&self, pointer: &mut String, value: &Value, branch: Node<'_>) -> Vec<Violation> {
        let mut judge = Judge { compiled: self.compiled, blocking: false, found: Vec::new() };
        judge.value(pointer, value, branch);
        judge.found
    }
}

fn push(pointer: &mut String, name: &str) {
    pointer.push('/');
    pointer.push_str(&step(name));
}

/// Whether a value is of the node's type. A node without a type takes everything.
fn fits(value: &Value, node: Node<'_>) -> bool {
    if node.is_int_or_string() {
        return value.is_string() || is_integer(value);
    }
    match node.type_name() {
        _ if node.is_quantity() => value.is_string() || value.is_number(),
        None => true,
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("number") => value.is_number(),
        Some("integer") => is_integer(value),
        Some(_) => false,
    }
}

/// Whole numbers within what JSON holds exactly are integers, also with a point.
fn is_integer(value: &Value) -> bool {
    const EXACT: f64 = 9_007_199_254_740_991.0;
    value.is_i64() || value.as_f64().is_some_and(|number| number.fract() == 0.0 && number.abs() <= EXACT)
}

fn expected(node: Node<'_>) -> &'static str {
    if node.is_int_or_string() {
        return "an integer or a string";
    }
    match node.type_name() {
        Some("object") => "an object",
        Some("array") => "a list",
        Some("string") => "a string",
        Some("boolean") => "true or false",
        Some("number") => "a number",
        Some("integer") => "an integer",
        _ => "something else",
    }
}

/// What a value is; texts may be secrets.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(flag) => format!("`{flag}`"),
        Value::Number(number) => number.to_string(),
        Value::String(_) => "a string".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
