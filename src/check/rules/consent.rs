//! PK0412: the Service stands in a namespace that does not let routes of the app's namespace in.

use super::error;
use crate::check::{Facts, Rule};
use crate::derive::ROUTES_FROM;
use crate::diagnostic::Diagnostic;
use crate::observed::Observed;
use crate::resource::Address;

pub(crate) struct Consent;

impl Rule for Consent {
    fn code(&self) -> &'static str {
        "PK0412"
    }

    fn docs(&self) -> &'static str {
        "`spec.service.namespace` names another namespace, whose live Namespace does not carry the label \
         `routes-from.packctl.nebari.dev/NAMESPACE-OF-THE-APP: \"true\"`.\n\
         \n\
         packctl writes a ReferenceGrant there, so that the route reaches that one Service. Without the label anybody who may \
         make a NebariApp could publish the Services of others. A label in the inputs does not count: who writes these need \
         not be who looks after the other namespace.\n\
         \n\
         What to do: ask the owner of the other namespace for the label, or put a Service into the app's own namespace."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for app in facts.desired.apps.values() {
            let namespace = app.service_namespace();
            if namespace == app.id.namespace {
                continue;
            }
            let label = format!("{ROUTES_FROM}/{}", app.id.namespace);
            let message = match facts.world.get(&Address::cluster_scoped("", "Namespace", namespace)) {
                Observed::Present(live) if live.label(&label) == Some("true") => continue,
                Observed::Present(live) => match live.label(&label) {
                    Some(other) => format!("Namespace {namespace} has `{label}: {other}`, it must be \"true\""),
                    None => format!("Namespace {namespace} does not admit its routes: it lacks `{label}: \"true\"`"),
                },
                Observed::Leaving(_) => format!("Namespace {namespace} is being deleted"),
                Observed::Absent => format!("Namespace {namespace} does not exist yet, so it cannot admit its routes"),
                Observed::Unreadable(reason) => {
                    format!("whether Namespace {namespace} admits its routes could not be read: {reason}")
                }
            };
            findings.push(
                error(self.code(), app, "/spec/service/namespace", message)
                    .help(format!("its owner allows it with `kubectl label namespace {namespace} {label}=true`")),
            );
        }
        findings
    }
}
