//! HTTPRoutes, for each Gateway that they name.

use serde_json::{Value, json};

use super::attachment::{Parent, meets, parents};
use super::conditions::Conditions;
use super::gateways::conflicts;
use super::{CONTROLLER, ENVOY_GATEWAY, Name, Objects, generation, list, text};

/// `None` for a route that names no Gateway of the world.
pub(super) fn status(objects: &Objects<'_>, route: &Value, now: &str) -> Option<Value> {
    let parents = parents(objects, route);
    if parents.is_empty() {
        return None;
    }
    let own: Vec<Value> = parents
        .iter()
        .map(|parent| {
            let before =
                list(route, "/status/parents").iter().find(|entry| entry.get("parentRef") == Some(parent.reference));
            json!({
                "parentRef": parent.reference,
                "controllerName": CONTROLLER,
                "conditions": conditions(objects, route, parent).written(before, generation(route), now),
            })
        })
        .collect();
    // Other controllers' entries stay.
    let others = list(route, "/status/parents").iter().filter(|entry| text(entry, "/controllerName") != CONTROLLER);
    Some(json!({"parents": own.into_iter().chain(others.cloned()).collect::<Vec<_>>()}))
}

fn conditions(objects: &Objects<'_>, route: &Value, parent: &Parent<'_>) -> Conditions {
    let mut conditions = Conditions::default();
    let listeners = parent.listeners();
    let admitting = parent.admitting(objects, text(route, "/metadata/namespace"));
    // An anchor's trap is here: one listener that admits the route is enough.
    let (accepted, reason, message) = if listeners.is_empty() {
        (false, "NoMatchingParent", "No listeners match this parent ref")
    } else if admitting.is_empty() {
        (false, "NotAllowedByListeners", "No listeners included by this parent ref allowed this attachment.")
    } else if admitting.iter().all(|listener| conflicts(parent.gateway, listener)) {
        (false, "NoReadyListeners", "There are no ready listeners for this parent ref")
    } else if !admitting.iter().any(|listener| meets(route, listener)) {
        let message = "There were no hostname intersections between the HTTPRoute and this parent ref's Listener(s).";
        (false, "NoMatchingListenerHostname", message)
    } else {
        (true, "Accepted", "Route is accepted")
    };
    conditions.set("Accepted", accepted, reason, message);
    references(objects, route, &mut conditions);
    if !conditions.has("ResolvedRefs") {
        conditions.set("ResolvedRefs", true, "ResolvedRefs", "Resolved all the Object references for the Route");
    }
    conditions
}

fn references(objects: &Objects<'_>, route: &Value, conditions: &mut Conditions) {
    let namespace = text(route, "/metadata/namespace");
    for (index, rule) in list(route, "/spec/rules").iter().enumerate() {
        for filter in list(rule, "/filters") {
            let name = Name::new(namespace, text(filter, "/extensionRef/name"));
            let is_filter = text(filter, "/extensionRef/kind") == "HTTPRouteFilter";
            if is_filter && objects.get(ENVOY_GATEWAY, "HTTPRouteFilter", &name).is_none() {
                let message = format!("Unable to translate HTTPRouteFilter: {name}");
                conditions.set("ResolvedRefs", false, "BackendNotFound", message.as_str());
                conditions.set("Accepted", false, "UnsupportedValue", message);
            }
        }
        for (backend, reference) in list(rule, "/backendRefs").iter().enumerate() {
            if let Err((reason, why)) = backend_of(objects, reference, namespace) {
                let message = format!("Failed to process route rule {index} backendRef {backend}: {why}.");
                conditions.set("ResolvedRefs", false, reason, message);
            }
        }
    }
}

fn backend_of(objects: &Objects<'_>, reference: &Value, namespace: &str) -> Result<(), (&'static str, String)> {
    let name = Name::referred(reference, namespace);
    let service = objects.get("", "Service", &name);
    let service = service.ok_or_else(|| ("BackendNotFound", format!("service {name} not found")))?;
    let port = &reference["port"];
    if list(service, "/spec/ports").iter().any(|one| one["port"] == *port) {
        Ok(())
    } else {
        Err(("PortNotFound", format!("TCP Port {port} not found on Service {name}")))
    }
}
