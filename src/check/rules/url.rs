//! PK0432: a program is told a URL without a host.

use crate::check::{Facts, Rule, host, workload};
use crate::diagnostic::Diagnostic;

pub(crate) struct Url;

impl Rule for Url {
    fn code(&self) -> &'static str {
        "PK0432"
    }

    fn docs(&self) -> &'static str {
        "A variable or an entry of a ConfigMap of the inputs begins like a URL and names no host: `https:`, `https://`, \
         `https:///path`, `https://:8443`.\n\
         \n\
         Most often a chart puts it together from a value that nobody set, such as the hostname.\n\
         \n\
         What to do: set the chart's value for the host."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for resource in facts.desired.wanted.values().filter(|resource| resource.app.is_none()) {
            for (name, value) in workload::settings(&resource.address.kind, &resource.body.value) {
                if !is_hostless(value) {
                    continue;
                }
                findings.push(
                    Diagnostic::warning(
                        self.code(),
                        format!("`{name}` of {} is `{value}`, a URL without a host", resource.address.short()),
                    )
                    .object(&resource.address)
                    .place(resource.place().cloned())
                    .help("set the value that it is made of, most often the hostname"),
                );
            }
        }
        findings
    }
}

/// Whether a whole text is a URL of the web, but for its host.
fn is_hostless(text: &str) -> bool {
    let text = text.trim();
    let scheme = ["https:", "http:"].into_iter().find(|scheme| text.starts_with(scheme));
    // A long text, or one of several words, is something else that begins like a URL.
    scheme.is_some() && !text.contains(char::is_whitespace) && host::of_url(text).is_none()
}

#[cfg(test)]
mod tests {
    use super::is_hostless;

    #[test]
    fn a_url_needs_a_host() {
        for broken in ["https:", "https://", "http:///path", "https://:8443/x", "https:/x"] {
            assert!(is_hostless(broken), "{broken}");
        }
        for fine in ["https://x", "https://x.example.com:8443/y", "https", "httpsx:", "https: a word", "grpc://"] {
            assert!(!is_hostless(fine), "{fine}");
        }
    }
}
