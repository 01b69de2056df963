//! PK0424: a tile that leads, or shows, where it must not.

use super::error;
use crate::check::{Facts, Rule, host};
use crate::derive::App;
use crate::diagnostic::Diagnostic;

pub(crate) struct LandingPage;

impl Rule for LandingPage {
    fn code(&self) -> &'static str {
        "PK0424"
    }

    fn docs(&self) -> &'static str {
        "`spec.landingPage.externalUrl` is no `http` or `https` URL, or an icon is neither a name, nor such a URL, nor an \
         image in a `data:` URL.\n\
         \n\
         The portal puts both into its page as they are; `javascript:` there would run in the session of everybody who looks \
         at it.\n\
         \n\
         What to do: write a full `https://` URL."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for app in facts.desired.apps.values() {
            if let Some(url) = text(app, "externalUrl")
                && !is_web(url)
            {
                let message = format!("the tile would lead to `{url}`, which is no http or https URL");
                findings.push(
                    error(self.code(), app, "/spec/landingPage/externalUrl", message)
                        .help("write a full URL, such as `https://docs.example.com/`"),
                );
            }
            for field in ["icon", "iconLight", "iconDark"] {
                if let Some(icon) = text(app, field)
                    && !is_icon(icon)
                {
                    let pointer = format!("/spec/landingPage/{field}");
                    let message = format!("the icon `{}` is neither a name nor the URL of an image", shortened(icon));
                    findings.push(
                        error(self.code(), app, &pointer, message)
                            .help("write an `https://` URL, a `data:image/` URL or a name"),
                    );
                }
            }
        }
        findings
    }
}

fn text<'a>(app: &'a App, field: &str) -> Option<&'a str> {
    app.value.pointer(&format!("/spec/landingPage/{field}"))?.as_str().filter(|text| !text.is_empty())
}

/// Browsers drop blanks and control characters from URLs before they look at the scheme.
fn has_blanks(text: &str) -> bool {
    text.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn is_web(url: &str) -> bool {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https")) && !has_blanks(url) && host::of_url(url).is_some()
}

fn is_icon(icon: &str) -> bool {
    let image = icon.get(..11).is_some_and(|start| start.eq_ignore_ascii_case("data:image/"));
    is_web(icon) || (image || !icon.contains(':')) && !icon.chars().any(char::is_control)
}

fn shortened(text: &str) -> String {
    if text.chars().count() > 60 { text.chars().take(57).chain("...".chars()).collect() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_browser_fetches_from_the_web_is_a_url() {
        for url in ["https://docs.example.com/", "HTTP://docs.example.com:8080/x?y#z"] {
            assert!(is_web(url), "{url}");
        }
        let bad =
            ["javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "//example.com", "https://", "docs"];
        for url in bad {
            assert!(!is_web(url), "{url}");
        }
        for icon in
            ["jupyter", "Data Science", "/icons/x.svg", "https://x.example.com/i.png", "data:image/svg+xml;base64,AA=="]
        {
            assert!(is_icon(icon), "{icon}");
        }
        for icon in ["javascript:alert(1)", "data:text/html,x", "ftp://x.example.com/i.png", "a\u{0}b"] {
            assert!(!is_icon(icon), "{icon}");
        }
    }
}
