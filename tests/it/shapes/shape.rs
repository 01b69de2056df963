//! The shapes of one app: what its NebariApp and its environment can ask for on the Kubernetes side.

use std::sync::Arc;

use packctl::api::Environment;
use packctl::yaml::{Document, read_all, read_typed};
use serde_json::{Value, json};

/// One shape of an app, `bi/dash` if it is not [called](Shape::called) otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) name: String,
    /// The name of the app.
    app: String,
    spec: Value,
    /// `listeners` of the environment.
    listeners: &'static str,
    /// `issuer.clusterIssuer` of the environment.
    issuer: &'static str,
}

const ENVIRONMENT: &str = include_str!("../../../testdata/scenarios/_shapes/world/environment.yaml");

impl Shape {
    fn new(name: &str, spec: Value) -> Self {
        let mut whole = json!({"hostname": "dash.example.com", "service": {"name": "dash", "port": 8080}});
        merge(&mut whole, spec);
        Self { name: name.to_owned(), app: "dash".into(), spec: whole, listeners: "own", issuer: "letsencrypt" }
    }

    /// The same for another app, on a host of its own.
    pub(crate) fn called(mut self, app: &str) -> Self {
        app.clone_into(&mut self.app);
        self.spec["hostname"] = format!("{app}.example.com").into();
        self
    }

    fn shared(mut self) -> Self {
        self.listeners = "shared";
        self
    }

    fn without_issuer(mut self) -> Self {
        self.issuer = "none";
        self
    }

    fn flag(&self, pointer: &str) -> Option<bool> {
        self.spec.pointer(pointer)?.as_bool()
    }

    /// Whether people must log in at the gateway.
    pub(super) fn login(&self) -> bool {
        self.spec.get("routing").is_some()
            && self.flag("/auth/enabled") == Some(true)
            && self.flag("/auth/enforceAtGateway") != Some(false)
    }

    /// Whether somebody else made its client.
    pub(super) fn brings_client(&self) -> bool {
        self.spec.pointer("/auth/clientSecretRef").is_some() || self.flag("/auth/provisionClient") == Some(false)
    }

    pub(crate) fn environment(&self) -> Environment {
        let mut environment: Environment = read_typed(&"environment.yaml".into(), ENVIRONMENT).expect("an environment");
        let json = json!({"listeners": self.listeners, "issuer": {"clusterIssuer": self.issuer}});
        let choice: Environment = serde_json::from_value(json).expect("an environment");
        environment.listeners = choice.listeners;
        environment.issuer = choice.issuer;
        environment
    }

    /// The NebariApp as it stands in a file.
    pub(crate) fn document(&self) -> Document {
        let app = json!({
            "apiVersion": "reconcilers.nebari.dev/v1", "kind": "NebariApp",
            "metadata": {"name": self.app, "namespace": "bi"},
            "spec": self.spec,
        });
        let file: Arc<str> = "nebariapp.yaml".into();
        read_all(&file, &app.to_string()).expect("JSON is YAML").remove(0)
    }
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// One of each kind. Two shapes differ in one thing, or in several at once.
pub(crate) fn shapes() -> Vec<Shape> {
    let login = json!({"enabled": true});
    let public = json!([{"pathPrefix": "/health"}, {"pathPrefix": "/static", "pathType": "PathPrefix"}]);
    let tls_off = json!({"enabled": false});
    let by_secret = json!({"secretName": "wildcard-example-com"});
    let elsewhere = json!({"name": "store", "namespace": "data"});
    let guarded = |more: Value| {
        let mut spec = json!({"routing": {}, "auth": login});
        merge(&mut spec, more);
        spec
    };
    let open = |more: Value| {
        let mut spec = json!({"routing": {}});
        merge(&mut spec, more);
        spec
    };
    let other = json!({"hostname": "other.example.com"});
    let oidc = json!({
        "provider": "generic-oidc", "issuerURL": "https://login.example.org", "clientSecretRef": "registered-client",
    });
    vec![
        Shape::new("open", open(json!({}))),
        Shape::new("open at another host", open(other.clone())),
        Shape::new("open on the internal gateway", open(json!({"gateway": "internal"}))),
        Shape::new("open on the shared listener", open(json!({}))).shared(),
        Shape::new("open without TLS", open(json!({"routing": {"tls": tls_off}}))),
        Shape::new("open with a backend elsewhere", open(json!({"service": elsewhere}))),
        Shape::new("guarded", guarded(json!({}))),
        Shape::new("guarded at another host", guarded(other.clone())),
        Shape::new("guarded on the internal gateway", guarded(json!({"gateway": "internal"}))),
        Shape::new("guarded on the shared listener", guarded(json!({}))).shared(),
        Shape::new("guarded without an issuer, at another host", guarded(other.clone())).without_issuer(),
        Shape::new("guarded with a certificate of its own", guarded(json!({"routing": {"tls": by_secret}}))),
        Shape::new("guarded with a backend elsewhere", guarded(json!({"service": elsewhere}))),
        Shape::new("guarded with public paths", guarded(json!({"routing": {"publicRoutes": public}}))),
        Shape::new(
            "guarded with other public paths on the shared listener",
            guarded(json!({"routing": {"publicRoutes": [{"pathPrefix": "/about"}]}})),
        )
        .shared(),
        Shape::new(
            "guarded with public paths, elsewhere in everything",
            guarded(json!({
                "hostname": "other.example.com", "gateway": "internal", "service": elsewhere,
                "routing": {"publicRoutes": public, "tls": by_secret},
            })),
        ),
        Shape::new(
            "guarded below some paths, with everything of the login",
            guarded(json!({
                "routing": {"routes": [{"pathPrefix": "/api"}, {"pathPrefix": "/ui", "pathType": "Exact"}]},
                "auth": {
                    "redirectURI": "/api/signed-in", "scopes": ["openid", "email"], "forwardAccessToken": true,
                    "denyRedirect": [{"name": "X-Requested-With", "value": "XMLHttpRequest"}],
                },
                "serviceAccountName": "runner",
            })),
        ),
        Shape::new(
            "guarded by a registered client",
            guarded(json!({"auth": {"clientSecretRef": "registered-client"}})),
        ),
        Shape::new("guarded by another issuer", guarded(json!({"auth": oidc}))),
        Shape::new("asking for the login itself", guarded(json!({"auth": {"enforceAtGateway": false}}))),
        Shape::new(
            "asking for the login itself, without TLS",
            guarded(json!({"auth": {"enforceAtGateway": false}, "routing": {"tls": tls_off}})),
        ),
        Shape::new(
            "asking for the login itself, with public paths at another host",
            guarded(json!({
                "hostname": "other.example.com",
                "auth": {"enforceAtGateway": false}, "routing": {"publicRoutes": public},
            })),
        ),
        Shape::new("without routing", json!({})),
        Shape::new("with a client and without routing", json!({"auth": login})),
    ]
}
