//! The observed world of one run.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Kinds, Live};
use crate::resource::{Address, Side, of_kind};
use crate::schema::Schemas;

/// One LIST: a kind, on one side, perhaps narrowed by a label selector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListOf {
    /// The world.
    pub side: Side,
    /// API group, empty for core and Keycloak.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// `key` or `key=value`; `None` for all objects of the kind.
    pub selector: Option<String>,
}

impl ListOf {
    /// The objects of a Kubernetes kind that a label selector matches.
    pub fn labelled(group: &str, kind: &str, selector: &str) -> Self {
        let selector = Some(selector.into());
        Self { side: Side::Kubernetes, group: group.into(), kind: kind.into(), selector }
    }
}

/// What one reading asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSet {
    /// One request (or set of pages) each.
    pub lists: BTreeSet<ListOf>,
    /// Single objects, asked by name unless they came with a list or a complete list proves them absent.
    pub objects: BTreeSet<Address>,
    /// Namespaces to ask one by one where listing the whole cluster is forbidden.
    pub namespaces: BTreeSet<String>,
}

impl ReadSet {
    /// Adds a list of all objects of a Kubernetes kind.
    pub fn list(&mut self, group: &str, kind: &str) -> &mut Self {
        self.lists.insert(ListOf { side: Side::Kubernetes, group: group.into(), kind: kind.into(), selector: None });
        self
    }

    /// Adds a list of the objects of a Kubernetes kind that a label selector matches.
    pub fn list_labelled(&mut self, group: &str, kind: &str, selector: &str) -> &mut Self {
        self.lists.insert(ListOf::labelled(group, kind, selector));
        self
    }

    /// Adds all clients of a realm.
    pub fn clients(&mut self, realm: &str) -> &mut Self {
        let side = Side::Keycloak { realm: realm.into() };
        self.lists.insert(ListOf { side, group: String::new(), kind: "client".into(), selector: None });
        self
    }

    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.objects.is_empty()
    }

    /// What is asked of Keycloak, and what of Kubernetes.
    pub fn split(&self) -> (Self, Self) {
        let (mut keycloak, mut kubernetes) = (Self::default(), Self::default());
        for list in &self.lists {
            let side = if list.side == Side::Kubernetes { &mut kubernetes } else { &mut keycloak };
            side.lists.insert(list.clone());
        }
        for address in &self.objects {
            let side = if address.is_keycloak() { &mut keycloak } else { &mut kubernetes };
            side.objects.insert(address.clone());
        }
        kubernetes.namespaces.clone_from(&self.namespaces);
        (keycloak, kubernetes)
    }

    /// Adds one object.
    pub fn object(&mut self, address: Address) -> &mut Self {
        self.objects.insert(address.object());
        self
    }
}

/// How completely a list was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// All of it.
    Complete,
    /// These namespaces only; the reason says why not all.
    Namespaces(BTreeSet<String>, String),
    /// Nothing of it.
    Unreadable(String),
    /// The server does not know the kind: nothing of it can exist.
    NoSuchKind,
}

/// What a reading gave. A reading never fails as a whole.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The objects.
    pub objects: Vec<Live>,
    /// One answer for each list that was asked.
    pub coverage: BTreeMap<ListOf, Coverage>,
    /// Single objects that were asked by name: `None` = does not exist, `Some` = why it could not be read.
    pub singles: BTreeMap<Address, Option<String>>,
    /// Requests sent.
    pub requests: usize,
}

impl Reading {
    /// The answer to a set of which nothing can be read, for one reason.
    pub fn unreadable(set: &ReadSet, reason: &str) -> Self {
        Self {
            coverage: set.lists.iter().map(|list| (list.clone(), Coverage::Unreadable(reason.to_owned()))).collect(),
            singles: set.objects.iter().map(|address| (address.clone(), Some(reason.to_owned()))).collect(),
            ..Self::default()
        }
    }

    /// Adds another reading.
    pub fn absorb(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.coverage.extend(other.coverage);
        self.singles.extend(other.singles);
        self.requests += other.requests;
    }
}

/// What is known of one object.
#[derive(Clone, Copy, Debug)]
pub enum Observed<'w> {
    /// It is there.
    Present(&'w Live),
    /// It is there and being deleted.
    Leaving(&'w Live),
    /// It was asked for and is not there.
    Absent,
    /// It could not be read, and why.
    Unreadable(&'w str),
}

impl<'w> Observed<'w> {
    /// The live object, leaving or not.
    pub fn live(self) -> Option<&'w Live> {
        match self {
            Self::Present(live) | Self::Leaving(live) => Some(live),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }
}

/// Who answered, for the plan's first line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// `https://10.0.0.1:6443`, or the snapshot's folder.
    pub server: String,
    /// The user that the credentials say, if known.
    pub user: Option<String>,
    /// `snapshot` worlds are said to be so.
    pub snapshot: bool,
    /// Version of the API server, `v1.34.4`, if it was asked.
    pub version: Option<String>,
    /// When it was read, by the clock of who read it; `None` for a snapshot, which has no time.
    pub at: Option<Timestamp>,
    /// The namespace of the controller, where its environment, its Leases and its Deployment are; `None`: the usual one.
    pub controller: Option<String>,
}

/// Everything that was read in one run, from both sides.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Who answered.
    pub seen: Seen,
    /// The schemas of the kinds, as the cluster has them.
    pub schemas: Schemas,
    /// The kinds that the cluster serves.
    pub kinds: Kinds,
    /// What else could not be read, and why: the kinds that the cluster serves, schemas.
    pub unread: BTreeMap<String, String>,
    objects: BTreeMap<Address, Live>,
    coverage: BTreeMap<ListOf, Coverage>,
    singles: BTreeMap<Address, Option<String>>,
    /// Requests sent so far.
    pub requests: usize,
}

