//! The edges: who must be there first, and why.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::derive::{Attachment, Desired, Ground, Names};
use crate::resource::{Address, AppId, Hand, Resource};

type Edge = (Address, Address, &'static str);

/// Every edge between wanted resources, in a fixed order.
pub(super) fn edges(desired: &Desired) -> Vec<Edge> {
    let mut edges = Vec::new();
    let mut namespaces: BTreeMap<&str, Vec<&Address>> = BTreeMap::new();
    for address in desired
        .wanted
        .keys()
        .chain(desired.refused.keys())
        .filter(|address| address.kind == "Namespace" && address.group.is_empty())
    {
        namespaces.entry(&address.name).or_default().push(address);
    }
    for resource in desired.wanted.values() {
        inside_namespace(resource, &namespaces, &mut edges);
        if resource.address.kind == "Namespace" && resource.address.entry.is_some() {
            let manifest = resource.address.object();
            if known(desired, &manifest) {
                edges.push((manifest, resource.address.clone(), "the Namespace is made by its manifest"));
            }
        }
        of_pack(resource, desired, &mut edges);
        references(resource, desired, &mut edges);
    }
    for (id, ground) in &desired.grounds {
        let chain = of_app(id, ground, desired);
        let known = |address: &Address| desired.wanted.contains_key(address);
        edges.extend(chain.into_iter().filter(|(first, then, _)| known(first) && known(then)));
    }
    edges
}

/// What one app's objects need of each other; of objects that its shape does not have, too.
fn of_app(id: &AppId, ground: &Ground, desired: &Desired) -> Vec<Edge> {
    const DERIVED: &str = "derived from the app";
    let names = Names::of(id);
    let app = Address::app(id);
    let gateway = &ground.gateway;
    let [filter, anchor_policy, anchor_route] = gateway.anchor();
    let (certificate, listener, lock) = (names.certificate(gateway), names.listener(gateway), names.lock(gateway));
    let mut chain = vec![
        (filter, anchor_policy.clone(), "the anchor's filter is there before its policy"),
        (anchor_policy, anchor_route.clone(), "the anchor's policy is there before its route"),
        (anchor_route.clone(), listener.clone(), "the Gateway's anchor comes before its first app"),
        (app.clone(), certificate.clone(), DERIVED),
        (app.clone(), listener.clone(), DERIVED),
        (certificate, listener.clone(), "the listener serves this certificate"),
        (listener.clone(), lock.clone(), "the lock is on this listener"),
    ];
    let routes = [(names.policy(), names.route()), (names.public_policy(), names.public_route())];
    for (policy, route) in routes {
        let policy_of_route = policy.clone();
        chain.extend([
            (app.clone(), policy.clone(), DERIVED),
            (lock.clone(), policy.clone(), "nothing is attached before the lock is there"),
            (policy, route.clone(), "the route is never there without its policy"),
            (lock.clone(), route.clone(), "the lock is accepted before a route is attached"),
            (listener.clone(), route.clone(), "the route is attached to this listener"),
        ]);
        if !matches!(ground.attachment, Some(Attachment::Own { .. })) {
            chain.push((anchor_route.clone(), policy_of_route, "the Gateway's anchor comes before its first app"));
        }
        if let Some(derived) = desired.apps.get(id) {
            let (service, _) = derived.service();
            let service = Address::namespaced("", "Service", derived.service_namespace(), service);
            let grant = names.grant(derived.service_namespace());
            chain.extend([
                (app.clone(), grant.clone(), DERIVED),
                (service, route.clone(), "the route sends requests to this Service"),
                (grant, route, "the grant lets the route reach the Service"),
            ]);
        }
    }
    if let Some(identity) = &ground.identity {
        let secret = Address::namespaced("", "Secret", &id.namespace, &identity.secret);
        chain.push((secret.clone(), names.policy(), "the policy logs in with this Secret"));
        if let Some(realm) = &identity.realm {
            let client = names.client(&realm.name);
            chain.extend([
                (app, client.clone(), DERIVED),
                (client, secret.clone(), "the Secret holds the client's secret"),
                (secret, names.role(), "the Role names this Secret"),
                (names.role(), names.role_binding(), "the binding names this Role"),
            ]);
        }
    }
    chain
}

/// Whether an address is wanted, or would be if nothing stood in its way.
fn known(desired: &Desired, address: &Address) -> bool {
    desired.wanted.contains_key(address)
        || desired.refused.contains_key(address)
        || desired.blocked.contains_key(address)
}

/// A Namespace (or a pack's entry in it) comes before everything inside.
fn inside_namespace(resource: &Resource, namespaces: &BTreeMap<&str, Vec<&Address>>, edges: &mut Vec<Edge>) {
    let namespace = resource.address.namespace.as_deref();
    for address in namespace.and_then(|namespace| namespaces.get(namespace)).into_iter().flatten() {
        edges.push(((*address).clone(), resource.address.clone(), "it lives in this Namespace"));
    }
}

/// A pack's record comes before its objects: a crash must not leave an object that nobody remembers.
fn of_pack(resource: &Resource, desired: &Desired, edges: &mut Vec<Edge>) {
    let Some(pack) = &resource.pack else { return };
    // Derived objects carry the app's marks, not the pack's; a Namespace entry comes even before the record.
    if matches!(resource.hand, Hand::Entry { .. } | Hand::Record) || resource.owner.is_some() {
        return;
    }
    let Some(info) = desired.packs.get(pack) else { return };
    let record = Address::namespaced("", "ConfigMap", &info.namespace, &pack.record_name());
    let is_derived = resource.app.is_some() && resource.address.as_app().is_none();
    if resource.address != record && !is_derived && resource.address.kind != "Namespace" {
        edges.push((record, resource.address.clone(), "the pack is recorded before its first object"));
    }
}

/// References between manifests: bindings to roles, workloads to what they mount.
fn references(resource: &Resource, desired: &Desired, edges: &mut Vec<Edge>) {
    let body = &resource.body.value;
    let namespace = resource.address.namespace.as_deref();
    let mut need = |group: &str, kind: &str, name: &str, why: &'static str| {
        let address = match (kind, namespace) {
            ("ClusterRole", _) | (_, None) => Address::cluster_scoped(group, kind, name),
            (_, Some(namespace)) => Address::namespaced(group, kind, namespace, name),
        };
        if known(desired, &address) {
            edges.push((address, resource.address.clone(), why));
        }
    };
    if let (Some(kind), Some(name)) =
        (body.pointer("/roleRef/kind").and_then(Value::as_str), body.pointer("/roleRef/name").and_then(Value::as_str))
    {
        need("rbac.authorization.k8s.io", kind, name, "the binding names this role");
    }
    let pod = match resource.address.kind.as_str() {
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => body.pointer("/spec/template/spec"),
        "CronJob" => body.pointer("/spec/jobTemplate/spec/template/spec"),
        "Pod" => body.pointer("/spec"),
        _ => None,
    };
    if let Some(pod) = pod {
        if let Some(name) = pod.get("serviceAccountName").and_then(Value::as_str) {
            need("", "ServiceAccount", name, "its pods run as this ServiceAccount");
        }
        pod_references(pod, &mut need);
    }
}

fn pod_references(value: &Value, need: &mut impl FnMut(&str, &str, &str, &'static str)) {
    match value {
        Value::Object(map) => {
            for (key, below) in map {
                let name = |field: &str| below.get(field).and_then(Value::as_str);
                match key.as_str() {
                    "configMapRef" | "configMapKeyRef" | "configMap" => {
                        if let Some(name) = name("name") {
                            need("", "ConfigMap", name, "its pods read this ConfigMap");
                        }
                    }
                    "secretRef" | "secretKeyRef" | "secret" => {
                        if let Some(name) = name("name").or_else(|| name("secretName")) {
                            need("", "Secret", name, "its pods read this Secret");
                        }
                    }
                    "persistentVolumeClaim" => {
                        if let Some(name) = name("claimName") {
                            need("", "PersistentVolumeClaim", name, "its pods mount this claim");
                        }
                    }
                    _ => {}
                }
                pod_references(below, need);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| pod_references(item, need)),
        _ => {}
    }
}
