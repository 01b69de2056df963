//! Request paths of the Kubernetes API.

use crate::observed::KindInfo;

/// A name as one segment of a path.
///
/// Names come from input files: one that holds `/` or is `..` could reach another object than the one that was planned.
pub(super) fn segment(name: &str) -> Result<String, String> {
    if matches!(name, "" | "." | "..") || name.contains(['/', '%']) {
        return Err(format!("`{name}` is no name of a Kubernetes object"));
    }
    Ok(encode(name))
}

/// The path of a collection, in one namespace or in all.
pub(super) fn collection(
    group: &str,
    version: &str,
    info: &KindInfo,
    namespace: Option<&str>,
) -> Result<String, String> {
    let root = match group {
        "" => format!("/api/{}", segment(version)?),
        group => format!("/apis/{}/{}", segment(group)?, segment(version)?),
    };
    let plural = segment(&info.plural)?;
    match namespace {
        Some(namespace) => Ok(format!("{root}/namespaces/{}/{plural}", segment(namespace)?)),
        None => Ok(format!("{root}/{plural}")),
    }
}

/// A path with a query.
pub(super) fn query(path: &str, parameters: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    format!("{path}?{}", pairs.join("&"))
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_segment() {
        for name in ["", ".", "..", "a/b", "../secrets/x", "a%2Fb"] {
            assert!(segment(name).is_err(), "{name}");
        }
        assert_eq!(segment("system:a b").as_deref(), Ok("system%3Aa%20b"));
    }

    #[test]
    fn core_and_groups_have_their_roots() {
        let routes = KindInfo { version: "v1".into(), plural: "httproutes".into(), namespaced: true };
        assert_eq!(
            collection("gateway.networking.k8s.io", "v1", &routes, Some("a")).as_deref(),
            Ok("/apis/gateway.networking.k8s.io/v1/namespaces/a/httproutes")
        );
        assert_eq!(collection("", "v1", &routes, None).as_deref(), Ok("/api/v1/httproutes"));
        assert_eq!(
            query("/x", &[("limit", "500"), ("labelSelector", "a=b/c")]),
            "/x?limit=500&labelSelector=a%3Db%2Fc"
        );
    }
}
