//! PK0407: two apps would get one derived name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::error;
use crate::check::certificate::certificates_of;
use crate::check::{Facts, Rule};
use crate::derive::{App, Gateway, Names, app_of, listeners};
use crate::diagnostic::Diagnostic;
use crate::resource::{Address, AppId, Hand};

pub(crate) struct Identity;

impl Rule for Identity {
    fn code(&self) -> &'static str {
        "PK0407"
    }

    fn docs(&self) -> &'static str {
        "Derived names join namespace and name with a hyphen, or add a word, so two apps can meet in one: `a-b`/`c` and \
         `a`/`b-c` would share a Keycloak client; the public route of `x` is the route of `x-public`; the device client of `x` \
         is the client of `x-device`; the certificate of `nebari` in namespace `gateway` would replace that of the platform's \
         own listener.\n\
         \n\
         Whoever came second would take over what the first one has. Apps of the inputs and of the cluster are compared, and \
         what the Gateways need for themselves. Who has the object keeps it; of two newcomers both are refused.\n\
         \n\
         What to do: rename one of the two."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let live = facts.world.of_kind("reconcilers.nebari.dev", "NebariApp").filter_map(|live| {
            let id = live.address.as_app()?;
            let elsewhere =
                !facts.desired.apps.contains_key(&id) && !facts.desired.unwanted.contains_key(&live.address);
            elsewhere.then(|| App { id, value: live.value().clone(), pack: None, document: None })
        });
        let live: Vec<App> = live.collect();
        let gateways = gateways(facts);
        let mut claims: BTreeMap<Address, Vec<Claimant<'_>>> = BTreeMap::new();
        for app in facts.desired.apps.values().chain(&live) {
            for address in names(app, facts, &gateways) {
                claims.entry(address).or_default().push(Claimant::App(&app.id));
            }
        }
        for gateway in gateways.iter().flatten() {
            for (address, of) in platform(gateway, facts) {
                claims.entry(address).or_default().push(Claimant::Platform(of));
            }
        }
        // Two apps that meet in one name meet in several: one finding for each pair.
        let mut shared: BTreeMap<(&AppId, Vec<String>), Vec<String>> = BTreeMap::new();
        for (address, claimants) in claims.iter().filter(|(_, claimants)| claimants.len() > 1) {
            for claimant in claimants {
                let Claimant::App(id) = claimant else { continue };
                let rivals: BTreeSet<String> =
                    claimants.iter().filter(|other| *other != claimant).map(Claimant::name).collect();
                if !rivals.is_empty() && !has(id, address, facts) {
                    shared.entry((id, rivals.into_iter().collect())).or_default().push(what(address));
                }
            }
        }
        let findings = shared.into_iter().filter_map(|((id, rivals), names)| {
            let app = facts.desired.apps.get(id)?;
            let message = format!("its {} would also be that of {}", names.join(", its "), rivals.join(", "));
            Some(error(self.code(), app, "/metadata/name", message).help("rename the app, or the other one"))
        });
        findings.collect()
    }
}

/// The object in words, with its name.
fn what(address: &Address) -> String {
    match &address.entry {
        Some(entry) => format!("listener `{}`", entry.key),
        None if address.is_keycloak() => format!("Keycloak client `{}`", address.name),
        None => format!("{} `{}`", address.kind, address.name),
    }
}

/// Who gets a name.
#[derive(Debug, PartialEq, Eq)]
enum Claimant<'a> {
    App(&'a AppId),
    /// What it is of, in words.
    Platform(String),
}

impl Claimant<'_> {
    fn name(&self) -> String {
        match self {
            Self::App(id) => format!("app/{id}"),
            Self::Platform(of) => of.clone(),
        }
    }
}

/// The public and the internal Gateway.
fn gateways(facts: Facts<'_>) -> [Option<Gateway>; 2] {
    let gateways = facts.environment.gateways.as_ref();
    let of = |found: Option<&crate::api::ObjectRef>| {
        found.map(|found| Gateway { namespace: found.namespace.clone(), name: found.name.clone() })
    };
    [of(gateways.and_then(|found| found.public.as_ref())), of(gateways.and_then(|found| found.internal.as_ref()))]
}

/// Every name that an app has or may come to: those of login and TLS also while it asks for neither.
fn names(app: &App, facts: Facts<'_>, gateways: &[Option<Gateway>; 2]) -> Vec<Address> {
    let names = Names::of(&app.id);
    let mut all = vec![names.route(), names.policy(), names.secret(), names.role(), names.role_binding()];
    if !app.public_paths().is_empty() {
        all.extend([names.public_route(), names.public_policy()]);
    }
    if app.service_namespace() != app.id.namespace {
        all.push(names.grant(app.service_namespace()));
    }
    if let Some(gateway) = &gateways[usize::from(app.internal())] {
        all.extend([
            names.listener(gateway),
            names.lock(gateway),
            names.certificate(gateway),
            names.tls_secret(gateway),
        ]);
    }
    let realm = facts.environment.keycloak.as_ref().and_then(|keycloak| keycloak.realm.as_deref()).unwrap_or("realm");
    all.push(names.client(realm));
    let on = |pointer: &str| app.value.pointer(pointer).and_then(Value::as_bool) == Some(true);
    for (what, suffix) in [("spaClient", "spa"), ("deviceFlowClient", "device")] {
        let own_id = app.value.pointer(&format!("/spec/auth/{what}/clientId")).is_some();
        if on("/spec/auth/enabled") && on(&format!("/spec/auth/{what}/enabled")) && !own_id {
            all.push(Address::client(realm, &format!("{}-{suffix}", names.client_id())));
        }
    }
    all
}

/// What a Gateway needs for itself: its anchor, and the certificates of listeners that are no app's.
fn platform(gateway: &Gateway, facts: Facts<'_>) -> Vec<(Address, String)> {
    let mut all: Vec<(Address, String)> = gateway
        .anchor()
        .into_iter()
        .map(|address| (address, format!("the anchor of Gateway {}", gateway.name)))
        .collect();
    let live = facts.world.get(&gateway.address()).live();
    for listener in live.map_or(&[][..], |live| listeners(live.value())) {
        let name = listener.get("name").and_then(Value::as_str).unwrap_or_default();
        // An app's own listener is named after it, and refers to the app's own Secret.
        if name.starts_with("tls-") {
            continue;
        }
        let of = gateway.address().with_entry("listeners", name).short();
        all.extend(certificates_of(gateway, listener).into_iter().map(|secret| (secret, of.clone())));
    }
    all
}

/// Whether the app has that very object already.
fn has(app: &AppId, address: &Address, facts: Facts<'_>) -> bool {
    let Some(live) = facts.world.get(address).live() else { return false };
    match &address.entry {
        Some(_) => live.applied_by(Hand::entry(&app.to_string(), "listener").manager()).is_some(),
        None if address.is_keycloak() => {
            Hand::owner_of(live.value()).is_some_and(|owner| owner.ends_with(&format!("/{app}")))
        }
        None => app_of(live, facts.world).as_ref() == Some(app),
    }
}
