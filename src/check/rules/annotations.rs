//! PK0421: an annotation that no app may put on its route.

use super::error;
use crate::check::{Facts, Rule};
use crate::diagnostic::Diagnostic;

pub(crate) struct Annotations;

/// Keys that packctl and the operator keep for themselves.
const RESERVED: [&str; 2] = ["nebari.dev/", "packctl.nebari.dev/"];

impl Rule for Annotations {
    fn code(&self) -> &'static str {
        "PK0421"
    }

    fn docs(&self) -> &'static str {
        "`spec.routing.annotations` has a key that the environment does not allow.\n\
         \n\
         Other controllers act on annotations of routes (names in DNS, certificates, sync options), with rights that who \
         writes a NebariApp need not have. `allow.routeAnnotations` of the environment lists the keys that apps may use, or \
         their beginnings with a `*` at the end; without it there are none. Keys that begin with `nebari.dev/` or \
         `packctl.nebari.dev/` are never allowed.\n\
         \n\
         What to do: remove the annotation, or ask the platform's administrators to add its key."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let allow =
            facts.environment.allow.as_ref().and_then(|allow| allow.route_annotations.as_deref()).unwrap_or_default();
        let mut findings = Vec::new();
        for app in facts.desired.apps.values() {
            for (key, _) in app.annotations() {
                let (problem, help) = if RESERVED.iter().any(|reserved| key.starts_with(reserved)) {
                    ("is reserved", "remove the annotation")
                } else if allow.iter().any(|allowed| matches(allowed, key)) {
                    continue;
                } else {
                    let help = "remove it, or let the administrators add its key to `allow.routeAnnotations` of the environment";
                    ("is not among `allow.routeAnnotations` of the environment", help)
                };
                let pointer = format!("/spec/routing/annotations/{}", crate::yaml::step(key));
                findings
                    .push(error(self.code(), app, &pointer, format!("the annotation `{key}` {problem}")).help(help));
            }
        }
        findings
    }
}

fn matches(allowed: &str, key: &str) -> bool {
    allowed.strip_suffix('*').map_or(allowed == key, |beginning| key.starts_with(beginning))
}
