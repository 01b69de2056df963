//! What goes: what left its pack, what an app no longer asks for, what `destroy` names.
//!
//! Only objects that carry our marks go, and only when everything that decides about them was read.

use std::collections::{BTreeMap, BTreeSet};

use super::desired::{DeleteRule, Desired, Unwanted};
use super::names::{APP_NAME, APP_NAMESPACE, CERT_MANAGER, ENVOY_GATEWAY, GATEWAY_API, Gateway, Names, RBAC};
use crate::api::Environment;
use crate::diagnostic::Diagnostic;
use crate::observed::{Coverage, Live, World};
use crate::resource::{Address, AppId, Hand, PackId, Side};

/// The kinds that packctl derives in Kubernetes, besides the listener.
pub(crate) const DERIVED: [(&str, &str); 6] = [
    (GATEWAY_API, "HTTPRoute"),
    (ENVOY_GATEWAY, "SecurityPolicy"),
    (CERT_MANAGER, "Certificate"),
    ("", "Secret"),
    (RBAC, "Role"),
    (RBAC, "RoleBinding"),
];

/// What `destroy` is asked to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A NebariApp and all that is derived from it.
    App(AppId),
    /// A pack by `namespace/name`.
    Pack {
        /// Namespace of the Application, `packs` for an entry of `packctl.yaml`.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A Gateway's anchor.
    Gateway(Gateway),
}

/// Whether a live object was applied by us.
fn ours(live: &Live) -> bool {
    live.applied_by(Hand::MANAGER).is_some()
}

/// Every live object that carries an app's marks and ours, by app; the NebariApps themselves left out.
pub(super) struct Marked(BTreeMap<AppId, BTreeMap<Address, Hand>>);

impl Marked {
    /// `named`: apps that are spoken of, also when only a listener is left of them.
    pub(super) fn of(cluster: &str, named: impl Iterator<Item = AppId>, world: &World) -> Self {
        let live = world.of_kind("reconcilers.nebari.dev", "NebariApp").filter_map(|live| live.address.as_app());
        let mut apps: BTreeSet<AppId> = named.chain(live).collect();
        let mut marked = Self(BTreeMap::new());
        for (group, kind) in DERIVED {
            for live in world.of_kind(group, kind).filter(|live| ours(live)) {
                if let Some(app) = app_of(live, world) {
                    marked.add(app, live.address.clone(), Hand::Whole);
                }
            }
        }
        apps.extend(marked.0.keys().cloned());
        for gateway in world.of_kind(GATEWAY_API, "Gateway") {
            marked.listeners(gateway, &apps);
        }
        for client in world.of_kind("", "client").filter(|live| live.address.is_keycloak()) {
            let owner = client.value().get("attributes").and_then(|found| found.get(Hand::OWNER)?.as_str());
            let owner = owner.and_then(|owner| owner.strip_prefix(cluster)?.strip_prefix('/')?.split_once('/'));
            if let Some((namespace, name)) = owner {
                marked.add(AppId::new(namespace, name), client.address.clone(), Hand::Record);
            }
        }
        marked
    }

    /// Listeners that an app's own field manager holds. The manager is a hash, so the apps that could be are tried.
    fn listeners(&mut self, gateway: &Live, apps: &BTreeSet<AppId>) {
        let applied = gateway.managed().iter().filter(|entry| entry.is_apply());
        let managers: BTreeSet<&str> = applied.map(|entry| entry.manager.as_str()).collect();
        for app in apps {
            let hand = Hand::entry(&app.to_string(), "listener");
            if managers.contains(hand.manager()) {
                let address = gateway.address.clone().with_entry("listeners", &Names::of(app).listener_name());
                self.add(app.clone(), address, hand);
            }
        }
    }

    fn add(&mut self, app: AppId, address: Address, hand: Hand) {
        self.0.entry(app).or_default().insert(address, hand);
    }

    /// What carries the marks of one app.
    fn get(&self, app: &AppId) -> impl Iterator<Item = (&Address, &Hand)> {
        self.0.get(app).into_iter().flatten()
    }
}

/// The app whose marks an object carries: its labels, or its controller where that very NebariApp is live.
fn app_of(live: &Live, world: &World) -> Option<AppId> {
    if let (Some(namespace), Some(name)) = (live.label(APP_NAMESPACE), live.label(APP_NAME)) {
        return Some(AppId::new(namespace, name));
    }
    let (kind, name, uid) = live.controller()?;
    let app = AppId::new(live.address.namespace.clone()?, name);
    (kind == "NebariApp" && world.get(&Address::app(&app)).live()?.uid == uid).then_some(app)
}