impl World {
    /// A world of one reading, with the schemas of this one.
    pub fn beside(&self, reading: Reading) -> Self {
        let mut world = Self { schemas: self.schemas.clone(), kinds: self.kinds.clone(), ..Self::default() };
        world.absorb(reading);
        world
    }

    /// Adds a reading; a later answer about the same object wins.
    pub fn absorb(&mut self, reading: Reading) {
        for address in reading.singles.keys() {
            self.objects.remove(address);
        }
        for live in reading.objects {
            self.singles.remove(&live.address);
            self.objects.insert(live.address.clone(), live);
        }
        self.coverage.extend(reading.coverage);
        self.singles.extend(reading.singles);
        self.requests += reading.requests;
    }

    /// What is known of an object (of the object, also when the address names an entry). In a namespace that is not there
    /// nothing is, whoever may read it.
    pub fn get(&self, address: &Address) -> Observed<'_> {
        match (self.look_up(address), &address.namespace) {
            (Observed::Unreadable(_), Some(namespace))
                if matches!(self.look_up(&Address::cluster_scoped("", "Namespace", namespace)), Observed::Absent) =>
            {
                Observed::Absent
            }
            (observed, _) => observed,
        }
    }

    fn look_up(&self, address: &Address) -> Observed<'_> {
        let address = address.object();
        if let Some(live) = self.objects.get(&address) {
            return if live.leaving { Observed::Leaving(live) } else { Observed::Present(live) };
        }
        match self.singles.get(&address) {
            Some(None) => return Observed::Absent,
            Some(Some(reason)) => return Observed::Unreadable(reason),
            None => {}
        }
        let list = ListOf {
            side: address.side.clone(),
            group: address.group.clone(),
            kind: address.kind.clone(),
            selector: None,
        };
        match self.coverage.get(&list) {
            Some(Coverage::Complete | Coverage::NoSuchKind) => Observed::Absent,
            Some(Coverage::Namespaces(namespaces, reason)) => match &address.namespace {
                Some(namespace) if namespaces.contains(namespace) => Observed::Absent,
                _ => Observed::Unreadable(reason),
            },
            Some(Coverage::Unreadable(reason)) => Observed::Unreadable(reason),
            None => Observed::Unreadable("it was not asked for"),
        }
    }

    /// All objects of a kind that were seen, in address order.
    pub fn of_kind<'w>(&'w self, group: &'w str, kind: &'w str) -> impl Iterator<Item = &'w Live> {
        let realms = self.objects.range(Address::first_of_realms()..).filter(move |_| group.is_empty());
        let realms = realms.filter(move |(address, _)| address.kind == kind);
        of_kind(&self.objects, group, kind).chain(realms).map(|(_, live)| live)
    }

    /// All objects that were seen, in address order.
    pub fn objects(&self) -> impl Iterator<Item = &Live> {
        self.objects.values()
    }

    /// How completely a kind was read; `None` when it was not asked for without a selector.
    pub fn coverage(&self, side: &Side, group: &str, kind: &str) -> Option<&Coverage> {
        self.coverage.get(&ListOf { side: side.clone(), group: group.into(), kind: kind.into(), selector: None })
    }

    /// Every object that was asked by name, in order: `None` = does not exist, `Some` = why it could not be read.
    pub fn singles(&self) -> impl Iterator<Item = (&Address, Option<&str>)> {
        self.singles.iter().map(|(address, reason)| (address, reason.as_deref()))
    }

    /// Why a list is not known to be complete; `None` when it is. A list that was not asked is not.
    pub fn gap(&self, list: &ListOf) -> Option<&str> {
        match self.coverage.get(list) {
            Some(Coverage::Complete | Coverage::NoSuchKind) => None,
            Some(Coverage::Unreadable(reason) | Coverage::Namespaces(_, reason)) => Some(reason),
            None => Some("it was not asked for"),
        }
    }

    /// The same for a Kubernetes kind, listed as a whole or by a label selector.
    pub fn gap_of_kind(&self, group: &str, kind: &str, selector: &str) -> Option<&str> {
        let labelled = ListOf::labelled(group, kind, selector);
        let whole = ListOf { selector: None, ..labelled.clone() };
        let asked = if self.coverage.contains_key(&whole) { &whole } else { &labelled };
        self.gap(asked)
    }

    /// Every list that was asked, with its coverage, in order.
    pub fn coverages(&self) -> impl Iterator<Item = (&ListOf, &Coverage)> {
        self.coverage.iter()
    }
}
