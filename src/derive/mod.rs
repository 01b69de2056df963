//! Stage 3: inputs, environment and facts become desired resources.
//!
//! In: manifests and rendered packs, the environment, the observed world as facts. Out: [`Desired`], everything that must be
//! there and everything that goes. A NebariApp is derived *as it will be*: a field that the input omits and somebody else owns
//! stays in force. What hangs on something unreadable is blocked, never guessed.

mod anchor;
mod app;
mod desired;
mod effective;
mod ground;
mod holder;
mod left;
mod login;
mod marks;
mod names;
mod pack;
mod policy;
mod routing;
mod standing;
mod tls;
mod unwanted;

pub use anchor::anchor;
pub use app::{App, Attachment, CertificateSource, Ground, Identity, Realm, RoutePath, Tls};
pub use desired::{DeleteRule, Desired, Left, PackInfo, Unwanted};
pub use ground::cluster_name;
pub use holder::{Holder, holder, operator_settings};
pub use names::{ANCHOR_GATEWAY, ANCHOR_PATH, APP_NAME, APP_NAMESPACE, Gateway, MANAGED, Names, ROUTES_FROM};
pub use standing::{Standing, standing};
pub use unwanted::{Target, destroy};

pub(crate) use holder::OPERATOR_DEPLOYMENT;
pub(crate) use marks::{DERIVED, app_of};
pub(crate) use names::{FINALIZER, listener, listeners};
pub(crate) use pack::{KINDS, kinds_text, record_address, recorded_kinds};
pub(crate) use routing::{HTTP, HTTPS};
pub(crate) use unwanted::{APP_SECRETS, keep_recorded};

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::{Environment, UnknownFields};
use crate::diagnostic::{Diagnostic, Severity};
use crate::observed::{ListOf, Observed, World};
use crate::render::Pack;
use crate::resource::{Address, AppId, Cause, FieldPath, Hand, PackId, Resource};
use crate::yaml::Document;

/// What the derivation starts from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'i> {
    /// Manifests that belong to no pack.
    pub documents: &'i [Document],
    /// Rendered packs.
    pub packs: &'i [Pack],
    /// No input was named: the live NebariApps are the input.
    pub live_apps: bool,
    /// What becomes of fields that a kind does not have.
    pub unknown_fields: UnknownFields,
}

/// Derives everything that the inputs ask for.
pub fn derive(inputs: Inputs<'_>, environment: &Environment, world: &World) -> Desired {
    let mut desired = Desired::default();
    let cluster = cluster_name(environment, world);
    let mut complete = Vec::new();
    let mut apps: Vec<(&Document, Address, Option<PackId>)> = Vec::new();

    for pack in inputs.packs {
        desired.diagnostics.extend(pack.notes.iter().chain(&pack.failed).cloned());
        if !pack.failed.is_empty() {
            continue;
        }
        let Some(cluster) = &cluster else {
            desired.diagnostics.push(
                Diagnostic::error(
                    "PK0307",
                    format!("pack {}/{}: the name of the cluster is unknown", pack.id_namespace, pack.name),
                )
                .place(Some(pack.place.clone()))
                .help("set `cluster` in the environment, or allow reading Namespace kube-system"),
            );
            continue;
        };
        let errors = desired.errors();
        let id = PackId { cluster: cluster.clone(), namespace: pack.id_namespace.clone(), name: pack.name.clone() };
        let found = pack::add(pack, cluster, inputs.unknown_fields, world, &mut desired);
        apps.extend(found.into_iter().map(|(document, address)| (document, address, Some(id.clone()))));
        // A pack that was not understood to the last object deletes nothing.
        // So does one whose record may say more than was read.
        let unread = pack::record_address(pack, cluster, world)
            .is_some_and(|record| matches!(world.get(&record), Observed::Unreadable(_)))
            || world.gap(&ListOf::labelled("", "ConfigMap", PackId::MARK)).is_some();
        if desired.errors() == errors && !unread {
            complete.push(id);
        }
    }
    for document in inputs.documents {
        if let Some((address, resource)) = pack::object(document, None, inputs.unknown_fields, world, &mut desired) {
            if address.as_app().is_some() {
                apps.push((document, address, None));
            }
            pack::want(resource, document, &mut desired);
        }
    }
    for (document, address, pack) in apps {
        declared_app(document, &address, pack, world, &mut desired);
    }
    if inputs.live_apps {
        live_apps(world, &mut desired);
    }
    derive_apps(environment, world, &mut desired);
    if let Some(cluster) = &cluster {
        unwanted::leavers(cluster, environment, world, &complete, &mut desired);
    }
    desired
}

fn declared_app(document: &Document, address: &Address, pack: Option<PackId>, world: &World, desired: &mut Desired) {
    let (Some(id), Some(resource)) = (address.as_app(), desired.wanted.get(address)) else { return };
    let live = match world.get(address) {
        Observed::Unreadable(reason) => {
            // What others set on it is unknown, and could be a stricter login.
            desired.blocked.insert(address.clone(), format!("it could not be read: {reason}"));
            return;
        }
        observed => observed.live(),
    };
    // What its makers declared once and the input does not goes with the adoption.
    let adopted = live.and_then(|live| match standing(resource, live, &desired.apps, world) {
        Standing::Adoptable { over, .. } => Some(over.applied_to(live, Hand::MANAGER, &resource.api_version)),
        Standing::Ours | Standing::Foreign(_) => None,
    });
    let value = effective::effective(Some(&resource.body.value), adopted.as_ref().or(live), &world.schemas);
    desired.apps.insert(id.clone(), App { id, value, pack, document: Some(document.clone()) });
}

