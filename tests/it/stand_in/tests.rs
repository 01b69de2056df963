//! The stand-in on a real API server, with a hand in packctl's place.

use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;
use tokio::time::timeout;

use super::gateway_api::GATEWAY_API;
use super::world::list;
use super::*;
use crate::env::{Env, unique};

/// A Gateway, a namespace with an app's Service, and the names of what packctl would make.
struct Stage {
    client: Client,
    gateways: String,
    apps: String,
    listener: String,
}

impl Stage {
    async fn set() -> (Self, StandIn) {
        let client = Env::get().client().await;
        let (gateways, apps) = (unique("gateways"), unique("apps"));
        let listener = format!("tls-app-{apps}");
        let stage = Self { client: client.clone(), gateways, apps, listener };
        for namespace in [&stage.gateways, &stage.apps] {
            let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            stage.apply_as("platform", Kind::Namespace, object).await;
        }
        let scope = Scope::gateway(&stage.gateways, "gw").guarded(&stage.apps, "app");
        let stand_in = StandIn::start(client, Scope { slowness: Duration::from_millis(60), ..scope }).await;
        stage
            .apply_as(
                "platform",
                Kind::Service,
                json!({
                    "apiVersion": "v1", "kind": "Service",
                    "metadata": {"name": "app", "namespace": stage.apps},
                    "spec": {"ports": [{"name": "http", "port": 80}]},
                }),
            )
            .await;
        let listeners = json!([{
            "name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}},
        }]);
        stage.apply_as("platform", Kind::Gateway, stage.gateway(listeners)).await;
        (stage, stand_in)
    }

    async fn apply(&self, kind: Kind, object: Value) -> Value {
        self.apply_as("packctl", kind, object).await
    }

    async fn apply_as(&self, manager: &str, kind: Kind, object: Value) -> Value {
        let Name { namespace, name } = Name::of(&object);
        let path = kind.path((!namespace.is_empty()).then_some(&namespace));
        let params = PatchParams::apply(manager).force();
        let request = Request::new(path).patch(&name, &params, &Patch::Apply(object)).unwrap();
        self.client.request(request).await.unwrap()
    }

    async fn delete(&self, kind: Kind, namespace: &str, name: &str) {
        let request = Request::new(kind.path(Some(namespace))).delete(name, &DeleteParams::default()).unwrap();
        self.client.request::<Value>(request).await.unwrap();
    }

    async fn get(&self, kind: Kind, namespace: &str, name: &str) -> Value {
        let request = Request::new(kind.path(Some(namespace))).get(name, &kube::api::GetParams::default()).unwrap();
        self.client.request(request).await.unwrap_or_default()
    }

