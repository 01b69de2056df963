//! PK0406: the hostname is served already, or wanted twice.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::{Facts, Rule};
use crate::derive::{Gateway, Names};
use crate::diagnostic::Diagnostic;
use crate::observed::Live;
use crate::resource::{Address, AppId};

pub(crate) struct Hostname;

impl Rule for Hostname {
    fn code(&self) -> &'static str {
        "PK0406"
    }

    fn docs(&self) -> &'static str {
        "The hostname of an app belongs to somebody else: a route, a listener, an Ingress or another NebariApp serves it, it is \
         Keycloak's own, or two apps of the inputs ask for it.\n\
         \n\
         Two listeners with one port and hostname are refused by the API server; two routes would share requests by age. A \
         host belongs to who serves it now: the newcomer is refused, and of two newcomers both.\n\
         \n\
         What to do: choose another hostname, or take the other one down first."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut wanted: BTreeMap<&str, Vec<&AppId>> = BTreeMap::new();
        for app in facts.desired.apps.values() {
            wanted.entry(app.hostname()).or_default().push(&app.id);
        }
        let mut findings = Vec::new();
        for app in facts.desired.apps.values() {
            let host = app.hostname();
            let serves = serves(facts, &app.id, host);
            let rivals: Vec<String> = match wanted.get(host) {
                // Who serves it now keeps it.
                Some(apps) if !serves => {
                    apps.iter().filter(|other| ***other != app.id).map(|other| Address::app(other).short()).collect()
                }
                _ => Vec::new(),
            };
            let mut owners = others(facts, &app.id, host);
            owners.extend(rivals);
            owners.sort();
            owners.dedup();
            if !owners.is_empty() && !host.is_empty() {
                findings.push(
                    Diagnostic::error(
                        self.code(),
                        format!("app/{}: hostname {host} is taken by {}", app.id, owners.join(", ")),
                    )
                    .app(&app.id)
                    .field("spec.hostname")
                    .place(app.place_of("/spec/hostname"))
                    .help("choose another hostname, or take the other one down first"),
                );
            }
        }
        findings
    }
}

/// Whether the app's own live route serves the host already.
fn serves(facts: Facts<'_>, app: &AppId, host: &str) -> bool {
    let route = facts.world.get(&Names::of(app).route()).live();
    route.is_some_and(|route| hostnames(route).any(|found| found == host))
}

fn others(facts: Facts<'_>, app: &AppId, host: &str) -> Vec<String> {
    let mut found = Vec::new();
    let own_route = Names::of(app).route();
    for kind in ["HTTPRoute", "GRPCRoute", "TLSRoute"] {
        for live in facts.world.of_kind("gateway.networking.k8s.io", kind) {
            if live.address != own_route && hostnames(live).any(|name| name == host) && !goes(facts, &live.address) {
                found.push(live.address.short());
            }
        }
    }
    for live in facts.world.of_kind("networking.k8s.io", "Ingress") {
        let rules = live.value().pointer("/spec/rules").and_then(Value::as_array);
        let hosts = rules.into_iter().flatten().filter_map(|rule| rule.get("host")?.as_str());
        if hosts.into_iter().any(|name| name == host) {
            found.push(live.address.short());
        }
    }
    let own_listener = Names::of(app).listener_name();
    for live in facts.world.of_kind("gateway.networking.k8s.io", "Gateway") {
        let listeners = live.value().pointer("/spec/listeners").and_then(Value::as_array);
        for listener in listeners.into_iter().flatten() {
            let text = |key: &str| listener.get(key).and_then(Value::as_str).unwrap_or_default();
            let gateway = Gateway {
                namespace: live.address.namespace.clone().unwrap_or_default(),
                name: live.address.name.clone(),
            };
            let address = gateway.address().with_entry("listeners", text("name"));
            if text("hostname") == host && text("name") != own_listener && !goes(facts, &address) {
                found.push(address.short());
            }
        }
    }
    for live in facts.world.of_kind("reconcilers.nebari.dev", "NebariApp") {
        let other = live.address.as_app();
        let in_input = other.as_ref().is_some_and(|other| facts.desired.apps.contains_key(other));
        if other.as_ref() != Some(app)
            && !in_input
            && live.text("/spec/hostname") == Some(host)
            && !goes(facts, &live.address)
        {
            found.push(live.address.short());
        }
    }
    let keycloak = facts.environment.keycloak.as_ref().and_then(|keycloak| keycloak.external_url.as_deref());
    if keycloak.and_then(host_of) == Some(host) {
        found.push("Keycloak".into());
    }
    found
}

fn goes(facts: Facts<'_>, address: &Address) -> bool {
    facts.desired.unwanted.contains_key(address)
}

fn hostnames(route: &Live) -> impl Iterator<Item = &str> {
    let names = route.value().pointer("/spec/hostnames").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str)
}

fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(authority.rsplit_once(':').map_or(authority, |(host, _)| host))
}
