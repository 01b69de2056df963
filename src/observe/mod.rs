//! Stage 5: what to read. The providers do the reading; requests grow with kinds and pages, never with unchanged objects.
//!
//! Three rounds. The first finds out where we are: environment, namespaces, the packs' records. The second reads one list for
//! each kind that is rendered, recorded of these packs, or derivable. The third asks by name for the few objects that no list
//! tells of; mostly there are none.
//!
//! Who may not list a kind in the whole cluster is asked for it in each namespace that the inputs and the Gateways name.

mod rules;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api::{Environment, Lease};
use crate::derive::{
    APP_SECRETS, App, DERIVED, Gateway, Names, OPERATOR_DEPLOYMENT, Target, cluster_name, record_address,
    recorded_kinds,
};
use crate::load::Loaded;
use crate::observed::{Observed, ReadSet, World};
use crate::render::Pack;
use crate::resource::{Address, AppId, PackId};
use crate::yaml::Document;

/// What is known before anything is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// Namespaces that the inputs name.
    pub namespaces: BTreeSet<String>,
    /// Packs are spoken of: their records are read.
    pub packs: bool,
    /// Packs are rendered: a chart may ask for the server's version.
    pub renders: bool,
}

impl Start {
    /// What the inputs tell.
    pub fn of(loaded: &Loaded) -> Self {
        let named = |document: &Document| document.value.pointer("/metadata/namespace")?.as_str().map(str::to_owned);
        let destinations = loaded.applications.iter().filter_map(|application| application.destination.clone());
        let renders = !loaded.applications.is_empty() || !loaded.folders.is_empty();
        Self {
            namespaces: loaded.documents.iter().filter_map(named).chain(destinations).collect(),
            // Without inputs the cluster is spoken of as a whole.
            packs: renders || loaded.documents.is_empty(),
            renders,
        }
    }
}

/// The first round; `controller` is the namespace of the controller.
pub fn first(controller: &str, start: &Start) -> ReadSet {
    let mut set = ReadSet { namespaces: start.namespaces.clone(), ..ReadSet::default() };
    set.list("", "Namespace")
        .object(Address::namespaced("", "ConfigMap", controller, Environment::CONFIG_MAP))
        .object(Lease::address(controller, Lease::CONTROLLER))
        .object(Lease::address(controller, Lease::APPLY))
        .object(Address::namespaced("apps", "Deployment", controller, OPERATOR_DEPLOYMENT))
        .object(namespace("kube-system"));
    if start.packs {
        set.list_labelled("", "ConfigMap", PackId::MARK);
    }
    set
}

fn namespace(name: &str) -> Address {
    Address::cluster_scoped("", "Namespace", name)
}

/// What the second round is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'s> {
    /// Rendered packs.
    pub packs: &'s [Pack],
    /// Manifests that belong to no pack.
    pub documents: &'s [Document],
    /// What `destroy` names.
    pub targets: &'s [Target],
}

/// The second round; `world` holds the first.
pub fn second(scope: Scope<'_>, environment: &Environment, world: &World) -> ReadSet {
    let mut set = ReadSet::default();
    for (group, kind) in DERIVED.into_iter().chain([
        ("reconcilers.nebari.dev", "NebariApp"),
        ("gateway.networking.k8s.io", "Gateway"),
        ("gateway.networking.k8s.io", "GRPCRoute"),
        ("gateway.envoyproxy.io", "HTTPRouteFilter"),
        ("networking.k8s.io", "Ingress"),
        ("", "Service"),
    ]) {
        match kind {
            "Secret" => set.list_labelled("", "Secret", APP_SECRETS),
            _ => set.list(group, kind),
        };
    }
    if world.coverages().any(|(list, _)| list.selector.as_deref() == Some(PackId::MARK)) {
        set.list_labelled("", "Secret", PackId::MARK);
    }
    for (namespace, document) in documents(scope) {
        let Some(address) = document.address(namespace, &world.kinds) else { continue };
        list(&address.group, &address.kind, &mut set);
        set.namespaces.extend(address.namespace);
    }
    if scope.targets.is_empty() {
        rules::lists(scope, &mut set);
    }
    of_records(scope, environment, world, &mut set);
    for target in scope.targets {
        match target {
            Target::App(AppId { namespace, .. }) | Target::Gateway(Gateway { namespace, .. }) => {
                set.namespaces.insert(namespace.clone());
            }
            Target::Pack { .. } => {}
        }
    }
    set.namespaces.extend(scope.packs.iter().filter_map(|pack| pack.destination.clone()));
    let gateways = environment.gateways.iter().flat_map(|found| found.public.iter().chain(&found.internal));
    set.namespaces.extend(gateways.map(|gateway| gateway.namespace.clone()));
    if let Some(realm) = environment.keycloak.as_ref().and_then(|keycloak| keycloak.realm.as_ref()) {
        set.clients(realm);
    }
    ask_again(&mut set, world);
    set
}

