//! A part of what the inputs ask for: `--target` brings what it needs, `--exclude` takes out what needs it.
//!
//! Two groups are never cut. What is derived from one app goes together: the order among its policy, its listener and its
//! route is what keeps it closed to strangers. And what left a pack goes only with all that the pack brings, because until
//! then something may still need it.

use std::collections::{BTreeMap, BTreeSet};

use crate::derive::{Desired, keep_recorded};
use crate::graph::ResourceGraph;
use crate::observed::World;
use crate::resource::{Address, AppId, PackId};

/// What a person named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// One object or entry.
    Object(Address),
    /// An app, with all that is derived from it.
    App(AppId),
    /// A pack, with its apps.
    Pack(PackId),
}

/// What `--target` and `--exclude` name. Without targets everything is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these, and what they need.
    pub targets: Vec<Named>,
    /// Not these, nor what needs them.
    pub excludes: Vec<Named>,
}

/// How a plan is less than what the inputs ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowed {
    /// What was named to be planned, as people name it.
    pub targets: Vec<String>,
    /// What was named to be left out.
    pub excludes: Vec<String>,
    /// What was left out, by the app, pack or object that it belongs to: how many objects.
    pub left_out: BTreeMap<String, usize>,
}

impl Named {
    /// `app/NAMESPACE/NAME`, `pack/NAMESPACE/NAME`, or the short name of an object.
    pub fn short(&self) -> String {
        match self {
            Self::Object(address) => address.short(),
            Self::App(app) => format!("app/{app}"),
            Self::Pack(pack) => format!("pack/{}/{}", pack.namespace, pack.name),
        }
    }
}

/// Takes everything out of `desired` that is not meant. `None` when everything is.
pub fn narrow(desired: &mut Desired, graph: &ResourceGraph, world: &World, selection: &Selection) -> Option<Narrowed> {
    if *selection == Selection::default() {
        return None;
    }
    let whole = Whole::of(desired, graph);
    let targets = whole.closure(&selection.targets, Whole::needs);
    let excludes = whole.closure(&selection.excludes, Whole::needed_by);
    let all = selection.targets.is_empty();
    let meant = |node: &Node| (all || targets.contains(node)) && !excludes.contains(node);

    let mut kept: BTreeSet<Address> =
        whole.addresses().filter(|address| meant(&Node::Object((*address).clone()))).cloned().collect();
    if all {
        kept = &kept - &whole.idle_anchors(&kept);
    }
    let apps: BTreeSet<AppId> = desired.apps.keys().filter(|app| meant(&Node::App((*app).clone()))).cloned().collect();
    let narrowed = Narrowed {
        targets: selection.targets.iter().map(Named::short).collect(),
        excludes: selection.excludes.iter().map(Named::short).collect(),
        left_out: whole.left_out(&kept),
    };
    let cut = whole.packs_that_keep_something(&kept);
    take_out(desired, &kept, &apps);
    for pack in cut {
        keep_recorded(&pack, world, desired);
    }
    Some(narrowed)
}

fn take_out(desired: &mut Desired, kept: &BTreeSet<Address>, apps: &BTreeSet<AppId>) {
    let known: BTreeSet<Address> = desired.wanted.keys().chain(desired.unwanted.keys()).cloned().collect();
    let of_app = |address: &Address, desired: &Desired| {
        desired.grounds.iter().find_map(|(app, ground)| {
            let realm = ground.identity.as_ref()?.realm.as_ref()?;
            (crate::derive::Names::of(app).client(&realm.name) == *address).then(|| app.clone())
        })
    };
    // What no app or pack of the inputs accounts for is said rather than lost.
    let meant = |address: &Address, desired: &Desired| match address.as_app().or_else(|| of_app(address, desired)) {
        _ if known.contains(address) => kept.contains(address),
        Some(app) => apps.contains(&app),
        None => true,
    };
    let blocked = desired.blocked.iter().filter(|(address, _)| meant(address, desired));
    let blocked: BTreeMap<Address, String> = blocked.map(|(address, why)| (address.clone(), why.clone())).collect();
    let diagnostics = desired.diagnostics.iter().filter(|found| match (&found.app, &found.object) {
        (Some(app), _) => apps.contains(app),
        (None, Some(object)) => meant(object, desired),
        (None, None) => true,
    });
    let diagnostics = diagnostics.cloned().collect();
    (desired.blocked, desired.diagnostics) = (blocked, diagnostics);
    desired.wanted.retain(|address, _| kept.contains(address));
    desired.unwanted.retain(|address, _| kept.contains(address));
    desired.apps.retain(|app, _| apps.contains(app));
    desired.grounds.retain(|app, _| apps.contains(app));
    let packs: BTreeSet<&PackId> = desired
        .wanted
        .values()
        .filter_map(|resource| resource.pack.as_ref())
        .chain(desired.unwanted.values().filter_map(|unwanted| unwanted.pack.as_ref()))
        .chain(desired.apps.values().filter_map(|app| app.pack.as_ref()))
        .collect();
    desired.packs.retain(|pack, _| packs.contains(pack));
}

