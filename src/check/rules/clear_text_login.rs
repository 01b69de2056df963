//! PK0417: a login over http.

use super::{error, warning};
use crate::check::{Facts, Rule};
use crate::derive::Tls;
use crate::diagnostic::Diagnostic;

pub(crate) struct ClearTextLogin;

impl Rule for ClearTextLogin {
    fn code(&self) -> &'static str {
        "PK0417"
    }

    fn docs(&self) -> &'static str {
        "An app with login has `spec.routing.tls.enabled: false`.\n\
         \n\
         The gateway's session cookies are `Secure`: browsers never send them over http, so nobody would get past the login, \
         and tokens would travel in the clear. Where the app itself asks for the login (`enforceAtGateway: false`) this is a \
         warning.\n\
         \n\
         What to do: leave TLS on; for a certificate of your own name its Secret in `spec.routing.tls.secretName`."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let plain = facts.desired.apps.values().filter(|app| app.routed() && app.auth() && app.tls() == Tls::Off);
        plain
            .map(|app| {
                let pointer = "/spec/routing/tls/enabled";
                let finding = if app.login() {
                    error(
                        self.code(),
                        app,
                        pointer,
                        "login does not work over http: browsers keep its cookies to https",
                    )
                } else {
                    warning(self.code(), app, pointer, "the app's own login sends its tokens over http, in the clear")
                };
                finding.help("leave `spec.routing.tls.enabled` out")
            })
            .collect()
    }
}
