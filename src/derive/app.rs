//! One NebariApp as the derivation sees it: as it will be.

use std::collections::BTreeMap;

use serde_json::Value;

use super::names::Gateway;
use crate::api::{Environment, IssuerEndpoints};
use crate::diagnostic::Place;
use crate::resource::{Address, AppId, Cause, FieldPath, PackId};
use crate::yaml::Document;

/// A NebariApp as it will be after the apply: live fields that others own, our fields, defaults.
#[derive(Clone, Debug)]
pub struct App {
    /// Namespace and name.
    pub id: AppId,
    /// The whole object as it will be.
    pub value: Value,
    /// The pack that brings it, if one does.
    pub pack: Option<PackId>,
    /// The app in the input; `None` when only the live object speaks.
    pub document: Option<Document>,
}

/// A path of an app's routing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoutePath {
    /// The value.
    pub prefix: String,
    /// `PathPrefix` or `Exact`.
    pub kind: &'static str,
}

/// What an app asks of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls<'a> {
    /// Served over http.
    Off,
    /// The platform sees to the certificate.
    Issued,
    /// The certificate stands in this Secret of the Gateway's namespace.
    Secret(&'a str),
}

/// Where the gateway answers logins, unless the app says otherwise.
pub(super) const CALLBACK: &str = "/oauth2/callback";

impl App {
    fn at(&self, pointer: &str) -> Option<&Value> {
        self.value.pointer(pointer).filter(|value| !value.is_null())
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.at(pointer)?.as_str()
    }

    fn flag(&self, pointer: &str) -> Option<bool> {
        self.at(pointer)?.as_bool()
    }

    fn list(&self, pointer: &str) -> &[Value] {
        self.at(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// `spec.hostname`.
    pub fn hostname(&self) -> &str {
        self.text("/spec/hostname").unwrap_or_default()
    }

    /// `spec.service`: name and port.
    pub fn service(&self) -> (&str, u64) {
        let port = self.at("/spec/service/port").and_then(Value::as_u64).unwrap_or_default();
        (self.text("/spec/service/name").unwrap_or_default(), port)
    }

    /// The namespace of the Service: `spec.service.namespace`, by default the app's.
    pub fn service_namespace(&self) -> &str {
        self.text("/spec/service/namespace").unwrap_or(&self.id.namespace)
    }

    /// `spec.gateway`: whether the internal Gateway serves it, not the public one.
    pub fn internal(&self) -> bool {
        self.text("/spec/gateway") == Some("internal")
    }

    /// Whether it has a route: `spec.routing` is there, be it empty.
    pub fn routed(&self) -> bool {
        self.at("/spec/routing").is_some()
    }

    /// `spec.routing.tls`.
    pub fn tls(&self) -> Tls<'_> {
        match self.text("/spec/routing/tls/secretName") {
            _ if self.flag("/spec/routing/tls/enabled") == Some(false) => Tls::Off,
            Some(name) => Tls::Secret(name),
            None => Tls::Issued,
        }
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.tls() == Tls::Off { "http" } else { "https" }
    }

    /// `https://dash.example.com`.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme(), self.hostname())
    }

    /// `spec.routing.annotations`, of the main route.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        let map = self.at("/spec/routing/annotations").and_then(Value::as_object);
        map.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// `spec.auth.enabled`: whether the app has an identity provider at all.
    pub fn auth(&self) -> bool {
        self.flag("/spec/auth/enabled").unwrap_or(false)
    }

    /// Whether people must log in at the gateway before the app sees them.
    pub fn login(&self) -> bool {
        self.auth() && self.routed() && self.flag("/spec/auth/enforceAtGateway").unwrap_or(true)
    }

    /// `spec.auth.provider` is `generic-oidc`.
    pub fn generic_oidc(&self) -> bool {
        self.text("/spec/auth/provider") == Some("generic-oidc")
    }

    /// Whether its client is made in the identity provider: only in Keycloak, and not where the app brings one.
    pub fn provisions_client(&self) -> bool {
        self.auth()
            && !self.generic_oidc()
            && self.client_secret_ref().is_none()
            && self.flag("/spec/auth/provisionClient").unwrap_or(true)
    }

    /// `spec.auth.clientSecretRef`: the Secret of a client that somebody else registered.
    pub fn client_secret_ref(&self) -> Option<&str> {
        self.text("/spec/auth/clientSecretRef").filter(|name| !name.is_empty())
    }

    /// `spec.auth.issuerURL`.
    pub fn issuer_url(&self) -> Option<&str> {
        self.text("/spec/auth/issuerURL")
    }

    /// `spec.auth.redirectURI`: the path that the identity provider sends people back to.
    pub fn redirect_path(&self) -> &str {
        self.text("/spec/auth/redirectURI").filter(|path| !path.is_empty()).unwrap_or(CALLBACK)
    }

    /// `spec.auth.scopes`, by default `openid`, `profile`, `email`.
    pub fn scopes(&self) -> Vec<&str> {
        let scopes: Vec<&str> = self.list("/spec/auth/scopes").iter().filter_map(Value::as_str).collect();
        if scopes.is_empty() { vec!["openid", "profile", "email"] } else { scopes }
    }

    /// `spec.auth.forwardAccessToken`; the field is left out where the app does not say it.
    pub fn forward_access_token(&self) -> Option<bool> {
        self.flag("/spec/auth/forwardAccessToken")
    }

