//! What the API server tells, kept as it tells it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    Namespace,
    Service,
    Secret,
    Certificate,
    Gateway,
    HttpRoute,
    HttpRouteFilter,
    SecurityPolicy,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Namespace,
        Self::Service,
        Self::Secret,
        Self::Certificate,
        Self::Gateway,
        Self::HttpRoute,
        Self::HttpRouteFilter,
        Self::SecurityPolicy,
    ];

    /// The path of all objects of this kind, or of those in one namespace.
    pub(crate) fn path(self, namespace: Option<&str>) -> String {
        let (root, plural) = match self {
            Self::Namespace => ("/api/v1", "namespaces"),
            Self::Service => ("/api/v1", "services"),
            Self::Secret => ("/api/v1", "secrets"),
            Self::Certificate => ("/apis/cert-manager.io/v1", "certificates"),
            Self::Gateway => ("/apis/gateway.networking.k8s.io/v1", "gateways"),
            Self::HttpRoute => ("/apis/gateway.networking.k8s.io/v1", "httproutes"),
            Self::HttpRouteFilter => ("/apis/gateway.envoyproxy.io/v1alpha1", "httproutefilters"),
            Self::SecurityPolicy => ("/apis/gateway.envoyproxy.io/v1alpha1", "securitypolicies"),
        };
        match namespace {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
            None => format!("{root}/{plural}"),
        }
    }
}

/// Namespace and name; the namespace is empty for a Namespace.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Name {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Name {
    pub(crate) fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    pub(crate) fn of(object: &Value) -> Self {
        Self::new(text(object, "/metadata/namespace"), text(object, "/metadata/name"))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One object as it was from `version` on.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) version: u64,
    pub(crate) kind: Kind,
    pub(crate) object: Arc<Value>,
    pub(crate) deleted: bool,
}

impl Event {
    pub(crate) fn new(kind: Kind, object: Value, deleted: bool) -> Self {
        Self { version: version(&object), kind, object: Arc::new(object), deleted }
    }
}

/// The objects at one moment.
#[derive(Clone, Default, Debug)]
pub(crate) struct World {
    objects: BTreeMap<(Kind, Name), Arc<Value>>,
}

impl World {
    pub(crate) fn see(&mut self, event: &Event) {
        let key = (event.kind, Name::of(&event.object));
        if event.deleted {
            self.objects.remove(&key);
        } else {
            self.objects.insert(key, event.object.clone());
        }
    }

    pub(crate) fn get(&self, kind: Kind, name: &Name) -> Option<&Value> {
        // A borrowed key would need a type of its own, for no gain in tests.
        self.objects.get(&(kind, name.clone())).map(AsRef::as_ref)
    }

    pub(crate) fn all(&self, kind: Kind) -> impl Iterator<Item = (&Name, &Value)> {
        self.objects
            .range((kind, Name::default())..)
            .take_while(move |((other, _), _)| *other == kind)
            .map(|((_, name), object)| (name, object.as_ref()))
    }
}

/// The text at a JSON pointer; empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a JSON pointer; empty where there is none.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `metadata.generation`
pub(crate) fn generation(object: &Value) -> i64 {
    object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0)
}

/// `metadata.resourceVersion`: etcd's revision, so one order over all kinds.
pub(crate) fn version(object: &Value) -> u64 {
    text(object, "/metadata/resourceVersion").parse().unwrap_or(0)
}
