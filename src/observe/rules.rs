//! What the rules look at, beside what is rendered and derived: who else has a hostname, and the Secrets that inputs name.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api::{Environment, Listeners, ObjectRef};
use crate::check::{certificates_of, secrets_of};
use crate::derive::Gateway;
use crate::observed::{ReadSet, World};
use crate::resource::Address;

/// Secrets that workloads name are asked one by one; so many at most, or requests would grow with objects.
const MOST_SECRETS: usize = 100;

/// Adds what the rules need of a run with these inputs (address and object).
pub(super) fn add(inputs: &[(Address, &Value)], environment: &Environment, world: &World, set: &mut ReadSet) {
    set.list("gateway.networking.k8s.io", "TLSRoute")
        .list("gateway.networking.k8s.io", "GatewayClass")
        .object(Address::namespaced("", "ConfigMap", "argocd", "argocd-cm"));
    let declared: BTreeSet<&Address> = inputs.iter().map(|(address, _)| address).collect();
    let mut secrets = BTreeSet::new();
    for (address, object) in inputs {
        let Some(namespace) = &address.namespace else { continue };
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        if address.as_app().is_some() {
            if let Some(name) = text("/spec/serviceAccountName") {
                set.object(Address::namespaced("", "ServiceAccount", namespace, name));
            }
            set.namespaces.extend(text("/spec/service/namespace").map(str::to_owned));
        }
        let named = secrets_of(&address.kind, object).into_keys();
        secrets.extend(named.map(|name| Address::namespaced("", "Secret", namespace, name)));
    }
    let unknown = secrets.into_iter().filter(|secret| !declared.contains(secret));
    set.objects.extend(unknown.take(MOST_SECRETS));
    set.objects.extend(shared_certificates(environment, world));
}

/// The Secrets of the certificates of the listener that apps share; the first round has the Gateways.
fn shared_certificates(environment: &Environment, world: &World) -> Vec<Address> {
    let issued = environment.issuer.as_ref().is_some_and(|issuer| issuer.cluster_issuer != "none");
    if environment.listeners == Some(Listeners::Own) && issued {
        return Vec::new();
    }
    let gateways = environment.gateways.iter().flat_map(|found| found.public.iter().chain(&found.internal));
    let of = |gateway: &ObjectRef| {
        let gateway = Gateway { namespace: gateway.namespace.clone(), name: gateway.name.clone() };
        let live = world.get(&gateway.address()).live()?;
        let listeners = live.value().pointer("/spec/listeners")?.as_array()?;
        let shared = listeners.iter().find(|listener| listener.get("name").and_then(Value::as_str) == Some("https"))?;
        Some(certificates_of(&gateway, shared))
    };
    gateways.filter_map(of).flatten().collect()
}
