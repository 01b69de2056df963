//! The policy of each route: login, or an explicit Allow. No route is ever there without one.

use serde_json::{Value, json};

use super::app::{App, Ground, Identity};
use super::names::{GATEWAY_API, Names};
use super::routing::labels;
use crate::resource::{Address, Hand, Resource};

/// The policy of the main route.
///
/// Login off is the same object with Allow: the oldest policy of a route wins, so one that was deleted and made anew would
/// lose to a stranger's.
pub(super) fn policy(app: &App, ground: &Ground) -> Resource {
    let names = Names::of(&app.id);
    let mut spec = allow(&names.route());
    if let (true, Some(identity)) = (app.login(), &ground.identity) {
        let [oidc, jwt, authorization] = login(app, identity);
        spec["oidc"] = oidc;
        spec["jwt"] = jwt;
        spec["authorization"] = authorization;
    }
    let causes = [
        ("spec.oidc", "spec.auth"),
        ("spec.jwt", "spec.auth"),
        ("spec.authorization", "spec.auth"),
        ("spec.oidc.redirectURL", "spec.hostname"),
        ("spec.oidc.scopes", "spec.auth.scopes"),
        ("spec.oidc.forwardAccessToken", "spec.auth.forwardAccessToken"),
        ("spec.oidc.denyRedirect", "spec.auth.denyRedirect"),
    ];
    resource(app, names.policy(), spec, &causes)
}

/// The policy of the route of the paths without login. The lock of the app's listener would deny them.
pub(super) fn public_policy(app: &App) -> Resource {
    let names = Names::of(&app.id);
    resource(app, names.public_policy(), allow(&names.public_route()), &[("spec", "spec.routing.publicRoutes")])
}

fn allow(route: &Address) -> Value {
    json!({
        "targetRefs": [{"group": GATEWAY_API, "kind": "HTTPRoute", "name": route.name}],
        "authorization": {"defaultAction": "Allow"},
    })
}

fn resource(app: &App, address: Address, spec: Value, causes: &[(&str, &str)]) -> Resource {
    Resource {
        address,
        api_version: "gateway.envoyproxy.io/v1alpha1".into(),
        body: json!({"metadata": {"labels": labels(app)}, "spec": spec}).into(),
        owner: Some(Address::app(&app.id)),
        hand: Hand::Whole,
        app: Some(app.id.clone()),
        pack: app.pack.clone(),
        causes: app.causes(causes),
    }
}

/// `oidc`, `jwt` and `authorization` of a login.
///
/// Every login policy also carries `jwt` and `authorization` with default Deny, so that a connection from before it, which
/// has no login filter, is denied too. The token must have been issued to this app's own client: a Keycloak access token says
/// so in `azp`; of another issuer only the id token is known to be readable, whose audience is the client.
fn login(app: &App, identity: &Identity) -> [Value; 3] {
    let names = Names::of(&app.id);
    let (provider, cookie, claim) = match identity.realm {
        Some(_) => ("keycloak", names.access_token_cookie(), json!({"name": "azp", "values": [identity.client_id]})),
        None => ("oidc", names.id_token_cookie(), json!({"name": "iss", "values": [identity.issuer.issuer]})),
    };
    let mut claim = claim;
    claim["valueType"] = json!("String");
    let mut jwt = json!({
        "name": provider,
        "issuer": identity.issuer.issuer,
        "remoteJWKS": {"uri": identity.issuer.jwks_uri},
        "extractFrom": {"cookies": [cookie]},
    });
    if identity.realm.is_none() {
        // As a claim, `aud` may be a text or a list; the provider's own check knows both.
        jwt["audiences"] = json!([identity.client_id]);
    }
    let authorization = json!({
        "defaultAction": "Deny",
        "rules": [{
            "name": "members",
            "action": "Allow",
            "principal": {"jwt": {"provider": provider, "claims": [claim]}},
        }],
    });
    [oidc(app, identity, &cookie), json!({"providers": [jwt]}), authorization]
}

/// Endpoints are named: otherwise one unreachable issuer anywhere blocks every change of the gateway for five seconds
/// (envoyproxy/gateway#9235), and logging out logs in again.
fn oidc(app: &App, identity: &Identity, cookie: &str) -> Value {
    let issuer = &identity.issuer;
    let mut oidc = json!({
        "provider": {
            "issuer": issuer.issuer,
            "authorizationEndpoint": issuer.authorization_endpoint,
            "tokenEndpoint": issuer.token_endpoint,
        },
        "clientID": identity.client_id,
        "clientSecret": {"group": "", "kind": "Secret", "name": identity.secret, "namespace": app.id.namespace},
        "redirectURL": format!("{}{}", app.origin(), app.redirect_path()),
        "logoutPath": "/logout",
        "scopes": app.scopes(),
        "refreshToken": true,
    });
    if let Some(endpoint) = &issuer.end_session_endpoint {
        oidc["provider"]["endSessionEndpoint"] = json!(endpoint);
    }
    let token = if identity.realm.is_some() { "accessToken" } else { "idToken" };
    oidc["cookieNames"] = json!({token: cookie});
    if let Some(forward) = app.forward_access_token() {
        oidc["forwardAccessToken"] = json!(forward);
    }
    let headers: Vec<Value> = app
        .deny_redirect()
        .into_iter()
        .map(|(name, kind, value)| json!({"name": name, "type": kind, "value": value}))
        .collect();
    if !headers.is_empty() {
        oidc["denyRedirect"] = json!({"headers": headers});
    }
    oidc
}
