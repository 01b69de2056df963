//! Addresses: what people type and programs join on.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::AppId;

/// Which of the two observed worlds an object lives in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// The Kubernetes API.
    Kubernetes,
    /// A realm of the Keycloak Admin API.
    Keycloak {
        /// The realm's name.
        realm: String,
    },
}

/// An entry of an object that is shared with others: a Gateway listener, a Namespace label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// `listeners` or `labels`.
    pub list: String,
    /// The listener's name or the label's key.
    pub key: String,
}

/// One object, or one entry of a shared object, on either side.
///
/// Shown as `kubernetes:GROUP/KIND/NAMESPACE/NAME[#LIST[name=KEY]]` (`core` for the empty group, no namespace for
/// cluster-scoped objects) or `keycloak:REALM/KIND/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The world.
    pub side: Side,
    /// API group, empty for core and for Keycloak.
    pub group: String,
    /// `HTTPRoute`, `client`, ...
    pub kind: String,
    /// `None` for cluster-scoped objects and for Keycloak.
    pub namespace: Option<String>,
    /// `metadata.name`, or Keycloak's `clientId`.
    pub name: String,
    /// Set when the address means one entry of the object.
    pub entry: Option<Entry>,
}

impl Address {
    /// A namespaced Kubernetes object.
    pub fn namespaced(group: &str, kind: &str, namespace: &str, name: &str) -> Self {
        Self { namespace: Some(namespace.into()), ..Self::cluster_scoped(group, kind, name) }
    }

    /// A cluster-scoped Kubernetes object.
    pub fn cluster_scoped(group: &str, kind: &str, name: &str) -> Self {
        Self {
            side: Side::Kubernetes,
            group: group.into(),
            kind: kind.into(),
            namespace: None,
            name: name.into(),
            entry: None,
        }
    }

    /// Before every address of a Keycloak realm and after every one of Kubernetes.
    pub(crate) fn first_of_realms() -> Self {
        Self { kind: String::new(), ..Self::client("", "") }
    }

    /// A Keycloak client by its `clientId`.
    pub fn client(realm: &str, client_id: &str) -> Self {
        Self {
            side: Side::Keycloak { realm: realm.into() },
            group: String::new(),
            kind: "client".into(),
            namespace: None,
            name: client_id.into(),
            entry: None,
        }
    }

    /// The NebariApp of this id.
    pub fn app(app: &AppId) -> Self {
        Self::namespaced("reconcilers.nebari.dev", "NebariApp", &app.namespace, &app.name)
    }

    /// The same object with an entry named.
    pub fn with_entry(mut self, list: &str, key: &str) -> Self {
        self.entry = Some(Entry { list: list.into(), key: key.into() });
        self
    }

    /// The object without its entry.
    pub fn object(&self) -> Self {
        Self { entry: None, ..self.clone() }
    }

    /// Whether the object lives in Keycloak.
    pub fn is_keycloak(&self) -> bool {
        matches!(self.side, Side::Keycloak { .. })
    }

    /// The app that this address names, if it is a NebariApp.
    pub fn as_app(&self) -> Option<AppId> {
        (self.group == "reconcilers.nebari.dev" && self.kind == "NebariApp")
            .then(|| AppId::new(self.namespace.clone().unwrap_or_default(), &self.name))
    }

    /// The shortest form people use: `app/NS/N`, `client/ID`, `KIND/NS/N`, `GATEWAY#listeners[name=K]`.
    pub fn short(&self) -> String {
        if let Some(app) = self.as_app() {
            return format!("app/{app}");
        }
        if let Some(entry) = &self.entry {
            return format!("{}/{}{}", self.kind, self.name, entry);
        }
        match &self.namespace {
            Some(namespace) => format!("{}/{}/{}", self.kind, namespace, self.name),
            None => format!("{}/{}", self.kind, self.name),
        }
    }
}

/// The entries of a map for one kind of Kubernetes, in order. Addresses sort by kind, so that nothing else is looked at.
pub(crate) fn of_kind<'m, T>(
    map: &'m BTreeMap<Address, T>,
    group: &'m str,
    kind: &'m str,
) -> impl Iterator<Item = (&'m Address, &'m T)> {
    let is_of_kind = move |address: &Address| address.group == group && address.kind == kind && !address.is_keycloak();
    map.range(Address::cluster_scoped(group, kind, "")..).take_while(move |(address, _)| is_of_kind(address))
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}[name={}]", self.list, self.key)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.side {
            Side::Kubernetes => {
                let group = if self.group.is_empty() { "core" } else { &self.group };
                write!(f, "kubernetes:{group}/{}/", self.kind)?;
                if let Some(namespace) = &self.namespace {
                    write!(f, "{namespace}/")?;
                }
            }
            Side::Keycloak { realm } => write!(f, "keycloak:{realm}/{}/", self.kind)?,
        }
        f.write_str(&self.name)?;
        self.entry.as_ref().map_or(Ok(()), |entry| entry.fmt(f))
    }
}

/// Why a text is no address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no address; expected kubernetes:GROUP/KIND/[NAMESPACE/]NAME or keycloak:REALM/KIND/NAME")]
pub struct NotAnAddress(String);

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let error = || NotAnAddress(text.into());
        // A client id may contain `#`; an entry is the last one that reads as an entry.
        let entry = text.rsplit_once('#').and_then(|(object, entry)| {
            let (list, key) = entry.strip_suffix(']')?.split_once("[name=")?;
            Some((object, Entry { list: list.into(), key: key.into() }))
        });
        let (object, entry) = entry.map_or((text, None), |(object, entry)| (object, Some(entry)));
        let (side, rest) = object.split_once(':').ok_or_else(error)?;
        let mut address = match (side, rest.splitn(4, '/').collect::<Vec<_>>().as_slice()) {
            ("kubernetes", [group, kind, namespace, name]) => {
                Self::namespaced(if *group == "core" { "" } else { group }, kind, namespace, name)
            }
            ("kubernetes", [group, kind, name]) => {
                Self::cluster_scoped(if *group == "core" { "" } else { group }, kind, name)
            }
            ("keycloak", [realm, kind, name @ ..]) if !name.is_empty() => {
                Self { kind: (*kind).into(), ..Self::client(realm, &name.join("/")) }
            }
            _ => return Err(error()),
        };
        address.entry = entry;
        Ok(address)
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_prints() {
        let addresses = [
            Address::namespaced("gateway.networking.k8s.io", "HTTPRoute", "analytics", "superset-route"),
            Address::cluster_scoped("", "Namespace", "analytics").with_entry("labels", "nebari.dev/managed"),
            Address::namespaced("gateway.networking.k8s.io", "Gateway", "envoy-gateway-system", "nebari-gateway")
                .with_entry("listeners", "tls-superset-analytics"),
            Address::client("nebari", "analytics-superset"),
            Address::client("nebari", "odd#name/with=all"),
        ];
        for address in addresses {
            assert_eq!(address.to_string().parse::<Address>().as_ref(), Ok(&address), "{address}");
        }
        assert!("HTTPRoute/x".parse::<Address>().is_err());
    }
}
