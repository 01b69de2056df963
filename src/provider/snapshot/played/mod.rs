//! cert-manager and Envoy Gateway, played: what they would make of the world as it is.
//!
//! Pure: the world's objects go in; the Secrets that cert-manager writes and the statuses of both come out, whole and at once,
//! so that what an apply waits for is true after the write that it waits on. What makes an apply wait for ever on a real
//! gateway does so here too: a policy beside an older one, a route whose Service is not there. Reasons and messages are those
//! of Envoy Gateway 1.6.

mod attachment;
mod cert_manager;
mod conditions;
mod gateways;
mod policies;
mod routes;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::resource::Address;

/// API group of Gateways and routes.
const GATEWAY_API: &str = "gateway.networking.k8s.io";
/// API group of Envoy Gateway's policies and filters.
const ENVOY_GATEWAY: &str = "gateway.envoyproxy.io";
/// API group of Certificates.
const CERT_MANAGER: &str = "cert-manager.io";
/// How Envoy Gateway signs statuses.
const CONTROLLER: &str = "gateway.envoyproxy.io/gatewayclass-controller";

/// What a controller would write.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Deed {
    /// The whole status of an object.
    Status { of: Address, status: Value, manager: &'static str },
    /// A Secret of a certificate that was not there; without the key.
    Secret { at: Address, object: Value },
}

/// Whether the controllers look at a kind at all.
pub(super) fn watches(address: &Address) -> bool {
    let kinds: &[&str] = match address.group.as_str() {
        "" => &["Namespace", "Secret", "Service"],
        GATEWAY_API => &["Gateway", "HTTPRoute"],
        ENVOY_GATEWAY => &["HTTPRouteFilter", "SecurityPolicy"],
        CERT_MANAGER => &["Certificate"],
        _ => &[],
    };
    !address.is_keycloak() && kinds.contains(&address.kind.as_str())
}

/// Everything that the controllers would write now; nothing where all is written. `now` is RFC 3339.
pub(super) fn deeds(objects: &Objects<'_>, now: &str) -> Vec<Deed> {
    let mut deeds = cert_manager::deeds(objects, now);
    let mut put = |of: &Address, live: &Value, status: Value| {
        if live.get("status") != Some(&status) {
            deeds.push(Deed::Status { of: of.clone(), status, manager: "envoy-gateway" });
        }
    };
    for (of, gateway) in objects.of_kind(GATEWAY_API, "Gateway") {
        put(of, gateway, gateways::status(objects, of, gateway, now));
    }
    for (of, route) in objects.of_kind(GATEWAY_API, "HTTPRoute") {
        if let Some(status) = routes::status(objects, route, now) {
            put(of, route, status);
        }
    }
    for (of, status) in policies::statuses(objects, now) {
        if let Some(policy) = objects.at(of) {
            put(of, policy, status);
        }
    }
    deeds
}

/// The objects that controllers look at, by address.
pub(super) struct Objects<'o>(BTreeMap<&'o Address, &'o Value>);

impl<'o> FromIterator<(&'o Address, &'o Value)> for Objects<'o> {
    fn from_iter<I: IntoIterator<Item = (&'o Address, &'o Value)>>(objects: I) -> Self {
        Self(objects.into_iter().filter(|(address, _)| watches(address)).collect())
    }
}

impl<'o> Objects<'o> {
    fn at(&self, address: &Address) -> Option<&'o Value> {
        self.0.get(address).copied()
    }

    fn get(&self, group: &str, kind: &str, name: &Name) -> Option<&'o Value> {
        self.at(&Address::namespaced(group, kind, &name.namespace, &name.name))
    }

    fn of_kind(&self, group: &str, kind: &str) -> impl Iterator<Item = (&'o Address, &'o Value)> {
        let all = |address: &&Address| address.group == group && address.kind == kind;
        let found: Vec<_> =
            self.0.iter().filter(|(address, _)| all(address)).map(|(address, value)| (*address, *value)).collect();
        found.into_iter()
    }
}

/// A namespace and a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    namespace: String,
    name: String,
}

impl Name {
    fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    fn of(address: &Address) -> Self {
        Self::new(address.namespace.as_deref().unwrap_or_default(), &address.name)
    }

    /// What a reference names: in its own namespace, or in that of the object that it stands in.
    fn referred(reference: &Value, own: &str) -> Self {
        let namespace = Some(text(reference, "/namespace")).filter(|namespace| !namespace.is_empty()).unwrap_or(own);
        Self::new(namespace, text(reference, "/name"))
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The text at a JSON pointer; empty where there is none.
fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a JSON pointer; empty where there is none.
fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn generation(object: &Value) -> i64 {
    object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0)
}
