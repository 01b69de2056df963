//! PK0426: the issuer of an app's logins.

use super::{error, warning};
use crate::check::{Facts, Rule};
use crate::diagnostic::Diagnostic;

pub(crate) struct Issuer;

impl Rule for Issuer {
    fn code(&self) -> &'static str {
        "PK0426"
    }

    fn docs(&self) -> &'static str {
        "With `spec.auth.provider: generic-oidc`, `spec.auth.issuerURL` names the issuer, and that must be one of `issuers` of \
         the environment.\n\
         \n\
         There each issuer stands with all of its endpoints, so that the gateway asks nobody else: an address that an app \
         chooses could be anybody's, and one that does not answer holds up every change of the gateway. Nothing is written to \
         such an issuer; `provisionClient` has no meaning there, and the Secret of `clientSecretRef` holds the client. With \
         the provider `keycloak`, `issuerURL` has no effect, which is a warning.\n\
         \n\
         What to do: correct the URL, or ask the platform's administrators to add the issuer."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        const POINTER: &str = "/spec/auth/issuerURL";
        let mut findings = Vec::new();
        for app in facts.desired.apps.values().filter(|app| app.auth()) {
            let url = app.issuer_url().filter(|url| !url.is_empty());
            match (app.generic_oidc(), url, &facts.environment.issuers) {
                (true, None, _) => findings.push(
                    error(self.code(), app, POINTER, "`spec.auth.issuerURL` is missing, which `generic-oidc` needs")
                        .help("name one of `issuers` of the environment"),
                ),
                // Without the key nothing is known, and the app is blocked with its name.
                (true, Some(url), Some(known)) => {
                    let same = |issuer: &str| issuer.trim_end_matches('/') == url.trim_end_matches('/');
                    if !known.iter().any(|known| same(&known.issuer)) {
                        let message = format!("the issuer `{url}` is not among `issuers` of the environment");
                        findings.push(
                            error(self.code(), app, POINTER, message)
                                .help("correct it, or let the administrators add it there with its endpoints"),
                        );
                    }
                }
                (false, Some(_), _) => findings.push(
                    warning(self.code(), app, POINTER, "`issuerURL` has no effect with the provider `keycloak`")
                        .help("leave it out, or set `provider: generic-oidc`"),
                ),
                (true, Some(_), None) | (false, None, _) => {}
            }
        }
        findings
    }
}