/// The kinds that the records of these packs name. Those of other packs are no matter of this run: who may not read them still
/// plans these.
fn of_records(scope: Scope<'_>, environment: &Environment, world: &World, set: &mut ReadSet) {
    let Some(cluster) = cluster_name(environment, world) else { return };
    let of_targets = scope.targets.iter().filter_map(|target| match target {
        Target::Pack { namespace, name } => Some((namespace, name)),
        Target::App(_) | Target::Gateway(_) => None,
    });
    let ids = scope.packs.iter().map(|pack| (&pack.id_namespace, &pack.name)).chain(of_targets);
    let records: BTreeSet<String> = ids
        .map(|(namespace, name)| {
            PackId { cluster: cluster.clone(), namespace: namespace.clone(), name: name.clone() }.record_name()
        })
        .collect();
    for live in world.of_kind("", "ConfigMap").filter(|live| records.contains(&live.address.name)) {
        set.namespaces.extend(live.address.namespace.clone());
        for (group, kind) in recorded_kinds(live.value()) {
            list(&group, &kind, set);
        }
    }
}

/// What the first round could not list, now that more namespaces are known.
fn ask_again(set: &mut ReadSet, world: &World) {
    let gaps = world.coverages().map(|(list, _)| list).filter(|list| world.gap(list).is_some());
    set.lists.extend(gaps.cloned());
    let namespaces = set.namespaces.iter().map(|name| namespace(name));
    let unknown: Vec<Address> = namespaces.filter(|address| is_unknown(address, world)).collect();
    set.objects.extend(unknown);
}

fn is_unknown(address: &Address, world: &World) -> bool {
    matches!(world.get(address), Observed::Unreadable(_))
}

/// The third round; `world` holds the others. `live_apps`: the live NebariApps are the input.
///
/// What is listed by our labels alone is asked for by name where that list does not have it: it may be there without them.
pub fn third(scope: Scope<'_>, live_apps: bool, environment: &Environment, world: &World) -> ReadSet {
    let mut names: BTreeSet<Address> = BTreeSet::new();
    let of_app = |id: AppId, value: &Value, names: &mut BTreeSet<Address>| {
        let app = App { id, value: value.clone(), pack: None, document: None };
        names.extend(app.auth().then(|| Names::of(&app.id).secret()));
        names.extend(app.named_secrets(environment));
    };
    let mut inputs = Vec::new();
    for (namespace, document) in documents(scope) {
        let Some(address) = document.address(namespace, &world.kinds) else { continue };
        if let Some(id) = address.as_app() {
            of_app(id, &document.value, &mut names);
        } else if is_listed_by_label(&address.group, &address.kind) {
            names.insert(address.clone());
        }
        inputs.push((address, &document.value));
    }
    if scope.targets.is_empty() {
        names.extend(rules::names(&inputs, environment, world));
    }
    if let Some(cluster) = cluster_name(environment, world) {
        names.extend(scope.packs.iter().filter_map(|pack| record_address(pack, &cluster, world)));
    }
    let mut of_input: BTreeSet<AppId> = inputs.iter().filter_map(|(address, _)| address.as_app()).collect();
    for target in scope.targets {
        if let Target::App(id) = target {
            names.insert(Names::of(id).secret());
            of_input.insert(id.clone());
        }
    }
    // What others set on a live app counts too, and a live app may be what left its pack.
    for live in world.of_kind("reconcilers.nebari.dev", "NebariApp") {
        let Some(id) = live.address.as_app() else { continue };
        if live_apps || of_input.contains(&id) || live.label(PackId::MARK).is_some() {
            of_app(id, live.value(), &mut names);
        }
    }
    let objects = names.into_iter().filter(|address| is_unknown(address, world)).collect();
    ReadSet { objects, ..ReadSet::default() }
}

/// Every manifest, with the namespace that its pack gives it.
fn documents<'s>(scope: Scope<'s>) -> impl Iterator<Item = (Option<&'s str>, &'s Document)> {
    let packs =
        scope.packs.iter().flat_map(|pack| pack.documents.iter().map(|found| (pack.destination.as_deref(), found)));
    packs.chain(scope.documents.iter().map(|found| (None, found)))
}

/// ConfigMaps and Secrets are many and not ours: ours by label, others by name.
fn is_listed_by_label(group: &str, kind: &str) -> bool {
    group.is_empty() && (kind == "ConfigMap" || kind == "Secret")
}

fn list(group: &str, kind: &str, set: &mut ReadSet) {
    match (group, kind) {
        ("", "Secret") => {
            set.list_labelled("", "Secret", APP_SECRETS).list_labelled("", "Secret", PackId::MARK);
        }
        // The first round has them.
        ("", "ConfigMap" | "Namespace") => {}
        _ => {
            set.list(group, kind);
        }
    }
}

/// The text of the environment in the cluster, if the ConfigMap could be read and has the key.
pub fn environment_text(world: &World) -> Option<&str> {
    let controller = world.seen.controller.as_deref().unwrap_or(Environment::NAMESPACE);
    let address = Address::namespaced("", "ConfigMap", controller, Environment::CONFIG_MAP);
    world.get(&address).live()?.value().get("data")?.get(Environment::KEY).and_then(Value::as_str)
}
