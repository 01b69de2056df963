//! Every name that packctl derives. Compatible with nebari-operator v0.1.0, so packs notice nothing.

use serde_json::Value;

use crate::resource::{Address, AppId};

pub(crate) const GATEWAY_API: &str = "gateway.networking.k8s.io";
pub(crate) const ENVOY_GATEWAY: &str = "gateway.envoyproxy.io";
pub(crate) const CERT_MANAGER: &str = "cert-manager.io";
pub(crate) const RBAC: &str = "rbac.authorization.k8s.io";

/// nebari-operator's finalizer of a NebariApp: it takes away what it made before the app is gone.
pub(crate) const FINALIZER: &str = "apps.nebari.dev/finalizer";

/// Label on derived objects: the app's name.
pub const APP_NAME: &str = "nebari.dev/nebariapp-name";
/// Label on derived objects: the app's namespace.
pub const APP_NAMESPACE: &str = "nebari.dev/nebariapp-namespace";
/// Label on a Gateway's anchor: the Gateway's name.
pub const ANCHOR_GATEWAY: &str = "packctl.nebari.dev/gateway";
/// Label of a Namespace: routes of the namespace behind the slash may reach Services in it; the value must be `true`.
pub const ROUTES_FROM: &str = "routes-from.packctl.nebari.dev";
/// Label that opts a Namespace in; the value must be `true`.
pub const MANAGED: &str = "nebari.dev/managed";
/// Path that the anchor answers, to see whether it is attached.
pub const ANCHOR_PATH: &str = "/.well-known/packctl-anchor";

/// The Gateway that an app attaches to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gateway {
    /// Its namespace, where certificate and lock live.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Gateway {
    /// The Gateway's address.
    pub fn address(&self) -> Address {
        Address::namespaced(GATEWAY_API, "Gateway", &self.namespace, &self.name)
    }

    /// The name of the three objects of its anchor.
    pub fn anchor_name(&self) -> String {
        format!("packctl-anchor-{}", self.name)
    }

    /// The anchor's filter, policy and route, in the order of making.
    pub fn anchor(&self) -> [Address; 3] {
        let name = self.anchor_name();
        [
            Address::namespaced(ENVOY_GATEWAY, "HTTPRouteFilter", &self.namespace, &name),
            Address::namespaced(ENVOY_GATEWAY, "SecurityPolicy", &self.namespace, &name),
            Address::namespaced(GATEWAY_API, "HTTPRoute", &self.namespace, &name),
        ]
    }
}

/// The listeners of a Gateway.
pub(crate) fn listeners(gateway: &Value) -> &[Value] {
    gateway.pointer("/spec/listeners").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The listener of this name.
pub(crate) fn listener<'g>(gateway: &'g Value, name: &str) -> Option<&'g Value> {
    listeners(gateway).iter().find(|listener| listener.get("name").and_then(Value::as_str) == Some(name))
}

/// The names of one app's derived objects.
#[derive(Clone, Debug)]
pub struct Names<'a> {
    app: &'a AppId,
}

impl<'a> Names<'a> {
    /// The names of an app.
    pub fn of(app: &'a AppId) -> Self {
        Self { app }
    }

    /// The HTTPRoute.
    pub fn route(&self) -> Address {
        self.beside(GATEWAY_API, "HTTPRoute", "route")
    }

    /// The policy of the route.
    pub fn policy(&self) -> Address {
        self.beside(ENVOY_GATEWAY, "SecurityPolicy", "security")
    }

    /// The HTTPRoute of the paths without login.
    pub fn public_route(&self) -> Address {
        self.beside(GATEWAY_API, "HTTPRoute", "public-route")
    }

    /// Its policy.
    pub fn public_policy(&self) -> Address {
        self.beside(ENVOY_GATEWAY, "SecurityPolicy", "public-security")
    }

    /// The grant, in another namespace, by which the routes may send requests to a Service there.
    pub fn grant(&self, namespace: &str) -> Address {
        let name = format!("{}-{}-routes", self.app.name, self.app.namespace);
        Address::namespaced(GATEWAY_API, "ReferenceGrant", namespace, &name)
    }

    /// The Secret that pods mount.
    pub fn secret(&self) -> Address {
        self.beside("", "Secret", "oidc-client")
    }

    /// The Role that may read the Secret.
    pub fn role(&self) -> Address {
        self.beside(RBAC, "Role", "oidc-secret-reader")
    }

    /// Its binding.
    pub fn role_binding(&self) -> Address {
        self.beside(RBAC, "RoleBinding", "oidc-secret-reader")
    }

    /// The Certificate, in the Gateway's namespace.
    pub fn certificate(&self, gateway: &Gateway) -> Address {
        let name = format!("{}-{}-cert", self.app.name, self.app.namespace);
        Address::namespaced(CERT_MANAGER, "Certificate", &gateway.namespace, &name)
    }

    /// The Secret that cert-manager writes the certificate to.
    pub fn tls_secret(&self, gateway: &Gateway) -> Address {
        let name = format!("{}-{}-tls", self.app.name, self.app.namespace);
        Address::namespaced("", "Secret", &gateway.namespace, &name)
    }

    /// The listener's name.
    pub fn listener_name(&self) -> String {
        format!("tls-{}-{}", self.app.name, self.app.namespace)
    }

    /// The listener, an entry of the Gateway.
    pub fn listener(&self, gateway: &Gateway) -> Address {
        gateway.address().with_entry("listeners", &self.listener_name())
    }

    /// The name of the Deny policy on the listener; two Gateways of one namespace would share it.
    pub fn lock_name(&self) -> String {
        format!("lock-{}", self.listener_name())
    }

    /// The Deny policy on the listener.
    pub fn lock(&self, gateway: &Gateway) -> Address {
        Address::namespaced(ENVOY_GATEWAY, "SecurityPolicy", &gateway.namespace, &self.lock_name())
    }

    /// The `clientId` of the confidential client. Namespace first, unlike the names in Kubernetes.
    pub fn client_id(&self) -> String {
        format!("{}-{}", self.app.namespace, self.app.name)
    }

    /// The confidential client.
    pub fn client(&self, realm: &str) -> Address {
        Address::client(realm, &self.client_id())
    }

    /// The cookie that carries the access token, of this app alone.
    pub fn access_token_cookie(&self) -> String {
        format!("nebari-at-{}-{}", self.app.namespace, self.app.name)
    }

    /// The cookie that carries the id token, where access tokens cannot be read by others.
    pub fn id_token_cookie(&self) -> String {
        format!("nebari-id-{}-{}", self.app.namespace, self.app.name)
    }

    fn beside(&self, group: &str, kind: &str, suffix: &str) -> Address {
        Address::namespaced(group, kind, &self.app.namespace, &format!("{}-{suffix}", self.app.name))
    }
}
