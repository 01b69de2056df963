//! Where the credential may go.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

/// The base URL of a Keycloak, checked.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    url: Url,
}

impl Endpoint {
    /// Reads a base URL. The reason for a refusal is one line and repeats no credentials.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // Such URLs may hold a password or token, and the refusal is printed.
        let shown = if text.contains(['@', '?']) {
            "the Keycloak endpoint".into()
        } else {
            format!("`{}`", text.escape_debug())
        };
        let mut url = Url::parse(text.trim()).map_err(|error| format!("{shown} is no URL: {error}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("{shown} has credentials in it; give them as user and password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("{shown} has a query or fragment; give the base URL alone"));
        }
        if url.path_segments().into_iter().flatten().any(|segment| segment == "realms") {
            return Err(format!("{shown} is the URL of a realm; give the base URL without `/realms/...`"));
        }
        match url.scheme() {
            "https" => {}
            "http" if stays_inside(&url) => {}
            "http" => {
                return Err(format!(
                    "{shown} would carry the password in clear; use https (plain http only to loopback and cluster-internal \
                     names)"
                ));
            }
            _ => return Err(format!("{shown} is neither http nor https")),
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self { url })
    }

    /// Whether the connection is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The URL of a path below the base; segments are percent-encoded. They must satisfy [`is_segment`].
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        let mut path = self.url.path().trim_end_matches('/').to_owned();
        for segment in segments {
            path.push('/');
            encode(segment, &mut path);
        }
        let mut url = self.url.clone();
        url.set_path(&path);
        url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

/// Whether a text can be a path segment. `.` and `..` cannot, encoded or not: URLs fold them into the path.
pub(super) fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
}

fn encode(segment: &str, path: &mut String) {
    for byte in segment.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => path.push(char::from(byte)),
            other => path.push_str(&format!("%{other:02X}")),
        }
    }
}

/// Loopback and names that only a cluster's own DNS resolves.
fn stays_inside(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    if let Ok(ip) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return ip.is_loopback();
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    !host.contains('.') || [".localhost", ".svc", ".svc.cluster.local"].iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_inside() {
        for inside in [
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:80/",
            "http://localhost:8080/auth/",
            "http://keycloak",
            "http://keycloak.sso.svc",
            "http://keycloak.sso.svc.cluster.local:8080/auth",
            "http://keycloak.sso.svc.cluster.local.",
            "https://sso.example.com",
            "https://203.0.113.9:8443",
        ] {
            assert!(Endpoint::parse(inside).is_ok(), "{inside}");
        }
        for outside in [
            "http://sso.example.com",
            "http://203.0.113.9",
            "http://[2001:db8::1]",
            "http://[::ffff:203.0.113.9]",
            "http://3405803785",
            "http://ai.",
            "http://svc.example.com",
            "http://xsvc.cluster.local",
            "ftp://127.0.0.1",
            "file:///etc/passwd",
            "127.0.0.1:8080",
            "",
            "https://sso.example.com/?a=b",
            "https://sso.example.com/realms/nebari",
        ] {
            assert!(Endpoint::parse(outside).is_err(), "{outside}");
        }
    }

    #[test]
    fn credentials_in_a_url_are_refused_without_repeating_them() {
        for text in ["https://admin:canary-pw@sso.example.com", "https://admin:canary-pw@sso.example.com:port"] {
            let reason = Endpoint::parse(text).expect_err(text);
            assert!(!reason.contains("canary"), "{reason}");
        }
    }

    #[test]
    fn segments_are_encoded_below_the_context_path() {
        let endpoint = Endpoint::parse("https://sso.example.com/auth/").expect("a base URL");
        let url = endpoint.url(&["admin", "a/b c", "..%2F\t?#ü"]);
        assert_eq!(url.as_str(), "https://sso.example.com/auth/admin/a%2Fb%20c/..%252F%09%3F%23%C3%BC");
        assert_eq!(endpoint.to_string(), "https://sso.example.com/auth");
        assert!(!is_segment("..") && !is_segment("") && is_segment("..a"));
    }
}
