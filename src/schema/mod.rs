//! Structural schemas of kinds: list keys, atomic lists, defaults, and what a kind does not allow.
//!
//! Schemas of custom resources come from the cluster (or a snapshot, or the embedded copies of the platform's CRDs); those of
//! built-in kinds from `builtin.json`, whose list keys are the server's OpenAPI and whose defaults were asked from a real API
//! server. What no table knows has no schema, and the diff says *in doubt* instead of guessing.
//!
//! `builtin.json` is `{"kubernetes", "kinds", "definitions"}`. A node is a `$ref` or has the keys of a CRD's schema, and:
//! `x-packctl-quantity`, a quantity, which the server may spell in another way; `x-packctl-defaults: [{"when", "default"}]`, the
//! default of the first entry whose fields are beside the value; `x-packctl-fallback`, `x-packctl-computed` and
//! `x-packctl-kept`, outside of atomic values, what comes in the place of a field that is taken away; `x-packctl-zero-absent`, where `""`, `0` and `false` are the
//! same as absent; `x-packctl-zero`, the fields that are there in a struct of which nothing is said. A `default` holds inside atomic values and for the keys of keyed lists; elsewhere it is ignored. An empty
//! list and an empty map of a built-in kind are absent; the empty struct (`emptyDir: {}`) is not.

mod admit;
mod atom;
mod embedded;
mod fields;
mod judge;
mod metadata;
mod nearest;
mod patterns;
mod pointer;
mod rules;
mod stored;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock};

use serde_json::{Map, Value};

pub use admit::{Unknown, admitted, remove, unknown_fields};
pub use atom::{Atom, Typing};
pub use fields::{Field, NoField, find};
pub use judge::{Violation, violations};
pub use metadata::metadata_violations;
pub(crate) use nearest::nearest;
pub use stored::stored;
pub(crate) use stored::without_nulls;

use metadata::object_meta;
use rules::Compiled;

/// The schemas of a cluster's kinds. Kinds that nobody added fall back to the embedded ones.
#[derive(Clone, Debug, Default)]
pub struct Schemas(BTreeMap<(String, String), Schema>);

impl Schemas {
    /// The schema of a kind; `None` when nobody knows it.
    pub fn get(&self, group: &str, kind: &str) -> Option<&Schema> {
        let key = (group.to_owned(), kind.to_owned());
        self.0.get(&key).or_else(|| embedded::schema(group, kind)).or_else(|| BUILT_IN.get(&key))
    }

    /// Adds a schema in the form of a CRD's `openAPIV3Schema`, in the version that is read and written.
    pub fn add(&mut self, group: &str, kind: &str, version: &str, schema: Value) {
        let schema = Schema::new(version, Arc::new(schema), Arc::new(Value::Null), true);
        self.0.insert((group.to_owned(), kind.to_owned()), schema);
    }

    /// Adds the storage version of a CustomResourceDefinition; a CRD without a schema adds nothing.
    pub fn add_crd(&mut self, crd: &Value) {
        if let Some((key, schema)) = read_crd(crd) {
            self.0.insert(key, schema);
        }
    }
}

/// The schema of one kind.
#[derive(Clone, Debug)]
pub struct Schema {
    root: Arc<Value>,
    definitions: Arc<Value>,
    knows_defaults: bool,
    version: Arc<str>,
    compiled: Arc<OnceLock<Compiled>>,
}

/// How the items of a list are matched in a server-side apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// The list is one value.
    Atomic,
    /// Items are unique values.
    Set,
    /// Items are matched by these fields.
    Map(Vec<String>),
}

/// What comes in the place of a field that is taken away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fallback<'s> {
    /// The field is gone.
    Nothing,
    /// A default.
    Value(&'s Value),
    /// Something that depends on other fields.
    Computed,
    /// What is there: the cluster gave it.
    Kept,
}

/// One node of a schema.
#[derive(Clone, Copy, Debug)]
pub struct Node<'s> {
    value: &'s Value,
    definitions: &'s Value,
    knows_defaults: bool,
}

