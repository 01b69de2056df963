//! PK0423: headers by which the login is not started, and that the gateway would not take.

use regex::RegexBuilder;

use super::error;
use crate::check::{Facts, Rule};
use crate::diagnostic::Diagnostic;

pub(crate) struct DenyRedirect;

/// `maxItems` of `oidc.denyRedirect.headers` (Envoy Gateway 1.6 to 1.8).
const MOST: usize = 16;

impl Rule for DenyRedirect {
    fn code(&self) -> &'static str {
        "PK0423"
    }

    fn docs(&self) -> &'static str {
        "`spec.auth.denyRedirect` has more than 16 headers, a name that no header can have, or a regular expression that the \
         gateway cannot read (RE2: no look-around, no back references).\n\
         \n\
         The policy would be refused, and the app stay closed.\n\
         \n\
         What to do: correct what the finding names."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        const LIST: &str = "/spec/auth/denyRedirect";
        let mut findings = Vec::new();
        for app in facts.desired.apps.values().filter(|app| app.login()) {
            let rules = app.deny_redirect();
            if rules.len() > MOST {
                let message = format!("{} headers in `denyRedirect`, the gateway takes {MOST}", rules.len());
                findings.push(error(self.code(), app, LIST, message).help("remove some of them"));
            }
            for (index, (name, kind, value)) in rules.into_iter().enumerate() {
                if !is_token(name) {
                    let message = format!("`{name}` is no name of a header");
                    findings.push(
                        error(self.code(), app, &format!("{LIST}/{index}/name"), message)
                            .help("letters, digits and hyphens, such as `X-Requested-With`"),
                    );
                }
                if kind == "RegularExpression" && !is_expression(value) {
                    let message = format!("`{value}` is no regular expression that the gateway can read");
                    findings.push(
                        error(self.code(), app, &format!("{LIST}/{index}/value"), message)
                            .help("it is read by RE2: no look-around, no back references, all brackets closed"),
                    );
                }
            }
        }
        findings
    }
}

/// A token of RFC 9110, 5.6.2.
fn is_token(name: &str) -> bool {
    let special = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || special(byte))
}

/// Whether RE2 reads it. `regex` has its syntax, but for two escapes of RE2's own.
fn is_expression(text: &str) -> bool {
    text.contains(r"\Q") || text.contains(r"\C") || RegexBuilder::new(text).size_limit(1 << 20).build().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens_and_expressions_those_of_re2() {
        assert!(is_token("X-Requested-With") && !is_token("X Requested") && !is_token("X:") && !is_token(""));
        for fine in ["^Bearer .+$", "(?i)xml|json", r"\Qa.b\E", r"\pL+"] {
            assert!(is_expression(fine), "{fine}");
        }
        for bad in ["(", "(?=x)", r"(a)\1", "[z-a]"] {
            assert!(!is_expression(bad), "{bad}");
        }
    }
}