/// Marks what left the packs of the input, and what their apps no longer ask for.
pub(super) fn leavers(cluster: &str, world: &World, complete: &[PackId], desired: &mut Desired) {
    let marked = Marked::of(cluster, desired.apps.keys().cloned(), world);
    for id in complete {
        for live in of_pack(id, world) {
            if !desired.wanted.contains_key(&live.address) {
                leave(live, id, &marked, world, (DeleteRule::LeftPack, DeleteRule::AppLeftPack), desired);
            }
        }
    }
    let apps: Vec<AppId> = desired.grounds.keys().cloned().collect();
    for app in apps {
        let pack = desired.apps.get(&app).and_then(|found| found.pack.clone());
        for (address, hand) in marked.get(&app) {
            if !desired.wanted.contains_key(address) {
                let rule = DeleteRule::NotWanted;
                let unwanted = Unwanted { rule, hand: hand.clone(), app: Some(app.clone()), pack: pack.clone() };
                desired.unwanted.insert(address.clone(), unwanted);
            }
        }
    }
}

fn of_pack<'w>(id: &PackId, world: &'w World) -> Vec<&'w Live> {
    let hash = id.hash();
    world.objects().filter(|live| live.label(PackId::MARK) == Some(&hash) && ours(live)).collect()
}

fn leave(
    live: &Live,
    id: &PackId,
    marked: &Marked,
    world: &World,
    (rule, derived_rule): (DeleteRule, DeleteRule),
    desired: &mut Desired,
) {
    let address = &live.address;
    if address.kind == "Namespace" && address.group.is_empty() {
        desired.kept.insert(address.clone(), "Namespaces are never deleted".into());
        return;
    }
    let app = address.as_app();
    if let Some(app) = &app {
        leave_app(app, Some(id), marked, world, derived_rule, desired);
    }
    let unwanted = Unwanted { rule, hand: Hand::Whole, app, pack: Some(id.clone()) };
    desired.unwanted.insert(address.clone(), unwanted);
}

fn leave_app(
    app: &AppId,
    pack: Option<&PackId>,
    marked: &Marked,
    world: &World,
    rule: DeleteRule,
    desired: &mut Desired,
) {
    for (address, hand) in marked.get(app) {
        if address.kind == "Certificate"
            && let Some(secret) = world.get(address).live().and_then(|live| live.text("/spec/secretName"))
        {
            let namespace = address.namespace.clone().unwrap_or_default();
            let secret = Address::namespaced("", "Secret", &namespace, secret);
            desired.kept.insert(secret, "made by cert-manager, which keeps it when its Certificate goes".into());
        }
        let unwanted = Unwanted { rule, hand: hand.clone(), app: Some(app.clone()), pack: pack.cloned() };
        desired.unwanted.insert(address.clone(), unwanted);
    }
}

/// What `destroy` makes go. What cannot be read blocks its app or pack: half a deletion loses the memory of the rest.
pub fn destroy(targets: &[Target], environment: &Environment, world: &World) -> Desired {
    let mut desired = Desired::default();
    let Some(cluster) = super::ground::cluster_name(environment, world) else {
        desired.diagnostics.push(
            Diagnostic::error("PK0307", "the name of the cluster is unknown, so no mark can be told to be ours")
                .help("set `cluster` in the environment, or allow reading Namespace kube-system"),
        );
        return desired;
    };
    let named = targets.iter().filter_map(|target| match target {
        Target::App(app) => Some(app.clone()),
        Target::Pack { .. } | Target::Gateway(_) => None,
    });
    let marked = Marked::of(&cluster, named, world);
    for target in targets {
        match target {
            Target::App(app) => destroy_app(app, &marked, environment, world, &mut desired),
            Target::Pack { namespace, name } => {
                let id = PackId { cluster: cluster.clone(), namespace: namespace.clone(), name: name.clone() };
                destroy_pack(&id, &marked, environment, world, &mut desired);
            }
            Target::Gateway(gateway) => destroy_anchor(gateway, world, &mut desired),
        }
    }
    for (address, reason) in anchors_left(world, &desired) {
        desired.kept.entry(address).or_insert(reason);
    }
    desired
}

fn destroy_app(app: &AppId, marked: &Marked, environment: &Environment, world: &World, desired: &mut Desired) {
    let address = Address::app(app);
    if let Some(reason) = not_all_read(environment, world, desired_login(app, world)) {
        desired.blocked.insert(address, reason);
        return;
    }
    let live = world.get(&address).live();
    if live.is_none() && marked.get(app).next().is_none() {
        desired.diagnostics.push(
            Diagnostic::warning("PK0308", format!("app/{app} is not there, and nothing carries its marks"))
                .object(&address),
        );
        return;
    }
    leave_app(app, None, marked, world, DeleteRule::Destroyed, desired);
    match live {
        Some(live) if ours(live) => {
            let unwanted =
                Unwanted { rule: DeleteRule::Destroyed, hand: Hand::Whole, app: Some(app.clone()), pack: None };
            desired.unwanted.insert(address, unwanted);
        }
        Some(_) => {
            desired.kept.insert(address, "it was not applied by packctl".into());
        }
        None => {}
    }
}

