//! What a live object of a wanted address is to packctl: its own, one that it may adopt, or somebody else's.
//!
//! An object that the inputs name may become ours when people agree. A derived object becomes ours where it carries the
//! marks of its app: nebari-operator, which packctl replaces, wrote them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::app::App;
use super::names::{ANCHOR_GATEWAY, APP_NAME, APP_NAMESPACE, Names, listener};
use crate::observed::{Live, ManagedEntry, Operation, TakeOver, Taken, World};
use crate::resource::{Address, AppId, FieldPath, Hand, LAST_APPLIED, PackId, PathStep, Resource};
use crate::schema::{Node, Schemas};

/// The field manager of nebari-operator: its binary's name. It writes by Update.
pub(super) const OPERATOR: &str = "manager";
/// Field manager of `kubectl apply` on the client's side.
const CLIENT_SIDE: &str = "kubectl-client-side-apply";
/// Annotation of objects that Argo CD tracks, as its default since 3.0.
const ARGO_TRACKING: &str = "argocd.argoproj.io/tracking-id";
/// Field managers of Argo CD, which tracks by a label where it is older or told so.
const ARGO_MANAGERS: [&str; 2] = ["argocd-controller", "argocd-application-controller"];

/// What a live object is to packctl.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Our Apply entry (Keycloak: our owner attribute) is on it; or it is shared, and nobody has our entry's name.
    Ours,
    /// Somebody else made it, and it may become ours.
    Adoptable {
        /// What shows that it belongs to the app; without that people must agree.
        evidence: Option<&'static str>,
        /// What its makers lose to us.
        over: TakeOver,
    },
    /// It is not ours to touch: why.
    Foreign(String),
}

/// Looks at the live object of a wanted address. `apps` are those of the inputs.
pub fn standing(resource: &Resource, live: &Live, apps: &BTreeMap<AppId, App>, world: &World) -> Standing {
    match &resource.hand {
        Hand::Record => record(resource, live),
        Hand::Entry { manager } => entry(resource, manager, live, apps, world),
        Hand::Whole => whole(resource, live, world),
    }
}

/// A Keycloak client belongs to whom its owner attribute names.
fn record(resource: &Resource, live: &Live) -> Standing {
    let (wanted, found) = (Hand::owner_of(&resource.body.value), Hand::owner_of(live.value()));
    match found {
        found if found == wanted => Standing::Ours,
        Some(other) => Standing::Foreign(format!("it belongs to {other}")),
        None => Standing::Foreign("it has no owner attribute".into()),
    }
}

/// The object is shared; only an entry of this very name that somebody else made is in the way.
fn entry(resource: &Resource, manager: &str, live: &Live, apps: &BTreeMap<AppId, App>, world: &World) -> Standing {
    let Some(key) = resource.address.entry.as_ref().filter(|entry| entry.list == "listeners").map(|entry| &entry.key)
    else {
        return Standing::Ours;
    };
    let Some(listener) = listener(live.value(), key).filter(|_| live.applied_by(manager).is_none()) else {
        return Standing::Ours;
    };
    let host = listener.get("hostname").and_then(Value::as_str);
    match resource.app.as_ref().and_then(|id| apps.get(id)) {
        Some(app) if host == Some(app.hostname()) && !claimed_by_another(app, apps, world) => {
            let of_entry = |path: &FieldPath| path.0.get(2).is_some_and(|step| is_named(step, key));
            let over = taken(resource, live, &world.schemas, &of_entry);
            Standing::Adoptable { evidence: Some("its name and its hostname are the app's"), over }
        }
        _ => Standing::Foreign(format!("managed by {}", managers(live))),
    }
}

pub(super) fn is_named(step: &PathStep, name: &str) -> bool {
    let name = Value::from(name).to_string();
    matches!(step, PathStep::Key(keys) if keys.iter().any(|(key, text)| key == "name" && *text == name))
}

/// Whether another app has this one's hostname, or a name that gives the same listener.
fn claimed_by_another(app: &App, apps: &BTreeMap<AppId, App>, world: &World) -> bool {
    let listener = Names::of(&app.id).listener_name();
    let claims =
        |id: &AppId, host: &str| *id != app.id && (host == app.hostname() || Names::of(id).listener_name() == listener);
    let live = world.of_kind("reconcilers.nebari.dev", "NebariApp").filter_map(|live| {
        let id = live.address.as_app().filter(|id| !apps.contains_key(id))?;
        Some((id, live.text("/spec/hostname").unwrap_or_default()))
    });
    apps.values().any(|other| claims(&other.id, other.hostname())) || { live }.any(|(id, host)| claims(&id, host))
}

