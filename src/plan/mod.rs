//! Stage 7: graph, differences and rules become a plan.
//!
//! In: what is desired, the graph, the observed world. Out: a [`Plan`] that is complete; whoever applies it makes no choice.

mod adopt;
mod compare;
mod digest;
mod health;
mod holder;
mod openings;
mod select;
mod status;
mod steps;
mod types;

use std::collections::{BTreeMap, BTreeSet};

pub use crate::derive::DeleteRule;
pub use health::{Health, answered, endpoint, health};
pub use select::{Named, Narrowed, Selection, narrow};
pub use status::{AppStatus, PackStatus, Problem, State, Status, status};
pub use types::{
    Act, Action, Actor, Answers, Change, Consent, Opening, PackSummary, Plan, Precondition, Probe, Scope, Settled,
    Step, Taking, Until,
};

pub(crate) use holder::OPERATOR_DEPLOYMENT;

use crate::derive::{Desired, Names};
use crate::diff::Class;
use crate::graph::ResourceGraph;
use crate::observed::{Coverage, Observed, World};
use crate::resource::{Address, AppId, PackId};

/// Plans.
pub fn plan(desired: &Desired, graph: &ResourceGraph, world: &World, cluster: &str, answers: &Answers) -> Plan {
    let mut plan = Plan {
        cluster: cluster.to_owned(),
        seen: world.seen.clone(),
        read: read(world),
        realm: realm(world),
        unreadable: unreadable(world),
        diagnostics: desired.diagnostics.clone(),
        blocked: desired.blocked.clone(),
        kept: desired.kept.clone(),
        apps: desired.apps.iter().map(|(id, app)| (id.clone(), app.place())).collect(),
        ..Plan::default()
    };
    for (id, info) in &desired.packs {
        let summary = PackSummary {
            id: id.clone(),
            place: info.place.clone(),
            before: info.before.clone(),
            after: info.after.clone(),
            objects: info.objects,
        };
        plan.packs.insert(id.clone(), summary);
    }
    let conditions = changes(desired, world, answers, &mut plan);
    block_dependants(desired, graph, &mut plan);
    reopen(desired, world, &mut plan);
    leave_to_operator(world, &mut plan);
    plan.openings = openings::openings(desired, world, &plan);
    note_anchors(desired, &mut plan);
    plan.steps = steps::build(&mut plan.changes, desired, graph, world, &conditions);
    plan.digests = digest::digests(&plan, &conditions);
    plan
}

fn changes(desired: &Desired, world: &World, answers: &Answers, plan: &mut Plan) -> steps::Conditions {
    let mut conditions = steps::Conditions::new();
    for (address, resource) in &desired.wanted {
        match compare::wanted(resource, desired, world, answers.consent) {
            Err(reason) => {
                plan.blocked.insert(address.clone(), reason);
            }
            Ok(compared) if compared.change.action == Action::Create && missing_namespace(address, desired, world) => {
                let namespace = address.namespace.as_deref().unwrap_or_default();
                plan.blocked.insert(address.clone(), format!("Namespace {namespace} does not exist"));
            }
            Ok(mut compared) => {
                if let Some(would_change) = answers.settled.get(address) {
                    settle(&mut compared.change, *would_change);
                }
                conditions.insert(address.clone(), (compared.only_if, compared.force));
                plan.changes.insert(address.clone(), compared.change);
            }
        }
    }
    for (address, unwanted) in &desired.unwanted {
        if let Some((change, only_if)) = compare::unwanted(address, unwanted, world) {
            conditions.insert(address.clone(), (only_if, false));
            plan.changes.insert(address.clone(), change);
        }
    }
    conditions
}

/// Whether an object's Namespace is neither there nor made by this plan.
fn missing_namespace(address: &Address, desired: &Desired, world: &World) -> bool {
    let Some(namespace) = &address.namespace else { return false };
    let namespace = Address::cluster_scoped("", "Namespace", namespace);
    let made = || desired.wanted.keys().any(|wanted| wanted.object() == namespace);
    matches!(world.get(&namespace), Observed::Absent) && !made()
}

fn settle(change: &mut Change, would_change: bool) {
    if would_change {
        for field in &mut change.fields {
            if matches!(field.class, Class::Doubt(_)) {
                field.class = Class::Pending;
            }
        }
        if change.action == Action::None && !change.fields.is_empty() {
            change.action = Action::Update;
        }
    } else {
        change.fields.retain(|field| !matches!(field.class, Class::Doubt(_)));
    }
}

