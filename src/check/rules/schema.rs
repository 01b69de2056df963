//! PK0401: a NebariApp that the API server would refuse.

use crate::api::{field_at, nebariapp, refused};
use crate::check::{Facts, Rule};
use crate::diagnostic::Diagnostic;
use crate::schema::{metadata_violations, violations};

pub(crate) struct Schema;

impl Rule for Schema {
    fn code(&self) -> &'static str {
        "PK0401"
    }

    fn docs(&self) -> &'static str {
        "The object breaks the schema of its kind: a field is missing, of another type, outside its enum, pattern or range, \
         there twice in a list that allows it once, or against a rule (CEL) of the CRD.\n\
         \n\
         The API server would refuse it. `packctl validate` asks this of every object, a plan of every NebariApp as it will be: \
         with its defaults, and with what others set on the live object.\n\
         \n\
         What to do: correct the field that the finding names; `packctl explain nebariapp.spec.auth` says what it may be."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let Some(schema) = facts.world.schemas.get(nebariapp::GROUP, nebariapp::KIND) else { return Vec::new() };
        let mut findings = Vec::new();
        for app in facts.desired.apps.values() {
            let mut found = violations(&app.value, schema);
            if let Some(document) = &app.document {
                found.extend(metadata_violations(&document.value, true));
            }
            let who = format!("app/{}", app.id);
            findings.extend(found.iter().map(|found| {
                let field = field_at(&app.value, &found.pointer);
                refused(&who, nebariapp::KIND, field, found, app.place_of(&found.pointer)).app(&app.id)
            }));
        }
        findings
    }
}
