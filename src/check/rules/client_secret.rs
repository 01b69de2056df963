//! PK0427: the Secret with the client of an app's login does not do.

use serde_json::Value;

use super::error;
use crate::check::{Facts, Found, Rule};
use crate::derive::Names;
use crate::diagnostic::Diagnostic;
use crate::resource::Address;

pub(crate) struct ClientSecret;

impl Rule for ClientSecret {
    fn code(&self) -> &'static str {
        "PK0427"
    }

    fn docs(&self) -> &'static str {
        "The app's client is registered by somebody else (`clientSecretRef`, `provisionClient: false` or `generic-oidc`), and \
         its Secret is neither in the cluster nor in the inputs, or lacks the key `client-secret`.\n\
         \n\
         The Secret stands beside the app: the one that `clientSecretRef` names, else `NAME-oidc-client`. Its key `client-id` \
         is the client's id; without it that is `NAMESPACE-NAME`. Without the Secret the gateway answers 500.\n\
         \n\
         What to do: make the Secret first, or put it into the pack (by a reference to your secret store, not with its value)."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for app in facts.desired.apps.values().filter(|app| app.login() && !app.provisions_client()) {
            let named = app.client_secret_ref();
            let name = named.map_or_else(|| Names::of(&app.id).secret().name, str::to_owned);
            let address = Address::namespaced("", "Secret", &app.id.namespace, &name);
            let pointer = match (named, app.generic_oidc()) {
                (Some(_), _) => "/spec/auth/clientSecretRef",
                (None, true) => "/spec/auth/provider",
                (None, false) => "/spec/auth/provisionClient",
            };
            let problem = match facts.find(&address) {
                // Then the app is blocked: its client cannot be told.
                Found::Unreadable(_) => continue,
                Found::There(secret) if has_key(secret) => continue,
                Found::There(_) => "lacks the key `client-secret`",
                Found::Absent => "is neither in the cluster nor in the inputs",
            };
            let message = format!("{}, with the client of its login, {problem}", address.short());
            findings.push(
                error(self.code(), app, pointer, message)
                    .help("make the Secret with the keys `client-id` and `client-secret` first"),
            );
        }
        findings
    }
}

fn has_key(secret: &Value) -> bool {
    let value = secret.pointer("/data/client-secret").and_then(Value::as_str);
    value.is_some_and(|value| !value.is_empty())
}
