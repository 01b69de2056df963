//! Changes become steps: what is written, in which order, after which waits.
//!
//! A route is never open before its policy, and never attached before its lock: these orders are made here and nowhere else.

mod delete;
mod moved;
mod order;
mod route;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::types::{Act, Action, Actor, Change, Precondition, Step, Until};
use crate::derive::{Desired, Names, holder, kinds_text, recorded_kinds};
use crate::graph::ResourceGraph;
use crate::observed::World;
use crate::resource::{Address, AppId, PackId, Resource};

pub(super) use delete::is_needed_by_routes;
pub(super) use route::{opens_without_login, weight};

/// What the comparison found, per change.
pub(super) type Conditions = BTreeMap<Address, super::compare::Condition>;

struct Builder<'b> {
    desired: &'b Desired,
    graph: &'b ResourceGraph,
    world: &'b World,
    conditions: &'b Conditions,
    /// The changes that packctl performs itself.
    acting: BTreeMap<&'b Address, &'b Change>,
    steps: Vec<Step>,
    /// The last step that writes each change.
    last: BTreeMap<Address, usize>,
    done: BTreeMap<Address, Vec<usize>>,
    of_app: BTreeMap<&'b AppId, Vec<usize>>,
    of_pack: BTreeMap<&'b PackId, Vec<usize>>,
    /// An operator takes away what is derived from an app when the app goes.
    operated: bool,
    /// Steps that take a listener off its Gateway, by Gateway and hostname.
    released: BTreeMap<(Address, String), usize>,
}

/// Makes the steps of all changes that packctl performs itself, and notes their ids in the changes.
pub(super) fn build(
    changes: &mut BTreeMap<Address, Change>,
    desired: &Desired,
    graph: &ResourceGraph,
    world: &World,
    conditions: &Conditions,
) -> Vec<Step> {
    let acting: BTreeMap<&Address, &Change> =
        changes.iter().filter(|(_, change)| change.action != Action::None && change.actor == Actor::Packctl).collect();
    let mut builder = Builder {
        desired,
        graph,
        world,
        conditions,
        acting,
        steps: Vec::new(),
        last: BTreeMap::new(),
        done: BTreeMap::new(),
        of_app: BTreeMap::new(),
        of_pack: BTreeMap::new(),
        operated: holder(world).is_some(),
        released: BTreeMap::new(),
    };
    builder.deletes();
    let mut visited = BTreeSet::new();
    let addresses: Vec<&Address> = builder.acting.keys().copied().collect();
    for address in addresses {
        builder.visit(address, &mut visited);
    }
    builder.narrow_locks();
    builder.leave_last();
    builder.narrow_records();
    let Builder { steps, done, .. } = builder;
    for (address, ids) in done {
        if let Some(change) = changes.get_mut(&address) {
            change.steps = ids;
        }
    }
    order::in_order(steps, changes)
}