impl Schema {
    fn new(version: &str, root: Arc<Value>, definitions: Arc<Value>, knows_defaults: bool) -> Self {
        Self { root, definitions, knows_defaults, version: version.into(), compiled: Arc::default() }
    }

    /// The version of the kind that it describes: `v1`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Patterns and rules, compiled when they are first asked for.
    fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| Compiled::of(&self.root))
    }

    /// A schema of something that is compiled into the server.
    pub(crate) fn built_in(root: Value) -> Self {
        Self::new("", Arc::new(root), Arc::default(), false)
    }

    /// Whether a default that is not here does not exist. Tables of built-in kinds know only what was measured.
    pub fn knows_defaults(&self) -> bool {
        self.knows_defaults
    }

    /// The node of the whole object.
    pub fn root(&self) -> Node<'_> {
        Node { value: &self.root, definitions: &self.definitions, knows_defaults: self.knows_defaults }.resolved()
    }
}

impl<'s> Node<'s> {
    fn resolved(self) -> Self {
        let mut node = self;
        // Definitions may name each other; a chain longer than this is a cycle of names.
        for _ in 0..16 {
            let Some(target) = node.value.get("$ref").and_then(Value::as_str) else { break };
            let name = target.rsplit('/').next().unwrap_or(target);
            match node.definitions.get(name) {
                Some(value) => node.value = value,
                None => break,
            }
        }
        node
    }

    fn at(self, value: &'s Value) -> Self {
        Node { value, ..self }.resolved()
    }

    /// Whether the value is compiled into the server, which keeps no empty lists and maps of it, and some of whose defaults no
    /// table knows.
    pub fn is_built_in(self) -> bool {
        !self.knows_defaults
    }

    /// The node of a field: a property, or the map's value type.
    pub fn field(self, name: &str) -> Option<Self> {
        let declared = self.value.get("properties").and_then(|properties| properties.get(name));
        let value = declared.or_else(|| self.value.get("additionalProperties").filter(|value| value.is_object()))?;
        Some(self.at(value))
    }

    /// The node of a list's items.
    pub fn items(self) -> Option<Self> {
        self.value.get("items").map(|value| self.at(value))
    }

    /// How a list is matched. Unset means atomic.
    pub fn list_kind(self) -> ListKind {
        match self.value.get("x-kubernetes-list-type").and_then(Value::as_str) {
            Some("set") => ListKind::Set,
            Some("map") => {
                let keys = self.value.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                ListKind::Map(keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
            }
            _ => ListKind::Atomic,
        }
    }

    /// Whether a map or struct is owned as one value.
    pub fn is_atomic(self) -> bool {
        self.value.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic")
    }

    /// The value that the server fills in.
    pub fn default(self) -> Option<&'s Value> {
        self.value.get("default")
    }