fn whole(resource: &Resource, live: &Live, world: &World) -> Standing {
    if let Some(how) = argo_cd(live) {
        return Standing::Foreign(how);
    }
    let mark = resource.body.value.pointer("/metadata/labels").and_then(|labels| labels.get(PackId::MARK)?.as_str());
    let ours = live.applied_by(Hand::MANAGER).is_some();
    if live.label(PackId::MARK).is_some_and(|found| Some(found) != mark) {
        let other = live.annotation(PackId::MARK).unwrap_or("another one");
        return Standing::Foreign(if ours { format!("it belongs to pack {other}") } else { foreign(live) });
    }
    match (live.controller(), &resource.owner) {
        (Some((kind, name, _)), owner)
            if owner.as_ref().is_none_or(|owner| kind != owner.kind || name != owner.name) =>
        {
            return Standing::Foreign(format!("{kind}/{name} controls it"));
        }
        _ if ours => return Standing::Ours,
        _ => {}
    }
    let anchor =
        resource.body.value.pointer("/metadata/labels").is_some_and(|labels| labels.get(ANCHOR_GATEWAY).is_some());
    let record = resource.pack.as_ref().is_some_and(|pack| resource.address.name == pack.record_name());
    let derived = resource.app.as_ref().filter(|_| resource.address.as_app().is_none());
    match derived {
        _ if anchor || record => Standing::Foreign(foreign(live)),
        None => Standing::Adoptable { evidence: None, over: taken(resource, live, &world.schemas, &|_| true) },
        Some(app) => match evidence(app, live, world) {
            Some(evidence) => {
                let over = taken(resource, live, &world.schemas, &|_| true);
                Standing::Adoptable { evidence: Some(evidence), over }
            }
            None => Standing::Foreign(format!("{}, and nothing shows that it is app/{app}'s", foreign(live))),
        },
    }
}

pub(super) fn argo_cd(live: &Live) -> Option<String> {
    if let Some(tracking) = live.annotation(ARGO_TRACKING) {
        return Some(format!("Argo CD tracks it as {tracking}"));
    }
    let applied =
        live.managed().iter().find(|entry| ARGO_MANAGERS.contains(&&*entry.manager) && entry.subresource.is_empty());
    applied.map(|entry| format!("Argo CD manages it, as {}", entry.manager))
}

fn foreign(live: &Live) -> String {
    format!("managed by {}", managers(live))
}

/// What shows that a derived object is this app's: who could write it could also write the app's own objects.
pub(super) fn evidence(app: &AppId, live: &Live, world: &World) -> Option<&'static str> {
    if live.label(APP_NAME) == Some(&app.name) && live.label(APP_NAMESPACE) == Some(&app.namespace) {
        return Some("its labels name the app");
    }
    let names = Names::of(app);
    let uid = world.get(&Address::app(app)).live().map(|app| app.uid.as_str());
    let beside = live.address.namespace.as_deref() == Some(&app.namespace);
    if let (Some((_, _, owner)), Some(uid), true) = (live.controller(), uid, beside)
        && owner == uid
    {
        return Some("the app owns it");
    }
    // nebari-operator gives its Secret no owner.
    let labels = [
        ("app.kubernetes.io/name", "nebariapp"),
        ("app.kubernetes.io/instance", &app.name),
        ("app.kubernetes.io/managed-by", "nebari-operator"),
    ];
    let client = STANDARD.encode(names.client_id());
    let is_secret = live.address == names.secret()
        && labels.iter().all(|(key, value)| live.label(key) == Some(value))
        && live.text("/data/client-id") == Some(&client);
    is_secret.then_some("its labels and its client id are the app's")
}

/// What becomes of a field that a maker of the object holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// We declare it, or its maker once did and we do not, so that it goes.
    Ours,
    /// A default of the server, or beside what we declare in an item that we declare: it must not hold the item for ever.
    Nobodys,
    /// It has nothing to do with what we declare.
    Theirs,
}

