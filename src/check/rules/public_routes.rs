//! PK0420: public routes that open nothing, or everything.

use super::{error, warning};
use crate::check::{Facts, Rule, path};
use crate::derive::App;
use crate::diagnostic::Diagnostic;

pub(crate) struct PublicRoutes;

impl Rule for PublicRoutes {
    fn code(&self) -> &'static str {
        "PK0420"
    }

    fn docs(&self) -> &'static str {
        "`spec.routing.publicRoutes` are the paths of an app that people reach without its login.\n\
         \n\
         Refused: a path that stands in `routes` with the same type, too; which of the two routes takes it would depend on \
         their age. Warnings: the app has no login, or not at the gateway, so everything is public anyhow; the public paths \
         cover every path of the app, so nobody has to log in.\n\
         \n\
         `publicRoutes` are `Exact` where they name no type, `routes` are `PathPrefix`.\n\
         \n\
         What to do: leave `publicRoutes` out, or make them narrower."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        const LIST: &str = "/spec/routing/publicRoutes";
        let mut findings = Vec::new();
        for app in facts.desired.apps.values() {
            let declared = app.value.pointer(LIST).and_then(serde_json::Value::as_array).map_or(0, Vec::len);
            if declared == 0 {
                continue;
            }
            if let Some(why) = idle(app) {
                let message = format!("`publicRoutes` change nothing: {why}");
                findings.push(warning(self.code(), app, LIST, message).help("leave them out, or switch the login on"));
                continue;
            }
            let (own, public) = (app.paths(), app.public_paths());
            for (index, path) in public.iter().enumerate().filter(|(_, path)| own.contains(path)) {
                let message =
                    format!("the path `{}` is in `routes` and in `publicRoutes`, both {}", path.prefix, path.kind);
                findings.push(
                    error(self.code(), app, &format!("{LIST}/{index}/pathPrefix"), message)
                        .help("keep it in one of them; an `Exact` path wins over a prefix"),
                );
            }
            if own.iter().all(|path| public.iter().any(|open| path != open && path::covers(open, path))) {
                let message = "`publicRoutes` cover every path of the app";
                findings.push(
                    warning(self.code(), app, LIST, message)
                        .help("nobody has to log in; name narrower paths, or switch the login off"),
                );
            }
        }
        findings
    }
}

/// Why there is no login that they could be spared.
fn idle(app: &App) -> Option<&'static str> {
    if !app.auth() {
        Some("the app has no login")
    } else if !app.login() {
        Some("the gateway does not ask for the login (`enforceAtGateway: false`), all paths are public there")
    } else {
        None
    }
}
