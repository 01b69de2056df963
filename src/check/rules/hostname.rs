//! PK0406: the hostname is served already, or wanted twice.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::{Facts, Rule};
use crate::derive::Names;
use crate::diagnostic::Diagnostic;
use crate::resource::{Address, AppId};

pub(crate) struct Hostname;

/// The kinds that serve hostnames, or ask for them.
const SERVE_HOSTS: [(&str, &str); 6] = [
    ("gateway.networking.k8s.io", "HTTPRoute"),
    ("gateway.networking.k8s.io", "GRPCRoute"),
    ("gateway.networking.k8s.io", "TLSRoute"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("networking.k8s.io", "Ingress"),
    ("reconcilers.nebari.dev", "NebariApp"),
];

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
        let served = served(facts, &wanted);
        let mut findings = facts.not_checked(self.code(), "hostnames", &SERVE_HOSTS);
        for app in facts.desired.apps.values().filter(|app| !app.hostname().is_empty()) {
            let host = app.hostname();
            let names = Names::of(&app.id);
            let (own_route, own_listener) = (names.route(), names.listener_name());
            let servers = served.get(host).map_or(&[][..], Vec::as_slice);
            let own = |server: &&Address| {
                **server == own_route
                    || server.as_app().as_ref() == Some(&app.id)
                    || server.entry.as_ref().is_some_and(|entry| entry.key == own_listener)
            };
            let mut owners: Vec<String> = servers.iter().filter(|server| !own(server)).map(Address::short).collect();
            // Who serves it now keeps it; of two newcomers both are refused.
            if !servers.contains(&own_route) {
                let rivals = wanted.get(host).into_iter().flatten().filter(|other| **other != &app.id);
                owners.extend(rivals.map(|other| Address::app(other).short()));
            }
            let keycloak = facts.environment.keycloak.as_ref().and_then(|keycloak| keycloak.external_url.as_deref());
            if keycloak.and_then(host_of) == Some(host) {
                owners.push("Keycloak".into());
            }
            owners.sort();
            owners.dedup();
            if !owners.is_empty() {
                let message = format!("app/{}: hostname {host} is taken by {}", app.id, owners.join(", "));
                findings.push(
                    Diagnostic::error(self.code(), message)
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

/// What serves each wanted host, or will.
fn served<'h>(facts: Facts<'_>, wanted: &BTreeMap<&'h str, Vec<&AppId>>) -> BTreeMap<&'h str, Vec<Address>> {
    let mut served: BTreeMap<&str, Vec<Address>> = BTreeMap::new();
    let mut add = |host: &str, address: Address| {
        if let Some((host, _)) = wanted.get_key_value(host) {
            served.entry(host).or_default().push(address);
        }
    };
    for kind in ["HTTPRoute", "GRPCRoute", "TLSRoute"] {
        for (address, route) in
            facts.will_be("gateway.networking.k8s.io", kind).filter(|(address, _)| !is_new(facts, address))
        {
            let names = route.pointer("/spec/hostnames").and_then(Value::as_array).into_iter().flatten();
            names.filter_map(Value::as_str).for_each(|host| add(host, address.clone()));
        }
    }
    for (address, ingress) in facts.will_be("networking.k8s.io", "Ingress") {
        let rules = ingress.pointer("/spec/rules").and_then(Value::as_array).into_iter().flatten();
        rules.filter_map(|rule| rule.get("host")?.as_str()).for_each(|host| add(host, address.clone()));
    }
    for live in facts.world.of_kind("gateway.networking.k8s.io", "Gateway") {
        let listeners = live.value().pointer("/spec/listeners").and_then(Value::as_array);
        for listener in listeners.into_iter().flatten() {
            let text = |key: &str| listener.get(key).and_then(Value::as_str).unwrap_or_default();
            let address = live.address.clone().with_entry("listeners", text("name"));
            if !facts.desired.unwanted.contains_key(&address) {
                add(text("hostname"), address);
            }
        }
    }
    for (address, app) in facts.will_be("reconcilers.nebari.dev", "NebariApp") {
        // An app of the input is judged as it will be, not as it is.
        if address.as_app().is_none_or(|app| !facts.desired.apps.contains_key(&app)) {
            add(app.pointer("/spec/hostname").and_then(Value::as_str).unwrap_or_default(), address.clone());
        }
    }
    served
}

/// A route that is derived and not live yet serves nobody: its app is a newcomer.
fn is_new(facts: Facts<'_>, address: &Address) -> bool {
    let derived = facts.desired.wanted.get(address).is_some_and(|resource| resource.app.is_some());
    derived && facts.world.get(address).live().is_none()
}

fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(authority.rsplit_once(':').map_or(authority, |(host, _)| host))
}
