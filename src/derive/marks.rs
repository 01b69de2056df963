//! Which live objects carry an app's marks.

use std::collections::{BTreeMap, BTreeSet};

use super::desired::Left;
use super::left;
use super::names::{APP_NAME, APP_NAMESPACE, CERT_MANAGER, ENVOY_GATEWAY, GATEWAY_API, Names, RBAC};
use crate::observed::{Live, World};
use crate::resource::{Address, AppId, Hand, PackId};

/// The kinds that packctl derives in Kubernetes, besides the listener.
pub(crate) const DERIVED: [(&str, &str); 7] = [
    (GATEWAY_API, "HTTPRoute"),
    (GATEWAY_API, "ReferenceGrant"),
    (ENVOY_GATEWAY, "SecurityPolicy"),
    (CERT_MANAGER, "Certificate"),
    ("", "Secret"),
    (RBAC, "Role"),
    (RBAC, "RoleBinding"),
];

/// Whether a live object was applied by us.
pub(super) fn ours(live: &Live) -> bool {
    live.applied_by(Hand::MANAGER).is_some()
}

/// How an app's object is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// How we hold it, or will.
    pub(super) hand: Hand,
    /// nebari-operator made it, and it does not carry our marks.
    pub(super) left: Option<Left>,
}

/// Every live object that carries an app's marks and ours, or those of nebari-operator, by app; the NebariApps themselves left
/// out.
pub(super) struct Marked(BTreeMap<AppId, BTreeMap<Address, Mark>>);

impl Marked {
    /// `named`: apps that are spoken of, also when only a listener is left of them.
    pub(super) fn of(cluster: &str, named: impl Iterator<Item = AppId>, world: &World) -> Self {
        let live = world.of_kind("reconcilers.nebari.dev", "NebariApp").filter_map(|live| live.address.as_app());
        let mut apps: BTreeSet<AppId> = named.chain(live).collect();
        let mut marked = Self(BTreeMap::new());
        for (group, kind) in DERIVED {
            for live in world.of_kind(group, kind).filter(|live| ours(live) && live.label(PackId::MARK).is_none()) {
                if let Some(app) = app_of(live, world) {
                    marked.add(app, live.address.clone(), Hand::Whole);
                }
            }
        }
        for (group, kind) in left::KINDS {
            for live in world.of_kind(group, kind).filter(|live| !ours(live)) {
                if let Some((app, left)) = left::whole(live, world) {
                    marked.add_left(app, live.address.clone(), Hand::Whole, left);
                }
            }
        }
        apps.extend(marked.0.keys().cloned());
        for gateway in world.of_kind(GATEWAY_API, "Gateway") {
            marked.listeners(gateway, &apps);
        }
        for client in world.of_kind("", "client").filter(|live| live.address.is_keycloak()) {
            let owner = Hand::owner_of(client.value());
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
            } else if let Some((address, left)) = left::entry(app, gateway) {
                self.add_left(app.clone(), address, hand, left);
            }
        }
    }

    fn add(&mut self, app: AppId, address: Address, hand: Hand) {
        self.0.entry(app).or_default().insert(address, Mark { hand, left: None });
    }

    fn add_left(&mut self, app: AppId, address: Address, hand: Hand, left: Left) {
        self.0.entry(app).or_default().insert(address, Mark { hand, left: Some(left) });
    }

    /// Forgets what nebari-operator made for other apps than these.
    pub(super) fn keep_left(&mut self, of: impl Fn(&AppId) -> bool) {
        for (_, marks) in self.0.iter_mut().filter(|(app, _)| !of(app)) {
            marks.retain(|_, mark| mark.left.is_none());
        }
    }

    /// What carries the marks of one app.
    pub(super) fn get(&self, app: &AppId) -> impl Iterator<Item = (&Address, &Mark)> {
        self.0.get(app).into_iter().flatten()
    }
}

/// The app whose marks an object carries: its labels, or its controller where that very NebariApp is live.
pub(crate) fn app_of(live: &Live, world: &World) -> Option<AppId> {
    if let (Some(namespace), Some(name)) = (live.label(APP_NAMESPACE), live.label(APP_NAME)) {
        return Some(AppId::new(namespace, name));
    }
    let (kind, name, uid) = live.controller()?;
    let app = AppId::new(live.address.namespace.clone()?, name);
    (kind == "NebariApp" && world.get(&Address::app(&app)).live()?.uid == uid).then_some(app)
}
