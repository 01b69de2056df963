//! Patterns that people need not read.

/// What a pattern asks, after `must`: `begin with /`; `None` where only the pattern itself says it.
pub(super) fn in_words(pattern: &str) -> Option<&'static str> {
    match pattern {
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$" => Some(DNS_NAME),
        "^/.*" => Some("begin with `/`"),
        _ => None,
    }
}

const DNS_NAME: &str =
    "be a DNS name: lower case letters, digits, `-` and `.`, each part beginning and ending with a letter or digit";