    /// Waits for a condition at the generation of the object, and gives its status and reason.
    async fn condition(&self, kind: Kind, namespace: &str, name: &str, at: &str, condition: &str) -> String {
        let found = async {
            loop {
                let object = self.get(kind, namespace, name).await;
                let found = list(&object, &format!("/status{at}"))
                    .iter()
                    .find(|one| text(one, "/type") == condition && one["observedGeneration"] == generation(&object));
                if let Some(found) = found {
                    return format!("{} {}", text(found, "/status"), text(found, "/reason"));
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = timeout(Duration::from_secs(20), found).await;
        waited.unwrap_or_else(|_| panic!("{kind:?} {namespace}/{name} never says {condition}"))
    }

    /// The same, until it is what is expected: a status may be of a moment before.
    async fn becomes(&self, kind: Kind, namespace: &str, name: &str, at: &str, condition: &str, expected: &str) {
        let becomes = async {
            while self.condition(kind, namespace, name, at, condition).await != expected {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = timeout(Duration::from_secs(20), becomes).await;
        assert!(waited.is_ok(), "{kind:?} {namespace}/{name} never becomes {condition} {expected}");
    }

    async fn policy_becomes(&self, namespace: &str, name: &str, expected: &str) {
        self.becomes(Kind::SecurityPolicy, namespace, name, "/ancestors/0/conditions", "Accepted", expected).await;
    }

    async fn route_becomes(&self, condition: &str, expected: &str) {
        self.becomes(Kind::HttpRoute, &self.apps, "app-route", "/parents/0/conditions", condition, expected).await;
    }

    fn gateway(&self, listeners: Value) -> Value {
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "gw", "namespace": self.gateways},
            "spec": {"gatewayClassName": "envoy-gateway", "listeners": listeners},
        })
    }

    async fn add_listener(&self, admitted: &[&str]) {
        let gateway = self.gateway(json!([{
            "name": self.listener, "hostname": "app.example.test", "port": 443, "protocol": "HTTPS",
            "tls": {"mode": "Terminate", "certificateRefs": [{"name": "app-tls"}]},
            "allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "In", "values": admitted},
            ]}}},
        }]));
        self.apply_as("packctl-app", Kind::Gateway, gateway).await;
    }

    async fn add_certificate(&self) {
        let certificate = json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": {"name": "app-cert", "namespace": self.gateways},
            "spec": {
                "secretName": "app-tls", "dnsNames": ["app.example.test"],
                "issuerRef": {"name": "selfsigned-issuer", "kind": "ClusterIssuer"},
            },
        });
        self.apply(Kind::Certificate, certificate).await;
    }

    async fn add_anchor(&self) {
        let metadata = json!({"name": "packctl-anchor-gw", "namespace": self.gateways});
        let filter = json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "HTTPRouteFilter", "metadata": metadata,
            "spec": {"directResponse": {"statusCode": 404}},
        });
        let policy =
            self.policy(&self.gateways, "packctl-anchor-gw", "packctl-anchor-gw", json!({"defaultAction": "Deny"}));
        let route = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata,
            "spec": {"parentRefs": [{"name": "gw"}], "rules": [{
                "matches": [{"path": {"type": "Exact", "value": "/.well-known/packctl-anchor"}}],
                "filters": [{"type": "ExtensionRef", "extensionRef": {
                    "group": "gateway.envoyproxy.io", "kind": "HTTPRouteFilter", "name": "packctl-anchor-gw",
                }}],
            }]},
        });
        self.apply(Kind::HttpRouteFilter, filter).await;
        self.apply(Kind::SecurityPolicy, policy).await;
        self.apply(Kind::HttpRoute, route).await;
    }

    async fn add_lock(&self) {
        let mut lock =
            self.policy(&self.gateways, &format!("lock-{}", self.listener), "", json!({"defaultAction": "Deny"}));
        lock["spec"]["targetRefs"] =
            json!([{"group": GATEWAY_API, "kind": "Gateway", "name": "gw", "sectionName": self.listener}]);
        self.apply(Kind::SecurityPolicy, lock).await;
    }

    async fn add_login(&self) {
        self.apply(Kind::SecurityPolicy, self.login("app-security")).await;
    }

    async fn add_secret(&self, key: &str) {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app-oidc-client", "namespace": self.apps},
            "data": {key: "c2VjcmV0"},
        });
        self.apply(Kind::Secret, secret).await;
    }

    async fn add_route(&self, weight: u64) {
        let route = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": "app-route", "namespace": self.apps},
            "spec": {
                "parentRefs": [{"name": "gw", "namespace": self.gateways, "sectionName": self.listener}],
                "hostnames": ["app.example.test"],
                "rules": [{"backendRefs": [{"name": "app", "port": 80, "weight": weight}]}],
            },
        });
        self.apply(Kind::HttpRoute, route).await;
    }

    fn policy(&self, namespace: &str, name: &str, route: &str, authorization: Value) -> Value {
        json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "SecurityPolicy",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "targetRefs": [{"group": GATEWAY_API, "kind": "HTTPRoute", "name": route}],
                "authorization": authorization,
            },
        })
    }

    fn login(&self, name: &str) -> Value {
        let claims = json!([{"name": "azp", "values": ["apps-app"]}]);
        let rule = json!({
            "name": "members", "action": "Allow", "principal": {"jwt": {"provider": "keycloak", "claims": claims}},
        });
        let authorization = json!({"defaultAction": "Deny", "rules": [rule]});
        let mut policy = self.policy(&self.apps, name, "app-route", authorization);
        let issuer = "https://keycloak.example.test/realms/nebari";
        policy["spec"]["oidc"] = json!({
            "provider": {
                "issuer": issuer,
                "authorizationEndpoint": format!("{issuer}/protocol/openid-connect/auth"),
                "tokenEndpoint": format!("{issuer}/protocol/openid-connect/token"),
            },
            "clientID": "apps-app",
            "clientSecret": {"name": "app-oidc-client"},
            "redirectURL": "https://app.example.test/oauth2/callback",
        });
        policy["spec"]["jwt"] = json!({"providers": [{
            "name": "keycloak", "issuer": issuer,
            "remoteJWKS": {"uri": format!("{issuer}/protocol/openid-connect/certs")},
        }]});
        policy
    }

    /// Everything in the secure order but the route.
    async fn prepare(&self) {
        self.add_anchor().await;
        self.add_certificate().await;
        self.becomes(Kind::Certificate, &self.gateways, "app-cert", "/conditions", "Ready", "True Ready").await;
        self.add_listener(&[&self.apps, &self.gateways]).await;
        self.becomes(Kind::Gateway, &self.gateways, "gw", "/listeners/1/conditions", "Programmed", "True Programmed")
            .await;
        self.add_lock().await;
        self.policy_becomes(&self.gateways, &format!("lock-{}", self.listener), "True Accepted").await;
        self.add_secret("client-secret").await;
        self.add_login().await;
    }
}

