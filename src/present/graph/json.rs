//! The graph for programs.

use serde::{Deserialize, Serialize};

use crate::graph::ResourceGraph;
use crate::resource::Address;

/// The version of the format: minor versions only add keys.
const FORMAT_VERSION: &str = "1.0";

/// The graph as programs read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphDocument {
    /// `1.0`: minor versions only add, another major version must be refused.
    pub format_version: String,
    /// Objects and entries, in address order.
    pub nodes: Vec<NodeEntry>,
    /// Who needs whom, in order.
    pub edges: Vec<EdgeEntry>,
}

/// One object or entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeEntry {
    /// As in the plan.
    pub address: Address,
    /// As people see it.
    pub name: String,
}

/// One need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeEntry {
    /// What must be there first.
    pub first: Address,
    /// What needs it.
    pub then: Address,
    /// In words.
    pub why: String,
}

pub(super) fn document(graph: &ResourceGraph) -> GraphDocument {
    let node = |address: &Address| NodeEntry { address: address.clone(), name: address.short() };
    let edge = |(first, then, why): (&Address, &Address, &str)| EdgeEntry {
        first: first.clone(),
        then: then.clone(),
        why: why.to_owned(),
    };
    GraphDocument {
        format_version: FORMAT_VERSION.into(),
        nodes: graph.addresses().map(node).collect(),
        edges: graph.edges().map(edge).collect(),
    }
}