/// What is walked: objects, and the groups that are never cut.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Object(Address),
    /// All that is derived from an app.
    App(AppId),
    /// All that a pack brings.
    Pack(PackId),
    /// All that left a pack.
    Leavers(PackId),
}

/// Everything that the inputs ask for, with the groups.
struct Whole<'d> {
    desired: &'d Desired,
    graph: &'d ResourceGraph,
    derived: BTreeMap<AppId, Vec<Address>>,
    brought: BTreeMap<PackId, Vec<Address>>,
    leavers: BTreeMap<PackId, Vec<Address>>,
}

impl<'d> Whole<'d> {
    fn of(desired: &'d Desired, graph: &'d ResourceGraph) -> Self {
        let (derived, brought, leavers) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut whole = Self { desired, graph, derived, brought, leavers };
        for address in desired.wanted.keys().chain(desired.unwanted.keys()) {
            let (app, pack, leaves) = whole.group(address);
            if let Some(app) = app.filter(|_| address.as_app().is_none()) {
                whole.derived.entry(app.clone()).or_default().push(address.clone());
            }
            if let Some(pack) = pack {
                let group = if leaves { &mut whole.leavers } else { &mut whole.brought };
                group.entry(pack.clone()).or_default().push(address.clone());
            }
        }
        whole
    }

