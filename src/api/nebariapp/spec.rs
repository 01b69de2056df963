//! `spec` of a NebariApp: what an application asks for.
//!
//! Each type stands with its reader, so a field's name, type and limits are in one place.

use std::collections::BTreeMap;

use serde::Serialize;

use super::choices::{GatewayName, HeaderMatch, IdentityProvider, PathType};
use super::reader::{Fields, any_text, boolean, choice, dns_name, integer, list, object, path, text, texts};

/// What an application asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NebariAppSpec {
    /// Fully qualified name that it answers at. Wildcards are not possible.
    pub hostname: String,
    /// The Service that receives the requests.
    pub service: ServiceRef,
    /// How requests reach the Service; absent: no route and no certificate.
    pub routing: Option<Routing>,
    /// Who has to log in, and where.
    pub auth: Option<Auth>,
    /// Which of the platform's Gateways serves it; default `public`.
    pub gateway: Option<GatewayName>,
    /// ServiceAccount that may read the client's Secret; absent: the one with the app's name.
    pub service_account_name: Option<String>,
    /// The tile on the landing page.
    pub landing_page: Option<LandingPage>,
}

/// A Service and one of its ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRef {
    /// Its name.
    pub name: String,
    /// One of its `spec.ports[].port`.
    pub port: u16,
    /// Its namespace; absent: the app's.
    pub namespace: Option<String>,
}

/// How requests reach the Service. Empty: one route that takes every path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Routing {
    /// Paths that are sent to the Service; empty: all.
    pub routes: Option<Vec<RoutePath>>,
    /// Paths without login; they get an HTTPRoute of their own.
    pub public_routes: Option<Vec<RoutePath>>,
    /// Encryption between visitor and gateway.
    pub tls: Option<Tls>,
    /// Annotations of the main HTTPRoute.
    pub annotations: Option<BTreeMap<String, String>>,
}

/// A path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoutePath {
    /// The path; begins with `/`.
    pub path_prefix: String,
    /// How it is compared; absent: `PathPrefix` in `routes`, `Exact` in `publicRoutes`.
    pub path_type: Option<PathType>,
}

/// Encryption between visitor and gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// Served over https; default true.
    pub enabled: Option<bool>,
    /// A Secret with the certificate in the Gateway's namespace; absent: cert-manager issues one.
    pub secret_name: Option<String>,
}

/// Who has to log in, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// Visitors have to log in; default false.
    pub enabled: Option<bool>,
    /// Kind of identity provider; default `keycloak`.
    pub provider: Option<IdentityProvider>,
    /// Path that the identity provider sends visitors back to; absent: `/oauth2/callback`.
    #[serde(rename = "redirectURI")]
    pub redirect_uri: Option<String>,
    /// Secret of a client that somebody else registered.
    pub client_secret_ref: Option<String>,
    /// Scopes that the login asks for; absent: `openid`, `profile`, `email`.
    pub scopes: Option<Vec<String>>,
    /// Groups whose members may use the app; absent: everybody who can log in.
    pub groups: Option<Vec<String>>,
    /// The client is made in the identity provider; default true.
    pub provision_client: Option<bool>,
    /// The gateway asks for the login; default true.
    pub enforce_at_gateway: Option<bool>,
    /// The gateway passes the access token to the Service.
    pub forward_access_token: Option<bool>,
    /// Requests with one of these headers get 401 instead of a redirect to the login.
    pub deny_redirect: Option<Vec<HeaderRule>>,
    /// Issuer of the tokens, for `generic-oidc`.
    #[serde(rename = "issuerURL")]
    pub issuer_url: Option<String>,
    /// A second, public client for code in the browser.
    pub spa_client: Option<SpaClient>,
    /// A second, public client for command line tools.
    pub device_flow_client: Option<Switch>,
    /// What the app needs in Keycloak beside its client.
    pub keycloak_config: Option<KeycloakConfig>,
    /// Other apps may exchange their tokens for one of this app.
    pub token_exchange: Option<Switch>,
}

