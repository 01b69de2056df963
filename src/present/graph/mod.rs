//! The graph in four formats. An arrow goes from what must be there first to what needs it; each says why.

mod dot;
mod json;
mod mermaid;
mod tree;

pub use json::{EdgeEntry, GraphDocument, NodeEntry};

use super::visible;
use crate::graph::ResourceGraph;
use crate::resource::Address;

/// A tree with reasons, for people. An object that needs several things stands below one and names the others.
pub fn text(graph: &ResourceGraph) -> String {
    tree::tree(graph)
}

/// Graphviz.
pub fn dot(graph: &ResourceGraph) -> String {
    dot::dot(graph)
}

/// Mermaid, as pull requests and wikis draw it.
pub fn mermaid(graph: &ResourceGraph) -> String {
    mermaid::mermaid(graph)
}

/// A document for programs, with a final newline.
pub fn json(graph: &ResourceGraph) -> String {
    super::json::pretty(&json::document(graph))
}

/// The short name, fit to be shown.
fn name(address: &Address) -> String {
    visible(&address.short()).into_owned()
}

#[cfg(test)]
mod tests;
