//! An app's own certificate, listener and lock.

use serde_json::json;

use super::app::{App, Attachment, CertificateSource, Ground};
use super::names::{APP_NAME, APP_NAMESPACE, GATEWAY_API, Names};
use crate::resource::{Hand, Resource};

/// The two labels by which objects outside the app's namespace are found.
pub(super) fn labels(app: &App) -> serde_json::Value {
    json!({
        "app.kubernetes.io/managed-by": "nebari-operator",
        APP_NAME: app.id.name,
        APP_NAMESPACE: app.id.namespace,
    })
}

/// What an app with a listener of its own needs: certificate, listener, lock. Nothing where it shares one.
pub(super) fn own_listener(app: &App, ground: &Ground) -> Vec<Resource> {
    let Some(Attachment::Own { port, certificate: source }) = &ground.attachment else { return Vec::new() };
    let names = Names::of(&app.id);
    match source {
        CertificateSource::ClusterIssuer(issuer) => {
            let secret = names.tls_secret(&ground.gateway).name;
            let certificate = certificate(app, ground, &secret, issuer);
            vec![certificate, listener(app, ground, *port, &secret), lock(app, ground)]
        }
        CertificateSource::Secret(secret) => vec![listener(app, ground, *port, secret), lock(app, ground)],
    }
}

/// The Certificate, in the Gateway's namespace.
fn certificate(app: &App, ground: &Ground, secret: &str, issuer: &str) -> Resource {
    Resource {
        address: Names::of(&app.id).certificate(&ground.gateway),
        api_version: "cert-manager.io/v1".into(),
        body: json!({
            "metadata": {"labels": labels(app)},
            "spec": {
                "secretName": secret,
                "dnsNames": [app.hostname()],
                "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": issuer},
            },
        })
        .into(),
        owner: None,
        hand: Hand::Whole,
        app: Some(app.id.clone()),
        pack: app.pack.clone(),
        causes: app.causes(&[("spec.dnsNames", "spec.hostname")]),
    }
}

/// The listener, one entry of the Gateway.
///
/// It admits the app's namespace and the Gateway's own: the anchor must attach to it.
fn listener(app: &App, ground: &Ground, port: u64, secret: &str) -> Resource {
    let names = Names::of(&app.id);
    let mut namespaces = vec![app.id.namespace.as_str(), ground.gateway.namespace.as_str()];
    namespaces.dedup();
    Resource {
        address: names.listener(&ground.gateway),
        api_version: "gateway.networking.k8s.io/v1".into(),
        body: json!({
            "spec": {"listeners": [{
                "name": names.listener_name(),
                "hostname": app.hostname(),
                "port": port,
                "protocol": "HTTPS",
                "tls": {
                    "mode": "Terminate",
                    "certificateRefs": [{
                        "group": "", "kind": "Secret",
                        "name": secret, "namespace": ground.gateway.namespace,
                    }],
                },
                "allowedRoutes": {"namespaces": {
                    "from": "Selector",
                    "selector": {"matchExpressions": [{
                        "key": "kubernetes.io/metadata.name", "operator": "In", "values": namespaces,
                    }]},
                }},
            }]},
        })
        .into(),
        owner: None,
        hand: Hand::entry(&app.id.to_string(), "listener"),
        app: Some(app.id.clone()),
        pack: app.pack.clone(),
        causes: app.causes(&[("spec.listeners", "spec.hostname")]),
    }
}

/// The lock: whoever reaches the listener without a policy of his own is denied.
fn lock(app: &App, ground: &Ground) -> Resource {
    let names = Names::of(&app.id);
    Resource {
        address: names.lock(&ground.gateway),
        api_version: "gateway.envoyproxy.io/v1alpha1".into(),
        body: json!({
            "metadata": {"labels": labels(app)},
            "spec": {
                "targetRefs": [{
                    "group": GATEWAY_API, "kind": "Gateway",
                    "name": ground.gateway.name, "sectionName": names.listener_name(),
                }],
                "authorization": {"defaultAction": "Deny"},
            },
        })
        .into(),
        owner: None,
        hand: Hand::Whole,
        app: Some(app.id.clone()),
        pack: app.pack.clone(),
        causes: app.causes(&[]),
    }
}
