//! Mermaid.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::name;
use crate::graph::ResourceGraph;

pub(super) fn mermaid(graph: &ResourceGraph) -> String {
    let numbers: BTreeMap<_, usize> =
        graph.addresses().enumerate().map(|(number, address)| (address, number)).collect();
    let mut out = String::from("flowchart LR\n");
    for (address, number) in &numbers {
        let _ = writeln!(out, "    n{number}[\"{}\"]", escaped(&name(address)));
    }
    for (first, then, why) in graph.edges() {
        if let (Some(first), Some(then)) = (numbers.get(first), numbers.get(then)) {
            let _ = writeln!(out, "    n{first} -->|\"{}\"| n{then}", escaped(why));
        }
    }
    out
}

/// A label without quotes, tags and Markdown: Mermaid has entities of its own, `#35;` for `#`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_alphanumeric()
            || matches!(character, ' ' | '/' | '-' | '.' | '=' | '\'' | ',')
            || !character.is_ascii()
        {
            out.push(character);
        } else {
            let _ = write!(out, "#{};", u32::from(character));
        }
    }
    out
}
