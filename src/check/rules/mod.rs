//! The rules, one file each.

pub(super) mod foreign_object;
pub(super) mod foreign_policy;
pub(super) mod hostname;
pub(super) mod identity;
pub(super) mod last_listener;
pub(super) mod long_names;
pub(super) mod opted_in;
pub(super) mod schema;
pub(super) mod service;
pub(super) mod unsupported;

/// A JSON pointer as people write the path: `/spec/routing/routes/0` is `spec.routing.routes[0]`.
pub(super) fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        if part.chars().all(|c| c.is_ascii_digit()) && !part.is_empty() {
            path.push_str(&format!("[{part}]"));
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&part.replace("~1", "/").replace("~0", "~"));
        }
    }
    path
}
