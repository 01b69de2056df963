//! PK0402: a field of a NebariApp that packctl does not act on yet.

use serde_json::Value;

use super::dotted;
use crate::check::{Facts, Rule};
use crate::derive::App;
use crate::diagnostic::Diagnostic;
use crate::schema::Node;

pub(crate) struct Unsupported;

/// What is carried through all stages, by JSON pointer below `/spec`; a prefix supports everything below it.
const SUPPORTED: [&str; 7] = [
    "/hostname",
    "/service/name",
    "/service/port",
    "/routing/routes",
    "/auth/enabled",
    "/serviceAccountName",
    "/landingPage",
];

impl Rule for Unsupported {
    fn code(&self) -> &'static str {
        "PK0402"
    }

    fn docs(&self) -> &'static str {
        "A field of the NebariApp, in the file or in the live object, asks for something that packctl does not do yet.\n\
         \n\
         Leaving it out in silence could open an app to people who should not see it, so the app is refused as a whole. \
         The field counts also when another field manager set it on the live object.\n\
         \n\
         What to do: remove the field, or leave this app to nebari-operator until packctl supports it."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let schema = facts.world.schemas.get("reconcilers.nebari.dev", "NebariApp");
        let mut findings = Vec::new();
        for app in facts.desired.apps.values() {
            let spec = app.value.get("spec").unwrap_or(&Value::Null);
            let node = schema.and_then(|schema| schema.root().field("spec"));
            let mut fields = Vec::new();
            collect("", spec, node, &mut fields);
            findings.extend(fields.iter().map(|pointer| self.finding(app, pointer)));
            if spec.get("routing").is_none_or(Value::is_null) {
                findings.push(
                    Diagnostic::error(
                        self.code(),
                        format!("app/{} has no `spec.routing`; apps without a route are not supported yet", app.id),
                    )
                    .app(&app.id)
                    .field("spec.routing")
                    .place(app.place_of("/spec"))
                    .help("write `routing: {}` to serve everything below /"),
                );
            }
        }
        findings
    }
}

impl Unsupported {
    fn finding(&self, app: &App, pointer: &str) -> Diagnostic {
        let pointer = format!("/spec{pointer}");
        let field = dotted(&pointer);
        let declared = app
            .document
            .as_ref()
            .is_some_and(|document| document.value.pointer(&pointer).is_some_and(|value| !value.is_null()));
        let whose = if declared || app.document.is_none() { "" } else { " (set on the live object, not in the input)" };
        Diagnostic::error(self.code(), format!("app/{}: `{field}` is not supported yet{whose}", app.id))
            .app(&app.id)
            .field(field)
            .place(app.place_of(&pointer))
            .help("remove the field, or leave this app to nebari-operator for now")
    }
}

/// The pointers of values that are neither supported nor at their default, as high up as possible.
fn collect(pointer: &str, value: &Value, node: Option<Node<'_>>, found: &mut Vec<String>) {
    if SUPPORTED.iter().any(|supported| pointer == *supported || pointer.starts_with(&format!("{supported}/"))) {
        return;
    }
    let leads_to_supported = SUPPORTED.iter().any(|supported| supported.starts_with(&format!("{pointer}/")));
    match value {
        Value::Null => {}
        Value::Object(map) if leads_to_supported || node.is_some_and(|node| node.properties().next().is_some()) => {
            for (name, below) in map {
                let node = node.and_then(|node| node.field(name));
                collect(&format!("{pointer}/{name}"), below, node, found);
            }
        }
        Value::Object(map) if map.is_empty() => {}
        Value::Array(items) if items.is_empty() => {}
        value if node.and_then(Node::default) == Some(value) => {}
        Value::Bool(false) if node.is_some_and(|node| node.default().is_none()) && pointer.ends_with("enabled") => {}
        _ => found.push(pointer.to_owned()),
    }
}
