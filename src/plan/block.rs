//! What cannot be done because something else cannot: what needs it, and what must not go before it.

use super::steps::is_needed_by_routes;
use super::types::{Action, Plan};
use crate::derive::{DeleteRule, Desired};
use crate::graph::ResourceGraph;
use crate::resource::{Address, AppId};

/// A change that needs something that cannot be told cannot be made; what is as wanted stays so.
pub(super) fn dependants(desired: &Desired, graph: &ResourceGraph, plan: &mut Plan) {
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

/// What an app no longer asks for stays while a part of the app is blocked: a route that cannot move needs its old listener,
/// pods that cannot change their Secret. Its routes go all the same: to close a path needs nothing else.
pub(super) fn needed_still(desired: &Desired, plan: &mut Plan) {
    let mut stays: Vec<(Address, Address)> = Vec::new();
    for change in plan.changes.values() {
        let Some(app) = change.app.as_ref().filter(|_| change.rule == Some(DeleteRule::NotWanted)) else { continue };
        let Some(blocked) = blocked_of(app, desired, plan) else { continue };
        // Of an app that does not become ours nothing goes that is not ours.
        let is_left = desired.is_left(&change.address);
        let app = Address::app(app);
        if is_left && plan.blocked.contains_key(&app) {
            stays.push((change.address.clone(), app));
        } else if is_needed_by_routes(change) {
            stays.push((change.address.clone(), blocked.clone()));
        }
    }
    for (address, blocked) in stays {
        plan.changes.remove(&address);
        plan.blocked.insert(address.clone(), format!("kept: {} is blocked", blocked.short()));
        plan.blocked_by.insert(address, blocked);
    }
}

/// What is blocked of an app; a route before everything else.
fn blocked_of<'p>(app: &AppId, desired: &Desired, plan: &'p Plan) -> Option<&'p Address> {
    let of_app = |address: &&Address| {
        address.as_app().as_ref() == Some(app)
            || desired.wanted.get(*address).is_some_and(|resource| resource.app.as_ref() == Some(app))
    };
    plan.blocked.keys().filter(of_app).min_by_key(|address| (address.kind != "HTTPRoute", *address))
}
