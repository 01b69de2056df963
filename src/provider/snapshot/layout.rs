//! Where things stand in a snapshot's folder, and how lists and objects are named in `coverage.json`.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::observed::ListOf;
use crate::resource::{Address, Side};

/// Namespace folder of cluster-scoped objects.
pub(super) const CLUSTER: &str = "_cluster";
/// Folder of the core group, whose name is empty.
pub(super) const CORE: &str = "core";
/// Keycloak's collection of clients.
pub(super) const CLIENTS: &str = "clients";

pub(super) const KUBERNETES: &str = "kubernetes";
pub(super) const KEYCLOAK: &str = "keycloak";
pub(super) const CRDS: &str = "crds";
pub(super) const ENVIRONMENT: &str = crate::api::Environment::KEY;
pub(super) const VERSION: &str = "version.json";
pub(super) const APIS: &str = "apis.json";
pub(super) const COVERAGE: &str = "coverage.json";

/// Everything that a snapshot's folder may hold.
pub(super) const ENTRIES: [&str; 7] = [KUBERNETES, KEYCLOAK, CRDS, ENVIRONMENT, VERSION, APIS, COVERAGE];

/// File names have at most 255 bytes on the usual file systems; names have up to 255 characters, three bytes each.
const LONGEST_STEM: usize = 200;

/// The folder or file that holds a realm's objects of a kind, or a kind's in a namespace.
pub(super) fn folder(address: &Address) -> String {
    match &address.side {
        Side::Kubernetes => {
            let group = if address.group.is_empty() { CORE.into() } else { encode(&address.group) };
            let namespace = address.namespace.as_deref().map_or_else(|| CLUSTER.into(), encode);
            format!("{KUBERNETES}/{group}/{}/{namespace}", encode(&address.kind))
        }
        Side::Keycloak { realm } => format!("{KEYCLOAK}/{}/{}s", encode(realm), encode(&address.kind)),
    }
}

/// The file that holds an object, from the snapshot's folder.
pub(super) fn file(address: &Address) -> String {
    let ending = if address.is_keycloak() { "json" } else { "yaml" };
    format!("{}/{}.{ending}", folder(address), encode(&address.name))
}

/// Whether a file's name without its ending means this name. By hand, only what must be encoded needs to be.
pub(super) fn means(stem: &str, name: &str) -> bool {
    encode(name) == stem || decode(stem).is_some_and(|decoded| decoded == name)
}

/// A name as a file name: percent-encoded but for letters, digits, `-`, `_` and inner dots; cut and hashed when too long.
pub(super) fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for (position, byte) in name.bytes().enumerate() {
        match byte {
            b'.' if position > 0 => encoded.push('.'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    if encoded.len() > LONGEST_STEM {
        let hash = crate::resource::hex(&Sha256::digest(name), 32);
        encoded.truncate(LONGEST_STEM - hash.len());
        encoded = format!("{encoded}~{hash}");
    }
    encoded
}

/// The name behind a file name; `None` for broken encodings.
pub(super) fn decode(stem: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(stem.len());
    let mut rest = stem.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(16 * digit()? + digit()?);
    }
    String::from_utf8(bytes).ok()
}

/// What a line of `coverage.json` is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// `kubernetes:GROUP/KIND`, `keycloak:REALM/KIND`, with `[SELECTOR]` where only labelled objects are meant.
    List(ListOf),
    /// An address.
    Object(Address),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = match self {
            Self::List(list) => list,
            Self::Object(address) => return address.fmt(f),
        };
        match &list.side {
            Side::Kubernetes => {
                write!(f, "kubernetes:{}/", if list.group.is_empty() { CORE } else { &list.group })?;
            }
            Side::Keycloak { realm } => write!(f, "keycloak:{realm}/")?,
        }
        f.write_str(&list.kind)?;
        list.selector.as_ref().map_or(Ok(()), |selector| write!(f, "[{selector}]"))
    }
}

impl Subject {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (list, selector) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
            Some((list, selector)) => (list, Some(selector.to_owned())),
            None => (text, None),
        };
        let (side, rest) = list.split_once(':')?;
        let (first, kind) = rest.split_once('/')?;
        if kind.contains('/') {
            return if selector.is_none() { text.parse().ok().map(Self::Object) } else { None };
        }
        let (side, group) = match side {
            "kubernetes" => (Side::Kubernetes, if first == CORE { "" } else { first }),
            "keycloak" => (Side::Keycloak { realm: first.into() }, ""),
            _ => return None,
        };
        Some(Self::List(ListOf { side, group: group.into(), kind: kind.into(), selector }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_read_back_and_stay_inside_the_folder() {
        let names = ["superset-route", "system:node", "../x", ".hidden", "a b/ü%", "spa.clients", "A", "_cluster"];
        for name in names {
            let encoded = encode(name);
            assert_eq!(decode(&encoded).as_deref(), Some(name));
            assert!(means(&encoded, name));
            assert!(!encoded.starts_with('.') && !encoded.contains(['/', ':', ' ']), "{encoded}");
        }
        let long = "ü".repeat(255);
        assert!(encode(&long).len() < 250 && means(&encode(&long), &long) && !means(&encode(&long), &long[2..]));
        assert!(means("system:node", "system:node"));
        assert_eq!(decode("%zz"), None);
        assert_eq!(decode("%+1"), None);
    }

    #[test]
    fn subjects_read_back_as_they_print() {
        for text in [
            "kubernetes:core/Secret",
            "kubernetes:core/Secret[nebari.dev/nebariapp-name]",
            "kubernetes:apps/Deployment[app=x]",
            "kubernetes:core/Namespace/team",
            "kubernetes:core/Secret/team/app-oidc-client",
            "keycloak:nebari/client",
            "keycloak:nebari/client/team-app",
        ] {
            assert_eq!(Subject::parse(text).map(|subject| subject.to_string()).as_deref(), Some(text));
        }
        assert!(matches!(Subject::parse("kubernetes:core/Namespace/team"), Some(Subject::Object(_))));
        for text in ["", "core/Secret", "kubernetes:Secret", "other:a/b", "kubernetes:a/b/c[d]"] {
            assert_eq!(Subject::parse(text), None, "{text}");
        }
    }
}
