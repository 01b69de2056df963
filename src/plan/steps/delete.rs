//! What goes, from the outside in.

use std::collections::{BTreeMap, BTreeSet};

use super::Builder;
use crate::derive::{App, DeleteRule, Names};
use crate::plan::operator::has_finalizer;
use crate::plan::types::{Act, Action, Change, Precondition, Until};
use crate::resource::{Address, AppId, Hand, PackId};

const ROUTE: usize = 0;
const POLICY: usize = 1;
const LOCK: usize = 2;
const LISTENER: usize = 3;
const APP: usize = 10;
const ANCHOR: usize = 11;
const OF_PACK: usize = 20;

impl<'b> Builder<'b> {
    /// Deletes, by app: routes, policies, lock, listener, certificate, readers, Secret, client, the NebariApp; then the pack's
    /// objects; its record last.
    pub(super) fn deletes(&mut self) {
        let going = self.acting.values().filter(|change| change.action == Action::Delete);
        let mut ranked: Vec<(usize, &'b Change)> = going.map(|change| (rank(change), *change)).collect();
        ranked.sort_by(|a, b| (a.0, &a.1.address).cmp(&(b.0, &b.1.address)));
        let mut of_app: BTreeMap<&AppId, Vec<(usize, usize)>> = BTreeMap::new();
        let mut of_pack: BTreeMap<&PackId, Vec<(usize, usize)>> = BTreeMap::new();
        let mut of_anchor: Vec<(usize, usize)> = Vec::new();
        for (rank, change) in ranked {
            let mut after = BTreeMap::new();
            let mut waits = Vec::new();
            let pack = change.pack.as_ref().filter(|_| rank >= OF_PACK).and_then(|pack| of_pack.get(pack));
            for (_, step) in pack.into_iter().flatten().filter(|(other, _)| *other < rank) {
                after.insert(*step, "the pack's apps go first");
            }
            let is_anchor = change.app.is_none() && change.pack.is_none();
            let app = change.app.as_ref().and_then(|app| of_app.get(app));
            let nearest = app.into_iter().flatten().chain(of_anchor.iter().filter(|_| is_anchor));
            for (other, step) in nearest.filter(|(other, _)| *other < rank) {
                after.insert(*step, "it is taken down from the outside in");
                if (*other, rank) == (ROUTE, POLICY) {
                    waits.push(Until::Gone(self.steps[*step].address.clone()));
                }
            }
            let goes = change.address.as_app().filter(|_| change.before.as_deref().is_some_and(has_finalizer));
            if let Some(app) = goes.as_ref().filter(|_| !self.operated) {
                let gone = of_app.get(app).into_iter().flatten().map(|(_, step)| self.steps[*step].address.clone());
                let gone = gone.filter(|address| address.entry.is_none() && !address.is_keycloak());
                let finalize = self.finalize(change, gone.map(Until::Gone).collect(), after.clone());
                after.insert(finalize, "nobody else takes its finalizer off");
            }
            let mut step = self.delete(change, waits, after);
            if goes.is_some() && self.operated {
                step = self.await_cleanup(change, step);
            }
            if let Some(app) = &change.app {
                of_app.entry(app).or_default().push((rank, step));
            }
            if let Some(pack) = &change.pack {
                of_pack.entry(pack).or_default().push((rank, step));
            }
            if is_anchor {
                of_anchor.push((rank, step));
            }
        }
    }

    fn delete(&mut self, change: &'b Change, waits: Vec<Until>, after: BTreeMap<usize, &'static str>) -> usize {
        let address = &change.address;
        let only_if = self.conditions.get(address).map_or(Precondition::Nothing, |(only_if, _)| only_if.clone());
        let Some(entry) = &address.entry else {
            return self.push(address, "delete", Act::Delete, waits, after, only_if);
        };
        let hand = self.desired.unwanted.get(address).map_or(Hand::Whole, |unwanted| unwanted.hand.clone());
        let act = Act::Release { api_version: "gateway.networking.k8s.io/v1".into(), hand };
        let step = self.push(address, "release", act, waits, after, only_if);
        let live = self.world.get(address).live();
        let listener = live.and_then(|live| crate::derive::listener(live.value(), &entry.key));
        if let Some(hostname) = listener.and_then(|listener| listener.get("hostname")?.as_str()) {
            self.released.insert((address.object(), hostname.to_owned()), step);
        }
        step
    }

    /// Takes the finalizer off an app, when all that the operator would have taken away is gone. Without an operator an app
    /// would otherwise be leaving for ever.
    fn finalize(&mut self, change: &'b Change, gone: Vec<Until>, after: BTreeMap<usize, &'static str>) -> usize {
        let address = &change.address;
        let only_if = self.conditions.get(address).map_or(Precondition::Nothing, |(only_if, _)| only_if.clone());
        self.push(address, "finalize", Act::Finalize, gone, after, only_if)
    }

    /// The pack's objects are needed until the operator has taken away what it made of the app.
    fn await_cleanup(&mut self, change: &'b Change, delete: usize) -> usize {
        let address = &change.address;
        let after = BTreeMap::from([(delete, "nebari-operator takes away what it made, and then its finalizer")]);
        self.push(address, "wait", Act::Nothing, vec![Until::Gone(address.clone())], after, Precondition::Nothing)
    }

    /// What left a pack goes after everything that the pack brings: a Service is needed until the route has moved on. So does
    /// what an app no longer asks for: its login is needed until the route is open. Its old listener and the lock on it go as
    /// soon as no route is there: until then the listener takes the requests for its host.
    pub(super) fn leave_last(&mut self) {
        let narrows = |step: &&usize| self.steps[**step].title == "narrow";
        let written = |steps: &Vec<usize>| -> BTreeSet<usize> {
            let stays = |step: &&usize| !matches!(self.steps[**step].act, Act::Delete | Act::Release { .. });
            steps.iter().filter(stays).copied().collect()
        };
        let of_app: BTreeMap<&AppId, BTreeSet<usize>> =
            self.of_app.iter().map(|(app, steps)| (*app, written(steps))).collect();
        let of_pack: BTreeMap<&PackId, BTreeSet<usize>> =
            self.of_pack.iter().map(|(pack, steps)| (*pack, written(steps))).collect();
        // What comes after routes and listeners that go.
        let last: BTreeSet<usize> =
            (0..self.steps.len()).filter(|step| self.steps[*step].act == Act::Nothing || narrows(&step)).collect();
        let moved: BTreeMap<&AppId, Vec<usize>> = self
            .of_app
            .iter()
            .map(|(app, steps)| (*app, [self.moved(app), steps.iter().filter(narrows).copied().collect()].concat()))
            .collect();
        for step in &mut self.steps {
            if !matches!(step.act, Act::Delete | Act::Release { .. }) {
                continue;
            }
            let Some(change) = self.acting.get(&step.address) else { continue };
            let rank = rank(change);
            if let Some(pack) = change.pack.as_ref().filter(|_| rank >= OF_PACK) {
                let of_pack = of_pack.get(pack).into_iter().flatten();
                step.after.extend(of_pack.map(|write| (*write, "what left the pack goes after what it brings")));
            }
            if let Some(app) = change.app.as_ref().filter(|_| change.rule == Some(DeleteRule::NotWanted)) {
                // A path that is made private closes at once, whatever becomes of the rest.
                let login = self.desired.apps.get(app).is_some_and(App::login);
                if matches!(rank, LOCK | LISTENER) {
                    let moved = moved.get(app).into_iter().flatten();
                    step.after.extend(moved.map(|write| (*write, "it is needed until the routes have moved")));
                } else if rank > POLICY || !login {
                    let of_app = of_app.get(app).into_iter().flatten();
                    let of_app = of_app.filter(|step| rank > POLICY || !last.contains(*step));
                    step.after.extend(of_app.map(|write| (*write, "it is needed until the app has changed")));
                }
            }
        }
    }
}

fn rank(change: &Change) -> usize {
    let address = &change.address;
    let is_record =
        change.pack.as_ref().is_some_and(|pack| address.name == pack.record_name() && address.kind == "ConfigMap");
    let derived = change.app.as_ref().filter(|_| address.as_app().is_none());
    match (address.kind.as_str(), derived) {
        _ if is_record => 30,
        _ if address.as_app().is_some() => APP,
        ("HTTPRoute", Some(_)) => ROUTE,
        ("SecurityPolicy", Some(app)) if is_of_a_route(app, address) => POLICY,
        // The lock.
        ("SecurityPolicy", Some(_)) => LOCK,
        ("Gateway", _) => LISTENER,
        ("Certificate" | "ReferenceGrant", Some(_)) => 4,
        ("RoleBinding", Some(_)) => 5,
        ("Role", Some(_)) => 6,
        ("Secret", Some(_)) => 7,
        ("client", _) => 8,
        // The anchor of a Gateway: route, policy, filter.
        ("HTTPRoute", None) if change.pack.is_none() => ANCHOR,
        ("SecurityPolicy", None) if change.pack.is_none() => ANCHOR + 1,
        ("HTTPRouteFilter", None) if change.pack.is_none() => ANCHOR + 2,
        _ => OF_PACK,
    }
}

/// Whether a change takes something away that routes or pods of its app may still need: all but the routes and their policies.
pub(in crate::plan) fn is_needed_by_routes(change: &Change) -> bool {
    rank(change) > POLICY
}

fn is_of_a_route(app: &AppId, policy: &Address) -> bool {
    let names = Names::of(app);
    [names.policy(), names.public_policy()].contains(policy)
}
