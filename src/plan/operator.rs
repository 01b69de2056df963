//! What is left to nebari-operator, or to whoever else holds the derived objects.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::types::{Action, Actor, Change, Plan};
use crate::derive::{DeleteRule, Desired, FINALIZER, Holder, Names, holder};
use crate::observed::{Live, World};
use crate::resource::{Address, AppId, FieldPath, Hand, PackId};

/// How long an app with login answers everybody while nebari-operator makes it: measured, 10 to 50 apps at once.
const OPEN_FIRST: &str = "nebari-operator makes the route before its policy: open to everybody for 0.2 to 4 s";
const LEFT_BEHIND: &str = "nebari-operator leaves it behind; packctl takes it away when the operator is gone";

/// Leaves every change of a derived object to who holds them, and forgets what needs none.
pub(super) fn leave(desired: &Desired, world: &World, plan: &mut Plan) {
    let Some(holder) = holder(world) else { return };
    rest(desired, world, &holder, plan);
    let mut staying: BTreeSet<AppId> = BTreeSet::new();
    for change in plan.changes.values_mut() {
        if change.action != Action::None && change.is_derived() {
            change.actor = Actor::Operator(holder.seen.clone());
            match change.action {
                Action::Delete => {
                    staying.extend(change.app.clone());
                    if is_left_behind(change, desired) && holder.alive {
                        change.notes.push(LEFT_BEHIND.into());
                    }
                }
                Action::Create if holder.alive && is_route_with_login(change, desired) => {
                    change.notes.push(OPEN_FIRST.into());
                }
                _ => {}
            }
        }
    }
    let going: BTreeSet<AppId> = desired.unwanted.keys().filter_map(Address::as_app).collect();
    let (cleaned, left): (Vec<AppId>, Vec<AppId>) =
        going.into_iter().filter(|app| has_its_finalizer(app, plan)).partition(|_| holder.alive);
    // Who may be there takes the finalizer off; nobody else may.
    staying.extend(left);
    for app in cleaned {
        staying.remove(&app);
        keep_what_it_does_not_know(&app, desired, plan);
    }
    // An app whose objects stay does not go, nor does the record that leads back to it.
    let packs: BTreeSet<PackId> = plan
        .changes
        .values()
        .filter(|change| change.app.as_ref().is_some_and(|app| staying.contains(app)))
        .filter_map(|change| change.pack.clone())
        .collect();
    for change in plan.changes.values_mut() {
        let of_app = change.address.as_app().is_some_and(|app| staying.contains(&app));
        let of_pack = change.pack.as_ref().is_some_and(|pack| packs.contains(pack));
        let is_record = change.pack.as_ref().is_some_and(|pack| change.address.name == pack.record_name());
        if of_pack && is_record && change.action == Action::Update {
            // It goes on naming what stays.
            change.action = Action::None;
            change.fields.clear();
        }
        if change.action == Action::Delete && (of_app || of_pack) {
            change.actor = Actor::Operator(holder.seen.clone());
        }
    }
}

fn is_left_behind(change: &Change, desired: &Desired) -> bool {
    change.rule == Some(DeleteRule::NotWanted) && desired.is_left(&change.address)
}

fn is_route_with_login(change: &Change, desired: &Desired) -> bool {
    let app = change.app.as_ref().and_then(|app| desired.apps.get(app));
    app.is_some_and(|app| app.login() && change.address == Names::of(&app.id).route())
}

/// Whether an app goes by our hand, and carries the finalizer by which the operator takes away what it made.
fn has_its_finalizer(app: &AppId, plan: &Plan) -> bool {
    let change = plan.changes.get(&Address::app(app)).filter(|change| change.action == Action::Delete);
    change.and_then(|change| change.before.as_deref()).is_some_and(has_finalizer)
}

/// What an app's cleanup does not reach, and the app does not own, outlives it.
fn keep_what_it_does_not_know(app: &AppId, desired: &Desired, plan: &mut Plan) {
    let names = Names::of(app);
    let stays: Vec<Address> = plan
        .changes
        .values()
        .filter(|change| change.app.as_ref() == Some(app) && change.action == Action::Delete && change.is_derived())
        .map(|change| &change.address)
        .filter(|address| match address.kind.as_str() {
            "SecurityPolicy" => address.name == names.lock_name(),
            "ReferenceGrant" => true,
            "Secret" => desired.is_left(address),
            _ => false,
        })
        .cloned()
        .collect();
    for address in stays {
        plan.changes.remove(&address);
        let why = "nebari-operator does not take it away; destroy the app again when the operator is gone";
        plan.kept.insert(address, why.into());
    }
}

