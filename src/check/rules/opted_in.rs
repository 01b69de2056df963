//! PK0404: the namespace is not opted in.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::{Facts, Rule};
use crate::derive::MANAGED;
use crate::diagnostic::Diagnostic;
use crate::observed::Observed;
use crate::resource::{Address, Resource};

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
        // What the inputs say of Namespaces: a manifest, or what a pack holds of it.
        let mut declared: BTreeMap<&str, Vec<&Resource>> = BTreeMap::new();
        for resource in facts.desired.wanted.values().filter(|resource| resource.address.kind == "Namespace") {
            declared.entry(&resource.address.name).or_default().push(resource);
        }
        let mut findings = Vec::new();
        for app in facts.desired.apps.values() {
            let namespace = &app.id.namespace;
            let declared = declared.get(namespace.as_str()).map_or(&[][..], Vec::as_slice);
            if declared.iter().any(|resource| label(&resource.body.value) == Some("true")) {
                continue;
            }
            const LABEL: &str =
                "set it in the Application's managedNamespaceMetadata, or with `kubectl label namespace`";
            let live = facts.world.get(&Address::cluster_scoped("", "Namespace", namespace));
            let (message, help) = match (live, declared.first()) {
                (Observed::Present(live), _) => match label(live.value()) {
                    Some("true") => continue,
                    Some(other) => {
                        (format!("Namespace {namespace} has `{MANAGED}: {other}`, it must be \"true\""), LABEL)
                    }
                    None => (format!("Namespace {namespace} is not opted in: it lacks `{MANAGED}: \"true\"`"), LABEL),
                },
                (Observed::Leaving(_), _) => {
                    (format!("Namespace {namespace} is being deleted"), "plan again when it is gone")
                }
                (Observed::Absent, Some(_)) => {
                    (format!("Namespace {namespace} is made by these inputs without `{MANAGED}: \"true\"`"), LABEL)
                }
                (Observed::Absent, None) => (
                    format!("Namespace {namespace} does not exist"),
                    "make it, or let the Application make it with `CreateNamespace=true` and that label",
                ),
                (Observed::Unreadable(reason), _) => (
                    format!("whether Namespace {namespace} is opted in could not be read: {reason}"),
                    "ask for the right to get namespaces",
                ),
            };
            let place = declared.iter().find_map(|resource| resource.place().cloned()).or_else(|| app.place());
            let finding = Diagnostic::error(self.code(), format!("app/{}: {message}", app.id));
            findings.push(finding.app(&app.id).place(place).help(help));
        }
        findings
    }
}

fn label(value: &Value) -> Option<&str> {
    value.pointer("/metadata/labels")?.get(MANAGED)?.as_str()
}
