//! What the environment and the Gateway say for one app. An absent key is unknown, and blocks.

use serde_json::Value;

use super::app::{App, Ground, Realm};
use super::names::Gateway;
use crate::api::{Environment, Listeners};
use crate::observed::{Observed, World};
use crate::resource::Address;

/// The cluster's name for marks: from the environment, else the uid of kube-system.
pub fn cluster_name(environment: &Environment, world: &World) -> Option<String> {
    environment.cluster.clone().or_else(|| {
        world.get(&Address::cluster_scoped("", "Namespace", "kube-system")).live().map(|live| live.uid.clone())
    })
}

/// What an app stands on, or the reason why it cannot be told.
pub(super) fn ground(app: &App, environment: &Environment, world: &World) -> Result<Ground, String> {
    let missing = |key: &str| {
        format!(
            "the environment does not say `{key}`; set it in ConfigMap packctl-environment or with --environment FILE"
        )
    };
    let cluster = cluster_name(environment, world)
        .ok_or_else(|| format!("{}, and Namespace kube-system could not be read", missing("cluster")))?;
    match environment.listeners {
        Some(Listeners::Own) => {}
        Some(Listeners::Shared) => return Err("`listeners: shared` of the environment is not supported yet".into()),
        None => return Err(missing("listeners")),
    }
    let gateways = environment.gateways.as_ref().ok_or_else(|| missing("gateways.public"))?;
    let gateway = gateways.public.as_ref().ok_or_else(|| missing("gateways.public"))?;
    let gateway = Gateway { namespace: gateway.namespace.clone(), name: gateway.name.clone() };
    let cluster_issuer = match environment.issuer.as_ref().map(|issuer| issuer.cluster_issuer.as_str()) {
        Some("none") => return Err("`issuer.clusterIssuer: none` of the environment is not supported yet".into()),
        Some(name) => name.to_owned(),
        None => return Err(missing("issuer.clusterIssuer")),
    };
    let port = match world.get(&gateway.address()) {
        Observed::Present(live) => https_port(live.value()),
        Observed::Leaving(_) => return Err(format!("{} is being deleted", gateway.address().short())),
        Observed::Absent => {
            return Err(format!("{}, named by the environment, does not exist", gateway.address().short()));
        }
        Observed::Unreadable(reason) => {
            return Err(format!("{} could not be read: {reason}", gateway.address().short()));
        }
    };
    let realm = if app.login() { Some(realm(environment).map_err(missing)?) } else { None };
    Ok(Ground { cluster, gateway, port, cluster_issuer, realm })
}

/// The realm, or the key that is missing.
pub(super) fn realm(environment: &Environment) -> Result<Realm, &'static str> {
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
    let listeners = gateway.pointer("/spec/listeners").and_then(Value::as_array);
    listeners
        .into_iter()
        .flatten()
        .find(|listener| listener.get("name").and_then(Value::as_str) == Some("https"))
        .and_then(|listener| listener.get("port")?.as_u64())
        .unwrap_or(443)
}