fn live_apps(world: &World, desired: &mut Desired) {
    for live in world.of_kind("reconcilers.nebari.dev", "NebariApp").filter(|live| !live.leaving) {
        let Some(id) = live.address.as_app() else { continue };
        let value = effective::effective(None, Some(live), &world.schemas);
        desired.apps.entry(id.clone()).or_insert(App { id, value, pack: None, document: None });
    }
}

fn derive_apps(environment: &Environment, world: &World, desired: &mut Desired) {
    let apps: Vec<App> = desired.apps.values().cloned().collect();
    for app in apps {
        match ground::ground(&app, environment, world, desired) {
            Ok(ground) => {
                let resources = resources(&app, &ground, world);
                let is_taken = |resource: &&Resource| {
                    desired.wanted.get(&resource.address).is_some_and(|other| other.app != resource.app)
                };
                let taken: Vec<&Resource> = resources.iter().filter(is_taken).collect();
                // Another app's, or an anchor's: a rule refuses who comes second; until then neither is derived in part.
                let derived = taken.iter().find_map(|resource| {
                    let other = desired.wanted.get(&resource.address)?;
                    let manifest = matches!(other.cause(&FieldPath::default()), Some(Cause::Input(_)));
                    (!manifest).then(|| {
                        let whose = other.app.as_ref().map_or("its Gateway".into(), |other| format!("app/{other}"));
                        format!("{} is also that of {whose}", resource.address.short())
                    })
                });
                if let Some(reason) = derived {
                    desired.blocked.insert(Address::app(&app.id), reason);
                    continue;
                }
                for resource in &taken {
                    let finding = declared_too(&app, resource, desired);
                    desired.diagnostics.push(finding);
                    // Neither of the two is written: the manifest could open what the app keeps closed.
                    desired.wanted.remove(&resource.address);
                    desired.refused.insert(resource.address.clone(), "PK0306".into());
                }
                if !taken.is_empty() {
                    continue;
                }
                for resource in resources {
                    desired.wanted.insert(resource.address.clone(), Arc::new(resource));
                }
                if let Some((client, reason)) = login::undecided(&app, &ground, world) {
                    desired.wanted.remove(&client);
                    desired.blocked.insert(client, reason);
                }
                desired.grounds.insert(app.id.clone(), ground);
            }
            Err(reason) => {
                desired.blocked.insert(Address::app(&app.id), reason);
            }
        }
    }
}

/// A manifest of the inputs has the address of a derived object.
fn declared_too(app: &App, taken: &Resource, desired: &Desired) -> Diagnostic {
    let place = desired.wanted.get(&taken.address).and_then(|other| other.place()).cloned();
    let message = format!("{} is declared in the inputs, and app/{} makes it", taken.address.short(), app.id);
    Diagnostic::error("PK0306", message)
        .object(&taken.address)
        .app(&app.id)
        .place(place)
        .help("rename the manifest's object, or remove it")
}

/// Everything that one app asks for, and the anchor of its Gateway.
fn resources(app: &App, ground: &Ground, world: &World) -> Vec<Resource> {
    let mut resources = Vec::new();
    if let Some(realm) = ground.provisioned_realm(app) {
        resources.push(login::client(app, ground, realm, world));
        resources.push(login::secret(app, realm, world));
        resources.extend(login::readers(app));
    }
    if let Some(route) = routing::route(app, ground) {
        resources.extend(anchor::anchor(&ground.gateway));
        resources.extend(tls::own_listener(app, ground));
        resources.extend(routing::grant(app));
        resources.extend([policy::policy(app, ground), route]);
    }
    if let Some(route) = routing::public_route(app, ground) {
        resources.extend([policy::public_policy(app), route]);
    }
    resources
}

impl Desired {
    /// Whether something goes that nebari-operator made and that never carried our marks.
    pub(crate) fn is_left(&self, address: &Address) -> bool {
        self.unwanted.get(address).is_some_and(|unwanted| unwanted.left.is_some())
    }

    /// How many errors were found so far.
    fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|found| found.severity == Severity::Error).count()
    }

    /// Takes an app out: nothing of it is written or deleted. Anchors that no other app needs go out with it.
    ///
    /// Nothing of its pack is deleted either: what the mistake names may be what the app needs.
    pub fn refuse(&mut self, app: &AppId, world: &World) {
        let of_app = self.unwanted.values().filter(|unwanted| unwanted.app.as_ref() == Some(app));
        let packs: BTreeSet<PackId> = of_app
            .filter_map(|unwanted| unwanted.pack.clone())
            .chain(self.apps.get(app).and_then(|app| app.pack.clone()))
            .collect();
        for pack in &packs {
            self.unwanted.retain(|_, unwanted| unwanted.pack.as_ref() != Some(pack));
            unwanted::keep_recorded(pack, world, self);
        }
        self.wanted.retain(|_, resource| resource.app.as_ref() != Some(app));
        self.unwanted.retain(|_, unwanted| unwanted.app.as_ref() != Some(app));
        self.grounds.remove(app);
        let anchors: Vec<Address> = self.grounds.values().flat_map(|ground| ground.gateway.anchor()).collect();
        self.wanted.retain(|address, resource| {
            resource.app.is_some() || resource.pack.is_some() || !is_anchor(resource) || anchors.contains(address)
        });
    }
}

fn is_anchor(resource: &Resource) -> bool {
    resource.body.value.pointer("/metadata/labels").and_then(|labels| labels.get(ANCHOR_GATEWAY)).is_some()
}
