//! The environment of a cluster: what the platform's administrators decided.
//!
//! It lives in the cluster (ConfigMap `packctl-environment`, key `environment.yaml`), in a snapshot's `environment.yaml`, or in
//! a trusted `--environment FILE`. An absent key is unknown, never empty: what hangs on it is blocked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A namespace and a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Who issues certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Issuer {
    /// Name of a cert-manager ClusterIssuer, or `none`.
    pub cluster_issuer: String,
}

/// The Gateways that apps attach to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateways {
    /// For `gateway: public`.
    pub public: Option<ObjectRef>,
    /// For `gateway: internal`.
    pub internal: Option<ObjectRef>,
}

/// Whether each app gets a listener of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Listeners {
    /// A listener and a certificate per app.
    Own,
    /// The listener `https` of the Gateway.
    Shared,
}

/// The Keycloak of the cluster, as the apps and the gateway reach it. How packctl itself reaches it is a trusted setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KeycloakSettings {
    /// Base URL as Envoy reaches it, without `/realms/...`.
    pub url: Option<String>,
    /// Base URL as browsers reach it.
    #[serde(rename = "externalURL")]
    pub external_url: Option<String>,
    /// The realm of the apps.
    pub realm: Option<String>,
    /// The Secret with the admin's credentials.
    pub admin_secret: Option<ObjectRef>,
}

/// An issuer of OpenID Connect with all its endpoints: nothing is discovered, so nobody can point the gateway elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct IssuerEndpoints {
    /// As tokens name it in `iss`.
    pub issuer: String,
    /// Where browsers are sent to log in.
    pub authorization_endpoint: String,
    /// Where the gateway fetches tokens.
    pub token_endpoint: String,
    /// Where the gateway fetches the keys that tokens are signed with.
    #[serde(rename = "jwksURI")]
    pub jwks_uri: String,
    /// Where browsers are sent to log out; without it the next visit logs in again by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_session_endpoint: Option<String>,
}

/// Limits of what apps may ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Allow {
    /// Keycloak protocol mapper types.
    pub mapper_types: Option<Vec<String>>,
    /// Scopes.
    pub scopes: Option<Vec<String>>,
    /// Annotations on routes.
    pub route_annotations: Option<Vec<String>>,
    /// Client ids outside `NS-`, by namespace.
    #[serde(default)]
    pub client_ids: BTreeMap<String, Vec<String>>,
    /// Groups, by namespace.
    #[serde(default)]
    pub groups: BTreeMap<String, Vec<String>>,
    /// Members, by namespace.
    #[serde(default)]
    pub members: BTreeMap<String, Vec<String>>,
    /// Token exchange peers, by accepting app.
    #[serde(default)]
    pub exchange: BTreeMap<String, Vec<String>>,
}

/// The environment of one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Environment {
    /// Name in marks and addresses; default: uid of the Namespace kube-system.
    pub cluster: Option<String>,
    /// Who issues certificates.
    pub issuer: Option<Issuer>,
    /// The Gateways.
    pub gateways: Option<Gateways>,
    /// Own or shared listeners.
    pub listeners: Option<Listeners>,
    /// Keycloak.
    pub keycloak: Option<KeycloakSettings>,
    /// Issuers for `generic-oidc`.
    pub issuers: Option<Vec<IssuerEndpoints>>,
    /// Limits.
    pub allow: Option<Allow>,
}

impl Environment {
    /// Namespace of the controller, where the ConfigMap is looked for.
    pub const NAMESPACE: &str = "nebari-operator-system";
    /// Name of the ConfigMap.
    pub const CONFIG_MAP: &str = "packctl-environment";
    /// Its key, and the file's name in a snapshot.
    pub const KEY: &str = "environment.yaml";

    /// This environment, and where it says nothing what `below` says.
    ///
    /// The administrator's Secret goes with the Keycloak that it is of: that of `below` is taken only where both mean the same.
    #[must_use]
    pub fn or(self, below: &Self) -> Self {
        let below = below.clone();
        let gateways = match (self.gateways, below.gateways) {
            (Some(own), Some(below)) => {
                Some(Gateways { public: own.public.or(below.public), internal: own.internal.or(below.internal) })
            }
            (own, below) => own.or(below),
        };
        let keycloak = match (self.keycloak, below.keycloak) {
            (Some(own), Some(below)) => Some(own.or(below)),
            (own, below) => own.or(below),
        };
        Self {
            cluster: self.cluster.or(below.cluster),
            issuer: self.issuer.or(below.issuer),
            gateways,
            listeners: self.listeners.or(below.listeners),
            keycloak,
            issuers: self.issuers.or(below.issuers),
            allow: self.allow.or(below.allow),
        }
    }
}

impl KeycloakSettings {
    fn or(self, below: Self) -> Self {
        let other = |own: &Option<String>, below: &Option<String>| own.is_some() && own != below;
        let same = !other(&self.url, &below.url) && !other(&self.external_url, &below.external_url);
        Self {
            url: self.url.or(below.url),
            external_url: self.external_url.or(below.external_url),
            realm: self.realm.or(below.realm),
            admin_secret: self.admin_secret.or(below.admin_secret.filter(|_| same)),
        }
    }
}
