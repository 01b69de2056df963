//! Whether a document is an object that a Kubernetes API would take at all.

use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::yaml::{Document, step};

/// Checks what every object needs: apiVersion, kind, a name, and texts where only texts are allowed.
pub fn check_object(document: &Document) -> Result<(), Diagnostic> {
    let refuse = |pointer: &str, what: &str, help: &str| {
        let field = document.path(pointer).to_string();
        let error = Diagnostic::error("PK0108", what).field(field).place(Some(document.place(pointer)));
        Err(error.help(help))
    };
    if !document.value.is_object() {
        return refuse("", "this is no Kubernetes object but a single value or list", "remove it from the input");
    }
    for field in ["apiVersion", "kind"] {
        let pointer = format!("/{field}");
        if document.text(&pointer).is_none_or(str::is_empty) {
            let help = "give it `apiVersion` and `kind`, or keep files that are no manifests out of the input";
            return refuse(&pointer, &format!("this is no Kubernetes object: `{field}` is missing or no text"), help);
        }
    }
    if document.kind().is_some_and(|(group, _, _)| group == "kustomize.config.k8s.io") {
        return refuse("/kind", "kustomize is not supported yet", "name the rendered manifests");
    }
    for pointer in ["/metadata/name", "/metadata/namespace"] {
        match document.value.pointer(pointer) {
            None | Some(Value::Null | Value::String(_)) => {}
            Some(value) => return refuse(pointer, &no_text(document, pointer, value), "quote it"),
        }
    }
    if document.name().is_none() {
        let generated = document.text("/metadata/generateName").is_some();
        let help = if generated { "a plan needs a fixed name instead of `generateName`" } else { "give it a name" };
        return refuse("/metadata/name", "the object has no `metadata.name`", help);
    }
    for map in ["/metadata/labels", "/metadata/annotations"] {
        match document.value.pointer(map) {
            None | Some(Value::Null) => {}
            Some(Value::Object(entries)) => {
                if let Some((key, value)) = entries.iter().find(|(_, value)| !value.is_string()) {
                    let pointer = format!("{map}/{}", step(key));
                    return refuse(&pointer, &no_text(document, &pointer, value), "quote it");
                }
            }
            Some(_) => {
                return refuse(map, &format!("`{}` must be a map", document.path(map)), "write `KEY: VALUE` lines");
            }
        }
    }
    Ok(())
}

fn no_text(document: &Document, pointer: &str, value: &Value) -> String {
    let field = document.path(pointer);
    match value {
        Value::Bool(_) | Value::Number(_) => format!("`{field}` must be a text; unquoted it is read as `{value}`"),
        _ => format!("`{field}` must be a text"),
    }
}
