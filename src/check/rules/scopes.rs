//! PK0422: a scope that no app may ask for.

use super::error;
use crate::check::{Facts, Rule};
use crate::diagnostic::Diagnostic;

pub(crate) struct Scopes;

/// What apps may ask for where the environment says nothing.
const DEFAULT: [&str; 4] = ["openid", "profile", "email", "groups"];

impl Rule for Scopes {
    fn code(&self) -> &'static str {
        "PK0422"
    }

    fn docs(&self) -> &'static str {
        "`spec.auth.scopes` has a scope that the environment does not allow.\n\
         \n\
         A scope decides what is in the tokens, how long they live (`offline_access`), and what else they open. \
         `allow.scopes` of the environment lists those that apps may ask for; without it these are `openid`, `profile`, \
         `email` and `groups`. (`openid` need not be listed by an app: the gateway always asks for it.)\n\
         \n\
         What to do: remove the scope, or ask the platform's administrators to add it."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let allow = facts.environment.allow.as_ref().and_then(|allow| allow.scopes.as_ref());
        let allowed = |scope: &str| match allow {
            Some(allow) => allow.iter().any(|allowed| allowed == scope),
            None => DEFAULT.contains(&scope),
        };
        let mut findings = Vec::new();
        for app in facts.desired.apps.values().filter(|app| app.auth()) {
            // The default is ours; what the app wrote is checked.
            let declared = app.value.pointer("/spec/auth/scopes").and_then(serde_json::Value::as_array);
            let declared = declared.into_iter().flatten().enumerate();
            for (index, scope) in declared.filter_map(|(index, scope)| Some((index, scope.as_str()?))) {
                if !allowed(scope) {
                    findings.push(
                        error(
                            self.code(),
                            app,
                            &format!("/spec/auth/scopes/{index}"),
                            format!("the scope `{scope}` is not among `allow.scopes` of the environment"),
                        )
                        .help("remove it, or let the administrators add it there"),
                    );
                }
            }
        }
        findings
    }
}
