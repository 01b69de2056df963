//! An app's route and the policy of its route.

use serde_json::{Value, json};

use super::app::{App, Ground, Realm};
use super::names::{APP_NAME, APP_NAMESPACE, GATEWAY_API, Names};
use crate::resource::{Address, Hand, Resource};

/// Where the gateway answers logins.
pub(crate) const CALLBACK: &str = "/oauth2/callback";

/// The HTTPRoute, open. No rule has a name: a stranger's policy could target it.
pub(super) fn route(app: &App, ground: &Ground) -> Resource {
    let names = Names::of(&app.id);
    let (service, port) = app.service();
    let matches: Vec<Value> =
        app.paths().iter().map(|path| json!({"path": {"type": path.kind, "value": path.prefix}})).collect();
    Resource {
        address: names.route(),
        api_version: "gateway.networking.k8s.io/v1".into(),
        body: json!({
            "metadata": {
                "labels": labels(app),
                "annotations": {"nebari.dev/tls-enabled": "true"},
            },
            "spec": {
                "parentRefs": [{
                    "group": GATEWAY_API, "kind": "Gateway",
                    "name": ground.gateway.name, "namespace": ground.gateway.namespace,
                    "sectionName": names.listener_name(),
                }],
                "hostnames": [app.hostname()],
                "rules": [{
                    "matches": matches,
                    "backendRefs": [{"group": "", "kind": "Service", "name": service, "port": port, "weight": 1}],
                }],
            },
        })
        .into(),
        owner: Some(Address::app(&app.id)),
        hand: Hand::Whole,
        app: Some(app.id.clone()),
        pack: app.pack.clone(),
        causes: app.causes(&[("spec.hostnames", "spec.hostname"), ("spec.rules", "spec.service")]),
    }
}

/// The policy of the route: login, or an explicit Allow where no login is asked.
///
/// Every login policy also carries `jwt` and `authorization` with default Deny, so that a connection from before it, which
/// has no login filter, is denied too. The token must have been issued to this app's own client (`azp`).
pub(super) fn policy(app: &App, ground: &Ground) -> Resource {
    let names = Names::of(&app.id);
    let mut spec = json!({
        "targetRefs": [{"group": GATEWAY_API, "kind": "HTTPRoute", "name": names.route().name}],
        "authorization": {"defaultAction": "Allow"},
    });
    if let (true, Some(realm)) = (app.login(), &ground.realm) {
        spec["oidc"] = oidc(app, realm);
        let cookie = names.access_token_cookie();
        spec["jwt"] = json!({"providers": [{
            "name": "keycloak",
            "issuer": realm.external,
            "remoteJWKS": {"uri": format!("{}/protocol/openid-connect/certs", realm.internal)},
            "extractFrom": {"cookies": [cookie]},
        }]});
        spec["authorization"] = json!({
            "defaultAction": "Deny",
            "rules": [{
                "name": "members",
                "action": "Allow",
                "principal": {"jwt": {
                    "provider": "keycloak",
                    "claims": [{"name": "azp", "valueType": "String", "values": [names.client_id()]}],
                }},
            }],
        });
    }
    Resource {
        address: names.policy(),
        api_version: "gateway.envoyproxy.io/v1alpha1".into(),
        body: json!({"metadata": {"labels": labels(app)}, "spec": spec}).into(),
        owner: Some(Address::app(&app.id)),
        hand: Hand::Whole,
        app: Some(app.id.clone()),
        pack: app.pack.clone(),
        causes: app.causes(&[
            ("spec.oidc", "spec.auth"),
            ("spec.jwt", "spec.auth"),
            ("spec.authorization", "spec.auth"),
            ("spec.oidc.redirectURL", "spec.hostname"),
        ]),
    }
}

/// Endpoints are named: otherwise one unreachable issuer anywhere blocks every change of the gateway for five seconds
/// (envoyproxy/gateway#9235), and logging out logs in again.
fn oidc(app: &App, realm: &Realm) -> Value {
    let names = Names::of(&app.id);
    json!({
        "provider": {
            "issuer": realm.external,
            "authorizationEndpoint": format!("{}/protocol/openid-connect/auth", realm.external),
            "tokenEndpoint": format!("{}/protocol/openid-connect/token", realm.internal),
            "endSessionEndpoint": format!("{}/protocol/openid-connect/logout", realm.external),
        },
        "clientID": names.client_id(),
        "clientSecret": {"group": "", "kind": "Secret", "name": names.secret().name, "namespace": app.id.namespace},
        "redirectURL": format!("https://{}{CALLBACK}", app.hostname()),
        "logoutPath": "/logout",
        "scopes": ["openid", "profile", "email"],
        "refreshToken": true,
        "cookieNames": {"accessToken": names.access_token_cookie()},
    })
}

/// The Go operator's labels, and the two by which derived objects are found.
pub(super) fn labels(app: &App) -> Value {
    json!({
        "app.kubernetes.io/name": "nebariapp",
        "app.kubernetes.io/instance": app.id.name,
        "app.kubernetes.io/managed-by": "nebari-operator",
        APP_NAME: app.id.name,
        APP_NAMESPACE: app.id.namespace,
    })
}
