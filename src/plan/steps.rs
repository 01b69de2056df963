//! Changes become steps: what is written, in which order, after which waits.
//!
//! A route is never open before its policy, and never attached before its lock: these orders are made here and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::types::{Act, Action, Change, Precondition, Step, Until};
use crate::derive::{Desired, Gateway, Names, kinds_text, recorded_kinds};
use crate::graph::ResourceGraph;
use crate::observed::{Live, World};
use crate::resource::{Address, AppId, FieldPath, Hand, PackId, Resource};

/// What the comparison found, per change.
pub(super) type Conditions = BTreeMap<Address, (Precondition, bool)>;

pub(super) struct Builder<'b> {
    desired: &'b Desired,
    graph: &'b ResourceGraph,
    world: &'b World,
    conditions: &'b Conditions,
    steps: Vec<Step>,
    /// The last step that writes each change.
    last: BTreeMap<Address, usize>,
    done: BTreeMap<Address, Vec<usize>>,
}

/// Makes the steps of all changes that packctl performs itself, and notes their ids in the changes.
pub(super) fn build(
    changes: &mut BTreeMap<Address, Change>,
    desired: &Desired,
    graph: &ResourceGraph,
    world: &World,
    conditions: &Conditions,
) -> Vec<Step> {
    let mut builder =
        Builder { desired, graph, world, conditions, steps: Vec::new(), last: BTreeMap::new(), done: BTreeMap::new() };
    let acting: BTreeMap<&Address, &Change> = changes
        .iter()
        .filter(|(_, change)| change.action != Action::None && change.actor == super::Actor::Packctl)
        .collect();
    builder.deletes(&acting);
    let mut visited = BTreeSet::new();
    for address in acting.keys() {
        builder.visit(address, &acting, &mut visited);
    }
    builder.leave_last(&acting);
    builder.narrow_records(&acting);
    let Builder { steps, done, .. } = builder;
    for (address, ids) in done {
        if let Some(change) = changes.get_mut(&address) {
            change.steps = ids;
        }
    }
    in_order(steps, changes)
}

