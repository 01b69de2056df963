//! What goes: what left its pack, what an app no longer asks for, what `destroy` names.
//!
//! Only objects that carry our marks go, and only when everything that decides about them was read.

use std::sync::Arc;

use super::desired::{DeleteRule, Desired, Unwanted};
use super::marks::{DERIVED, Mark, Marked, ours};
use super::names::{GATEWAY_API, Gateway, Names};
use super::pack::{kinds_text, recorded_kinds};
use crate::api::Environment;
use crate::diagnostic::Diagnostic;
use crate::observed::{Coverage, ListOf, Live, Observed, World};
use crate::resource::{Address, AppId, Hand, PackId, Side};

/// Label selector of the Secrets that are derived from apps.
pub(crate) const APP_SECRETS: &str = "app.kubernetes.io/name=nebariapp";

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

/// Marks what left the packs of the input, and what their apps no longer ask for.
pub(super) fn leavers(
    cluster: &str,
    environment: &Environment,
    world: &World,
    complete: &[PackId],
    desired: &mut Desired,
) {
    let marked = Marked::of(cluster, desired.apps.keys().cloned(), world);
    for id in complete {
        for live in of_pack(id, world) {
            if desired.wanted.contains_key(&live.address) {
                continue;
            }
            if let Some(app) = live.address.as_app()
                && let Some(reason) = must_stay(&app, &marked, environment, world)
            {
                // The app stays whole, and its pack's record goes on naming its kind.
                desired.blocked.insert(live.address.clone(), reason);
                keep_recorded(id, world, desired);
                continue;
            }
            leave(live, id, &marked, world, (DeleteRule::LeftPack, DeleteRule::AppLeftPack), desired);
        }
    }
    let apps: Vec<AppId> = desired.grounds.keys().cloned().collect();
    for app in apps {
        let Some(derived) = desired.apps.get(&app) else { continue };
        let (pack, handed_over) = (derived.pack.clone(), derived.auth() && !derived.provisions_client());
        for (address, mark) in marked.get(&app) {
            if desired.wanted.contains_key(address) {
                continue;
            }
            if handed_over && (address.is_keycloak() || address.kind == "Secret") {
                let reason = "the app no longer lets packctl make its client: it is yours now, and goes with the app";
                desired.kept.insert(address.clone(), reason.into());
            } else {
                let rule = DeleteRule::NotWanted;
                desired.unwanted.insert(address.clone(), of_mark(mark, rule, &app, pack.as_ref()));
            }
        }
    }
}

fn of_mark(mark: &Mark, rule: DeleteRule, app: &AppId, pack: Option<&PackId>) -> Unwanted {
    let Mark { hand, left } = mark.clone();
    Unwanted { rule, hand, app: Some(app.clone()), pack: pack.cloned(), left }
}

/// Lets a pack's record go on naming every kind that it names now.
pub(crate) fn keep_recorded(id: &PackId, world: &World, desired: &mut Desired) {
    let name = id.record_name();
    let record = desired
        .wanted
        .values_mut()
        .find(|resource| resource.address.name == name && resource.pack.as_ref() == Some(id));
    let Some(record) = record else { return };
    let live = world.get(&record.address).live().map(|live| recorded_kinds(live.value())).unwrap_or_default();
    let kinds = recorded_kinds(&record.body.value).union(&live).cloned().collect();
    Arc::make_mut(record).body.value["data"][super::pack::KINDS] = kinds_text(&kinds).into();
}

/// Why an app cannot go: something that decides about it was not read, or its route would outlive its policy.
fn must_stay(app: &AppId, marked: &Marked, environment: &Environment, world: &World) -> Option<String> {
    let route = Names::of(app).route();
    let lives_on = || {
        let marked = marked.get(app).any(|(address, _)| *address == route);
        (world.get(&route).live().is_some() && !marked)
            .then(|| format!("{} is there and not packctl's: its policy must not go before it", route.short()))
    };
    not_all_read(environment, world, desired_login(app, world)).or_else(lives_on)
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
    let unwanted = Unwanted { rule, hand: Hand::Whole, app, pack: Some(id.clone()), left: None };
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
    for (address, mark) in marked.get(app) {
        if address.kind == "Certificate"
            && let Some(secret) = world.get(address).live().and_then(|live| live.text("/spec/secretName"))
        {
            let namespace = address.namespace.clone().unwrap_or_default();
            let secret = Address::namespaced("", "Secret", &namespace, secret);
            desired.kept.insert(secret, "made by cert-manager, which keeps it when its Certificate goes".into());
        }
        desired.unwanted.insert(address.clone(), of_mark(mark, rule, app, pack));
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
    let mut marked = Marked::of(&cluster, named, world);
    // An app that is not ours stays, and all that it has with it.
    marked.keep_left(|app| match world.get(&Address::app(app)) {
        Observed::Absent => true,
        observed => observed.live().is_some_and(ours),
    });
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
    let unread = match world.get(&address) {
        Observed::Unreadable(reason) => Some(format!("it could not be read: {reason}")),
        _ => must_stay(app, marked, environment, world),
    };
    if let Some(reason) = unread {
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
            let unwanted = Unwanted {
                rule: DeleteRule::Destroyed,
                hand: Hand::Whole,
                app: Some(app.clone()),
                pack: None,
                left: None,
            };
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
        if let Some(reason) = world.gap_of_kind(group, kind, APP_SECRETS) {
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
    let records = ListOf::labelled("", "ConfigMap", PackId::MARK);
    if let Some(reason) = world.gap(&records) {
        let address = Address::namespaced("", "ConfigMap", "?", &id.record_name());
        desired.blocked.insert(address, format!("the records of packs could not be read: {reason}"));
        return;
    }
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
            && let Some(reason) = must_stay(&app, marked, environment, world)
        {
            desired.blocked.insert(address.clone(), reason);
            return;
        }
        if address.kind == "ConfigMap" && address.name == id.record_name() {
            for (group, kind) in recorded_kinds(live.value()) {
                if let Some(reason) = world.gap_of_kind(&group, &kind, PackId::MARK) {
                    let reason = format!("{kind} objects of the pack could not be read: {reason}");
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
            let unwanted =
                Unwanted { rule: DeleteRule::Destroyed, hand: Hand::Whole, app: None, pack: None, left: None };
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
