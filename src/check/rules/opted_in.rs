//! PK0404: the namespace is not opted in.

use serde_json::Value;

use crate::check::{Facts, Rule};
use crate::derive::MANAGED;
use crate::diagnostic::Diagnostic;
use crate::observed::Observed;
use crate::resource::Address;

pub(crate) struct OptedIn;

impl Rule for OptedIn {
    fn code(&self) -> &'static str {
        "PK0404"
    }

    fn docs(&self) -> &'static str {
        "The Namespace of a NebariApp does not carry the label `nebari.dev/managed: \"true\"`.\n\
         \n\
         The label is how administrators say that a namespace may publish apps; the exact text `true` counts.\n\
         \n\
         What to do: set it through `syncPolicy.managedNamespaceMetadata.labels` of the Application (with \
         `CreateNamespace=true`), in the Namespace's manifest, or with kubectl label."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for app in facts.desired.apps.values() {
            let namespace = &app.id.namespace;
            let will_be = facts.desired.wanted.values().any(|resource| {
                resource.address.kind == "Namespace"
                    && resource.address.name == *namespace
                    && label(&resource.body.value) == Some("true")
            });
            let message = match facts.world.get(&Address::cluster_scoped("", "Namespace", namespace)) {
                _ if will_be => continue,
                Observed::Present(live) if label(live.value()) == Some("true") => continue,
                Observed::Present(_) => {
                    format!("Namespace {namespace} is not opted in: it lacks the label `{MANAGED}: \"true\"`")
                }
                Observed::Leaving(_) => format!("Namespace {namespace} is being deleted"),
                Observed::Absent => format!("Namespace {namespace} does not exist"),
                Observed::Unreadable(reason) => {
                    format!("whether Namespace {namespace} is opted in could not be read: {reason}")
                }
            };
            findings.push(
                Diagnostic::error(self.code(), format!("app/{}: {message}", app.id))
                    .app(&app.id)
                    .place(app.place())
                    .help("set the label in the Application's managedNamespaceMetadata, or `kubectl label namespace`"),
            );
        }
        findings
    }
}

fn label(value: &Value) -> Option<&str> {
    value.pointer("/metadata/labels")?.get(MANAGED)?.as_str()
}