/// What the makers of an object lose to us; a maker is who holds a field that we declare.
fn taken(resource: &Resource, live: &Live, schemas: &Schemas, of_ours: &dyn Fn(&FieldPath) -> bool) -> TakeOver {
    let maker = Makers {
        body: &resource.body.value,
        resource,
        derived: resource.app.is_some() && resource.address.as_app().is_none(),
        last_applied: live.annotation(LAST_APPLIED).and_then(|text| serde_json::from_str(text).ok()),
        root: schemas.get(&resource.address.group, &resource.address.kind).map(crate::schema::Schema::root),
        live: live.value(),
    };
    let mut over = TakeOver::default();
    for entry in live.managed() {
        let ours = entry.manager == resource.hand.manager() && entry.is_apply();
        if ours || entry.subresource == "status" {
            continue;
        }
        if !entry.fields.leaves().iter().any(|path| of_ours(path) && maker.declares(path)) {
            continue;
        }
        let fate = |path: &FieldPath| if of_ours(path) { maker.fate(entry, path) } else { Fate::Theirs };
        let (fields, _) = entry.fields.split(&mut |path| fate(path) != Fate::Theirs);
        let (becomes, _) = fields.split(&mut |path| fate(path) == Fate::Ours);
        over.becomes.absorb(&becomes);
        over.from.push(Taken::of(entry, fields));
    }
    over
}

/// Who made an object, seen from what we declare of it.
struct Makers<'m> {
    resource: &'m Resource,
    body: &'m Value,
    derived: bool,
    last_applied: Option<Value>,
    root: Option<Node<'m>>,
    live: &'m Value,
}

impl Makers<'_> {
    fn declares(&self, path: &FieldPath) -> bool {
        path.is_declared_in(self.body)
            || (path.starts_with(&FieldPath::of("metadata.ownerReferences")) && self.resource.owner.is_some())
            || self.resource.body.unknown.keys().any(|unknown| path.starts_with(unknown))
    }

    /// What a maker once declared is known of an applier by server-side apply, of kubectl by its annotation, and of
    /// nebari-operator, which replaces whole objects.
    fn fate(&self, entry: &ManagedEntry, path: &FieldPath) -> Fate {
        // Whoever set these still counts on them.
        let kept = ["metadata.finalizers", "metadata.ownerReferences"];
        if self.declares(path) {
            return Fate::Ours;
        }
        if kept.iter().any(|kept| path.starts_with(&FieldPath::of(kept))) {
            return Fate::Theirs;
        }
        let once = |declared: bool| if declared { Fate::Ours } else { Fate::Nobodys };
        match entry.operation {
            Operation::Apply => Fate::Ours,
            Operation::Update if entry.manager == OPERATOR && self.derived => once(!self.is_default(path)),
            Operation::Update if entry.manager == CLIENT_SIDE && self.resource.address.kind == "Secret" => {
                // The record of a Secret is not looked at, and the server adds nothing to its data.
                once(path.starts_with(&FieldPath::of("data")) || path.starts_with(&FieldPath::of("metadata")))
            }
            Operation::Update if entry.manager == CLIENT_SIDE && self.last_applied.is_some() => {
                let record = *path == FieldPath::of("metadata.annotations").field(LAST_APPLIED);
                once(record || self.last_applied.as_ref().is_some_and(|found| path.is_declared_in(found)))
            }
            Operation::Update if self.is_in_declared_item(path) => Fate::Nobodys,
            Operation::Update => Fate::Theirs,
        }
    }

    fn is_in_declared_item(&self, path: &FieldPath) -> bool {
        let item = path.0.iter().rposition(|step| matches!(step, PathStep::Key(_)));
        item.is_some_and(|item| FieldPath(path.0[..=item].to_vec()).is_declared_in(self.body))
    }

    /// Whether the server put the live value there by itself.
    fn is_default(&self, path: &FieldPath) -> bool {
        let node = path.0.iter().try_fold(self.root, |node, step| {
            Some(match step {
                PathStep::Field(name) => node.and_then(|node| node.field(name)),
                _ => node.and_then(Node::items),
            })
        });
        node.flatten().and_then(Node::default).is_some_and(|default| path.find(self.live) == Some(default))
    }
}

/// The field managers of an object, without those of its status.
pub(crate) fn managers(live: &Live) -> String {
    let mut names: Vec<&str> = live
        .managed()
        .iter()
        .filter(|entry| entry.subresource.is_empty())
        .map(|entry| entry.manager.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() { "nobody on record".into() } else { names.join(", ") }
}
