//! What the environment and the world say for one app. An absent key is unknown, and blocks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::app::{App, Attachment, CertificateSource, Ground, Identity, Realm, Tls};
use super::desired::Desired;
use super::names::{Gateway, Names, listener};
use super::routing::HTTPS;
use crate::api::{Environment, IssuerEndpoints, Listeners, ObjectRef};
use crate::observed::{Live, Observed, World};
use crate::resource::Address;

/// The cluster's name for marks: from the environment, else the uid of kube-system.
pub fn cluster_name(environment: &Environment, world: &World) -> Option<String> {
    environment.cluster.clone().or_else(|| {
        world.get(&Address::cluster_scoped("", "Namespace", "kube-system")).live().map(|live| live.uid.clone())
    })
}

/// What an app stands on, or the reason why it cannot be told.
pub(super) fn ground(app: &App, environment: &Environment, world: &World, desired: &Desired) -> Result<Ground, String> {
    let cluster = cluster_name(environment, world)
        .ok_or_else(|| format!("{}, and Namespace kube-system could not be read", missing("cluster")))?;
    let key = if app.internal() { "gateways.internal" } else { "gateways.public" };
    let gateways = environment.gateways.as_ref();
    let chosen =
        gateways.and_then(|gateways| if app.internal() { &gateways.internal } else { &gateways.public }.as_ref());
    let ObjectRef { namespace, name } = chosen.ok_or_else(|| missing(key))?.clone();
    let gateway = Gateway { namespace, name };
    let live = match world.get(&gateway.address()) {
        Observed::Present(live) => live,
        Observed::Leaving(_) => return Err(format!("{} is being deleted", gateway.address().short())),
        Observed::Absent => {
            return Err(format!("{}, named by the environment, does not exist", gateway.address().short()));
        }
        Observed::Unreadable(reason) => {
            return Err(format!("{} could not be read: {reason}", gateway.address().short()));
        }
    };
    let attachment = if app.routed() { Some(attachment(app, environment, live)?) } else { None };
    let identity = if app.auth() { Some(identity(app, environment, world, desired)?) } else { None };
    Ok(Ground { cluster, gateway, attachment, identity })
}

fn missing(key: &str) -> String {
    format!("the environment does not say `{key}`; set it in ConfigMap packctl-environment or with --environment FILE")
}

/// The listener for an app: its own, unless it has no TLS, or the platform shares one or issues no certificates.
fn attachment(app: &App, environment: &Environment, gateway: &Live) -> Result<Attachment, String> {
    let own = |certificate| Attachment::Own { port: https_port(gateway.value()), certificate };
    match app.tls() {
        Tls::Off => return Ok(Attachment::Plain),
        Tls::Secret(name) => return Ok(own(CertificateSource::Secret(name.to_owned()))),
        Tls::Issued => {}
    }
    if environment.listeners.ok_or_else(|| missing("listeners"))? == Listeners::Shared {
        return Ok(Attachment::Shared);
    }
    match environment.issuer.as_ref().map(|issuer| issuer.cluster_issuer.as_str()) {
        Some("none") => Ok(Attachment::Shared),
        Some(name) => Ok(own(CertificateSource::ClusterIssuer(name.to_owned()))),
        None => Err(missing("issuer.clusterIssuer")),
    }
}

fn identity(app: &App, environment: &Environment, world: &World, desired: &Desired) -> Result<Identity, String> {
    let names = Names::of(&app.id);
    let secret = app.client_secret_ref().map_or_else(|| names.secret().name, str::to_owned);
    let client_id = if app.provisions_client() {
        names.client_id()
    } else {
        given_client_id(app, &secret, world, desired)?.unwrap_or_else(|| names.client_id())
    };
    if app.generic_oidc() {
        let url = app.issuer_url().unwrap_or_default();
        let issuers = environment.issuers.as_ref().ok_or_else(|| missing("issuers"))?;
        let same = |known: &&IssuerEndpoints| known.issuer.trim_end_matches('/') == url.trim_end_matches('/');
        let issuer = issuers.iter().find(same).ok_or_else(|| {
            format!(
                "`spec.auth.issuerURL: {url}` is not among `issuers` of the environment; its endpoints must stand there"
            )
        })?;
        return Ok(Identity { realm: None, issuer: issuer.clone(), client_id, secret });
    }
    let realm = realm(environment).map_err(missing)?;
    let issuer = IssuerEndpoints {
        issuer: realm.external.clone(),
        authorization_endpoint: format!("{}/protocol/openid-connect/auth", realm.external),
        token_endpoint: format!("{}/protocol/openid-connect/token", realm.internal),
        jwks_uri: format!("{}/protocol/openid-connect/certs", realm.internal),
        end_session_endpoint: Some(format!("{}/protocol/openid-connect/logout", realm.external)),
    };
    Ok(Identity { realm: Some(realm), issuer, client_id, secret })
}

/// The key `client-id` of a Secret that somebody else keeps: of the inputs, else the live one; `None` where it has none.
fn given_client_id(app: &App, secret: &str, world: &World, desired: &Desired) -> Result<Option<String>, String> {
    let address = Address::namespaced("", "Secret", &app.id.namespace, secret);
    let value = match (desired.wanted.get(&address), world.get(&address)) {
        (Some(wanted), _) => &wanted.body.value,
        (None, Observed::Present(live) | Observed::Leaving(live)) => live.value(),
        (None, Observed::Absent) => return Ok(None),
        (None, Observed::Unreadable(reason)) => {
            return Err(format!("{}, which holds its client, could not be read: {reason}", address.short()));
        }
    };
    let encoded = value.pointer("/data/client-id").and_then(Value::as_str);
    let bytes = encoded.and_then(|text| STANDARD.decode(text).ok());
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|id| !id.is_empty()))
}

/// The realm, or the key that is missing.
fn realm(environment: &Environment) -> Result<Realm, &'static str> {
    let keycloak = environment.keycloak.as_ref().ok_or("keycloak")?;
    let name = keycloak.realm.clone().ok_or("keycloak.realm")?;
    let url = |base: &str| format!("{}/realms/{name}", base.trim_end_matches('/'));
    Ok(Realm {
        external: url(keycloak.external_url.as_deref().ok_or("keycloak.externalURL")?),
        internal: url(keycloak.url.as_deref().ok_or("keycloak.url")?),
        name,
    })
}

fn https_port(gateway: &Value) -> u64 {
    listener(gateway, HTTPS).and_then(|listener| listener.get("port")?.as_u64()).unwrap_or(443)
}
