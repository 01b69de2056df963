//! Hostnames: what a pattern covers, and which one a URL names.

/// Whether a hostname of a listener or route takes requests for `host`. `*.example.com` takes any number of labels in its
/// place, as Gateway API has it; nothing or an empty text takes every host.
pub(super) fn admits(pattern: Option<&str>, host: &str) -> bool {
    match pattern.filter(|pattern| !pattern.is_empty()) {
        None => true,
        Some(pattern) => match pattern.strip_prefix('*') {
            Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix) && suffix.starts_with('.'),
            None => pattern.eq_ignore_ascii_case(host),
        },
    }
}

/// Whether a name of a certificate is one for `host`. A wildcard stands for exactly one label (RFC 6125, 6.4.3).
pub(super) fn certifies(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(suffix) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(suffix)),
        None => name.eq_ignore_ascii_case(host),
    }
}

/// The domains above a host, nearest first: of `a.b.example.com` these are `b.example.com`, `example.com`, `com`.
pub(super) fn above(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(host.split_once('.').map(|(_, rest)| rest), |rest| rest.split_once('.').map(|(_, rest)| rest))
}

/// The host of an absolute URL, without user and port.
pub(super) fn of_url(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_of_a_route_takes_any_depth_and_that_of_a_certificate_one_label() {
        let cases = [
            ("a.example.com", true, true),
            ("a.b.example.com", true, false),
            ("example.com", false, false),
            ("aexample.com", false, false),
            ("a.example.org", false, false),
        ];
        for (host, admitted, certified) in cases {
            assert_eq!(admits(Some("*.example.com"), host), admitted, "{host}");
            assert_eq!(certifies("*.example.com", host), certified, "{host}");
        }
        assert!(admits(None, "a.example.com") && admits(Some(""), "a.example.com"));
        assert!(!admits(Some("b.example.com"), "a.example.com") && !certifies("b.example.com", "a.example.com"));
    }

    #[test]
    fn a_url_names_its_host_without_user_and_port() {
        assert_eq!(of_url("https://user@keycloak.example.com:8443/auth?x"), Some("keycloak.example.com"));
        assert_eq!(of_url("https://keycloak.example.com"), Some("keycloak.example.com"));
        for broken in ["keycloak.example.com", "https://", "https:///path", "https://:8443"] {
            assert_eq!(of_url(broken), None, "{broken}");
        }
        assert_eq!(above("a.b.example.com").collect::<Vec<_>>(), ["b.example.com", "example.com", "com"]);
    }
}
