//! PK0407: two apps would get one derived name.

use std::collections::BTreeMap;

use crate::check::{Facts, Rule};
use crate::derive::Names;
use crate::diagnostic::Diagnostic;
use crate::resource::AppId;

pub(crate) struct Identity;

impl Rule for Identity {
    fn code(&self) -> &'static str {
        "PK0407"
    }

    fn docs(&self) -> &'static str {
        "Derived names join namespace and name with a hyphen, so two apps can meet in one: `a-b`/`c` and `a`/`b-c` would share \
         a Keycloak client, a certificate and a listener.\n\
         \n\
         Whoever came second would take over the first one's client. Apps of the inputs and of the cluster are compared.\n\
         \n\
         What to do: rename one of the two."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let live = facts.world.of_kind("reconcilers.nebari.dev", "NebariApp").filter_map(|live| live.address.as_app());
        let mut by_client: BTreeMap<String, Vec<AppId>> = BTreeMap::new();
        let mut by_listener: BTreeMap<String, Vec<AppId>> = BTreeMap::new();
        let mut all: Vec<AppId> = facts.desired.apps.keys().cloned().chain(live).collect();
        all.sort();
        all.dedup();
        for app in all {
            by_client.entry(Names::of(&app).client_id()).or_default().push(app.clone());
            by_listener.entry(Names::of(&app).listener_name()).or_default().push(app);
        }
        let apps = [("reconcilers.nebari.dev", "NebariApp")];
        let mut findings = facts.not_checked(self.code(), "identities", &apps);
        for app in facts.desired.apps.values() {
            let names = Names::of(&app.id);
            let (client, listener) = (names.client_id(), names.listener_name());
            for (what, name, apps) in [
                ("Keycloak client", &client, by_client.get(&client)),
                ("listener", &listener, by_listener.get(&listener)),
            ] {
                let rivals: Vec<String> = apps
                    .into_iter()
                    .flatten()
                    .filter(|other| **other != app.id)
                    .map(|other| format!("app/{other}"))
                    .collect();
                if !rivals.is_empty() {
                    findings.push(
                        Diagnostic::error(
                            self.code(),
                            format!(
                                "app/{}: its {what} would be `{name}`, which is also that of {}",
                                app.id,
                                rivals.join(", ")
                            ),
                        )
                        .app(&app.id)
                        .place(app.place_of("/metadata/name"))
                        .help("rename one of the two apps"),
                    );
                }
            }
        }
        findings
    }
}
