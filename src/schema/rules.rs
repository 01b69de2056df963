//! What has to be compiled before a schema can judge: patterns and CEL rules.

use std::collections::HashMap;
use std::fmt;

use kube_cel::{CompiledSchema, ErrorKind, compile_schema};
use regex::Regex;
use serde_json::{Map, Value};

use super::pointer::step;

/// The patterns and CEL rules of one schema.
#[derive(Default)]
pub(super) struct Compiled {
    patterns: HashMap<String, Option<Regex>>,
    sites: Vec<Site>,
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").field("patterns", &self.patterns.len()).field("sites", &self.sites.len()).finish()
    }
}

/// A node with CEL rules.
struct Site {
    path: Vec<Step>,
    rules: CompiledSchema,
}

#[derive(Clone)]
enum Step {
    Field(String),
    /// All items of a list, or all values of a map.
    Each,
}

/// What a CEL rule said of a value.
pub(super) struct Broken {
    /// JSON pointer of the value, or of the field that the rule names.
    pub(super) pointer: String,
    pub(super) message: String,
    /// The rule could not be evaluated here; the server may be able to.
    pub(super) undecided: bool,
}

impl Compiled {
    pub(super) fn of(root: &Value) -> Self {
        let mut compiled = Self::default();
        compiled.collect(root, &mut Vec::new());
        compiled
    }

    /// Whether a text matches a pattern; one that could not be compiled matches everything.
    pub(super) fn matches(&self, pattern: &str, text: &str) -> bool {
        self.patterns.get(pattern).and_then(Option::as_ref).is_none_or(|regex| regex.is_match(text))
    }

    /// The CEL rules that an object breaks. It must have its defaults.
    pub(super) fn broken(&self, object: &Value) -> Vec<Broken> {
        let mut found = Vec::new();
        for site in &self.sites {
            site.visit(&site.path, object, &mut String::new(), &mut found);
        }
        found
    }

    fn collect(&mut self, node: &Value, path: &mut Vec<Step>) {
        if let Some(pattern) = node.get("pattern").and_then(Value::as_str)
            && !self.patterns.contains_key(pattern)
        {
            self.patterns.insert(pattern.to_owned(), Regex::new(&as_go_reads(pattern)).ok());
        }
        if node.get(RULES).and_then(Value::as_array).is_some_and(|rules| !rules.is_empty()) {
            self.sites.push(Site { path: path.clone(), rules: compile_schema(&alone(node, true)) });
        }
        for (name, below) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
            path.push(Step::Field(name.clone()));
            self.collect(below, path);
            path.pop();
        }
        for below in ["items", "additionalProperties"].iter().filter_map(|key| node.get(key)) {
            path.push(Step::Each);
            self.collect(below, path);
            path.pop();
        }
        let branches = ["allOf", "anyOf", "oneOf"].iter().filter_map(|key| node.get(key)?.as_array()).flatten();
        for below in branches.chain(node.get("not")) {
            self.collect(below, path);
        }
    }
}

impl Site {
    fn visit(&self, path: &[Step], value: &Value, pointer: &mut String, found: &mut Vec<Broken>) {
        let length = pointer.len();
        match (path, value) {
            ([], _) => self.judge(value, pointer, found),
            ([Step::Field(name), below @ ..], Value::Object(map)) => {
                if let Some(value) = map.get(name) {
                    pointer.push('/');
                    pointer.push_str(&step(name));
                    self.visit(below, value, pointer, found);
                }
            }
            ([Step::Each, below @ ..], Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    pointer.push_str(&format!("/{index}"));
                    self.visit(below, item, pointer, found);
                    pointer.truncate(length);
                }
            }
            ([Step::Each, below @ ..], Value::Object(map)) => {
                for (name, value) in map {
                    pointer.push('/');
                    pointer.push_str(&step(name));
                    self.visit(below, value, pointer, found);
                    pointer.truncate(length);
                }
            }
            _ => {}
        }
        pointer.truncate(length);
    }

    fn judge(&self, value: &Value, pointer: &str, found: &mut Vec<Broken>) {
        let Err(errors) = kube_cel::validate_compiled(&self.rules, value, None) else { return };
        found.extend(errors.into_iter().map(|error| Broken {
            pointer: format!("{pointer}{}", pointer_of(&error.field_path)),
            undecided: !matches!(
                error.kind,
                ErrorKind::ValidationFailure | ErrorKind::EvaluationError | ErrorKind::InvalidResult
            ),
            message: error.message,
        }));
    }
}

