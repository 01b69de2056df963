//! PK0434: an app without `spec.routing` has no route.

use super::warning;
use crate::check::{Facts, Rule};
use crate::diagnostic::Diagnostic;

pub(crate) struct NoRoute;

impl Rule for NoRoute {
    fn code(&self) -> &'static str {
        "PK0434"
    }

    fn docs(&self) -> &'static str {
        "The NebariApp has no `spec.routing`, so it gets no route and no certificate, and nobody reaches it at its hostname.\n\
         \n\
         Some charts leave it out by default, and nebari-operator says Ready all the same.\n\
         \n\
         What to do: write `routing: {}` to serve everything below `/`. Where the pack brings a route of its own, nothing."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let without = facts.desired.apps.values().filter(|app| !app.routed());
        without
            .map(|app| {
                let message =
                    format!("no route will exist, {} answers nothing: `spec.routing` is missing", app.hostname());
                warning(self.code(), app, "/spec/routing", message)
                    .help("write `routing: {}` to serve everything below /")
            })
            .collect()
    }
}