/// A header of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeaderRule {
    /// Its name.
    pub name: String,
    /// How the value is compared; default `Exact`.
    #[serde(rename = "type")]
    pub kind: Option<HeaderMatch>,
    /// The value.
    pub value: String,
}

/// A public client for code in the browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpaClient {
    /// It is made; default false.
    pub enabled: Option<bool>,
    /// Its id; absent: `NAMESPACE-NAME-spa`.
    pub client_id: Option<String>,
}

/// Something that is on or off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Switch {
    /// It is on; default false.
    pub enabled: Option<bool>,
}

/// What an app needs in Keycloak beside its client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeycloakConfig {
    /// Groups to make.
    pub groups: Option<Vec<KeycloakGroup>>,
    /// Mappers to add to the client.
    pub protocol_mappers: Option<Vec<ProtocolMapper>>,
}

/// A Keycloak group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeycloakGroup {
    /// Its name.
    pub name: String,
    /// Users to add; other members stay.
    pub members: Option<Vec<String>>,
}

/// A mapper of a Keycloak client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProtocolMapper {
    /// Its name, unique in the client.
    pub name: String,
    /// Keycloak's id of its type: `oidc-audience-mapper`.
    pub protocol_mapper: String,
    /// Its settings.
    pub config: Option<BTreeMap<String, String>>,
}

/// A tile on the landing page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LandingPage {
    /// It is shown; default false.
    pub enabled: Option<bool>,
    /// Name on the tile.
    pub display_name: Option<String>,
    /// One sentence below the name.
    pub description: Option<String>,
    /// Icon, a name or a URL.
    pub icon: Option<String>,
    /// Icon on a light background.
    pub icon_light: Option<String>,
    /// Icon on a dark background.
    pub icon_dark: Option<String>,
    /// Group of tiles.
    pub category: Option<String>,
    /// Place in its group; default 100.
    pub priority: Option<u16>,
    /// Where it leads; absent: to the hostname.
    pub external_url: Option<String>,
    /// How the landing page finds out whether the app is well.
    pub health_check: Option<HealthCheck>,
}

/// How the landing page finds out whether an app is well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// It asks; default false.
    pub enabled: Option<bool>,
    /// Path that it requests; default `/health`.
    pub path: Option<String>,
    /// Port that it requests from; absent: the Service's.
    pub port: Option<u16>,
    /// Seconds between two requests; default 30.
    pub interval_seconds: Option<u16>,
    /// Seconds that it waits for an answer; default 5.
    pub timeout_seconds: Option<u16>,
}

pub(super) fn spec(fields: &mut Fields<'_, '_>) -> NebariAppSpec {
    NebariAppSpec {
        hostname: fields.required("hostname", dns_name(1..)),
        service: fields.required("service", object(service)),
        routing: fields.optional("routing", object(routing)),
        auth: fields.optional("auth", object(auth)),
        gateway: fields.optional("gateway", choice),
        service_account_name: fields.optional("serviceAccountName", text(1..)),
        landing_page: fields.optional("landingPage", object(landing_page)),
    }
}

fn service(fields: &mut Fields<'_, '_>) -> ServiceRef {
    ServiceRef {
        name: fields.required("name", text(1..)),
        port: fields.required("port", integer(1..=65535)),
        namespace: fields.optional("namespace", text(1..)),
    }
}

fn routing(fields: &mut Fields<'_, '_>) -> Routing {
    Routing {
        routes: fields.optional("routes", list(object(route))),
        public_routes: fields.optional("publicRoutes", list(object(route))),
        tls: fields.optional("tls", object(tls)),
        annotations: fields.optional("annotations", texts),
    }
}

fn route(fields: &mut Fields<'_, '_>) -> RoutePath {
    RoutePath { path_prefix: fields.required("pathPrefix", path), path_type: fields.optional("pathType", choice) }
}

