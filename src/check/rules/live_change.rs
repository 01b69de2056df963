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
            let live = facts.world.get(&crate::resource::Address::app(&app.id)).live();
            let served = facts.world.get(&names.route()).live().is_some();
            if let (Some(live), true, Some(_)) = (live, served, &app.document) {
                let before = live.value().pointer("/spec/auth/enabled").and_then(serde_json::Value::as_bool);
                let before = before.unwrap_or(false);
                if before != app.login() {
                    let word = |login: bool| if login { "login" } else { "no login" }.to_owned();
                    refuse("spec.auth.enabled", word(before), word(app.login()));
                }
            }
        }
        findings
    }
}
