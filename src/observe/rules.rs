//! What the rules look at, beside what is rendered and derived: who else has a hostname, and the Secrets that inputs name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Scope, documents};
use crate::api::{Environment, Listeners, ObjectRef};
use crate::check::{certificates_of, secrets_of};
use crate::derive::{Gateway, HTTPS, listener};
use crate::observed::{ReadSet, World};
use crate::resource::Address;

/// Secrets that workloads name are asked one by one; so many at most, or requests would grow with objects.
const MOST_SECRETS: usize = 100;

/// Adds the lists that only rules look at.
pub(super) fn lists(scope: Scope<'_>, set: &mut ReadSet) {
    set.list("gateway.networking.k8s.io", "TLSRoute").list("gateway.networking.k8s.io", "GatewayClass");
    let backends =
        documents(scope).filter_map(|(_, document)| document.value.pointer("/spec/service/namespace")?.as_str());
    set.namespaces.extend(backends.map(str::to_owned));
}

/// What the rules ask for by name in a run with these inputs (address and object); `world` holds all lists.
pub(super) fn names(inputs: &[(Address, &Value)], environment: &Environment, world: &World) -> Vec<Address> {
    let mut names = shared_certificates(environment, world);
    names.push(Address::namespaced("", "ConfigMap", "argocd", "argocd-cm"));
    let declared: BTreeSet<&Address> = inputs.iter().map(|(address, _)| address).collect();
    let mut secrets = BTreeSet::new();
    for (address, object) in inputs {
        let Some(namespace) = &address.namespace else { continue };
        if address.as_app().is_some()
            && let Some(name) = object.pointer("/spec/serviceAccountName").and_then(Value::as_str)
        {
            names.push(Address::namespaced("", "ServiceAccount", namespace, name));
        }
        let named = secrets_of(&address.kind, object).into_keys();
        secrets.extend(named.map(|name| Address::namespaced("", "Secret", namespace, name)));
    }
    let undeclared = secrets.into_iter().filter(|secret| !declared.contains(secret));
    names.extend(undeclared.take(MOST_SECRETS));
    names
}

/// The Secrets of the certificates of the listener that apps share.
fn shared_certificates(environment: &Environment, world: &World) -> Vec<Address> {
    let issued = environment.issuer.as_ref().is_some_and(|issuer| issuer.cluster_issuer != "none");
    if environment.listeners == Some(Listeners::Own) && issued {
        return Vec::new();
    }
    let gateways = environment.gateways.iter().flat_map(|found| found.public.iter().chain(&found.internal));
    let of = |gateway: &ObjectRef| {
        let gateway = Gateway { namespace: gateway.namespace.clone(), name: gateway.name.clone() };
        let live = world.get(&gateway.address()).live()?;
        Some(certificates_of(&gateway, listener(live.value(), HTTPS)?))
    };
    gateways.filter_map(of).flatten().collect()
}
