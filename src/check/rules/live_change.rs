//! PK0403: a change of a live app that needs more steps than packctl has yet.

use crate::check::{Facts, Rule};
use crate::derive::Names;
use crate::diagnostic::Diagnostic;

pub(crate) struct LiveChange;

impl Rule for LiveChange {
    fn code(&self) -> &'static str {
        "PK0403"
    }

    fn docs(&self) -> &'static str {
        "The hostname or the login of an app that is already served changes.\n\
         \n\
         Done in one write, the app would be reachable without its policy for a moment. The steps that close it in between \
         are not supported yet, so the change is refused.\n\
         \n\
         What to do: destroy the app and apply it anew, or wait for a version that supports the change."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for app in facts.desired.apps.values() {
            let names = Names::of(&app.id);
            let mut refuse = |field: &str, from: String, to: String| {
                findings.push(
                    Diagnostic::error(
                        self.code(),
                        format!(
                            "app/{}: changing `{field}` of a live app ({from} -> {to}) is not supported yet",
                            app.id
                        ),
                    )
                    .app(&app.id)
                    .field(field)
                    .place(app.place_of(&format!("/{}", field.replace('.', "/"))))
                    .help(format!("`packctl destroy app/{}` first, then apply", app.id)),
                );
            };
            // The route says what is served; an app without a route is not live yet, whatever its spec says.
            if let Some(route) = facts.world.get(&names.route()).live()
                && let Some(host) = route.text("/spec/hostnames/0")
                && host != app.hostname()
                && route
                    .applied_by(crate::resource::Hand::MANAGER)
                    .is_some_and(|owned| owned.touches(&crate::resource::FieldPath::of("spec.hostnames")))
            {
                refuse("spec.hostname", host.to_owned(), app.hostname().to_owned());
            }
            // What is served tells, not what the NebariApp says: somebody may have edited that already. A policy whose login
            // was stripped still has the Secret beside it.
            let served = facts.world.get(&names.route()).live().is_some();
            if let (true, Some(policy)) = (served, facts.world.get(&names.policy()).live()) {
                let login =
                    policy.value().pointer("/spec/oidc").is_some() || facts.world.get(&names.secret()).live().is_some();
                if login != app.login() {
                    let word = |login: bool| if login { "login" } else { "no login" }.to_owned();
                    refuse("spec.auth.enabled", word(login), word(app.login()));
                }
            }
        }
        findings
    }
}