fn told(violations: &[Violation]) -> String {
    violations.iter().map(|violation| format!("{violation}\n")).collect()
}

#[tokio::test]
async fn an_app_made_in_the_secure_order_is_accepted_and_without_violation() {
    let (stage, stand_in) = Stage::set().await;
    stage.prepare().await;
    stage.add_route(0).await;
    stage.route_becomes("Accepted", "True Accepted").await;
    stage.policy_becomes(&stage.apps, "app-security", "True Accepted").await;
    stage.add_route(1).await;
    stage.route_becomes("Accepted", "True Accepted").await;
    stage.route_becomes("ResolvedRefs", "True ResolvedRefs").await;

    let gateway = stage.get(Kind::Gateway, &stage.gateways, "gw").await;
    let attached = |index: usize| gateway["status"]["listeners"][index]["attachedRoutes"].clone();
    assert_eq!((attached(0), attached(1)), (1.into(), 2.into()), "the anchor and the app");
    let at = "/ancestors/0/conditions";
    let lock = format!("lock-{}", stage.listener);
    stage.becomes(Kind::SecurityPolicy, &stage.gateways, &lock, at, "Overridden", "True Overridden").await;
    let tls = stage.get(Kind::Secret, &stage.gateways, "app-tls").await;
    assert_eq!(text(&tls, "/type"), "kubernetes.io/tls");

    assert_eq!(told(&stand_in.violations().await), "");
    assert_eq!(stand_in.opened().await, BTreeSet::from([Name::new(&*stage.apps, "app-route")]));

    stage.delete(Kind::HttpRoute, &stage.apps, "app-route").await;
    stage.delete(Kind::SecurityPolicy, &stage.apps, "app-security").await;
    stage.delete(Kind::SecurityPolicy, &stage.gateways, &lock).await;
    assert_eq!(told(&stand_in.violations().await), "");
}

