//! What `diff` predicts against what the server did.

use std::collections::{BTreeMap, BTreeSet};

use packctl::diff::{Class, Difference, FieldChange};
use packctl::resource::{FieldPath, Hand, PathStep};
use packctl::schema::{ListKind, Node, Schema, Schemas};
use serde_json::{Map, Value, json};

/// One pair of live and desired, and both answers.
pub(super) struct Pair<'p> {
    pub(super) live: &'p Value,
    /// The body of the apply.
    pub(super) desired: &'p Value,
    pub(super) predicted: &'p Difference,
    /// The conflicts that the server named without force: path and manager.
    pub(super) refused: &'p BTreeSet<(String, String)>,
    /// The object after the apply with force.
    pub(super) server: &'p Value,
    pub(super) schema: &'p Schema,
    pub(super) schemas: &'p Schemas,
}

/// The leaves of an object: what is owned as one, by path.
pub(super) type Leaves = BTreeMap<FieldPath, Value>;

impl Pair<'_> {
    /// Where the two do not agree, in words.
    pub(super) fn disagreements(&self) -> Vec<String> {
        let mut found = self.fields();
        found.extend(self.conflicts());
        found
    }

    fn fields(&self) -> Vec<String> {
        let (live, server, desired) = (self.leaves(self.live), self.leaves(self.server), self.leaves(self.desired));
        let changing: Vec<&FieldChange> =
            self.predicted.fields.iter().filter(|field| !matches!(field.class, Class::Stuck(_))).collect();
        let mut expected = self.live.clone();
        for field in changing.iter().filter(|field| !in_doubt(field)) {
            self.set(&mut expected, field);
        }
        let predicted = self.leaves(&expected);
        let doubtful = |path: &FieldPath| changing.iter().any(|field| in_doubt(field) && related(&field.path, path));
        let mut found = Vec::new();
        let paths: BTreeSet<&FieldPath> = predicted.keys().chain(server.keys()).collect();
        for path in paths {
            let (expected, real) = (predicted.get(path), server.get(path));
            if self.is_same(path, expected, real) || self.is_aside(path) || doubtful(path) {
                continue;
            }
            let removed = changing.iter().any(|field| field.after.is_none() && path.starts_with(&field.path));
            // The server fills defaults into an empty struct.
            let opened = |(at, value): (&FieldPath, &Value)| value == &json!({}) && path.starts_with(at);
            if desired.iter().any(opened) && !desired.contains_key(path)
                || expected == Some(&json!({})) && real.is_none()
            {
                continue;
            }
            let filled = expected.is_none() && (!live.contains_key(path) || removed) && !desired.contains_key(path);
            if !filled {
                found.push(format!("{path}: predicted {}, server {}", shown(expected), shown(real)));
            }
        }
        for field in changing.iter().filter(|field| !in_doubt(field) && !self.is_hash(&field.path)) {
            let mut near = live.keys().chain(server.keys()).filter(|path| related(&field.path, path));
            if !self.is_of_job(&field.path) && near.all(|path| self.is_same(path, live.get(path), server.get(path))) {
                found.push(format!("{}: predicted to change, but does not", field.path));
            }
        }
        found
    }

    fn conflicts(&self) -> Vec<String> {
        if self.predicted.fields.is_empty() {
            return Vec::new();
        }
        let ours = |conflict: &packctl::diff::Conflict| (conflict.path.worded(), conflict.who.name().to_owned());
        let predicted: BTreeSet<_> = self.predicted.conflicts.iter().map(ours).collect();
        let only = |left: &BTreeSet<(String, String)>, right: &BTreeSet<(String, String)>, says: &str| -> Vec<String> {
            left.difference(right).map(|(path, who)| format!("{path}: {says} a conflict with {who}")).collect()
        };
        // The first apply finds what was added since the object was nothing, and a built-in one has structs in it when it is
        // nothing: `podSelector: {}`, but not a budget's `selector: {}`.
        let is_told = |(path, who): &&(String, String)| {
            let is_struct = |(at, value): (&FieldPath, &Value)| at.worded() == *path && *value == json!({});
            who != "before-first-apply" || !self.leaves(self.live).iter().any(is_struct)
        };
        let predicted = predicted.iter().filter(is_told).cloned().collect();
        let refused = self.refused.iter().filter(is_told).cloned().collect();
        let mut found = only(&predicted, &refused, "only predicted:");
        found.extend(only(&refused, &predicted, "only the server sees"));
        found
    }

    /// What the server puts back into every Job, whoever takes it away.
    fn is_of_job(&self, path: &FieldPath) -> bool {
        self.live["kind"] == "Job" && path.starts_with(&FieldPath::of("metadata.labels"))
    }

    /// What moves with each write and is not predicted.
    pub(super) fn is_aside(&self, path: &FieldPath) -> bool {
        let aside = ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "name", "namespace"];
        aside.iter().any(|name| path.starts_with(&FieldPath::of("metadata").field(name)))
            || path.starts_with(&FieldPath::of("status"))
            || (self.is_of_job(path) && self.live_has(path))
            // The server counts.
            || *path == FieldPath::of("metadata.annotations").field("deprecated.daemonset.template.generation")
            // An old name that follows the new one, and a field that is there with another one.
            || *path == FieldPath::of("spec.template.spec.serviceAccount")
            || *path == FieldPath::of("spec.externalTrafficPolicy")
            || path.starts_with(&FieldPath::of("spec.sessionAffinityConfig"))
            || (self.is_hash(path) && self.predicted.fields.iter().any(|field| !self.is_hash(&field.path)))
    }

    fn live_has(&self, path: &FieldPath) -> bool {
        path.find(self.live).is_some()
    }

    fn is_hash(&self, path: &FieldPath) -> bool {
        matches!(path.0.last(), Some(PathStep::Field(name)) if name == Hand::DECLARED)
    }

    /// Whether the server takes two values of a leaf for the same.
    pub(super) fn is_same(&self, path: &FieldPath, left: Option<&Value>, right: Option<&Value>) -> bool {
        let node = self.node(path);
        let same = |left: &Value, right: &Value| {
            left == right
                || (left.is_number() && left.as_f64() == right.as_f64())
                || (node.is_some_and(Node::is_quantity) && amount(left).is_some() && amount(left) == amount(right))
        };
        match (left, right) {
            (None, None) => true,
            (Some(left), Some(right)) => same(left, right),
            _ => false,
        }
    }

    /// The leaves of an object.
    pub(super) fn leaves(&self, object: &Value) -> Leaves {
        let mut leaves = Leaves::new();
        for (name, value) in object.as_object().into_iter().flatten() {
            if name != "apiVersion" && name != "kind" {
                let path = FieldPath::default().field(name);
                self.collect(&path, value, self.node(&path), &mut leaves);
            }
        }
        leaves
    }

    fn collect(&self, path: &FieldPath, value: &Value, node: Option<Node<'_>>, leaves: &mut Leaves) {
        let atomic = node.is_some_and(Node::is_atomic);
        match (value, node.map(Node::list_kind)) {
            _ if self.vanishes(value, node) => {}
            (Value::Object(map), _) if !atomic && !map.is_empty() => {
                let before = leaves.len();
                for (name, value) in map {
                    self.collect(&path.field(name), value, node.and_then(|node| node.field(name)), leaves);
                }
                // A struct stays when all that is in it vanishes.
                if leaves.len() == before && !node.is_some_and(Node::is_collection) {
                    leaves.insert(path.clone(), json!({}));
                }
            }
            (Value::Array(items), Some(ListKind::Map(keys))) => {
                for item in items {
                    let step = key_step(item, &keys, node.and_then(Node::items));
                    self.collect(&path.step(step), item, node.and_then(Node::items), leaves);
                }
            }
            (Value::Array(items), Some(ListKind::Set)) => {
                leaves.extend(items.iter().map(|item| (path.step(PathStep::Item(item.to_string())), item.clone())));
            }
            _ => {
                leaves.insert(path.clone(), self.canonical(value, node).unwrap_or(Value::Null));
            }
        }
    }

    /// What a built-in kind does not keep.
    fn vanishes(&self, value: &Value, node: Option<Node<'_>>) -> bool {
        let built_in = node.is_some_and(Node::is_built_in);
        match value {
            Value::Null => true,
            Value::Object(map) => built_in && map.is_empty() && node.is_some_and(Node::is_collection),
            Value::Array(items) => built_in && items.is_empty(),
            Value::String(text) => built_in && text.is_empty() && node.is_some_and(Node::is_zero_absent),
            Value::Bool(value) => built_in && !value && node.is_some_and(Node::is_zero_absent),
            Value::Number(number) => built_in && number.as_f64() == Some(0.0) && node.is_some_and(Node::is_zero_absent),
        }
    }

    fn canonical(&self, value: &Value, node: Option<Node<'_>>) -> Option<Value> {
        if self.vanishes(value, node) {
            return None;
        }
        Some(match value {
            Value::Object(map) => {
                let field = |(name, value): (&String, &Value)| {
                    Some((name.clone(), self.canonical(value, node.and_then(|node| node.field(name)))?))
                };
                Value::Object(map.iter().filter_map(field).collect())
            }
            Value::Array(items) => {
                let item = |item| self.canonical(item, node.and_then(Node::items)).unwrap_or(Value::Null);
                items.iter().map(item).collect()
            }
            scalar => match amount(scalar).filter(|_| node.is_some_and(Node::is_quantity)) {
                Some(amount) => amount.into(),
                None => scalar.clone(),
            },
        })
    }

    /// The schema of a path. That of metadata is the same for all kinds; CRDs leave it out.
    fn node(&self, path: &FieldPath) -> Option<Node<'_>> {
        let mut steps = path.0.iter();
        let PathStep::Field(first) = steps.next()? else { return None };
        let root = match first.as_str() {
            "metadata" => self.schemas.get("", "ConfigMap")?.root(),
            _ => self.schema.root(),
        };
        steps.try_fold(root.field(first)?, |node, step| match step {
            PathStep::Field(name) => node.field(name),
            _ => node.items(),
        })
    }

    fn set(&self, root: &mut Value, field: &FieldChange) {
        set(root, &field.path.0, field.after.as_ref(), &|path| self.node(&FieldPath(path.to_vec())), &mut Vec::new());
    }
}

