//! An app's Keycloak client, and the Secret that pods and the gateway read.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::app::{App, CALLBACK, Ground, Realm};
use super::names::Names;
use super::routing::labels;
use crate::observed::{Observed, World};
use crate::resource::{Address, Body, Cause, FieldPath, Hand, Resource, SecretId, Unknown};

/// The confidential client: standard flow only, the app's own host only.
///
/// A client that is missing while the app's Secret has a value is made with that value: running pods hold it.
pub(super) fn client(app: &App, ground: &Ground, realm: &Realm, world: &World) -> Resource {
    let names = Names::of(&app.id);
    let origin = app.origin();
    let mut declared = json!({
        "name": format!("{} OIDC Client", app.id.name),
        "protocol": "openid-connect",
        "enabled": true,
        "publicClient": false,
        "clientAuthenticatorType": "client-secret",
        "standardFlowEnabled": true,
        "implicitFlowEnabled": false,
        "directAccessGrantsEnabled": false,
        "serviceAccountsEnabled": false,
        "fullScopeAllowed": false,
        "redirectUris": [format!("{origin}{}", app.redirect_path())],
        "webOrigins": [origin],
        "attributes": {"post.logout.redirect.uris": format!("{origin}/")},
    });
    let record = declared.to_string();
    declared["clientId"] = json!(names.client_id());
    declared["attributes"][Hand::OWNER] = json!(format!("{}/{}", ground.cluster, app.id));
    declared["attributes"][Hand::APPLIED] = json!(record);
    let address = names.client(&realm.name);
    let live = world.get(&address).live();
    // A client that was made public has lost its secret; what the Secret holds is what the pods know.
    if live.is_none_or(|live| live.text("/secret").is_none())
        && let Some(id) = secret_of(world, &names.secret())
    {
        declared["secret"] = json!(id.placeholder());
    }
    Resource {
        address,
        api_version: "keycloak".into(),
        body: declared.into(),
        owner: None,
        hand: Hand::Record,
        app: Some(app.id.clone()),
        pack: app.pack.clone(),
        causes: app.causes(&[
            ("redirectUris", if app.redirect_path() == CALLBACK { "spec.hostname" } else { "spec.auth.redirectURI" }),
            ("webOrigins", "spec.hostname"),
            ("attributes", "spec.hostname"),
        ]),
    }
}

/// The client, when it is missing and the Secret that may hold its value could not be read: another value would break the pods.
pub(super) fn undecided(app: &App, ground: &Ground, world: &World) -> Option<(Address, String)> {
    let names = Names::of(&app.id);
    let client = names.client(&ground.provisioned_realm(app)?.name);
    match (world.get(&client), world.get(&names.secret())) {
        (Observed::Absent, Observed::Unreadable(reason)) => {
            let secret = names.secret();
            Some((client, format!("{}, which may hold its secret, could not be read: {reason}", secret.short())))
        }
        _ => None,
    }
}

fn secret_of(world: &World, secret: &Address) -> Option<SecretId> {
    SecretId::from_placeholder(world.get(secret).live()?.text("/data/client-secret")?)
}

/// The OIDC Secret. Its secret is the client's: Keycloak holds the truth.
pub(super) fn secret(app: &App, realm: &Realm, world: &World) -> Resource {
    let names = Names::of(&app.id);
    let client = names.client(&realm.name);
    let mut data = json!({
        "client-id": STANDARD.encode(names.client_id()),
        "issuer-url": STANDARD.encode(&realm.external),
    });
    let mut unknown = BTreeMap::new();
    let live_client = world.get(&client);
    let known = live_client.live().and_then(|live| live.text("/secret")).map(str::to_owned).or_else(|| {
        // A client that is missing, or has lost its secret, gets the value that the Secret has; while it cannot be read,
        // that value is the best that is known, and nothing is changed because of it.
        secret_of(world, &names.secret()).map(SecretId::placeholder)
    });
    match known {
        Some(placeholder) => data["client-secret"] = Value::String(placeholder),
        None => {
            unknown.insert(FieldPath::of("data").field("client-secret"), Unknown::SecretOf(client));
        }
    }
    let mut causes = app.causes(&[("data", "spec.auth")]);
    causes.insert(FieldPath::of("data").field("client-secret"), Cause::Rule("the secret of the app's Keycloak client"));
    Resource {
        address: names.secret(),
        api_version: "v1".into(),
        body: Body { value: json!({"metadata": {"labels": labels(app)}, "type": "Opaque", "data": data}), unknown },
        owner: Some(Address::app(&app.id)),
        hand: Hand::Whole,
        app: Some(app.id.clone()),
        pack: app.pack.clone(),
        causes,
    }
}

/// The Role that may read the Secret, and its binding to the app's ServiceAccount.
pub(super) fn readers(app: &App) -> [Resource; 2] {
    let names = Names::of(&app.id);
    let resource = |address: Address, rest: Value, causes| {
        let mut body = json!({"metadata": {"labels": labels(app)}});
        if let (Some(body), Value::Object(rest)) = (body.as_object_mut(), rest) {
            body.extend(rest);
        }
        Resource {
            address,
            api_version: "rbac.authorization.k8s.io/v1".into(),
            body: body.into(),
            owner: Some(Address::app(&app.id)),
            hand: Hand::Whole,
            app: Some(app.id.clone()),
            pack: app.pack.clone(),
            causes,
        }
    };
    let role = names.role();
    let binding = json!({
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role.name},
        "subjects": [{"kind": "ServiceAccount", "name": app.service_account(), "namespace": app.id.namespace}],
    });
    let rules = json!({"rules": [{
        "apiGroups": [""], "resources": ["secrets"], "resourceNames": [names.secret().name], "verbs": ["get"],
    }]});
    [
        resource(role, rules, app.causes(&[("rules", "spec.auth")])),
        resource(names.role_binding(), binding, app.causes(&[("subjects", "spec.serviceAccountName")])),
    ]
}