#[tokio::test]
async fn an_app_opened_early_or_robbed_of_its_policy_is_told() {
    let (stage, stand_in) = Stage::set().await;
    stage.prepare().await;
    stage.add_route(1).await;
    stage.policy_becomes(&stage.apps, "app-security", "True Accepted").await;
    stage.delete(Kind::SecurityPolicy, &stage.apps, "app-security").await;
    stage.delete(Kind::HttpRoute, &stage.apps, "app-route").await;

    let violations = stand_in.violations().await;
    let why: Vec<_> = violations.iter().map(|violation| violation.why.as_str()).collect();
    let policy = format!("{}/app-security", stage.apps);
    assert_eq!(
        why,
        [
            format!("opened before its policy {policy} was accepted: it has no status"),
            format!("open without its policy {policy}"),
        ]
    );
    assert_eq!(violations[0].route, format!("{}/app-route", stage.apps));
    assert!(violations[0].at < violations[1].at);
}

#[tokio::test]
async fn what_is_missing_is_said_and_heals() {
    let (stage, _stand_in) = Stage::set().await;
    let lock = format!("lock-{}", stage.listener);
    stage.add_anchor().await;
    stage.add_lock().await;
    stage.policy_becomes(&stage.gateways, &lock, "False TargetNotFound").await;
    stage.add_route(0).await;
    stage.route_becomes("Accepted", "False NoMatchingParent").await;

    // The anchor's trap: the listener refuses it, and its route says that all is well.
    stage.add_listener(&[&stage.gateways]).await;
    stage.policy_becomes(&stage.gateways, &lock, "True Accepted").await;
    stage.route_becomes("Accepted", "False NotAllowedByListeners").await;
    stage.add_listener(&[&stage.apps]).await;
    stage.route_becomes("Accepted", "False NoReadyListeners").await;
    let at = "/parents/0/conditions";
    stage.becomes(Kind::HttpRoute, &stage.gateways, "packctl-anchor-gw", at, "Accepted", "True Accepted").await;
    let at = "/listeners/1/conditions";
    stage.becomes(Kind::Gateway, &stage.gateways, "gw", at, "ResolvedRefs", "False InvalidCertificateRef").await;
    stage.becomes(Kind::Gateway, &stage.gateways, "gw", at, "Programmed", "False Invalid").await;
    stage.add_certificate().await;
    stage.becomes(Kind::Gateway, &stage.gateways, "gw", at, "Programmed", "True Programmed").await;
    stage.route_becomes("Accepted", "True Accepted").await;

    stage.add_login().await;
    stage.policy_becomes(&stage.apps, "app-security", "False Invalid").await;
    stage.add_secret("another-key").await;
    stage.policy_becomes(&stage.apps, "app-security", "False Invalid").await;
    stage.add_secret("client-secret").await;
    stage.policy_becomes(&stage.apps, "app-security", "True Accepted").await;
    // The second of the two is not the older one, also where the clock has not moved on: its name is the later one.
    stage.apply(Kind::SecurityPolicy, stage.login("tenant")).await;
    stage.policy_becomes(&stage.apps, "tenant", "False Conflicted").await;

    stage.delete(Kind::Service, &stage.apps, "app").await;
    stage.route_becomes("ResolvedRefs", "False BackendNotFound").await;
}

#[tokio::test]
async fn a_policy_without_its_route_has_no_status_and_others_are_left_alone() {
    let (stage, stand_in) = Stage::set().await;
    let other = unique("gateways");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}});
    stage.apply_as("platform", Kind::Namespace, namespace).await;
    let listeners = json!([{"name": "http", "port": 80, "protocol": "HTTP"}]);
    let mut gateway = stage.gateway(listeners);
    gateway["metadata"]["namespace"] = other.clone().into();
    let made = stage.apply_as("platform", Kind::Gateway, gateway).await;
    stage.add_secret("client-secret").await;
    stage.add_login().await;
    stage.condition(Kind::Gateway, &stage.gateways, "gw", "/conditions", "Programmed").await;
    sleep(Duration::from_millis(300)).await;
    let policy = stage.get(Kind::SecurityPolicy, &stage.apps, "app-security").await;
    assert_eq!(policy.get("status"), None);
    let gateway = stage.get(Kind::Gateway, &other, "gw").await;
    assert_eq!(gateway["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    assert_eq!(told(&stand_in.violations().await), "");
    assert_eq!(stand_in.opened().await, BTreeSet::new());
}