/// Whether the live app asks for login, or its Secret says that it once did.
fn desired_login(app: &AppId, world: &World) -> bool {
    let live = world.get(&Address::app(app)).live();
    live.and_then(|live| live.value().pointer("/spec/auth/enabled")?.as_bool()).unwrap_or(false)
        || world.get(&Names::of(app).secret()).live().is_some()
}

fn not_all_read(environment: &Environment, world: &World, login: bool) -> Option<String> {
    for (group, kind) in DERIVED.into_iter().chain([(GATEWAY_API, "Gateway")]) {
        let unreadable = world.coverages().find_map(|(list, coverage)| match coverage {
            Coverage::Unreadable(reason) | Coverage::Namespaces(_, reason)
                if list.group == group && list.kind == kind =>
            {
                Some(reason)
            }
            _ => None,
        });
        if let Some(reason) = unreadable {
            return Some(format!("{kind} objects could not be read: {reason}"));
        }
    }
    if login {
        let keycloak = environment.keycloak.as_ref();
        let Some(realm) = keycloak.and_then(|keycloak| keycloak.realm.clone()) else {
            return Some("the environment does not say `keycloak.realm`, where its client is".into());
        };
        match world.coverage(&Side::Keycloak { realm: realm.clone() }, "", "client") {
            Some(Coverage::Complete) => {}
            Some(Coverage::Unreadable(reason)) => {
                return Some(format!("the clients of realm {realm} could not be read: {reason}"));
            }
            _ => return Some(format!("the clients of realm {realm} were not read")),
        }
    }
    None
}

fn destroy_pack(id: &PackId, marked: &Marked, environment: &Environment, world: &World, desired: &mut Desired) {
    let objects = of_pack(id, world);
    if objects.is_empty() {
        desired.diagnostics.push(Diagnostic::warning(
            "PK0309",
            format!("pack {}/{} is not there: nothing carries its mark", id.namespace, id.name),
        ));
        return;
    }
    for live in &objects {
        let address = &live.address;
        if let Some(app) = address.as_app()
            && let Some(reason) = not_all_read(environment, world, desired_login(&app, world))
        {
            desired.blocked.insert(address.clone(), reason);
            return;
        }
        if address.kind == "ConfigMap" && address.name == id.record_name() {
            let recorded = super::pack::recorded_kinds(live.value());
            for (list, coverage) in world.coverages() {
                let Coverage::Unreadable(reason) = coverage else { continue };
                if recorded.contains(&(list.group.clone(), list.kind.clone())) {
                    let reason = format!("{} objects of the pack could not be read: {reason}", list.kind);
                    desired.blocked.insert(address.clone(), reason);
                    return;
                }
            }
            if let Some(namespace) = &address.namespace {
                let kept = Address::cluster_scoped("", "Namespace", namespace);
                desired.kept.insert(kept, "Namespaces are never deleted".into());
            }
        }
    }
    for live in objects {
        leave(live, id, marked, world, (DeleteRule::Destroyed, DeleteRule::Destroyed), desired);
    }
}

fn destroy_anchor(gateway: &Gateway, world: &World, desired: &mut Desired) {
    let address = gateway.address();
    let Some(live) = world.get(&address).live() else {
        desired.diagnostics.push(
            Diagnostic::error("PK0310", format!("{} is not there or could not be read", address.short()))
                .object(&address),
        );
        return;
    };
    let mut listeners: Vec<String> = live
        .managed()
        .iter()
        .filter(|entry| entry.is_apply() && entry.manager.starts_with("packctl-"))
        .flat_map(|entry| entry.fields.leaves())
        .filter_map(|path| path.0.get(2).map(|step| crate::resource::FieldPath(vec![step.clone()]).to_string()))
        .collect();
    listeners.sort();
    listeners.dedup();
    if !listeners.is_empty() {
        desired.diagnostics.push(
            Diagnostic::error(
                "PK0311",
                format!("{} still serves apps of packctl: {}", address.short(), listeners.join(", ")),
            )
            .object(&address)
            .help("destroy these apps first: without the anchor their old connections would not be denied"),
        );
        return;
    }
    for address in gateway.anchor() {
        if world.get(&address).live().is_some_and(ours) {
            let unwanted = Unwanted { rule: DeleteRule::Destroyed, hand: Hand::Whole, app: None, pack: None };
            desired.unwanted.insert(address, unwanted);
        }
    }
}

/// Anchors stay until `destroy --gateway`; said where an app of their Gateway goes.
fn anchors_left(world: &World, desired: &Desired) -> Vec<(Address, String)> {
    let gone: Vec<&Address> = desired.unwanted.keys().filter(|address| address.entry.is_some()).collect();
    gone.iter()
        .filter_map(|listener| {
            let gateway = Gateway { namespace: listener.namespace.clone()?, name: listener.name.clone() };
            let [_, _, route] = gateway.anchor();
            let live = world.get(&route).live()?;
            ours(live).then(|| {
                let how = format!(
                    "the Gateway's anchor; `packctl destroy --gateway {}/{}` takes it",
                    gateway.namespace, gateway.name
                );
                (route, how)
            })
        })
        .collect()
}
