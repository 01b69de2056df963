//! Gateways and their listeners.

use serde_json::{Value, json};

use super::attachment::parents;
use super::conditions::Conditions;
use super::{GATEWAY_API, Name, Objects, generation, list, text};
use crate::resource::Address;

pub(super) fn status(objects: &Objects<'_>, of: &Address, gateway: &Value, now: &str) -> Value {
    let before = gateway.get("status");
    let generation = generation(gateway);
    let mut conditions = Conditions::default();
    conditions.set("Accepted", true, "Accepted", "The Gateway has been scheduled by Envoy Gateway");
    conditions.set("Programmed", true, "Programmed", "Address assigned to the Gateway, 1/1 envoy replicas available");
    let listener = |listener: &Value| {
        let before = before.map(|before| list(before, "/listeners")).unwrap_or_default();
        let before = before.iter().find(|before| before.get("name") == listener.get("name"));
        json!({
            "name": listener["name"],
            "attachedRoutes": attached(objects, &Name::of(of), listener),
            "supportedKinds": [
                {"group": GATEWAY_API, "kind": "HTTPRoute"},
                {"group": GATEWAY_API, "kind": "GRPCRoute"},
            ],
            "conditions": conditions_of(gateway, listener).written(before, generation, now),
        })
    };
    let listeners: Vec<Value> = list(gateway, "/spec/listeners").iter().map(listener).collect();
    let addresses = before.and_then(|before| before.get("addresses")).cloned();
    json!({
        "addresses": addresses.unwrap_or_else(|| json!([{"type": "IPAddress", "value": "192.0.2.10"}])),
        "conditions": conditions.written(before, generation, now),
        "listeners": listeners,
    })
}

/// A listener whose Secret is not in the world counts as one that has it: a world that people write need not hold the
/// certificates of others, and those of Certificates are always there.
fn conditions_of(gateway: &Value, listener: &Value) -> Conditions {
    let mut conditions = Conditions::default();
    if conflicts(gateway, listener) {
        let message = "All listeners for a given port must use a unique hostname";
        conditions.set("Conflicted", true, "HostnameConflict", message);
        let message = "Listener is invalid, see other Conditions for details.";
        conditions.set("Programmed", false, "Invalid", message);
    } else {
        let message = "Sending translated listener configuration to the data plane";
        conditions.set("Programmed", true, "Programmed", message);
        conditions.set("Accepted", true, "Accepted", "Listener has been successfully translated");
    }
    conditions.set("ResolvedRefs", true, "ResolvedRefs", "Listener references have been resolved");
    conditions
}

/// Whether another listener has the same port and host.
pub(super) fn conflicts(gateway: &Value, listener: &Value) -> bool {
    let same =
        |other: &&Value| other.get("port") == listener.get("port") && other.get("hostname") == listener.get("hostname");
    list(gateway, "/spec/listeners").iter().filter(same).count() > 1
}

fn attached(objects: &Objects<'_>, gateway: &Name, listener: &Value) -> usize {
    objects
        .of_kind(GATEWAY_API, "HTTPRoute")
        .flat_map(|(_, route)| parents(objects, route).into_iter().map(move |parent| (route, parent)))
        .filter(|(_, parent)| parent.name == *gateway)
        .filter(|(route, parent)| {
            let admitting = parent.admitting(objects, text(route, "/metadata/namespace"));
            admitting.iter().any(|other| other.get("name") == listener.get("name"))
        })
        .count()
}
