//! PK0431: a program is told Keycloak's inside address where browsers or tokens need the outside one.

use crate::check::{Facts, Rule, workload};
use crate::diagnostic::Diagnostic;

pub(crate) struct InsideIssuer;

impl Rule for InsideIssuer {
    fn code(&self) -> &'static str {
        "PK0431"
    }

    fn docs(&self) -> &'static str {
        "A variable or a ConfigMap of the inputs names Keycloak's address inside the cluster (`keycloak.url` of the \
         environment) as the issuer of tokens, or as the page where browsers log in.\n\
         \n\
         Tokens name the outside address as their issuer, so the program would refuse all of them; and no browser reaches the \
         inside one. Token and key endpoints may well be named by the inside address.\n\
         \n\
         What to do: name the outside address; the key `issuer-url` of the Secret `NAME-oidc-client` holds it."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let Some(keycloak) = &facts.environment.keycloak else { return Vec::new() };
        let (Some(inside), Some(outside), Some(realm)) = (&keycloak.url, &keycloak.external_url, &keycloak.realm)
        else {
            return Vec::new();
        };
        let url = |base: &str| format!("{}/realms/{realm}", base.trim_end_matches('/'));
        let (inside, outside) = (url(inside), url(outside));
        if inside == outside {
            return Vec::new();
        }
        let mut findings = Vec::new();
        for resource in facts.desired.wanted.values().filter(|resource| resource.app.is_none()) {
            for (name, value) in workload::settings(&resource.address.kind, &resource.body.value) {
                if !value.contains(&inside) {
                    continue;
                }
                let Some(what) = value.lines().find_map(|line| misuse(name, line, &inside)) else { continue };
                findings.push(
                    Diagnostic::warning(
                        self.code(),
                        format!("`{name}` of {} names {inside} as {what}", resource.address.short()),
                    )
                    .object(&resource.address)
                    .place(resource.place().cloned())
                    .help(format!("browsers and tokens know it as {outside}")),
                );
            }
        }
        findings
    }
}

/// What a line takes the inside address for, where that is wrong. `name` is that of the variable, or of the ConfigMap's key.
fn misuse(name: &str, line: &str, inside: &str) -> Option<&'static str> {
    let (before, after) = line.split_once(inside)?;
    let after = after.trim_start_matches('/');
    if after.starts_with("protocol/openid-connect/auth") || after.starts_with("protocol/openid-connect/logout") {
        return Some("a page for browsers");
    }
    let ends =
        after.is_empty() || after.starts_with(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_'));
    let words = format!("{name} {before}").to_ascii_lowercase();
    (ends && words.contains("issuer") && !words.contains("internal")).then_some("the issuer of tokens")
}

#[cfg(test)]
mod tests {
    use super::misuse;

    #[test]
    fn only_issuers_and_pages_must_be_the_outside_address() {
        let inside = "http://keycloak:8080/realms/nebari";
        for (name, line, wrong) in [
            ("OIDC_ISSUER", "http://keycloak:8080/realms/nebari", true),
            ("OIDC_ISSUER", "http://keycloak:8080/realms/nebari/", true),
            ("app.yaml", "issuer: \"http://keycloak:8080/realms/nebari\"", true),
            ("AUTH_URL", "http://keycloak:8080/realms/nebari/protocol/openid-connect/auth", true),
            ("OIDC_ISSUER", "http://keycloak:8080/realms/nebari-two", false),
            ("INTERNAL_ISSUER", "http://keycloak:8080/realms/nebari", false),
            ("KEYCLOAK_URL", "http://keycloak:8080/realms/nebari", false),
            ("ISSUER_KEYS", "http://keycloak:8080/realms/nebari/protocol/openid-connect/certs", false),
            ("TOKEN_URL", "http://keycloak:8080/realms/nebari/protocol/openid-connect/token", false),
        ] {
            assert_eq!(misuse(name, line, inside).is_some(), wrong, "{name}={line}");
        }
    }
}
