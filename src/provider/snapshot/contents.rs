//! What a snapshot holds, and what it says about lists and objects.

use std::collections::{BTreeMap, BTreeSet};

use super::coverage::Gaps;
use crate::observed::{Coverage, Kinds, ListOf, Live, ReadSet, Reading};
use crate::resource::{Address, Side};

/// A world in memory.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    pub(super) kinds: Kinds,
    pub(super) gaps: Gaps,
    pub(super) realms: BTreeSet<String>,
    pub(super) objects: BTreeMap<Address, Live>,
}

impl Contents {
    /// How completely a list is known.
    pub(super) fn coverage(&self, list: &ListOf) -> Coverage {
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

    /// What is said of an object that is not here: `None` = it does not exist, else why it could not be read.
    pub(super) fn single(&self, address: &Address) -> Option<String> {
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

    pub(super) fn reading(&self, set: &ReadSet) -> Reading {
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