    fn addresses(&self) -> impl Iterator<Item = &'d Address> {
        self.desired.wanted.keys().chain(self.desired.unwanted.keys())
    }

    /// App and pack of an object, and whether it left the pack.
    fn group(&self, address: &Address) -> (Option<&'d AppId>, Option<&'d PackId>, bool) {
        if let Some(resource) = self.desired.wanted.get(address) {
            return (resource.app.as_ref(), resource.pack.as_ref(), false);
        }
        match self.desired.unwanted.get(address) {
            // What an app no longer asks for goes with the app, and the app may stay.
            Some(unwanted) => {
                let derived = unwanted.app.is_some() && address.as_app().is_none();
                (unwanted.app.as_ref(), unwanted.pack.as_ref(), !derived)
            }
            None => (None, None, false),
        }
    }

    /// What people named, and everything that hangs on it in one direction.
    fn closure(&self, named: &[Named], next: impl Fn(&Self, &Node) -> Vec<Node>) -> BTreeSet<Node> {
        let mut found = BTreeSet::new();
        let mut queue: Vec<Node> = named.iter().flat_map(|named| self.seeds(named)).collect();
        while let Some(node) = queue.pop() {
            if found.insert(node.clone()) {
                queue.extend(next(self, &node));
            }
        }
        found
    }

    fn seeds(&self, named: &Named) -> Vec<Node> {
        match named {
            Named::Object(address) => vec![Node::Object(address.clone())],
            Named::App(app) => vec![Node::Object(Address::app(app)), Node::App(app.clone())],
            Named::Pack(pack) => {
                let of_pack = self.desired.apps.values().filter(|app| app.pack.as_ref() == Some(pack));
                let mut seeds: Vec<Node> = of_pack.map(|app| Node::App(app.id.clone())).collect();
                let groups = [self.brought.get(pack), self.leavers.get(pack)];
                seeds.extend(groups.into_iter().flatten().flatten().cloned().map(Node::Object));
                seeds
            }
        }
    }

    fn members(group: Option<&Vec<Address>>) -> impl Iterator<Item = Node> {
        group.into_iter().flatten().cloned().map(Node::Object)
    }

    fn needs(&self, node: &Node) -> Vec<Node> {
        match node {
            Node::Object(address) => {
                let needs = self.graph.needs(address).into_iter();
                let mut found: Vec<Node> = needs.map(|(need, _)| Node::Object(need.clone())).collect();
                let (app, pack, leaves) = self.group(address);
                // An app that goes is the last of its own to go.
                let goes = self.desired.unwanted.contains_key(address);
                let derived = address.as_app().is_none();
                found.extend(app.filter(|_| derived || goes).map(|app| Node::App(app.clone())));
                if let Some(pack) = pack.filter(|_| leaves) {
                    found.push(Node::Pack(pack.clone()));
                    let apps = self.leavers.get(pack).into_iter().flatten().filter(|other| other.as_app().is_some());
                    found.extend(apps.filter(|_| derived).cloned().map(Node::Object));
                }
                found
            }
            Node::App(app) => Self::members(self.derived.get(app)).collect(),
            Node::Pack(pack) => Self::members(self.brought.get(pack)).collect(),
            Node::Leavers(pack) => Self::members(self.leavers.get(pack)).collect(),
        }
    }

    fn needed_by(&self, node: &Node) -> Vec<Node> {
        match node {
            Node::Object(address) => {
                let needed_by = self.graph.needed_by(address).into_iter();
                let mut found: Vec<Node> = needed_by.map(|(other, _)| Node::Object(other.clone())).collect();
                let (app, pack, leaves) = self.group(address);
                if let Some(app) = app.filter(|_| address.as_app().is_none()) {
                    found.push(Node::App(app.clone()));
                    let app = Address::app(app);
                    found.extend(self.desired.unwanted.contains_key(&app).then_some(Node::Object(app)));
                }
                found.extend(pack.filter(|_| !leaves || app.is_some()).map(|pack| Node::Leavers(pack.clone())));
                found
            }
            Node::App(app) => Self::members(self.derived.get(app)).collect(),
            Node::Pack(pack) => Self::members(self.brought.get(pack)).collect(),
            Node::Leavers(pack) => Self::members(self.leavers.get(pack)).collect(),
        }
    }

    /// Anchors of Gateways of which no app is left.
    fn idle_anchors(&self, kept: &BTreeSet<Address>) -> BTreeSet<Address> {
        let used = |anchor: &[Address; 3]| {
            let needed_by = anchor.iter().flat_map(|object| self.graph.needed_by(object));
            needed_by.into_iter().any(|(other, _)| kept.contains(other) && !anchor.contains(other))
        };
        let anchors = self.desired.grounds.values().map(|ground| ground.gateway.anchor());
        anchors.filter(|anchor| !used(anchor)).flatten().collect()
    }

    /// What is left out, by app, pack or object.
    fn left_out(&self, kept: &BTreeSet<Address>) -> BTreeMap<String, usize> {
        let mut left_out = BTreeMap::new();
        for address in self.addresses().filter(|address| !kept.contains(*address)) {
            let owner = match self.group(address) {
                (Some(app), _, _) => Named::App(app.clone()),
                (None, Some(pack), _) => Named::Pack(pack.clone()),
                (None, None, _) => Named::Object(address.clone()),
            };
            *left_out.entry(owner.short()).or_insert(0) += 1;
        }
        left_out
    }

    /// Packs of which something that would go stays: their records must go on naming its kind.
    fn packs_that_keep_something(&self, kept: &BTreeSet<Address>) -> BTreeSet<PackId> {
        let stays = self.desired.unwanted.iter().filter(|(address, _)| !kept.contains(*address));
        stays.filter_map(|(_, unwanted)| unwanted.pack.clone()).collect()
    }
}