fn tls(fields: &mut Fields<'_, '_>) -> Tls {
    Tls { enabled: fields.optional("enabled", boolean), secret_name: fields.optional("secretName", dns_name(1..=253)) }
}

fn auth(fields: &mut Fields<'_, '_>) -> Auth {
    let auth = Auth {
        enabled: fields.optional("enabled", boolean),
        provider: fields.optional("provider", choice),
        redirect_uri: fields.optional("redirectURI", any_text),
        client_secret_ref: fields.optional("clientSecretRef", any_text),
        scopes: fields.optional("scopes", list(any_text)),
        groups: fields.optional("groups", list(any_text)),
        provision_client: fields.optional("provisionClient", boolean),
        enforce_at_gateway: fields.optional("enforceAtGateway", boolean),
        forward_access_token: fields.optional("forwardAccessToken", boolean),
        deny_redirect: fields.optional("denyRedirect", list(object(header_rule))),
        issuer_url: fields.optional("issuerURL", any_text),
        spa_client: fields.optional("spaClient", object(spa_client)),
        device_flow_client: fields.optional("deviceFlowClient", object(switch)),
        keycloak_config: fields.optional("keycloakConfig", object(keycloak_config)),
        token_exchange: fields.optional("tokenExchange", object(switch)),
    };
    // The CRD's one CEL rule; it sees defaults, so an absent `enforceAtGateway` passes.
    if auth.forward_access_token == Some(true) && auth.enforce_at_gateway == Some(false) {
        fields.error("forwardAccessToken: true requires enforceAtGateway: true");
    }
    auth
}

fn header_rule(fields: &mut Fields<'_, '_>) -> HeaderRule {
    HeaderRule {
        name: fields.required("name", text(1..)),
        kind: fields.optional("type", choice),
        value: fields.required("value", text(1..)),
    }
}

fn spa_client(fields: &mut Fields<'_, '_>) -> SpaClient {
    SpaClient { enabled: fields.optional("enabled", boolean), client_id: fields.optional("clientId", any_text) }
}

fn switch(fields: &mut Fields<'_, '_>) -> Switch {
    Switch { enabled: fields.optional("enabled", boolean) }
}

fn keycloak_config(fields: &mut Fields<'_, '_>) -> KeycloakConfig {
    KeycloakConfig {
        groups: fields.optional("groups", list(object(keycloak_group))),
        protocol_mappers: fields.optional("protocolMappers", list(object(protocol_mapper))),
    }
}

fn keycloak_group(fields: &mut Fields<'_, '_>) -> KeycloakGroup {
    KeycloakGroup { name: fields.required("name", text(1..)), members: fields.optional("members", list(any_text)) }
}

fn protocol_mapper(fields: &mut Fields<'_, '_>) -> ProtocolMapper {
    ProtocolMapper {
        name: fields.required("name", text(1..)),
        protocol_mapper: fields.required("protocolMapper", text(1..)),
        config: fields.optional("config", texts),
    }
}

fn landing_page(fields: &mut Fields<'_, '_>) -> LandingPage {
    LandingPage {
        enabled: fields.optional("enabled", boolean),
        display_name: fields.optional("displayName", text(..=64)),
        description: fields.optional("description", text(..=256)),
        icon: fields.optional("icon", any_text),
        icon_light: fields.optional("iconLight", any_text),
        icon_dark: fields.optional("iconDark", any_text),
        category: fields.optional("category", any_text),
        priority: fields.optional("priority", integer(0..=1000)),
        external_url: fields.optional("externalUrl", any_text),
        health_check: fields.optional("healthCheck", object(health_check)),
    }
}

fn health_check(fields: &mut Fields<'_, '_>) -> HealthCheck {
    HealthCheck {
        enabled: fields.optional("enabled", boolean),
        path: fields.optional("path", any_text),
        port: fields.optional("port", integer(1..=65535)),
        interval_seconds: fields.optional("intervalSeconds", integer(10..=300)),
        timeout_seconds: fields.optional("timeoutSeconds", integer(1..=30)),
    }
}
