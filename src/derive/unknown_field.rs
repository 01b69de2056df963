//! Fields that the schema of a kind does not know.
//!
//! The API server would drop or refuse them; a typo must not look applied.

use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::resource::Address;
use crate::schema::{Node, Schemas};
use crate::yaml::Document;

/// A finding for each field that the kind's schema does not know. A kind without a schema is left to the server.
pub(super) fn unknown_fields(document: &Document, address: &Address, schemas: &Schemas) -> Vec<Diagnostic> {
    let Some(schema) = schemas.get(&address.group, &address.kind) else { return Vec::new() };
    let mut pointers = Vec::new();
    for (name, value) in document.value.as_object().into_iter().flatten() {
        let pointer = format!("/{}", escaped(name));
        match (name.as_str(), schema.root().field(name)) {
            // Every kind has these; CRDs leave the metadata out.
            ("apiVersion" | "kind" | "metadata" | "status", _) => {}
            (_, Some(node)) => collect(&pointer, value, node, &mut pointers),
            (_, None) if schema.root().is_open() => {}
            (_, None) => pointers.push((pointer, nearest(name, schema.root()))),
        }
    }
    pointers
        .into_iter()
        .map(|(pointer, near)| {
            let field = document.path(&pointer).to_string();
            let help = near.map_or_else(|| "remove or correct it".into(), |near| format!("did you mean `{near}`?"));
            Diagnostic::error("PK0313", format!("{}: {} has no field `{field}`", address.short(), address.kind))
                .object(address)
                .field(field)
                .place(Some(document.place(&pointer)))
                .help(help)
        })
        .collect()
}

fn collect(pointer: &str, value: &Value, node: Node<'_>, found: &mut Vec<(String, Option<String>)>) {
    match value {
        Value::Object(map) => {
            for (name, below) in map {
                let pointer = format!("{pointer}/{}", escaped(name));
                match node.field(name) {
                    Some(node) => collect(&pointer, below, node, found),
                    None if node.is_open() => {}
                    None => found.push((pointer, nearest(name, node))),
                }
            }
        }
        Value::Array(items) => {
            if let Some(node) = node.items() {
                for (index, item) in items.iter().enumerate() {
                    collect(&format!("{pointer}/{index}"), item, node, found);
                }
            }
        }
        _ => {}
    }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn nearest(name: &str, node: Node<'_>) -> Option<String> {
    crate::api::nearest(name, node.properties().map(|(known, _)| known)).map(str::to_owned)
}
