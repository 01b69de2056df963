//! A world as a folder of plain YAML and JSON that one can read, diff and commit.
//!
//! ```text
//! kubernetes/GROUP/KIND/NAMESPACE/NAME.yaml     `core` for the empty group, `_cluster` for cluster-scoped objects
//! keycloak/REALM/clients/CLIENT.json            names percent-encoded where a file name needs it
//! environment.yaml                              the environment of the cluster
//! version.json                                  who was recorded, by which packctl
//! apis.json                                     the kinds that the cluster serves; absent: those of the platform
//! coverage.json                                 what could not be read; absent: everything was
//! crds/                                         CustomResourceDefinitions, for their schemas
//! ```
//!
//! Written by hand, objects need neither uid nor managedFields: see `complete` and `managed`. Secret values are
//! `packctl-secret:NUMBER`; a real value is taken in like a server's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures::future::{BoxFuture, FutureExt as _};
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::observed::{Coverage, Kinds, ListOf, Live, ReadSet, Reading, Seen};
use crate::provider::{Provider, Write, WriteError, Written};
use crate::resource::{Address, Secrets, Side};

mod complete;
mod coverage;
mod folder;
mod layout;
mod managed;
pub mod merge;
mod open;
mod record;
mod secrets;

#[cfg(test)]
mod tests;

use coverage::Gaps;

pub use record::{Extras, record};

/// A recorded or hand-written world, in memory.
#[derive(Clone, Debug)]
pub struct Snapshot {
    shown: String,
    about: open::About,
    kinds: Kinds,
    gaps: Gaps,
    realms: BTreeSet<String>,
    objects: BTreeMap<Address, Live>,
    environment: Option<(String, String)>,
    crds: Vec<Value>,
}

impl Snapshot {
    /// Reads a folder, which messages call `shown`. Every broken file is an error of its own.
    pub fn open(dir: &Path, shown: &str, secrets: Secrets) -> Result<Self, Vec<Diagnostic>> {
        open::open(dir, shown, &secrets)
    }

    /// Who answers: the folder.
    pub fn seen(&self) -> Seen {
        Seen { server: self.shown.clone(), snapshot: true, ..Seen::default() }
    }

    /// The server that was recorded, if one was.
    pub fn recorded_server(&self) -> Option<&str> {
        self.about.server.as_deref()
    }

    /// The Kubernetes version that was recorded, if one was.
    pub fn kubernetes_version(&self) -> Option<&str> {
        self.about.kubernetes.as_deref()
    }

    /// The kinds that the world serves.
    pub fn kinds(&self) -> Kinds {
        self.kinds.clone()
    }

    /// File and text of `environment.yaml`.
    pub fn environment_text(&self) -> Option<(String, String)> {
        self.environment.clone()
    }

    /// The CustomResourceDefinitions of `crds/`, in the order of their names.
    pub fn crds(&self) -> Vec<Value> {
        self.crds.clone()
    }

    fn coverage(&self, list: &ListOf) -> Coverage {
        let whole = ListOf { selector: None, ..list.clone() };
        if let Some(coverage) = self.gaps.lists.get(list).or_else(|| self.gaps.lists.get(&whole)) {
            return coverage.clone();
        }
        match &list.side {
            Side::Kubernetes if self.kinds.get(&list.group, &list.kind).is_some() => Coverage::Complete,
            Side::Kubernetes => Coverage::NoSuchKind,
            Side::Keycloak { realm } if !self.realms.contains(realm) => {
                Coverage::Unreadable(format!("the snapshot has no keycloak/{realm}"))
            }
            Side::Keycloak { .. } if list.kind == "client" => Coverage::Complete,
            Side::Keycloak { .. } => Coverage::Unreadable(format!("snapshots hold no Keycloak {}s", list.kind)),
        }
    }

    fn of_list<'s>(&'s self, list: &'s ListOf) -> impl Iterator<Item = &'s Live> {
        let first = Address {
            side: list.side.clone(),
            group: list.group.clone(),
            kind: list.kind.clone(),
            namespace: None,
            name: String::new(),
            entry: None,
        };
        let same =
            |address: &Address| address.side == list.side && address.group == list.group && address.kind == list.kind;
        self.objects
            .range(first..)
            .take_while(move |(address, _)| same(address))
            .map(|(_, live)| live)
            .filter(|live| list.selector.as_deref().is_none_or(|selector| selects(selector, live)))
    }

    fn single(&self, address: &Address) -> Option<String> {
        if let Some(reason) = self.gaps.objects.get(address) {
            return reason.clone();
        }
        let side = address.side.clone();
        let list = ListOf { side, group: address.group.clone(), kind: address.kind.clone(), selector: None };
        match (self.coverage(&list), &address.namespace) {
            (Coverage::Complete | Coverage::NoSuchKind, _) => None,
            (Coverage::Namespaces(namespaces, _), Some(namespace)) if namespaces.contains(namespace) => None,
            (Coverage::Namespaces(_, reason) | Coverage::Unreadable(reason), _) => Some(reason),
        }
    }

    fn reading(&self, set: &ReadSet) -> Reading {
        let mut reading = Reading::default();
        let mut objects: BTreeMap<&Address, &Live> = BTreeMap::new();
        for list in &set.lists {
            let coverage = self.coverage(list);
            for live in self.of_list(list) {
                let readable = match &coverage {
                    Coverage::Complete => true,
                    Coverage::Namespaces(namespaces, _) => {
                        live.address.namespace.as_ref().is_some_and(|namespace| namespaces.contains(namespace))
                    }
                    Coverage::Unreadable(_) | Coverage::NoSuchKind => false,
                };
                if readable {
                    objects.insert(&live.address, live);
                }
            }
            reading.coverage.insert(list.clone(), coverage);
        }
        for address in &set.objects {
            match self.objects.get(address) {
                Some(live) => {
                    objects.insert(&live.address, live);
                }
                None => {
                    reading.singles.insert(address.clone(), self.single(address));
                }
            }
        }
        reading.objects = objects.into_values().cloned().collect();
        reading
    }
}

/// `key` or `key=value`.
fn selects(selector: &str, live: &Live) -> bool {
    match selector.split_once('=') {
        Some((key, value)) => live.label(key) == Some(value),
        None => live.label(selector).is_some(),
    }
}

impl Provider for Snapshot {
    fn read<'a>(&'a self, set: &'a ReadSet) -> BoxFuture<'a, Reading> {
        std::future::ready(self.reading(set)).boxed()
    }

    fn write<'a>(&'a self, _: &'a Write) -> BoxFuture<'a, Result<Written, WriteError>> {
        let error = WriteError::Rejected("a snapshot is read only; apply --snapshot comes later".into());
        std::future::ready(Err(error)).boxed()
    }
}