    /// The value that the server fills in for a field, seen from the object that lacks it.
    fn default_of(self, name: &str, siblings: &Map<String, Value>) -> Option<&'s Value> {
        let node = self.field(name)?;
        let conditional = node.value.get("x-packctl-defaults").and_then(Value::as_array);
        let fits = |entry: &&Value| {
            let when = entry.get("when").and_then(Value::as_object);
            when.is_none_or(|when| when.iter().all(|(key, value)| siblings.get(key) == Some(value)))
        };
        conditional.and_then(|entries| entries.iter().find(fits)?.get("default")).or_else(|| node.default())
    }

    /// What the server puts in the place of a field that is taken away from an object with these other fields.
    pub fn fallback(self, name: &str, siblings: &Map<String, Value>) -> Fallback<'s> {
        let Some(node) = self.field(name) else { return Fallback::Nothing };
        let is = |mark| node.value.get(mark) == Some(&Value::Bool(true));
        if is("x-packctl-computed") {
            return Fallback::Computed;
        }
        if is("x-packctl-kept") {
            return Fallback::Kept;
        }
        let measured = node.value.get("x-packctl-fallback");
        measured.or_else(|| self.default_of(name, siblings)).map_or(Fallback::Nothing, Fallback::Value)
    }

    /// Whether the zero value (`""`, `0`, `false`) is the same as absent.
    pub fn is_zero_absent(self) -> bool {
        self.value.get("x-packctl-zero-absent") == Some(&Value::Bool(true))
    }

    /// The struct when nothing is said of it: some fields of built-in kinds are there all the same, as null or as a struct.
    pub fn zero(self) -> Value {
        let fields = self.value.get("x-packctl-zero").and_then(Value::as_object);
        let below = |(name, value): (&String, &Value)| {
            let node = self.field(name).filter(|_| value.is_object());
            (name.clone(), node.map_or(Value::Null, Self::zero))
        };
        Value::Object(fields.into_iter().flatten().map(below).collect())
    }

    /// Whether a built-in kind does not keep this value.
    pub fn is_absent(self, value: &Value) -> bool {
        match value {
            Value::Object(map) => map.is_empty() && self.is_collection(),
            Value::Array(items) => items.is_empty(),
            Value::String(text) => text.is_empty() && self.is_zero_absent(),
            Value::Bool(value) => !value && self.is_zero_absent(),
            Value::Number(number) => number.as_f64() == Some(0.0) && self.is_zero_absent(),
            Value::Null => true,
        }
    }

    /// Whether the value is a list, or a map with free keys: empty, a built-in kind does not keep it.
    pub fn is_collection(self) -> bool {
        self.value.get("additionalProperties").is_some() || self.value.get("items").is_some()
    }

    /// The declared properties.
    pub fn properties(self) -> impl Iterator<Item = (&'s str, Self)> {
        let properties = self.value.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().map(move |(name, value)| (name.as_str(), self.at(value)))
    }

    /// Whether fields that the schema does not name are kept.
    pub fn preserves_unknown(self) -> bool {
        self.value.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true))
    }

    /// Whether the value is a map with free keys.
    pub fn is_map(self) -> bool {
        self.value.get("additionalProperties").is_some_and(|values| *values != Value::Bool(false))
    }

    /// Whether the value is a whole object of Kubernetes.
    fn is_embedded(self) -> bool {
        self.value.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true))
    }

    /// Whether the server keeps a null here: where it is a value, and where nothing is said of values at all.
    pub fn may_be_null(self) -> bool {
        self.is_nullable() || (self.type_name().is_none() && !self.is_int_or_string())
    }

    /// Whether null is a value and not the same as absent.
    fn is_nullable(self) -> bool {
        self.value.get("nullable") == Some(&Value::Bool(true))
    }

    /// Whether the value may be an integer or a text.
    fn is_int_or_string(self) -> bool {
        self.value.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true))
    }

    fn type_name(self) -> Option<&'s str> {
        self.value.get("type").and_then(Value::as_str)
    }

    /// A keyword of the schema, `maxLength`.
    fn keyword(self, name: &str) -> Option<&'s Value> {
        self.value.get(name)
    }

    /// The fields that an object must have.
    fn required(self) -> impl Iterator<Item = &'s str> {
        self.value.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// The nodes of `allOf`, `anyOf`, `oneOf`, or the one of `not`.
    fn branches(self, keyword: &str) -> impl Iterator<Item = Self> {
        let (list, one) = match self.value.get(keyword) {
            Some(Value::Array(list)) => (list.as_slice(), None),
            other => (&[][..], other.filter(|value| value.is_object())),
        };
        list.iter().chain(one).map(move |value| self.at(value))
    }

    /// Whether the value is a resource quantity, which the server may spell in another way.
    pub fn is_quantity(self) -> bool {
        self.value.get("x-packctl-quantity") == Some(&Value::Bool(true))
    }
}

