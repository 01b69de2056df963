//! Graphviz, by petgraph: its writer escapes labels.

use petgraph::dot::{Config, Dot, RankDir};
use petgraph::graph::DiGraph;

use super::name;
use crate::graph::ResourceGraph;

pub(super) fn dot(graph: &ResourceGraph) -> String {
    let mut named: DiGraph<String, &str> = DiGraph::new();
    let nodes: std::collections::BTreeMap<_, _> =
        graph.addresses().map(|address| (address, named.add_node(name(address)))).collect();
    for (first, then, why) in graph.edges() {
        if let (Some(first), Some(then)) = (nodes.get(first), nodes.get(then)) {
            named.add_edge(*first, *then, why);
        }
    }
    Dot::with_attr_getters(&named, &[Config::RankDir(RankDir::LR)], &|_, _| String::new(), &|_, _| "shape = box".into())
        .to_string()
}
