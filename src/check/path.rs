//! Paths of routes: what one takes of another, and which of several takes a request.

use crate::derive::RoutePath;

/// A path without the slash at its end, which a prefix does not need: `/app/` is `/app`, and `/` is the empty text.
fn stem(path: &RoutePath) -> &str {
    if path.kind == "Exact" { &path.prefix } else { path.prefix.trim_end_matches('/') }
}

/// Whether a path takes requests for `request`, by whole segments as Gateway API compares them.
pub(super) fn takes(path: &RoutePath, request: &str) -> bool {
    let stem = stem(path);
    match path.kind {
        "Exact" => stem == request,
        _ => request.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
    }
}

/// Whether every request that `other` takes is one that `path` takes, too.
pub(super) fn covers(path: &RoutePath, other: &RoutePath) -> bool {
    match (path.kind, other.kind) {
        ("Exact", "Exact") => path.prefix == other.prefix,
        ("Exact", _) => false,
        (_, "Exact") => takes(path, &other.prefix),
        _ => {
            let (stem, other) = (stem(path), stem(other));
            other.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
    }
}

/// Whether no request is taken by a path of both lists.
pub(super) fn disjoint(these: &[RoutePath], those: &[RoutePath]) -> bool {
    these.iter().all(|path| those.iter().all(|other| !covers(path, other) && !covers(other, path)))
}

/// How closely the best of `paths` takes `request`: an exact path before every prefix, a longer prefix before a shorter one.
pub(super) fn closeness(paths: &[RoutePath], request: &str) -> Option<usize> {
    let taking = paths.iter().filter(|path| takes(path, request));
    taking.map(|path| if path.kind == "Exact" { usize::MAX } else { stem(path).len() }).max()
}

/// The path of a match of an HTTPRoute; `None` for one by regular expression.
pub(super) fn of_match(found: &serde_json::Value) -> Option<RoutePath> {
    let text = |key: &str| found.pointer(key).and_then(serde_json::Value::as_str);
    let kind = match text("/path/type") {
        Some("Exact") => "Exact",
        None | Some("PathPrefix") => "PathPrefix",
        Some(_) => return None,
    };
    Some(RoutePath { prefix: text("/path/value").unwrap_or("/").to_owned(), kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RoutePath {
        match text.strip_prefix('=') {
            Some(exact) => RoutePath { prefix: exact.into(), kind: "Exact" },
            None => RoutePath { prefix: text.into(), kind: "PathPrefix" },
        }
    }

    #[test]
    fn paths_are_compared_by_whole_segments() {
        for (one, other, covered) in [
            ("/", "/app", true),
            ("/app", "/app/", true),
            ("/app/", "/app", true),
            ("/app", "/app/x", true),
            ("/app", "/apple", false),
            ("/app", "=/app", true),
            ("/app", "=/app/x", true),
            ("=/app", "/app", false),
            ("=/app", "=/app", true),
            ("=/app", "=/app/", false),
        ] {
            assert_eq!(covers(&path(one), &path(other)), covered, "{one} {other}");
        }
        assert!(disjoint(&[path("/a"), path("=/b")], &[path("/c"), path("/apple")]));
        assert!(!disjoint(&[path("/a")], &[path("=/a/b")]));
    }

    #[test]
    fn the_closest_path_takes_a_request() {
        let paths = [path("/"), path("/oauth2"), path("=/oauth2/callback")];
        assert_eq!(closeness(&paths, "/oauth2/callback"), Some(usize::MAX));
        assert_eq!(closeness(&paths[..2], "/oauth2/callback"), Some(7));
        assert_eq!(closeness(&paths[..1], "/oauth2/callback"), Some(0));
        assert_eq!(closeness(&[path("/app")], "/oauth2/callback"), None);
    }
}
