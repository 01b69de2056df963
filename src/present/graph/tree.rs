//! The graph as a tree: each object below the first thing that it needs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::name;
use crate::graph::ResourceGraph;
use crate::resource::Address;

/// Writes the graph as a tree with reasons. An object that needs several things stands below one and names the others.
pub(super) fn tree(graph: &ResourceGraph) -> String {
    let mut out = String::new();
    let mut shown = BTreeSet::new();
    for address in graph.addresses().filter(|address| graph.needs(address).is_empty()) {
        let _ = writeln!(out, "{}", name(address));
        shown.insert(address.clone());
        children(graph, address, "", &mut shown, &mut out);
    }
    out
}

fn children(graph: &ResourceGraph, parent: &Address, indent: &str, shown: &mut BTreeSet<Address>, out: &mut String) {
    // An object hangs below the last thing that it needs, so that a chain reads from top to bottom.
    let below: Vec<_> = graph
        .needed_by(parent)
        .into_iter()
        .filter(|(child, _)| graph.needs(child).last().is_some_and(|(last, _)| *last == parent))
        .collect();
    for (position, (child, why)) in below.iter().enumerate() {
        let last = position + 1 == below.len();
        let (branch, bar) = if last { ("`-- ", "    ") } else { ("|-- ", "|   ") };
        let others: Vec<String> =
            graph.needs(child).iter().filter(|(other, _)| *other != parent).map(|(other, _)| name(other)).collect();
        let others = if others.is_empty() { String::new() } else { format!("; also needs {}", others.join(", ")) };
        let _ = writeln!(out, "{indent}{branch}{}  ({why}{others})", name(child));
        if shown.insert((*child).clone()) {
            children(graph, child, &format!("{indent}{bar}"), shown, out);
        }
    }
}
