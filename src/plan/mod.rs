//! Stage 7: graph, differences and rules become a plan.
//!
//! In: what is desired, the graph, the observed world. Out: a [`Plan`] that is complete; whoever applies it makes no choice.

mod adopt;
mod block;
mod compare;
mod digest;
mod health;
mod openings;
mod operator;
mod select;
mod status;
mod steps;
mod types;

use std::collections::BTreeSet;

pub use crate::derive::DeleteRule;
pub use health::{Health, answered, endpoint, health};
pub use select::{Named, Narrowed, Selection, narrow};
pub use status::{AppStatus, PackStatus, Problem, State, Status, status};
pub use types::{
    Act, Action, Actor, Answers, Change, Consent, Opening, PackSummary, Plan, Precondition, Probe, Scope, Settled,
    Step, Taking, Until,
};

use crate::derive::{Desired, Names};
use crate::diff::Class;
use crate::graph::ResourceGraph;
use crate::observed::{Coverage, Observed, World};
use crate::resource::Address;

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
    let mut conditions = changes(desired, world, answers, &mut plan);
    block::dependants(desired, graph, &mut plan);
    block::needed_still(desired, &mut plan);
    reopen(desired, world, &mut plan, &mut conditions);
    operator::leave(desired, world, &mut plan);
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
                conditions.extend(compared.condition.map(|condition| (address.clone(), condition)));
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

/// A route that is open without its login is closed until the login is in force, also where nothing of the route differs.
fn reopen(desired: &Desired, world: &World, plan: &mut Plan, conditions: &mut steps::Conditions) {
    for (id, app) in desired.grounds.keys().filter_map(|id| desired.apps.get_key_value(id)) {
        let names = Names::of(id);
        let policy = plan.changes.get(&names.policy());
        let open = steps::opens_without_login(app, world, policy);
        let written = policy.is_some_and(|change| change.action != Action::None);
        if let (true, Some(change)) = (open && written, plan.changes.get_mut(&names.route()))
            && change.action == Action::None
        {
            if let Some((resource, live)) = desired.wanted.get(&change.address).zip(world.get(&change.address).live()) {
                let condition = || compare::at_rest_until_written(resource, live, world);
                conditions.entry(change.address.clone()).or_insert_with(condition);
            }
            change.action = Action::Update;
            change.notes.push("closed until the login is in force, then opened".into());
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