impl<'b> Builder<'b> {
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
        if let Some(change) = self.acting.get(address) {
            if let Some(app) = &change.app {
                self.of_app.entry(app).or_default().push(id);
            }
            if let Some(pack) = &change.pack {
                self.of_pack.entry(pack).or_default().push(id);
            }
        }
        id
    }

    /// Adds a change's steps after those of everything that it needs.
    fn visit(&mut self, address: &Address, visited: &mut BTreeSet<Address>) {
        if !visited.insert(address.clone()) {
            return;
        }
        let graph = self.graph;
        for (need, _) in graph.needs(address) {
            self.visit(need, visited);
        }
        let Some(change) = self.acting.get(address).copied() else { return };
        if let (Action::Create | Action::Update | Action::Adopt, Some(resource)) = (change.action, &change.resource) {
            self.write(change, resource);
        }
    }

    /// The steps that must be done before a change: the last writes of its nearest changed needs.
    fn after(&self, address: &Address) -> BTreeMap<usize, &'static str> {
        let mut after = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut queue: Vec<(&Address, Option<&'static str>)> = vec![(address, None)];
        while let Some((current, why)) = queue.pop() {
            for (need, reason) in self.graph.needs(current) {
                let why = why.unwrap_or(reason);
                if let Some(step) = self.last.get(need) {
                    after.entry(*step).or_insert(why);
                } else if seen.insert(need) {
                    queue.push((need, Some(why)));
                }
            }
        }
        after
    }

    fn write(&mut self, change: &'b Change, resource: &'b Arc<Resource>) {
        let address = &change.address;
        let (only_if, force) = self.conditions.get(address).cloned().unwrap_or((Precondition::Absent, false));
        let title = title(change.action);
        let mut after = self.after(address);
        if let Some(hostname) = address.entry.as_ref().and_then(|_| listener_hostname(resource)) {
            // A host may move from a listener that goes to one that comes; both at once the API server refuses.
            if let Some(step) = self.released.get(&(address.object(), hostname.to_owned())) {
                after.insert(*step, "the listener that has this hostname goes first");
            }
        }
        if let Some(app) = &change.app {
            let names = Names::of(app);
            if names.policy() == *address
                && let Some(close) = self.close_before_its_policy(app)
            {
                after.insert(close, "the route is closed while its policy changes");
            }
            if names.route() == *address {
                return self.write_route(app, change, resource, after, only_if, force);
            }
            if names.public_route() == *address {
                return self.write_public_route(app, change, resource, after, only_if, force);
            }
        }
        if let Some(wide) = self.widened_lock(change, resource) {
            let act = Act::Apply { resource: Arc::new(wide), force };
            self.push(address, "widen", act, Vec::new(), after, only_if);
            return;
        }
        if let Some(kinds) = self.widened(resource, change) {
            let mut wide = Resource::clone(resource);
            wide.body.value["data"][crate::derive::KINDS] = json!(kinds);
            let live = change.before.as_ref().and_then(|record| record.get("data"));
            // A record that names everything already is only narrowed, at the end.
            if live != wide.body.value.get("data") {
                let act = Act::Apply { resource: Arc::new(wide), force };
                self.push(address, "record", act, Vec::new(), after, only_if);
            }
            return;
        }
        let act = Act::Apply { resource: Arc::clone(resource), force };
        self.push(address, title, act, Vec::new(), after, only_if);
    }

    /// A record's kinds before the pack's last object is gone: what it had and what it will have.
    fn widened(&self, resource: &Resource, change: &Change) -> Option<String> {
        let pack = resource.pack.as_ref()?;
        if resource.address.name != pack.record_name() {
            return None;
        }
        let will = recorded_kinds(&resource.body.value);
        let had = change.before.as_deref().map(recorded_kinds).unwrap_or_default();
        let both: BTreeSet<_> = will.union(&had).cloned().collect();
        (both != will).then(|| kinds_text(&both))
    }

    /// The last step of a pack whose record names kinds that are gone.
    fn narrow_records(&mut self) {
        let records: Vec<(&Address, &Change)> =
            self.acting.iter().map(|(address, change)| (*address, *change)).collect();
        for (address, change) in records {
            let (Some(resource), Some(pack)) = (&change.resource, &change.pack) else { continue };
            if change.action != Action::Update || self.widened(resource, change).is_none() {
                continue;
            }
            let (only_if, force) = match self.last.get(address) {
                Some(first) => (Precondition::After(*first), false),
                None => self.conditions.get(address).cloned().unwrap_or((Precondition::Absent, false)),
            };
            let of_pack = self.of_pack.get(pack).into_iter().flatten();
            let after = of_pack.map(|step| (*step, "the record is narrowed last")).collect();
            let act = Act::Apply { resource: Arc::clone(resource), force };
            self.push(address, "narrow", act, Vec::new(), after, only_if);
        }
    }
}

/// The first word of a write that is no more than one.
fn title(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Adopt => "adopt",
        _ => "update",
    }
}

fn listener_hostname(entry: &Resource) -> Option<&str> {
    entry.body.value.pointer("/spec/listeners/0/hostname")?.as_str()
}
