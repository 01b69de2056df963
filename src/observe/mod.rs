//! Stage 5: what to read. The providers do the reading; requests grow with kinds and pages, never with unchanged objects.
//!
//! Two rounds: the first finds out where we are (environment, the packs' records, NebariApps), the second reads one list for
//! each kind that is rendered, recorded of these packs, or derivable, and by name the few objects that no list proves absent.

mod rules;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api::Environment;
use crate::derive::{APP_SECRETS, App, DERIVED, Gateway, Names, Target, cluster_name, record_address, recorded_kinds};
use crate::observed::{ReadSet, World};
use crate::plan::{CONTROLLER_LEASE, OPERATOR_DEPLOYMENT};
use crate::render::Pack;
use crate::resource::{Address, AppId, PackId};
use crate::yaml::Document;

/// The first round.
pub fn first() -> ReadSet {
    let mut set = ReadSet::default();
    set.list("reconcilers.nebari.dev", "NebariApp")
        // Its listeners say which certificates the second round asks for.
        .list("gateway.networking.k8s.io", "Gateway")
        .list("", "Namespace")
        .list_labelled("", "ConfigMap", PackId::MARK)
        .object(Address::namespaced("", "ConfigMap", Environment::NAMESPACE, Environment::CONFIG_MAP))
        .object(Address::namespaced("coordination.k8s.io", "Lease", Environment::NAMESPACE, CONTROLLER_LEASE))
        .object(Address::namespaced("apps", "Deployment", Environment::NAMESPACE, OPERATOR_DEPLOYMENT))
        .object(Address::cluster_scoped("", "Namespace", "kube-system"));
    set
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
        ("gateway.networking.k8s.io", "GRPCRoute"),
        ("gateway.envoyproxy.io", "HTTPRouteFilter"),
        ("networking.k8s.io", "Ingress"),
        ("", "Service"),
    ]) {
        list(group, kind, &mut set);
    }
    let mut apps: BTreeSet<AppId> = BTreeSet::new();
    let app = |id: &AppId, value: &Value| App { id: id.clone(), value: value.clone(), pack: None, document: None };
    for live in world.of_kind("reconcilers.nebari.dev", "NebariApp") {
        let Some(id) = live.address.as_app() else { continue };
        set.objects.extend(app(&id, live.value()).named_secrets(environment));
        apps.insert(id);
    }
    let packs =
        scope.packs.iter().flat_map(|pack| pack.documents.iter().map(|found| (pack.destination.as_deref(), found)));
    let mut inputs = Vec::new();
    for (namespace, document) in packs.chain(scope.documents.iter().map(|found| (None, found))) {
        let Some(address) = document.address(namespace, &world.kinds) else { continue };
        list(&address.group, &address.kind, &mut set);
        if let Some(id) = address.as_app() {
            set.objects.extend(app(&id, &document.value).named_secrets(environment));
            apps.insert(id);
        }
        set.namespaces.extend(address.namespace.clone());
        if is_listed_by_label(&address.group, &address.kind) {
            set.object(address.clone());
        }
        inputs.push((address, &document.value));
    }
    if scope.targets.is_empty() {
        rules::add(&inputs, environment, world, &mut set);
    }
    let mut records = BTreeSet::new();
    if let Some(cluster) = cluster_name(environment, world) {
        set.objects.extend(scope.packs.iter().filter_map(|pack| record_address(pack, &cluster, world)));
        let of_targets = scope.targets.iter().filter_map(|target| match target {
            Target::Pack { namespace, name } => Some((namespace, name)),
            Target::App(_) | Target::Gateway(_) => None,
        });
        let ids = scope.packs.iter().map(|pack| (&pack.id_namespace, &pack.name)).chain(of_targets);
        records.extend(ids.map(|(namespace, name)| {
            PackId { cluster: cluster.clone(), namespace: namespace.clone(), name: name.clone() }.record_name()
        }));
    }
    set.namespaces.extend(scope.packs.iter().filter_map(|pack| pack.destination.clone()));
    // The kinds of other packs are no matter of this run: who may not read them still plans these.
    for live in world.of_kind("", "ConfigMap").filter(|live| records.contains(&live.address.name)) {
        for (group, kind) in recorded_kinds(live.value()) {
            list(&group, &kind, &mut set);
        }
    }
    for target in scope.targets {
        match target {
            Target::App(app) => {
                apps.insert(app.clone());
            }
            Target::Gateway(Gateway { namespace, .. }) => {
                set.namespaces.insert(namespace.clone());
            }
            Target::Pack { .. } => {}
        }
    }
    for app in &apps {
        set.namespaces.insert(app.namespace.clone());
        set.object(Names::of(app).secret());
    }
    let gateways = environment.gateways.iter().flat_map(|found| found.public.iter().chain(&found.internal));
    set.namespaces.extend(gateways.map(|gateway| gateway.namespace.clone()));
    if let Some(realm) = environment.keycloak.as_ref().and_then(|keycloak| keycloak.realm.as_ref()) {
        set.clients(realm);
    }
    set
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
        ("", "ConfigMap" | "Namespace")
        | ("reconcilers.nebari.dev", "NebariApp")
        | ("gateway.networking.k8s.io", "Gateway") => {}
        _ => {
            set.list(group, kind);
        }
    }
}

/// The text of the environment in the cluster, if the ConfigMap could be read and has the key.
pub fn environment_text(world: &World) -> Option<&str> {
    let address = Address::namespaced("", "ConfigMap", Environment::NAMESPACE, Environment::CONFIG_MAP);
    world.get(&address).live()?.value().get("data")?.get(Environment::KEY).and_then(Value::as_str)
}
