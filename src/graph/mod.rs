//! Stage 4: what needs what, and why.
//!
//! In: desired resources. Out: a graph whose edges go from what must be there first to what needs it, each with its reason in
//! words. Deletion walks it backwards. Nodes and edges are added in address order, so the same inputs give the same graph.

mod edges;

use std::collections::BTreeMap;

use petgraph::Direction;
use petgraph::algo::tarjan_scc;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;

use crate::derive::Desired;
use crate::resource::Address;

/// Objects and entries, and the reasons between them.
#[derive(Clone, Debug, Default)]
pub struct ResourceGraph {
    graph: StableDiGraph<Address, &'static str>,
    nodes: BTreeMap<Address, NodeIndex>,
}

/// Objects that need each other in a circle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these need each other in a circle: {}", names(.0))]
pub struct Cycle(pub Vec<Address>);

fn names(addresses: &[Address]) -> String {
    addresses.iter().map(Address::short).collect::<Vec<_>>().join(" -> ")
}

/// Relates everything that is wanted.
///
/// # Errors
/// When objects need each other in a circle; all of them are named.
pub fn build(desired: &Desired) -> Result<ResourceGraph, Cycle> {
    let mut graph = ResourceGraph::default();
    for address in desired.wanted.keys() {
        graph.node(address);
    }
    for (first, then, why) in edges::edges(desired) {
        graph.edge(&first, &then, why);
    }
    match tarjan_scc(&graph.graph).into_iter().find(|component| component.len() > 1) {
        None => Ok(graph),
        Some(component) => {
            let mut addresses: Vec<Address> =
                component.into_iter().filter_map(|node| graph.graph.node_weight(node).cloned()).collect();
            addresses.sort();
            Err(Cycle(addresses))
        }
    }
}

impl ResourceGraph {
    fn node(&mut self, address: &Address) -> NodeIndex {
        if let Some(node) = self.nodes.get(address) {
            return *node;
        }
        let node = self.graph.add_node(address.clone());
        self.nodes.insert(address.clone(), node);
        node
    }

    fn edge(&mut self, first: &Address, then: &Address, why: &'static str) {
        if first != then {
            let (first, then) = (self.node(first), self.node(then));
            self.graph.update_edge(first, then, why);
        }
    }

    /// What an object needs, with reasons, in address order.
    pub fn needs(&self, address: &Address) -> Vec<(&Address, &'static str)> {
        self.neighbours(address, Direction::Incoming)
    }

    /// What needs an object, with reasons, in address order.
    pub fn needed_by(&self, address: &Address) -> Vec<(&Address, &'static str)> {
        self.neighbours(address, Direction::Outgoing)
    }

    /// All addresses, in order.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.nodes.keys()
    }

    /// All edges from what must be there first to what needs it, with their reasons, in order.
    pub fn edges(&self) -> impl Iterator<Item = (&Address, &Address, &'static str)> {
        self.nodes.keys().flat_map(|first| self.needed_by(first).into_iter().map(move |(then, why)| (first, then, why)))
    }

    fn neighbours(&self, address: &Address, direction: Direction) -> Vec<(&Address, &'static str)> {
        let Some(node) = self.nodes.get(address) else { return Vec::new() };
        let mut found: Vec<_> = self
            .graph
            .edges_directed(*node, direction)
            .filter_map(|edge| {
                let other = if direction == Direction::Incoming { edge.source() } else { edge.target() };
                Some((self.graph.node_weight(other)?, *edge.weight()))
            })
            .collect();
        found.sort();
        found
    }
}
