//! PK0402: a field of a NebariApp that packctl does not act on yet.

use serde_json::Value;

use super::dotted;
use crate::check::{Facts, Rule};
use crate::derive::App;
use crate::diagnostic::Diagnostic;

pub(crate) struct Unsupported;

/// What needs more of Keycloak than a confidential client, by JSON pointer below `/spec`; switched off it asks for nothing.
const UNSUPPORTED: [&str; 5] =
    ["/auth/groups", "/auth/keycloakConfig", "/auth/spaClient", "/auth/deviceFlowClient", "/auth/tokenExchange"];

/// Scopes that every realm gives to a new client.
const SCOPES: [&str; 3] = ["openid", "profile", "email"];

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
        let mut findings = Vec::new();
        for app in facts.desired.apps.values() {
            let spec = app.value.get("spec").unwrap_or(&Value::Null);
            for pointer in UNSUPPORTED {
                if spec.pointer(pointer).is_some_and(asks) {
                    findings.push(self.finding(app, pointer));
                }
            }
            if app.provisions_client() && !app.scopes().iter().all(|scope| SCOPES.contains(scope)) {
                findings.push(self.finding(app, "/auth/scopes"));
            }
        }
        findings
    }
}

/// Whether a value asks for something: not nothing, not empty, not a switch that is off.
fn asks(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => match map.get("enabled") {
            Some(enabled) => enabled == &Value::Bool(true),
            None => map.values().any(asks),
        },
        _ => true,
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
