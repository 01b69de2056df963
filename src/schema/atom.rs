//! How server-side apply sees a place in an object: as one leaf, as fields, or as items.
//!
//! The same reading of a schema as the API server's: k8s.io/kube-openapi `schemaconv` makes the types of
//! sigs.k8s.io/structured-merge-diff from OpenAPI. What no schema describes is typed by the value that stands there: maps by
//! field, lists as one value.

use serde_json::{Map, Value};

use super::{ListKind, Node, Schema, object_meta};

/// The type of one place in an object.
#[derive(Clone, Copy, Debug)]
pub struct Typing<'s>(Kind<'s>);

#[derive(Clone, Copy, Debug)]
enum Kind<'s> {
    /// The whole object, whose `metadata` is typed by the server and not by a CRD.
    Object(Option<Node<'s>>),
    /// A node of a schema; `keeps_unknown` is inherited from the nodes above it.
    Node { node: Node<'s>, keeps_unknown: bool },
    /// No schema: maps by field.
    Deduced,
    /// No schema, and inside a list: everything is one value.
    Untyped,
}

/// What server-side apply does at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Atom {
    /// Owned as one value.
    Leaf,
    /// Owned by field.
    Fields,
    /// Owned by item: of a set, or of a list map.
    Items(ListKind),
}

/// The shape of a value that decides, where the type leaves it open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Scalar,
    List,
    Map,
}

impl Shape {
    fn of(value: &Value) -> Self {
        match value {
            Value::Array(_) => Self::List,
            // Null takes the first form that a type offers, and that is the map.
            Value::Object(_) | Value::Null => Self::Map,
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Self::Scalar,
        }
    }
}

impl<'s> Typing<'s> {
    /// The type of a whole object; without a schema it is deduced from the values.
    pub fn of_object(schema: Option<&'s Schema>) -> Self {
        Self(Kind::Object(schema.map(Schema::root)))
    }

    /// The object when nothing is said of it.
    pub fn zero(self) -> Value {
        match self.0 {
            Kind::Object(Some(node)) | Kind::Node { node, .. } => node.zero(),
            Kind::Object(None) | Kind::Deduced | Kind::Untyped => Value::Object(Map::new()),
        }
    }

    /// What is done with this value here.
    pub fn atom(self, value: &Value) -> Atom {
        let (shape, node) = match self.0 {
            Kind::Object(_) => return Atom::Fields,
            Kind::Deduced if matches!(value, Value::Object(_) | Value::Null) => return Atom::Fields,
            Kind::Deduced | Kind::Untyped => return Atom::Leaf,
            Kind::Node { node, .. } => (node.shape().unwrap_or_else(|| Shape::of(value)), node),
        };
        match shape {
            Shape::Scalar => Atom::Leaf,
            Shape::List => match node.list_kind() {
                ListKind::Atomic => Atom::Leaf,
                kind => Atom::Items(kind),
            },
            Shape::Map if node.is_atomic() => Atom::Leaf,
            Shape::Map => Atom::Fields,
        }
    }

    /// Whether the schema says that the place is owned as one value, though values of its form have parts.
    pub fn is_atomic(self) -> bool {
        let Kind::Node { node, .. } = self.0 else { return false };
        match node.shape().unwrap_or(Shape::Map) {
            Shape::Map => node.is_atomic(),
            Shape::List => node.list_kind() == ListKind::Atomic,
            Shape::Scalar => false,
        }
    }

    /// Whether the schema allows such a value at all; the text says what it wants.
    pub fn admits(self, value: &Value) -> Result<(), &'static str> {
        let Kind::Node { node, .. } = self.0 else { return Ok(()) };
        if value.is_null() {
            return Ok(());
        }
        let (ok, wants) = match node.type_name() {
            Some("object") => (value.is_object(), "expected map"),
            Some("array") => (value.is_array(), "expected list"),
            Some("integer" | "number") if !node.is_quantity() => (value.is_number(), "expected numeric (int or float)"),
            Some("boolean") => (value.is_boolean(), "expected boolean"),
            // Other formats than bytes count as untyped.
            Some("string") if matches!(node.format(), None | Some("byte")) && !node.is_quantity() => {
                (value.is_string(), "expected string")
            }
            Some(_) => (!value.is_object() && !value.is_array(), "expected any scalar"),
            None => (true, ""),
        };
        if ok { Ok(()) } else { Err(wants) }
    }

    /// The type of a field; `None` where the schema does not allow it.
    pub fn field(self, name: &str) -> Option<Self> {
        match self.0 {
            Kind::Object(_) if name == "metadata" => {
                Some(Self(Kind::Node { node: object_meta(), keeps_unknown: false }))
            }
            Kind::Object(None) | Kind::Deduced => Some(Self(Kind::Deduced)),
            Kind::Untyped => Some(Self(Kind::Untyped)),
            Kind::Object(Some(node)) => {
                // A CRD need not say what every object has.
                let of_every_object = || ["apiVersion", "kind"].contains(&name).then_some(Self(Kind::Deduced));
                Self(Kind::Node { node, keeps_unknown: false }).field(name).or_else(of_every_object)
            }
            Kind::Node { node, keeps_unknown } => {
                let keeps_unknown = keeps_unknown || node.preserves_unknown();
                if let Some(below) = node.field(name) {
                    return Some(Self(Kind::Node { node: below, keeps_unknown }));
                }
                let free = match node.additional() {
                    Some(allows) => allows,
                    None => keeps_unknown || node.properties().next().is_none(),
                };
                free.then_some(Self(Kind::Deduced))
            }
        }
    }

    /// Whether the schema names this field (a struct's field, not a map's key).
    pub fn declares(self, name: &str) -> bool {
        match self.0 {
            Kind::Object(_) if name == "metadata" => true,
            Kind::Object(Some(node)) | Kind::Node { node, .. } => node.has_property(name),
            Kind::Object(None) | Kind::Deduced | Kind::Untyped => false,
        }
    }

    /// The type of a list's items.
    pub fn items(self) -> Self {
        match self.0 {
            Kind::Node { node, keeps_unknown } => match node.items() {
                Some(below) => {
                    Self(Kind::Node { node: below, keeps_unknown: keeps_unknown || node.preserves_unknown() })
                }
                None => Self(Kind::Untyped),
            },
            Kind::Object(_) | Kind::Deduced | Kind::Untyped => Self(Kind::Untyped),
        }
    }

    /// The default of a key field of this list's items.
    pub fn key_default(self, key: &str) -> Option<&'s Value> {
        let Kind::Node { node, .. } = self.0 else { return None };
        node.items()?.field(key)?.default()
    }
}

impl<'s> Node<'s> {
    fn format(self) -> Option<&'s str> {
        self.value.get("format").and_then(Value::as_str)
    }

    fn shape(self) -> Option<Shape> {
        // The published type of such a field names none.
        if self.is_int_or_string() {
            return None;
        }
        match self.type_name()? {
            "object" => Some(Shape::Map),
            "array" => Some(Shape::List),
            _ => Some(Shape::Scalar),
        }
    }

    /// `additionalProperties` as a yes or no; `None` where it is not said, or is a schema.
    fn additional(self) -> Option<bool> {
        self.value.get("additionalProperties").and_then(Value::as_bool)
    }

    fn has_property(self, name: &str) -> bool {
        self.value.get("properties").is_some_and(|properties| properties.get(name).is_some())
    }
}