/// Renumbers so that a step's id is greater than those that it comes after, and sets the waves.
fn in_order(mut steps: Vec<Step>, changes: &mut BTreeMap<Address, Change>) -> Vec<Step> {
    let mut waves = vec![0_usize; steps.len()];
    // The longest way to a step; steps are few and chains short, so repeated passes are enough.
    for _ in 0..steps.len() {
        let mut moved = false;
        for step in &steps {
            let wave = step.after.keys().map(|before| waves[*before]).max().unwrap_or(0) + 1;
            if wave != waves[step.id] {
                waves[step.id] = wave;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    for step in &mut steps {
        step.wave = waves[step.id];
    }
    let mut order: Vec<usize> = (0..steps.len()).collect();
    order.sort_by(|a, b| (waves[*a], &steps[*a].address, *a).cmp(&(waves[*b], &steps[*b].address, *b)));
    let mut renumbered = vec![0; steps.len()];
    for (new, old) in order.iter().enumerate() {
        renumbered[*old] = new;
    }
    for step in &mut steps {
        step.id = renumbered[step.id];
        step.after = step.after.iter().map(|(before, why)| (renumbered[*before], *why)).collect();
        if let Precondition::After(before) = &mut step.only_if {
            *before = renumbered[*before];
        }
    }
    steps.sort_by_key(|step| step.id);
    for change in changes.values_mut() {
        for id in &mut change.steps {
            *id = renumbered[*id];
        }
    }
    steps
}

impl Builder<'_> {
    fn push(
        &mut self,
        address: &Address,
        title: &'static str,
        act: Act,
        waits: Vec<Until>,
        after: BTreeMap<usize, &'static str>,
        only_if: Precondition,
    ) -> usize {
        let id = self.steps.len();
        let writes = act != Act::Nothing;
        self.steps.push(Step { id, address: address.clone(), title, act, waits, after, only_if, wave: 0 });
        self.done.entry(address.clone()).or_default().push(id);
        if writes {
            self.last.insert(address.clone(), id);
        }
        id
    }

    /// Adds a change's steps after those of everything that it needs.
    fn visit(&mut self, address: &Address, acting: &BTreeMap<&Address, &Change>, visited: &mut BTreeSet<Address>) {
        if !visited.insert(address.clone()) {
            return;
        }
        let needs: Vec<Address> = self.graph.needs(address).into_iter().map(|(need, _)| need.clone()).collect();
        for need in &needs {
            self.visit(need, acting, visited);
        }
        let Some(change) = acting.get(address) else { return };
        if let (Action::Create | Action::Update | Action::Adopt, Some(resource)) = (change.action, &change.resource) {
            self.write(change, resource);
        }
    }

    /// The steps that must be done before a change: the last writes of its nearest changed needs.
    fn after(&self, address: &Address) -> BTreeMap<usize, &'static str> {
        let mut after = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut queue: Vec<(Address, Option<&'static str>)> = vec![(address.clone(), None)];
        while let Some((current, why)) = queue.pop() {
            for (need, reason) in self.graph.needs(&current) {
                let why = why.unwrap_or(reason);
                if let Some(step) = self.last.get(need) {
                    after.entry(*step).or_insert(why);
                } else if seen.insert(need.clone()) {
                    queue.push((need.clone(), Some(why)));
                }
            }
        }
        if address.entry.as_ref().is_some_and(|entry| entry.list == "listeners") {
            // A host may move from a listener that goes to one that comes; both at once the API server refuses.
            for (other, step) in &self.last {
                if other.object() == address.object() && self.steps[*step].title == "release" {
                    after.insert(*step, "a listener of this Gateway goes first");
                }
            }
        }
        after
    }

    fn write(&mut self, change: &Change, resource: &Resource) {
        let address = &change.address;
        let (only_if, force) = self.conditions.get(address).cloned().unwrap_or((Precondition::Absent, false));
        let title = title(change.action);
        let mut after = self.after(address);
        if change.action == Action::Create
            && let Some(close) = change
                .app
                .as_ref()
                .filter(|app| Names::of(app).policy() == *address)
                .and_then(|app| self.close_open_route(app))
        {
            after.insert(close, "the route is closed before its policy is made anew");
        }
        if let Some(app) = change.app.clone().filter(|app| Names::of(app).route() == *address) {
            return self.write_route(&app, change, resource, after, only_if, force);
        }
        if let Some(kinds) = self.widened(resource, change) {
            let mut wide = resource.clone();
            wide.body.value["data"][crate::derive::KINDS] = json!(kinds);
            let live = change.before.as_ref().and_then(|record| record.get("data"));
            // A record that names everything already is only narrowed, at the end.
            if live != wide.body.value.get("data") {
                let act = Act::Apply { resource: Box::new(wide), force };
                self.push(address, "record", act, Vec::new(), after, only_if);
            }
            return;
        }
        self.push(
            address,
            title,
            Act::Apply { resource: Box::new(resource.clone()), force },
            Vec::new(),
            after,
            only_if,
        );
    }

    /// A record's kinds before the pack's last object is gone: what it had and what it will have.
    fn widened(&self, resource: &Resource, change: &Change) -> Option<String> {
        let pack = resource.pack.as_ref()?;
        if resource.address.name != pack.record_name() {
            return None;
        }
        let will = recorded_kinds(&resource.body.value);
        let had = change.before.as_ref().map(recorded_kinds).unwrap_or_default();
        let both: BTreeSet<_> = will.union(&had).cloned().collect();
        (both != will).then(|| kinds_text(&both))
    }

    /// What left a pack goes after everything that the pack brings: a Service is needed until the route has moved on.
    fn leave_last(&mut self, acting: &BTreeMap<&Address, &Change>) {
        let pack_of = |step: &Step| acting.get(&step.address).and_then(|change| change.pack.clone());
        let writes: Vec<(usize, Option<PackId>)> = self
            .steps
            .iter()
            .filter(|step| matches!(step.act, Act::Apply { .. }))
            .map(|step| (step.id, pack_of(step)))
            .collect();
        for step in &mut self.steps {
            let Some(change) = acting.get(&step.address) else { continue };
            if step.act == Act::Delete && change.pack.is_some() && rank(change) >= OF_PACK {
                let of_pack = writes.iter().filter(|(_, pack)| *pack == change.pack);
                step.after.extend(of_pack.map(|(write, _)| (*write, "what left the pack goes after what it brings")));
            }
        }
    }

    /// The last step of a pack whose record names kinds that are gone.
    fn narrow_records(&mut self, acting: &BTreeMap<&Address, &Change>) {
        for (address, change) in acting {
            let (Some(resource), Some(pack)) = (&change.resource, &change.pack) else { continue };
            if change.action != Action::Update || self.widened(resource, change).is_none() {
                continue;
            }
            let (only_if, force) = match self.last.get(*address) {
                Some(first) => (Precondition::After(*first), false),
                None => self.conditions.get(*address).cloned().unwrap_or((Precondition::Absent, false)),
            };
            let of_pack =
                |step: &Step| acting.get(&step.address).is_some_and(|other| other.pack.as_ref() == Some(pack));
            let after = self
                .steps
                .iter()
                .filter(|step| of_pack(step))
                .map(|step| (step.id, "the record is narrowed last"))
                .collect();
            let act = Act::Apply { resource: Box::new(resource.clone()), force };
            self.push(address, "narrow", act, Vec::new(), after, only_if);
        }
    }

    /// Closes an app's route that is open without its policy; the id of the step, nothing where there is no such route.
    fn close_open_route(&mut self, app: &AppId) -> Option<usize> {
        let address = Names::of(app).route();
        let open = self.world.get(&address).live().is_some_and(|route| weight(route.value()) > 0);
        let login = self.desired.apps.get(app).is_some_and(crate::derive::App::login);
        let resource = self.desired.wanted.get(&address).filter(|_| open && login)?;
        let (only_if, force) = self.conditions.get(&address).cloned()?;
        let act = Act::Apply { resource: Box::new(closed(resource)), force };
        Some(self.push(&address, "close", act, Vec::new(), BTreeMap::new(), only_if))
    }

    fn write_route(
        &mut self,
        app: &AppId,
        change: &Change,
        resource: &Resource,
        after: BTreeMap<usize, &'static str>,
        only_if: Precondition,
        force: bool,
    ) {
        let address = &change.address;
        let Some((ground, derived)) = self.desired.grounds.get(app).zip(self.desired.apps.get(app)) else { return };
        let names = Names::of(app);
        let moves = |field: &crate::diff::FieldChange| {
            ["spec.parentRefs", "spec.hostnames"].iter().any(|path| field.path.starts_with(&FieldPath::of(path)))
        };
        let attached =
            change.before.as_ref().is_some_and(|route| weight(route) > 0) && !change.fields.iter().any(moves);
        let attach = if attached { Vec::new() } else { self.attach_waits(app, &ground.gateway) };
        let served = vec![
            Until::PolicyAccepted(names.policy()),
            Until::RouteAccepted(address.clone()),
            Until::ListenerProgrammed(names.listener(&ground.gateway)),
            Until::CertificateReady(names.certificate(&ground.gateway)),
        ];
        let apply = |resource: Resource, force| Act::Apply { resource: Box::new(resource), force };
        let live_weight = change.before.as_ref().map(weight);
        let policy_is_new = self.world.get(&names.policy()).live().is_none();
        let last = if !derived.login() {
            self.push(address, title(change.action), apply(resource.clone(), force), attach, after, only_if)
        } else if attached && !policy_is_new {
            // What stands behind it may change: the policy of this plan is in force before that is reached.
            let policy = vec![Until::PolicyAccepted(names.policy())];
            self.push(address, title(change.action), apply(resource.clone(), force), policy, after, only_if)
        } else {
            // Closed first: a policy has no status before its route exists, so nothing could be awaited.
            let opening = [attach.clone(), served.clone()].concat();
            let closed_already = self.last.get(address).copied();
            if let Some(before) = closed_already {
                let mut after = after;
                after.insert(before, "the route is opened when its policy is in force");
                self.push(address, "open", apply(resource.clone(), false), opening, after, Precondition::After(before))
            } else if live_weight == Some(0) {
                self.push(address, "open", apply(resource.clone(), force), opening, after, only_if)
            } else {
                let closed = apply(closed(resource), force);
                let before = self.push(address, "close", closed, attach, after, only_if);
                let after = BTreeMap::from([(before, "the route is opened when its policy is in force")]);
                self.push(address, "open", apply(resource.clone(), false), opening, after, Precondition::After(before))
            }
        };
        let after = BTreeMap::from([(last, "what was written is checked")]);
        self.push(address, "check", Act::Nothing, served, after, Precondition::Nothing);
    }

    /// What must hold before a route is attached to an app's listener.
    fn attach_waits(&self, app: &AppId, gateway: &Gateway) -> Vec<Until> {
        let names = Names::of(app);
        let [_, anchor_policy, anchor_route] = gateway.anchor();
        let mut waits = vec![
            Until::PolicyAccepted(names.lock(gateway)),
            Until::PolicyAccepted(anchor_policy),
            Until::RouteAccepted(anchor_route.clone()),
        ];
        let listener = names.listener_name();
        let carried_traffic = self.world.get(&gateway.address()).live().is_some_and(|live| {
            let listeners = live.value().pointer("/spec/listeners").and_then(Value::as_array);
            let there = listeners
                .into_iter()
                .flatten()
                .any(|found| found.get("name").and_then(Value::as_str) == Some(&listener));
            there && !self.anchored_from_the_start(app, live, &anchor_route)
        });
        if carried_traffic {
            // Connections from before the anchor live on without the authorization filter until they are drained.
            waits.push(Until::Drained(anchor_route));
        }
        waits
    }

    /// Whether the anchor was there when the app's listener was last written: then the listener never carried traffic without it.
    fn anchored_from_the_start(&self, app: &AppId, gateway: &Live, anchor: &Address) -> bool {
        let hand = Hand::entry(&app.to_string(), "listener");
        let listener = gateway
            .managed()
            .iter()
            .find(|entry| entry.manager == hand.manager())
            .and_then(|entry| entry.time.as_deref());
        let anchor = self.world.get(anchor).live().and_then(|live| live.text("/metadata/creationTimestamp"));
        // RFC 3339 in UTC sorts as text.
        listener.zip(anchor).is_some_and(|(listener, anchor)| anchor <= listener)
    }

    /// Deletes, by app: route, policy, lock, listener, certificate, readers, Secret, client, the NebariApp; then the pack's
    /// objects; its record last.
    fn deletes(&mut self, acting: &BTreeMap<&Address, &Change>) {
        let going: Vec<&Change> = acting.values().filter(|change| change.action == Action::Delete).copied().collect();
        let mut ranked: Vec<(usize, &Change)> = going.iter().map(|change| (rank(change), *change)).collect();
        ranked.sort_by(|a, b| (a.0, &a.1.address).cmp(&(b.0, &b.1.address)));
        for (rank, change) in ranked {
            let mut after = BTreeMap::new();
            let mut waits = Vec::new();
            for step in &self.steps {
                let Some(other) = acting.get(&step.address) else { continue };
                let (same_app, same_pack) = (
                    other.app == change.app && change.app.is_some(),
                    other.pack == change.pack && change.pack.is_some(),
                );
                let earlier = self::rank(other) < rank;
                let of_anchor = [change, *other].iter().all(|change| change.app.is_none() && change.pack.is_none());
                if earlier && (same_app || of_anchor || (same_pack && rank >= OF_PACK)) {
                    after.insert(
                        step.id,
                        if same_pack && !same_app {
                            "the pack's apps go first"
                        } else {
                            "it is taken down from the outside in"
                        },
                    );
                    if same_app && step.address.kind == "HTTPRoute" && rank == POLICY {
                        waits.push(Until::Gone(step.address.clone()));
                    }
                }
            }
            let only_if =
                self.conditions.get(&change.address).map_or(Precondition::Nothing, |(only_if, _)| only_if.clone());
            let address = &change.address;
            if address.entry.is_some() {
                let hand = self.desired.unwanted.get(address).map_or(Hand::Whole, |unwanted| unwanted.hand.clone());
                let act = Act::Release { api_version: "gateway.networking.k8s.io/v1".into(), hand };
                self.push(address, "release", act, waits, after, only_if);
            } else {
                self.push(address, "delete", Act::Delete, waits, after, only_if);
            }
        }
    }
}

fn title(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Adopt => "adopt",
        _ => "update",
    }
}

const POLICY: usize = 1;
const OF_PACK: usize = 20;

fn rank(change: &Change) -> usize {
    let address = &change.address;
    let is_record =
        change.pack.as_ref().is_some_and(|pack| address.name == pack.record_name() && address.kind == "ConfigMap");
    let is_derived = change.app.is_some() && address.as_app().is_none();
    match address.kind.as_str() {
        _ if is_record => 30,
        _ if address.as_app().is_some() => 10,
        "HTTPRoute" if is_derived => 0,
        "SecurityPolicy" if is_derived && address.name.starts_with("lock-") => 2,
        "SecurityPolicy" if is_derived => POLICY,
        "Gateway" => 3,
        "Certificate" if is_derived => 4,
        "RoleBinding" if is_derived => 5,
        "Role" if is_derived => 6,
        "Secret" if is_derived => 7,
        "client" => 8,
        // The anchor of a Gateway: route, policy, filter.
        "HTTPRoute" if change.pack.is_none() => 11,
        "SecurityPolicy" if change.pack.is_none() => 12,
        "HTTPRouteFilter" if change.pack.is_none() => 13,
        _ => OF_PACK,
    }
}

/// The largest weight of a route's backends; 1 where none is written.
pub(super) fn weight(route: &Value) -> u64 {
    let rules = route.pointer("/spec/rules").and_then(Value::as_array);
    let backends = rules.into_iter().flatten().filter_map(|rule| rule.get("backendRefs")?.as_array()).flatten();
    backends.map(|backend| backend.get("weight").and_then(Value::as_u64).unwrap_or(1)).max().unwrap_or(0)
}

/// The route with every weight at 0: it answers 500, or the login where a policy is in force.
fn closed(route: &Resource) -> Resource {
    let mut closed = route.clone();
    let rules = closed.body.value.pointer_mut("/spec/rules").and_then(Value::as_array_mut);
    for backend in rules.into_iter().flatten().filter_map(|rule| rule.get_mut("backendRefs")?.as_array_mut()).flatten()
    {
        backend["weight"] = json!(0);
    }
    closed
        .causes
        .insert(FieldPath::of("spec.rules"), crate::resource::Cause::Rule("closed until its policy is in force"));
    closed
}
