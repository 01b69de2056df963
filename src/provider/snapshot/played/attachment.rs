//! Who is attached to what, by the rules of the Gateway API.

use serde_json::Value;

use super::{GATEWAY_API, Name, Objects, list, text};
use crate::resource::Address;

/// A Gateway that a route names, as far as it is there.
pub(super) struct Parent<'o> {
    pub(super) reference: &'o Value,
    pub(super) name: Name,
    pub(super) gateway: &'o Value,
    pub(super) section: Option<&'o str>,
}

/// The Gateways of a route's `parentRefs` that exist.
pub(super) fn parents<'o>(objects: &Objects<'o>, route: &'o Value) -> Vec<Parent<'o>> {
    let own = text(route, "/metadata/namespace");
    let of = |reference: &'o Value| {
        let name = Name::referred(reference, own);
        let gateway = objects.get(GATEWAY_API, "Gateway", &name)?;
        Some(Parent { reference, name, gateway, section: reference.get("sectionName").and_then(Value::as_str) })
    };
    list(route, "/spec/parentRefs").iter().filter(|reference| is_kind(reference, "Gateway")).filter_map(of).collect()
}

fn is_kind(reference: &Value, kind: &str) -> bool {
    let is = |key, default| reference.get(key).is_none_or(|value| value == default);
    is("group", GATEWAY_API) && is("kind", kind)
}

impl<'o> Parent<'o> {
    /// The listeners that are meant; all where no section is named.
    pub(super) fn listeners(&self) -> Vec<&'o Value> {
        let port = self.reference.get("port");
        list(self.gateway, "/spec/listeners")
            .iter()
            .filter(|listener| self.section.is_none_or(|section| text(listener, "/name") == section))
            .filter(|listener| port.is_none() || listener.get("port") == port)
            .collect()
    }

    /// Those of them that take HTTPRoutes of this namespace.
    pub(super) fn admitting(&self, objects: &Objects<'_>, namespace: &str) -> Vec<&'o Value> {
        let mut listeners = self.listeners();
        listeners.retain(|listener| admits(objects, &self.name.namespace, listener, namespace));
        listeners
    }
}

fn admits(objects: &Objects<'_>, home: &str, listener: &Value, namespace: &str) -> bool {
    let kinds = list(listener, "/allowedRoutes/kinds");
    if !kinds.is_empty() && !kinds.iter().any(|kind| text(kind, "/kind") == "HTTPRoute") {
        return false;
    }
    match text(listener, "/allowedRoutes/namespaces/from") {
        "All" => true,
        "Selector" => {
            let labels = |key: &str| {
                if key == "kubernetes.io/metadata.name" {
                    return Some(namespace.to_owned());
                }
                let object = objects.at(&Address::cluster_scoped("", "Namespace", namespace))?;
                Some(object.pointer("/metadata/labels")?.get(key)?.as_str()?.to_owned())
            };
            let selector = listener.pointer("/allowedRoutes/namespaces/selector");
            selector.is_some_and(|selector| selects(selector, &labels))
        }
        _ => namespace == home,
    }
}

/// A label selector of Kubernetes.
pub(super) fn selects(selector: &Value, label: &dyn Fn(&str) -> Option<String>) -> bool {
    let wanted = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let expressions = list(selector, "/matchExpressions");
    wanted.into_iter().all(|(key, value)| label(key).as_deref() == value.as_str())
        && expressions.iter().all(|expression| {
            let value = label(text(expression, "/key"));
            let named = || list(expression, "/values").iter().any(|one| one.as_str() == value.as_deref());
            match text(expression, "/operator") {
                "In" => value.is_some() && named(),
                "NotIn" => value.is_none() || !named(),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

/// Whether a route and a listener have a host in common.
pub(super) fn meets(route: &Value, listener: &Value) -> bool {
    let covers = |wide: &str, narrow: &str| {
        wide == narrow || wide.strip_prefix('*').is_some_and(|tail| narrow.ends_with(tail) && narrow.len() > tail.len())
    };
    let (hosts, own) = (list(route, "/spec/hostnames"), text(listener, "/hostname"));
    own.is_empty()
        || hosts.is_empty()
        || hosts.iter().filter_map(Value::as_str).any(|host| covers(own, host) || covers(host, own))
}

/// What a SecurityPolicy targets, in its own namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    /// `Gateway` or `HTTPRoute`.
    pub(super) kind: &'static str,
    pub(super) name: Name,
    pub(super) section: Option<String>,
}

pub(super) fn targets(objects: &Objects<'_>, policy: &Value) -> Vec<Target> {
    let namespace = text(policy, "/metadata/namespace");
    let kind = |reference: &Value| ["Gateway", "HTTPRoute"].into_iter().find(|kind| is_kind(reference, kind));
    let mut targets = Vec::new();
    for selector in list(policy, "/spec/targetSelectors") {
        let Some(kind) = kind(selector) else { continue };
        for (of, object) in objects.of_kind(GATEWAY_API, kind) {
            let label = |key: &str| Some(object.pointer("/metadata/labels")?.get(key)?.as_str()?.to_owned());
            if of.namespace.as_deref() == Some(namespace) && selects(selector, &label) {
                targets.push(Target { kind, name: Name::of(of), section: None });
            }
        }
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
