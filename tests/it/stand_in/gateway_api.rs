//! What the Gateway API and Envoy Gateway say about who is attached to what, read from the objects alone.

use serde_json::Value;

use super::world::{Kind, Name, World, list, text};

pub(super) const GATEWAY_API: &str = "gateway.networking.k8s.io";

/// An entry of a route's `parentRefs` that names a Gateway.
pub(super) struct Parent<'a> {
    pub(super) reference: &'a Value,
    pub(super) gateway: Name,
    pub(super) section: Option<&'a str>,
}

pub(super) fn parents(route: &Value) -> impl Iterator<Item = Parent<'_>> {
    list(route, "/spec/parentRefs").iter().filter(|parent| is_kind(parent, "Gateway")).map(|parent| Parent {
        reference: parent,
        gateway: Name::new(namespace_or(parent, text(route, "/metadata/namespace")), text(parent, "/name")),
        section: parent.get("sectionName").and_then(Value::as_str),
    })
}

fn is_kind(reference: &Value, kind: &str) -> bool {
    let is = |key, default| reference.get(key).is_none_or(|value| value == default);
    is("group", GATEWAY_API) && is("kind", kind)
}

/// The namespace that a reference names, or else that of the object it stands in.
pub(super) fn namespace_or<'a>(reference: &'a Value, own: &'a str) -> &'a str {
    match text(reference, "/namespace") {
        "" => own,
        namespace => namespace,
    }
}

/// The listeners that a parent means; all where it names no section.
pub(super) fn selected<'a>(gateway: &'a Value, parent: &Parent<'_>) -> Vec<&'a Value> {
    let port = parent.reference.get("port");
    list(gateway, "/spec/listeners")
        .iter()
        .filter(|listener| parent.section.is_none_or(|section| text(listener, "/name") == section))
        .filter(|listener| port.is_none() || listener.get("port") == port)
        .collect()
}

/// Whether HTTPRoutes of this namespace may attach to a listener of a Gateway in `home`.
pub(super) fn admits(world: &World, home: &str, listener: &Value, namespace: &str) -> bool {
    let kinds = list(listener, "/allowedRoutes/kinds");
    if !kinds.is_empty() && !kinds.iter().any(|kind| text(kind, "/kind") == "HTTPRoute") {
        return false;
    }
    match text(listener, "/allowedRoutes/namespaces/from") {
        "All" => true,
        "Selector" => listener
            .pointer("/allowedRoutes/namespaces/selector")
            .is_some_and(|selector| selects(selector, &|key| label_of_namespace(world, namespace, key))),
        _ => namespace == home,
    }
}

fn label_of_namespace<'a>(world: &'a World, namespace: &'a str, key: &str) -> Option<&'a str> {
    if key == "kubernetes.io/metadata.name" {
        return Some(namespace);
    }
    world.get(Kind::Namespace, &Name::new("", namespace)).and_then(|object| label(object, key))
}

pub(super) fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.pointer("/metadata/labels")?.get(key)?.as_str()
}

fn selects<'a>(selector: &Value, label: &dyn Fn(&str) -> Option<&'a str>) -> bool {
    let labels = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let expressions = list(selector, "/matchExpressions");
    labels.into_iter().all(|(key, value)| label(key) == value.as_str())
        && expressions.iter().all(|expression| {
            let value = label(text(expression, "/key"));
            let named = || list(expression, "/values").iter().any(|one| one.as_str() == value);
            match text(expression, "/operator") {
                "In" => value.is_some() && named(),
                "NotIn" => value.is_none() || !named(),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

/// What a SecurityPolicy targets, in its own namespace.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Target {
    pub(super) kind: Kind,
    pub(super) name: Name,
    pub(super) section: Option<String>,
}

pub(super) fn targets(world: &World, policy: &Value) -> Vec<Target> {
    let namespace = text(policy, "/metadata/namespace");
    let mut targets = Vec::new();
    for selector in list(policy, "/spec/targetSelectors") {
        let Some(kind) = kind(selector) else { continue };
        let fitting = world
            .all(kind)
            .filter(|(name, object)| name.namespace == namespace && selects(selector, &|key| label(object, key)));
        targets.extend(fitting.map(|(name, _)| Target { kind, name: name.clone(), section: None }));
    }
    for reference in policy.pointer("/spec/targetRef").into_iter().chain(list(policy, "/spec/targetRefs")) {
        let Some(kind) = kind(reference) else { continue };
        let section = reference.get("sectionName").and_then(Value::as_str).map(str::to_owned);
        let target = Target { kind, name: Name::new(namespace, text(reference, "/name")), section };
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    targets
}

fn kind(reference: &Value) -> Option<Kind> {
    [("Gateway", Kind::Gateway), ("HTTPRoute", Kind::HttpRoute)]
        .into_iter()
        .find_map(|(name, kind)| is_kind(reference, name).then_some(kind))
}

/// All SecurityPolicies, the one that wins a conflict before the others.
pub(super) fn by_age(world: &World) -> Vec<(&Name, &Value)> {
    let mut policies: Vec<_> = world.all(Kind::SecurityPolicy).collect();
    policies.sort_by_key(|(name, policy)| (text(policy, "/metadata/creationTimestamp"), *name));
    policies
}
