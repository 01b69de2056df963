//! PK0401: a NebariApp that the API server would refuse.

use super::dotted;
use crate::api::NebariApp;
use crate::check::{Facts, Rule};
use crate::diagnostic::Diagnostic;

pub(crate) struct Schema;

impl Rule for Schema {
    fn code(&self) -> &'static str {
        "PK0401"
    }

    fn docs(&self) -> &'static str {
        "The NebariApp breaks its own CRD: a field is missing, unknown, of another type, or outside its enum, pattern or \
         range.\n\
         \n\
         The API server would refuse it, or drop an unknown field in silence; a typo in `spec.auth` must not open an app.\n\
         \n\
         What to do: correct the field that the finding names."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for app in facts.desired.apps.values() {
            let mut value = app.document.as_ref().map_or(&app.value, |document| &document.value).clone();
            // A pack's destination may have filled it in.
            value["metadata"]["namespace"] = app.id.namespace.clone().into();
            for error in NebariApp::parse(&value).err().into_iter().flatten() {
                findings.push(
                    Diagnostic::error(
                        self.code(),
                        format!("app/{}: `{}` {}", app.id, dotted(&error.pointer), error.message),
                    )
                    .app(&app.id)
                    .field(dotted(&error.pointer))
                    .place(app.place_of(&error.pointer))
                    .help("correct the field; the CRD says what it may be"),
                );
            }
        }
        findings
    }
}