/// Fills in the defaults of a value, as the server does: missing properties that have a default, at every depth.
pub fn with_defaults(value: &Value, node: Node<'_>) -> Value {
    match value {
        Value::Object(map) => {
            let mut filled = map.clone();
            for (name, _) in node.properties() {
                if let (None, Some(default)) = (filled.get(name), node.default_of(name, map)) {
                    filled.insert(name.to_owned(), default.clone());
                }
            }
            for (name, value) in &mut filled {
                if let Some(below) = node.field(name) {
                    *value = with_defaults(value, below);
                }
            }
            Value::Object(filled)
        }
        Value::Array(items) => match node.items() {
            Some(below) => items.iter().map(|item| with_defaults(item, below)).collect(),
            None => value.clone(),
        },
        _ => value.clone(),
    }
}

/// Whether [`with_defaults`] would change nothing.
pub fn has_defaults(value: &Value, node: Node<'_>) -> bool {
    match value {
        Value::Object(map) => {
            let lacking = |(name, _)| !map.contains_key(name) && node.default_of(name, map).is_some();
            !node.properties().any(lacking)
                && map.iter().all(|(name, value)| node.field(name).is_none_or(|below| has_defaults(value, below)))
        }
        Value::Array(items) => node.items().is_none_or(|below| items.iter().all(|item| has_defaults(item, below))),
        _ => true,
    }
}

fn read_crd(crd: &Value) -> Option<((String, String), Schema)> {
    let spec = crd.get("spec")?;
    let versions = spec.get("versions")?.as_array()?;
    let version = versions.iter().find(|version| version.get("storage") == Some(&Value::Bool(true)))?;
    let root = Arc::new(version.pointer("/schema/openAPIV3Schema")?.clone());
    let key = (spec.get("group")?.as_str()?.to_owned(), spec.pointer("/names/kind")?.as_str()?.to_owned());
    Some((key, Schema::new(version.get("name")?.as_str()?, root, Arc::default(), true)))
}

static BUILT_IN: LazyLock<BTreeMap<(String, String), Schema>> = LazyLock::new(|| {
    let mut schemas = BTreeMap::new();
    let table: Value = serde_json::from_str(include_str!("builtin.json")).unwrap_or(Value::Null);
    let definitions = Arc::new(table.get("definitions").cloned().unwrap_or(Value::Null));
    for (name, root) in table.get("kinds").and_then(Value::as_object).into_iter().flatten() {
        // `apps/v1/Deployment`, `v1/Service`.
        let mut parts = name.rsplit('/');
        let (kind, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let key = (parts.next().unwrap_or_default().to_owned(), kind.to_owned());
        schemas.insert(key, Schema::new(version, Arc::new(root.clone()), definitions.clone(), false));
    }
    schemas
});

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn embedded_schemas_know_the_keys_of_the_lists_that_packctl_writes() {
        let schemas = Schemas::default();
        let gateway = schemas.get("gateway.networking.k8s.io", "Gateway").expect("embedded").root();
        let listeners = gateway.field("spec").and_then(|spec| spec.field("listeners")).expect("listeners");
        assert_eq!(listeners.list_kind(), ListKind::Map(vec!["name".into()]));
        let deployment = schemas.get("apps", "Deployment").expect("in the table").root();
        let pod = ["spec", "template", "spec", "containers"].iter().try_fold(deployment, |node, name| node.field(name));
        assert_eq!(pod.map(Node::list_kind), Some(ListKind::Map(vec!["name".into()])));
        assert!(schemas.get("example.com", "Unheard").is_none());
    }

    #[test]
    fn defaults_inside_an_atomic_list_are_those_of_the_crd() {
        let schemas = Schemas::default();
        let route = schemas.get("gateway.networking.k8s.io", "HTTPRoute").expect("embedded").root();
        let parents = route.field("spec").and_then(|spec| spec.field("parentRefs")).expect("parentRefs");
        let filled = with_defaults(&json!([{"name": "gw"}]), parents);
        assert_eq!(filled, json!([{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gw"}]));
    }
}
