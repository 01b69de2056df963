//! PK0409: a hostname, or a derived name or label, is longer than DNS, Kubernetes or Keycloak take.

use super::error;
use crate::check::{Facts, Rule};
use crate::derive::{App, Names};
use crate::diagnostic::Diagnostic;

pub(crate) struct LongNames;

/// Label values (k8s.io/apimachinery `validation.LabelValueMaxLength`).
const LABEL: usize = 63;
/// Object names (`validation.DNS1123SubdomainMaxLength`); also Gateway API section names.
const NAME: usize = 253;
/// Keycloak's column of `clientId`.
const CLIENT_ID: usize = 255;

impl Rule for LongNames {
    fn code(&self) -> &'static str {
        "PK0409"
    }

    fn docs(&self) -> &'static str {
        "The hostname, or a name that is derived from the app's name and namespace, is longer than DNS, Kubernetes or Keycloak \
         take: 63 characters for a label or a part of a hostname, 253 for a hostname, an object or a listener, 255 for a \
         client id.\n\
         \n\
         The write would fail half-way through the app.\n\
         \n\
         What to do: shorten the hostname, `metadata.name` or the namespace."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for app in facts.desired.apps.values() {
            let names = Names::of(&app.id);
            let listener = names.listener_name();
            let candidates = [
                ("label nebari.dev/nebariapp-name", app.id.name.clone(), LABEL),
                ("listener", listener.clone(), NAME),
                ("lock", format!("lock-{listener}"), NAME),
                ("Role", names.role().name, NAME),
                ("Keycloak client", names.client_id(), CLIENT_ID),
            ];
            for (what, name, limit) in candidates {
                if name.len() > limit {
                    findings.push(
                        Diagnostic::error(
                            self.code(),
                            format!(
                                "app/{}: the {what} `{name}` has {} characters, {limit} are allowed",
                                app.id,
                                name.len()
                            ),
                        )
                        .app(&app.id)
                        .field("metadata.name")
                        .place(app.place_of("/metadata/name"))
                        .help("shorten the app's name or its namespace"),
                    );
                }
            }
        }
        findings.extend(facts.desired.apps.values().filter_map(|app| self.hostname(app)));
        findings
    }
}

impl LongNames {
    fn hostname(&self, app: &App) -> Option<Diagnostic> {
        let host = app.hostname();
        let label = host.split('.').map(str::len).max().unwrap_or_default();
        let problem = if host.len() > NAME {
            format!("the hostname has {} characters, {NAME} are allowed", host.len())
        } else if label > LABEL {
            format!("a part of the hostname has {label} characters, {LABEL} are allowed")
        } else {
            return None;
        };
        Some(error(self.code(), app, "/spec/hostname", problem).help("choose a shorter hostname"))
    }
}
