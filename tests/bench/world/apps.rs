//! Many apps: what people write of them, and every object that packctl makes of it.

use packctl::api::Environment;
use packctl::derive::{Desired, Inputs, derive};
use packctl::diff::wire_body;
use packctl::observed::{Coverage, Kinds, Live, Reading, World};
use packctl::resource::{Address, FieldPath, Hand, PathStep, Resource};
use packctl::yaml::Document;
use serde_json::{Value, json};

/// Kinds of the objects of one app: its own three, and five that are derived.
pub(crate) const KINDS: usize = 8;
const APPS_OF_A_NAMESPACE: usize = 125;

/// So many apps with login on the shared listener of one Gateway.
pub(crate) struct Apps {
    /// Stands before the names of all namespaces.
    pub(crate) prefix: String,
    pub(crate) count: usize,
}

impl Apps {
    pub(crate) fn objects(&self) -> usize {
        self.count * KINDS
    }

    pub(crate) fn gateways(&self) -> String {
        format!("{}-gw", self.prefix)
    }

    /// The namespaces of the apps.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = String> {
        (0..self.count.div_ceil(APPS_OF_A_NAMESPACE)).map(|number| format!("{}-{number}", self.prefix))
    }

    /// What `--environment` reads.
    pub(crate) fn environment(&self) -> Value {
        json!({
            "cluster": "bench",
            "listeners": "shared",
            "issuer": {"clusterIssuer": "selfsigned-issuer"},
            "gateways": {"public": {"namespace": self.gateways(), "name": "gateway"}},
            "keycloak": {
                "url": "http://keycloak.keycloak.svc.cluster.local:8080",
                "externalURL": "https://keycloak.example.test",
                "realm": "nebari",
            },
        })
    }

    /// What is there before the first app: the namespaces and the Gateway.
    pub(crate) fn ground(&self) -> Vec<Value> {
        let all = json!({"namespaces": {"from": "All"}});
        let tls = json!({"mode": "Terminate", "certificateRefs": [{"name": "gateway-tls"}]});
        let namespace = |name: String, labels: Value| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        let mut ground: Vec<Value> =
            self.namespaces().map(|name| namespace(name, json!({"nebari.dev/managed": "true"}))).collect();
        ground.push(namespace(self.gateways(), json!({})));
        ground.push(json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"namespace": self.gateways(), "name": "gateway"},
            "spec": {"gatewayClassName": "envoy-gateway", "listeners": [
                {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": all},
                {"name": "https", "port": 443, "protocol": "HTTPS", "tls": tls, "allowedRoutes": all},
            ]},
        }));
        ground
    }

    /// The manifests of each app.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = [Value; 3]> {
        (0..self.count).map(|number| {
            let name = format!("app-{number}");
            let namespace = format!("{}-{}", self.prefix, number / APPS_OF_A_NAMESPACE);
            let metadata = json!({"name": name, "namespace": namespace});
            [
                json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
                json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {
                    "selector": {"app.kubernetes.io/name": name},
                    "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
                }}),
                json!({"apiVersion": "reconcilers.nebari.dev/v1", "kind": "NebariApp", "metadata": metadata, "spec": {
                    "hostname": format!("{name}.{namespace}.example.test"),
                    "service": {"name": name, "port": 80},
                    "auth": {"enabled": true},
                    "routing": {"routes": [{"pathPrefix": "/"}]},
                }}),
            ]
        })
    }

    /// Everything that packctl wants for these apps, in a world that has nothing but the ground.
    pub(crate) fn desired(&self) -> Desired {
        let file = "apps.yaml".into();
        let documents: Vec<Document> =
            self.manifests().flatten().map(|value| Document::from_value(&file, value)).collect();
        let environment: Environment = serde_json::from_value(self.environment()).expect("it is an environment");
        let mut world = World::default();
        world.kinds = Kinds::platform();
        let second = packctl::observe::second(packctl::observe::Scope::default(), &environment, &world);
        let lists = packctl::observe::first(packctl::api::Environment::NAMESPACE, &packctl::observe::Start::default())
            .lists
            .into_iter()
            .chain(second.lists);
        let objects = self.ground().into_iter().map(|value| {
            let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
            let name = text("/metadata/name").expect("it has a name").to_owned();
            let address = match text("/metadata/namespace") {
                Some(namespace) => Address::namespaced("gateway.networking.k8s.io", "Gateway", namespace, &name),
                None => Address::cluster_scoped("", "Namespace", &name),
            };
            Live::from_value(address, value)
        });
        let secrets = documents.iter().filter_map(|document| {
            let app = document.address(None, &world.kinds)?.as_app()?;
            Some((Address::namespaced("", "Secret", &app.namespace, &format!("{}-oidc-client", app.name)), None))
        });
        let (objects, singles) = (objects.collect(), secrets.collect());
        let coverage = lists.map(|list| (list, Coverage::Complete)).collect();
        world.absorb(Reading { objects, coverage, singles, requests: 0 });
        let inputs = Inputs {
            documents: &documents,
            packs: &[],
            live_apps: false,
            unknown_fields: packctl::api::UnknownFields::Warn,
        };
        let desired = derive(inputs, &environment, &world);
        assert!(desired.blocked.is_empty(), "blocked: {:?}", desired.blocked.first_key_value());
        desired
    }
}

/// The body of an object as packctl applies it; `secret` stands where the value of a client's secret does.
pub(crate) fn body(resource: &Resource, owner_uid: Option<&str>, secret: &str) -> Value {
    let mut body = wire_body(resource, owner_uid);
    for path in resource.body.unknown.keys() {
        let FieldPath(steps) = path;
        let [PathStep::Field(data), PathStep::Field(key)] = steps.as_slice() else { panic!("unknown: {path}") };
        body[data][key] = secret.into();
    }
    body
}

/// A client as Keycloak shows it.
pub(crate) fn client(resource: &Resource, secret: &str) -> Value {
    let mut client = wire_body(resource, None);
    client["id"] = json!(resource.address.name);
    client["secret"] = json!(secret);
    client
}

/// Whether the object is written as a whole, to the API server.
pub(crate) fn is_whole(resource: &Resource) -> bool {
    resource.hand == Hand::Whole
}