/// A change that needs something that cannot be told cannot be made; what is as wanted stays so.
fn block_dependants(desired: &Desired, graph: &ResourceGraph, plan: &mut Plan) {
    let mut queue: Vec<Address> = plan.blocked.keys().chain(desired.refused.keys()).cloned().collect();
    while let Some(blocked) = queue.pop() {
        for (dependant, why) in graph.needed_by(&blocked) {
            let changes = plan.changes.get(dependant).is_some_and(|change| change.action != Action::None);
            if changes {
                plan.changes.remove(dependant);
                let how = if desired.refused.contains_key(&blocked) { "refused" } else { "blocked" };
                plan.blocked.insert(dependant.clone(), format!("{why}: {} is {how}", blocked.short()));
                plan.blocked_by.insert(dependant.clone(), blocked.clone());
                queue.push(dependant.clone());
            }
        }
    }
}

/// A route that is open without its login is closed until the login is in force, also where nothing of the route differs.
fn reopen(desired: &Desired, world: &World, plan: &mut Plan) {
    for (id, app) in desired.grounds.keys().filter_map(|id| desired.apps.get_key_value(id)) {
        let names = Names::of(id);
        let open = steps::opens_without_login(world.get(&names.route()).live(), world.get(&names.policy()).live(), app);
        let written = plan.changes.get(&names.policy()).is_some_and(|change| change.action != Action::None);
        if let (true, Some(change)) = (open && written, plan.changes.get_mut(&names.route()))
            && change.action == Action::None
        {
            change.action = Action::Update;
            change.notes.push("closed until the login is in force, then opened".into());
        }
    }
}

fn leave_to_operator(world: &World, plan: &mut Plan) {
    let Some(holder) = holder::holder(world) else { return };
    let mut staying: BTreeSet<AppId> = BTreeSet::new();
    for change in plan.changes.values_mut() {
        if change.action != Action::None && change.is_derived() {
            change.actor = Actor::Operator(holder.clone());
            if change.action == Action::Delete {
                staying.extend(change.app.clone());
            }
        }
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
            change.actor = Actor::Operator(holder.clone());
        }
    }
}

fn note_anchors(desired: &Desired, plan: &mut Plan) {
    let routes: BTreeSet<Address> = desired
        .grounds
        .values()
        .map(|ground| {
            let [_, _, route] = ground.gateway.anchor();
            route
        })
        .collect();
    for address in routes {
        if let Some(change) = plan.changes.get_mut(&address).filter(|change| change.action == Action::Create) {
            change.notes.push("closes every open connection of the Gateway once".into());
        }
    }
}

fn read(world: &World) -> (usize, usize) {
    let kubernetes: Vec<_> = world.objects().filter(|live| !live.address.is_keycloak()).collect();
    let kinds: BTreeSet<_> = kubernetes.iter().map(|live| (&live.address.group, &live.address.kind)).collect();
    (kubernetes.len(), kinds.len())
}

fn realm(world: &World) -> Option<(String, usize)> {
    world.coverages().find_map(|(list, coverage)| match (&list.side, coverage) {
        (crate::resource::Side::Keycloak { realm }, Coverage::Complete) => {
            Some((realm.clone(), world.of_kind("", "client").filter(|live| live.address.is_keycloak()).count()))
        }
        _ => None,
    })
}

fn unreadable(world: &World) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = world
        .coverages()
        .filter_map(|(list, coverage)| {
            let what = match &list.side {
                crate::resource::Side::Kubernetes => list.kind.clone(),
                crate::resource::Side::Keycloak { realm } => format!("clients of realm {realm}"),
            };
            match coverage {
                Coverage::Unreadable(reason) => Some((what, reason.clone())),
                Coverage::Namespaces(namespaces, reason) => {
                    let names: Vec<&str> = namespaces.iter().map(String::as_str).collect();
                    Some((format!("{what} beyond {}", names.join(", ")), reason.clone()))
                }
                Coverage::Complete | Coverage::NoSuchKind => None,
            }
        })
        .collect();
    found.extend(world.unread.clone());
    found.sort();
    found.dedup();
    found
}

impl Plan {
    /// Apps with a change that an operator or controller keeps to itself, and how that was seen.
    pub fn left_to_operator(&self) -> BTreeMap<&AppId, &str> {
        self.changes
            .values()
            .filter_map(|change| match (&change.actor, &change.app) {
                (Actor::Operator(holder), Some(app)) if change.action != Action::None => Some((app, holder.as_str())),
                _ => None,
            })
            .collect()
    }
}