/// Whether a NebariApp carries the operator's finalizer.
pub(super) fn has_finalizer(app: &Value) -> bool {
    let finalizers = app.pointer("/metadata/finalizers").and_then(Value::as_array).into_iter().flatten();
    finalizers.into_iter().any(|found| found == FINALIZER)
}

/// Takes apps out that the operator has dealt with: it writes other objects than packctl would, and nobody does anything.
fn rest(desired: &Desired, world: &World, holder: &Holder, plan: &mut Plan) {
    if !holder.alive {
        return;
    }
    let ours = ours(desired, world);
    let idle = |app: &&AppId| {
        let address = Address::app(app);
        let is_still = plan.changes.get(&address).is_none_or(leaves_spec);
        is_still && world.get(&address).live().is_some_and(is_done) && !ours.contains(*app)
    };
    let apps: BTreeSet<AppId> = desired.apps.keys().filter(idle).cloned().collect();
    if apps.is_empty() {
        return;
    }
    let of_idle = |address: &Address| match desired.wanted.get(address) {
        Some(resource) => resource.app.as_ref().is_some_and(|app| apps.contains(app)),
        None if address.is_keycloak() => apps.iter().any(|app| Names::of(app).client_id() == address.name),
        None => address.as_app().is_some_and(|app| apps.contains(&app)),
    };
    let anchors_of = |idle: bool| -> BTreeSet<Address> {
        let grounds = desired.grounds.iter().filter(|(app, _)| apps.contains(*app) == idle);
        grounds.flat_map(|(_, ground)| ground.gateway.anchor()).collect()
    };
    let anchors = &anchors_of(true) - &anchors_of(false);
    plan.changes.retain(|address, change| {
        let is_derived = change.app.is_some() && address.as_app().is_none() && of_idle(address);
        change.action == Action::Delete || !(is_derived || anchors.contains(address))
    });
    plan.blocked.retain(|address, _| !of_idle(address) && !anchors.contains(address));
    plan.blocked_by.retain(|address, _| !of_idle(address) && !anchors.contains(address));
    plan.left = apps.into_iter().map(|app| (app, holder.seen.clone())).collect();
}

/// Whether a change of an app gives the operator nothing to do.
fn leaves_spec(change: &Change) -> bool {
    let spec = FieldPath::of("spec");
    !matches!(change.action, Action::Create | Action::Delete | Action::Replace)
        && !change.fields.iter().any(|field| field.path.starts_with(&spec))
}

/// Whether the operator says that it made everything that the app asks for now.
fn is_done(app: &Live) -> bool {
    let conditions = app.value().pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let text = |condition: &Value, key: &str| condition.get(key).and_then(Value::as_str).map(str::to_owned);
    let ready = |condition: &Value| {
        text(condition, "type").as_deref() == Some("Ready") && text(condition, "status").as_deref() == Some("True")
    };
    let observed = app.value().pointer("/status/observedGeneration").and_then(Value::as_i64);
    observed == Some(app.generation()) && conditions.into_iter().any(ready)
}

/// The apps of which packctl made something: there what differs is drift, whoever is there.
fn ours<'d>(desired: &'d Desired, world: &World) -> BTreeSet<&'d AppId> {
    let is_ours = |address: &Address, hand: &Hand| {
        world.get(address).live().is_some_and(|live| match hand {
            Hand::Record => Hand::owner_of(live.value()).is_some(),
            _ => live.applied_by(hand.manager()).is_some(),
        })
    };
    let derived = desired.wanted.iter().filter(|(address, _)| address.as_app().is_none());
    derived
        .filter_map(|(address, resource)| resource.app.as_ref().filter(|_| is_ours(address, &resource.hand)))
        .collect()
}

impl Plan {
    /// Apps with a change that an operator or controller keeps to itself, and how that was seen. An app that goes while packctl
    /// waits for the operator's cleanup is none.
    pub fn left_to_operator(&self) -> BTreeMap<&AppId, &str> {
        let awaited = |app: &AppId| {
            self.changes
                .get(&Address::app(app))
                .is_some_and(|change| change.action == Action::Delete && change.actor == Actor::Packctl)
        };
        self.changes
            .values()
            .filter_map(|change| match (&change.actor, &change.app) {
                (Actor::Operator(seen), Some(app)) if change.action != Action::None && !awaited(app) => {
                    Some((app, seen.as_str()))
                }
                _ => None,
            })
            .collect()
    }
}