const RULES: &str = "x-kubernetes-validations";

/// A node whose nodes below have no rules: each of these is a site of its own.
fn alone(node: &Value, top: bool) -> Value {
    let Some(map) = node.as_object() else { return node.clone() };
    let keep = |(key, value): (&String, &Value)| {
        let value = match key.as_str() {
            RULES if !top => return None,
            "description" => return None,
            "properties" => {
                let fields = value.as_object().into_iter().flatten();
                fields.map(|(name, below)| (name.clone(), alone(below, false))).collect::<Map<_, _>>().into()
            }
            "items" | "additionalProperties" => alone(value, false),
            _ => value.clone(),
        };
        Some((key.clone(), value))
    };
    map.iter().filter_map(keep).collect::<Map<_, _>>().into()
}

/// `.spec.names[0]` as a JSON pointer.
fn pointer_of(path: &str) -> String {
    let mut pointer = String::new();
    for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        pointer.push('/');
        pointer.push_str(&step(part.trim_matches('\'')));
    }
    pointer
}

/// A pattern with Go's meaning of `\d`, `\w` and `\s`: ASCII alone.
fn as_go_reads(pattern: &str) -> String {
    let (mut out, mut class, mut letters) = (String::new(), false, pattern.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let escaped = letters.next().unwrap_or('\\');
                let ascii = match escaped {
                    'd' => "0-9",
                    'w' => "0-9A-Za-z_",
                    's' => r"\t\n\f\r ",
                    _ => {
                        out.extend(['\\', escaped]);
                        continue;
                    }
                };
                out.push_str(&if class { ascii.to_owned() } else { format!("[{ascii}]") });
            }
            _ => {
                class = (class || letter == '[') && !(class && letter == ']' && !out.ends_with(['[', '^']));
                out.push(letter);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn classes_of_patterns_are_ascii_as_in_go() {
        assert_eq!(as_go_reads(r"^\d+[\w.-]\.$"), r"^[0-9]+[0-9A-Za-z_.-]\.$");
        assert_eq!(as_go_reads(r"[]\d]\s"), r"[]0-9][\t\n\f\r ]");
        let compiled = Compiled::of(&json!({"pattern": r"^\d$"}));
        assert!(compiled.matches(r"^\d$", "7") && !compiled.matches(r"^\d$", "٣"));
    }

    #[test]
    fn a_rule_is_judged_at_every_value_of_its_node_and_once() {
        let schema = json!({
            "properties": {"list": {"items": {
                "x-kubernetes-validations": [{"rule": "self.a < 3", "message": "too much", "fieldPath": ".a"}],
                "properties": {"a": {"type": "integer"}},
            }}},
            "x-kubernetes-validations": [{"rule": "size(self.list) < 3", "message": "too many"}],
        });
        let compiled = Compiled::of(&schema);
        let broken = compiled.broken(&json!({"list": [{"a": 3}, {"a": 2}, {"a": 7}]}));
        let found: Vec<_> = broken.iter().map(|broken| (broken.pointer.as_str(), broken.message.as_str())).collect();
        assert_eq!(found, [("", "too many"), ("/list/0/a", "too much"), ("/list/2/a", "too much")]);
    }

    #[test]
    fn a_rule_that_cannot_be_evaluated_here_is_undecided() {
        let compiled = Compiled::of(&json!({
            "x-kubernetes-validations": [{"rule": "cel.bind(x, self.a, x > 1)"}],
            "properties": {"a": {"type": "integer"}},
        }));
        let broken = compiled.broken(&json!({"a": 1}));
        assert!(broken.len() == 1 && broken[0].undecided);
    }
}