/// Whether nothing is predicted of a field but that the server decides.
fn in_doubt(field: &FieldChange) -> bool {
    field.unknown || matches!(field.class, Class::Doubt(_))
}

fn related(left: &FieldPath, right: &FieldPath) -> bool {
    left.starts_with(right) || right.starts_with(left)
}

pub(super) fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".into(), Value::to_string)
}

/// The step to an item of a keyed list.
fn key_step(item: &Value, keys: &[String], node: Option<Node<'_>>) -> PathStep {
    let key = |name: &String| {
        let default = || node.and_then(|node| node.field(name)?.default().cloned());
        Some((name.clone(), item.get(name).cloned().or_else(default)?.to_string()))
    };
    let mut step: Vec<(String, String)> = keys.iter().filter_map(key).collect();
    step.sort();
    PathStep::Key(step)
}

/// Writes a value at a path, or takes it away, and makes what is missing on the way.
fn set<'n>(
    value: &mut Value,
    path: &[PathStep],
    new: Option<&Value>,
    node: &dyn Fn(&[PathStep]) -> Option<Node<'n>>,
    above: &mut Vec<PathStep>,
) {
    let Some((step, below)) = path.split_first() else {
        *value = new.cloned().unwrap_or(Value::Null);
        return;
    };
    let list = node(above);
    above.push(step.clone());
    match step {
        PathStep::Field(name) => {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            let Some(map) = value.as_object_mut() else { return };
            if below.is_empty() && new.is_none() {
                map.remove(name);
            } else {
                set(map.entry(name.clone()).or_insert(Value::Null), below, new, node, above);
            }
        }
        PathStep::Index(index) => {
            if let Some(item) = value.as_array_mut().and_then(|items| items.get_mut(*index)) {
                set(item, below, new, node, above);
            }
        }
        PathStep::Item(text) => {
            if !value.is_array() {
                *value = Value::Array(Vec::new());
            }
            let Some(items) = value.as_array_mut() else { return };
            items.retain(|item| {
                let shown = item.to_string();
                shown != *text
            });
            items.extend(new.cloned());
        }
        PathStep::Key(keys) => {
            if !value.is_array() {
                *value = Value::Array(Vec::new());
            }
            let Some(items) = value.as_array_mut() else { return };
            let names: Vec<String> = keys.iter().map(|(name, _)| name.clone()).collect();
            let found = items.iter().position(|item| key_step(item, &names, list.and_then(Node::items)) == *step);
            if below.is_empty() && new.is_none() {
                if let Some(found) = found {
                    items.remove(found);
                }
                return;
            }
            let found = found.unwrap_or_else(|| {
                let parse = |text: &String| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
                items.push(keys.iter().map(|(name, text)| (name.clone(), parse(text))).collect::<Map<_, _>>().into());
                items.len() - 1
            });
            set(&mut items[found], below, new, node, above);
        }
    }
}

/// The conflicts of a refusal: path and manager.
pub(super) fn refusals(answer: &Value) -> BTreeSet<(String, String)> {
    let causes = answer.pointer("/details/causes").and_then(Value::as_array);
    let cause = |cause: &Value| {
        let message = cause.get("message")?.as_str()?;
        let manager = message.split('"').nth(1)?.to_owned();
        Some((cause.get("field")?.as_str()?.to_owned(), manager))
    };
    causes.into_iter().flatten().filter_map(cause).collect()
}

/// A quantity, roughly and on its own.
fn amount(value: &Value) -> Option<f64> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = match unit {
        "" => 1.0,
        "m" => 0.001,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * unit)
}
