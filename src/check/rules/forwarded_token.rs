//! PK0428: the gateway overwrites a token that the app's own clients send.

use super::warning;
use crate::check::{Facts, Rule};
use crate::derive::App;
use crate::diagnostic::Diagnostic;

pub(crate) struct ForwardedToken;

impl Rule for ForwardedToken {
    fn code(&self) -> &'static str {
        "PK0428"
    }

    fn docs(&self) -> &'static str {
        "`spec.auth.forwardAccessToken: true` makes the gateway put the access token of the login into the header \
         `Authorization`, over whatever the request had there. The app also has clients that send a token of their own: a \
         browser or command line client, or requests that `denyRedirect` knows by that header.\n\
         \n\
         Their token would never reach the app.\n\
         \n\
         What to do: leave `forwardAccessToken` out, or let those clients use paths of `publicRoutes`."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let forwarding =
            facts.desired.apps.values().filter(|app| app.login() && app.forward_access_token() == Some(true));
        forwarding
            .filter_map(|app| {
                let message = format!("the token of the login replaces the one that {} send", senders(app)?);
                let finding = warning(self.code(), app, "/spec/auth/forwardAccessToken", message);
                Some(finding.help("leave `forwardAccessToken` out, or let these clients use `publicRoutes`"))
            })
            .collect()
    }
}

/// Who sends a header `Authorization` of his own.
fn senders(app: &App) -> Option<&'static str> {
    let on = |client: &str| app.value.pointer(&format!("/spec/auth/{client}/enabled")) == Some(&true.into());
    if app.deny_redirect().iter().any(|(name, ..)| name.eq_ignore_ascii_case("authorization")) {
        Some("requests with a header `Authorization`, which `denyRedirect` names,")
    } else if on("deviceFlowClient") {
        Some("the command line tools of `deviceFlowClient`")
    } else if on("spaClient") {
        Some("the browser code of `spaClient`")
    } else {
        None
    }
}