    /// `spec.auth.denyRedirect`: name, type and value of headers.
    pub fn deny_redirect(&self) -> Vec<(&str, &str, &str)> {
        self.list("/spec/auth/denyRedirect")
            .iter()
            .filter_map(|rule| {
                let text = |key: &str| rule.get(key).and_then(Value::as_str);
                Some((text("name")?, text("type").unwrap_or("Exact"), text("value")?))
            })
            .collect()
    }

    /// `spec.serviceAccountName`, by default the app's name.
    pub fn service_account(&self) -> &str {
        self.text("/spec/serviceAccountName").unwrap_or(&self.id.name)
    }

    /// `spec.routing.routes`; none means everything below `/`.
    pub fn paths(&self) -> Vec<RoutePath> {
        let paths = self.route_paths("/spec/routing/routes", "PathPrefix");
        if paths.is_empty() { vec![RoutePath { prefix: "/".into(), kind: "PathPrefix" }] } else { paths }
    }

    /// `spec.routing.publicRoutes`: what people reach without login, where there is one to be spared.
    pub fn public_paths(&self) -> Vec<RoutePath> {
        if self.auth() { self.route_paths("/spec/routing/publicRoutes", "Exact") } else { Vec::new() }
    }

    /// Secrets that it names and others keep: that of its client, and its certificate in the Gateway's namespace.
    pub(crate) fn named_secrets(&self, environment: &Environment) -> Vec<Address> {
        let client = self.client_secret_ref().map(|name| (self.id.namespace.clone(), name));
        let gateways = environment.gateways.as_ref();
        let gateway = gateways.and_then(|found| if self.internal() { &found.internal } else { &found.public }.as_ref());
        let certificate = match (self.tls(), gateway) {
            (Tls::Secret(name), Some(gateway)) => Some((gateway.namespace.clone(), name)),
            _ => None,
        };
        let secret = |(namespace, name): (String, &str)| Address::namespaced("", "Secret", &namespace, name);
        client.into_iter().chain(certificate).map(secret).collect()
    }

    fn route_paths(&self, pointer: &str, default: &'static str) -> Vec<RoutePath> {
        let path = |route: &Value| RoutePath {
            prefix: route.get("pathPrefix").and_then(Value::as_str).unwrap_or("/").to_owned(),
            kind: match route.get("pathType").and_then(Value::as_str) {
                Some("Exact") => "Exact",
                Some("PathPrefix") => "PathPrefix",
                _ => default,
            },
        };
        self.list(pointer).iter().map(path).collect()
    }

    /// The app's own place in the input.
    pub fn place(&self) -> Option<Place> {
        self.place_of("")
    }

    /// The place of a field (JSON pointer), or of the nearest thing above it.
    pub fn place_of(&self, pointer: &str) -> Option<Place> {
        self.document.as_ref().map(|document| document.place(pointer))
    }

    /// The cause "this field of the app".
    pub fn cause(&self, field: &str) -> Cause {
        Cause::App { field: field.into(), place: self.place_of(&format!("/{}", field.replace('.', "/"))) }
    }

    /// Causes for a derived body: the app itself for the whole, and these fields for these paths.
    pub fn causes(&self, fields: &[(&str, &str)]) -> BTreeMap<FieldPath, Cause> {
        let mut causes: BTreeMap<_, _> =
            fields.iter().map(|(path, field)| (FieldPath::of(path), self.cause(field))).collect();
        causes.insert(FieldPath::default(), Cause::App { field: "spec".into(), place: self.place() });
        causes
    }
}

/// What the environment and the world say for one app.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The cluster's name, for marks.
    pub cluster: String,
    /// The Gateway of the app.
    pub gateway: Gateway,
    /// Where its routes attach; `None` for an app without `spec.routing`.
    pub attachment: Option<Attachment>,
    /// Who knows its people; `None` without `spec.auth.enabled`.
    pub identity: Option<Identity>,
}

impl Ground {
    /// The realm in which the app's client is made; `None` where nothing is written to an identity provider.
    pub fn provisioned_realm(&self, app: &App) -> Option<&Realm> {
        self.identity.as_ref()?.realm.as_ref().filter(|_| app.provisions_client())
    }
}

/// The listener of the Gateway that an app's routes attach to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// A listener of its own, with a lock on it.
    Own {
        /// Its port: that of the listener `https`, else 443.
        port: u64,
        /// Its certificate.
        certificate: CertificateSource,
    },
    /// The listener `https`, which others share.
    Shared,
    /// The listener `http`.
    Plain,
}

/// Where the certificate of an own listener comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// cert-manager, by this ClusterIssuer.
    ClusterIssuer(String),
    /// A Secret of the Gateway's namespace, that somebody else keeps.
    Secret(String),
}

/// The identity provider of an app, as the gateway and browsers reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The Keycloak realm; `None` for `generic-oidc`.
    pub realm: Option<Realm>,
    /// Its endpoints.
    pub issuer: IssuerEndpoints,
    /// The client that the gateway logs in with.
    pub client_id: String,
    /// The name of the Secret, beside the app, that holds `client-secret`.
    pub secret: String,
}

/// The realm of the apps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm {
    /// Its name.
    pub name: String,
    /// `https://keycloak.example.com/realms/nebari`: the issuer in tokens.
    pub external: String,
    /// `http://keycloak.keycloak.svc.cluster.local:8080/realms/nebari`, as Envoy reaches it.
    pub internal: String,
}
