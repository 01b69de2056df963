//! How long the pure stages take, beside a floor measured in the same run: `cargo bench`.
//!
//! The floor of `compare` is decoding the same objects' JSON once: whoever compares must at least have read them. The floor of
//! `plan` is serialising the bodies that it decided on.

use divan::{Bencher, black_box};
use packctl::api::UnknownFields;
use packctl::derive::{Inputs, derive};
use packctl::diff::{diff, wire_body};
use packctl::observed::{Kinds, Live, Reading, World};
use packctl::plan::{Answers, Plan, plan};
use packctl::resource::{Address, Hand, Resource};
use packctl::schema::Schemas;
use packctl::yaml::Document;
use packctl::{check, graph};
use serde_json::{Value, json};

fn main() {
    divan::main();
}

/// An HTTPRoute as packctl writes it.
fn route(number: usize) -> Resource {
    let name = format!("app-{number}-route");
    Resource {
        address: Address::namespaced("gateway.networking.k8s.io", "HTTPRoute", "apps", &name),
        api_version: "gateway.networking.k8s.io/v1".into(),
        body: json!({
            "metadata": {"labels": {"app.kubernetes.io/name": "nebariapp", "app.kubernetes.io/instance": name}},
            "spec": {
                "parentRefs": [{
                    "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gw", "namespace": "gateways",
                    "sectionName": format!("tls-app-{number}-apps"),
                }],
                "hostnames": [format!("app-{number}.example.com")],
                "rules": [{
                    "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                    "backendRefs": [{"group": "", "kind": "Service", "name": "app", "port": 8080, "weight": 1}],
                }],
            },
        })
        .into(),
        owner: None,
        hand: Hand::Whole,
        app: None,
        pack: None,
        causes: [].into(),
    }
}

/// The same as a server returns it after our apply.
fn applied(resource: &Resource) -> String {
    let mut live = wire_body(resource, None);
    let labels = &live["metadata"]["labels"];
    let labels: Value =
        labels.as_object().into_iter().flatten().map(|(key, _)| (format!("f:{key}"), json!({}))).collect();
    live["metadata"]["uid"] = json!("00000000-0000-0000-0000-000000000000");
    live["metadata"]["managedFields"] = json!([{
        "manager": "packctl", "operation": "Apply", "apiVersion": "gateway.networking.k8s.io/v1",
        "fieldsType": "FieldsV1", "fieldsV1": {
            "f:metadata": {"f:labels": labels, "f:annotations": {"f:packctl.nebari.dev/declared": {}}},
            "f:spec": {"f:parentRefs": {}, "f:hostnames": {}, "f:rules": {}},
        },
    }]);
    live.to_string()
}

const OBJECTS: usize = 1_000;

fn objects() -> (Vec<Resource>, Vec<String>) {
    let wanted: Vec<Resource> = (0..OBJECTS).map(route).collect();
    let live = wanted.iter().map(applied).collect();
    (wanted, live)
}

#[divan::bench]
fn compare_floor_decoding_1000_routes(bencher: Bencher<'_, '_>) {
    let (_, live) = objects();
    bencher.bench(|| {
        live.iter().map(|text| serde_json::from_str::<Value>(black_box(text)).is_ok()).filter(|ok| *ok).count()
    });
}

#[divan::bench]
fn compare_1000_unchanged_routes(bencher: Bencher<'_, '_>) {
    let (wanted, live) = objects();
    let schemas = Schemas::default();
    bencher.bench(|| {
        let changed = wanted.iter().zip(&live).filter(|(wanted, text)| {
            let live =
                Live::from_raw(wanted.address.clone(), String::new(), String::new(), false, text.as_str().into());
            !diff(wanted, &live, None, &schemas).fields.is_empty()
        });
        assert_eq!(changed.count(), 0);
    });
}

const APPS: [usize; 2] = [10, 100];

/// A world with a Gateway, a namespace and nothing else, and manifests of so many apps.
fn ground(apps: usize) -> (Vec<Document>, packctl::api::Environment, World) {
    let file = "apps.yaml".into();
    let documents = (0..apps)
        .flat_map(|number| {
            let name = format!("app-{number}");
            [
                json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "apps"},
                       "spec": {"ports": [{"port": 80}]}}),
                json!({"apiVersion": "reconcilers.nebari.dev/v1", "kind": "NebariApp",
                       "metadata": {"name": name, "namespace": "apps"},
                       "spec": {"hostname": format!("{name}.example.com"), "service": {"name": name, "port": 80},
                                "routing": {}, "auth": {"enabled": true}}}),
            ]
        })
        .map(|value| Document::from_value(&file, value))
        .collect();
    let environment = serde_json::from_value(json!({
        "cluster": "bench", "listeners": "shared", "issuer": {"clusterIssuer": "ca"},
        "gateways": {"public": {"namespace": "gateways", "name": "gw"}},
        "keycloak": {"url": "http://keycloak.keycloak.svc:8080", "externalURL": "https://sso.example.com", "realm": "nebari"},
    }))
    .expect("an environment");
    let mut world = World::default();
    world.kinds = Kinds::platform();
    let object = |address: Address, value: Value| Live::from_value(address, value);
    let namespace = Address::cluster_scoped("", "Namespace", "apps");
    let gateways = Address::cluster_scoped("", "Namespace", "gateways");
    let gateway = Address::namespaced("gateway.networking.k8s.io", "Gateway", "gateways", "gw");
    let start = packctl::observe::Start::default();
    let mut scope = packctl::observe::first(packctl::api::Environment::NAMESPACE, &start);
    scope.clients("nebari");
    let second = packctl::observe::second(packctl::observe::Scope::default(), &environment, &world);
    let lists = scope.lists.into_iter().chain(second.lists).chain([service_list()]);
    world.absorb(Reading {
        objects: vec![
            object(gateways, json!({"metadata": {"name": "gateways"}})),
            object(namespace, json!({"metadata": {"name": "apps", "labels": {"nebari.dev/managed": "true"}}})),
            object(
                gateway,
                json!({"metadata": {"name": "gw"}, "spec": {"listeners": [{
                    "name": "https", "port": 443, "protocol": "HTTPS", "allowedRoutes": {"namespaces": {"from": "All"}},
                }]}}),
            ),
        ],
        coverage: lists.map(|list| (list, packctl::observed::Coverage::Complete)).collect(),
        singles: (0..apps)
            .map(|number| (Address::namespaced("", "Secret", "apps", &format!("app-{number}-oidc-client")), None))
            .collect(),
        requests: 0,
    });
    (documents, environment, world)
}

fn service_list() -> packctl::observed::ListOf {
    packctl::observed::ListOf {
        side: packctl::resource::Side::Kubernetes,
        group: String::new(),
        kind: "Service".into(),
        selector: None,
    }
}

fn planned(documents: &[Document], environment: &packctl::api::Environment, world: &World) -> Plan {
    let mut desired = derive(
        Inputs { documents, packs: &[], live_apps: false, unknown_fields: UnknownFields::Warn },
        environment,
        world,
    );
    check::check(&mut desired, environment, world);
    let graph = graph::build(&desired).expect("no cycle");
    plan(&desired, &graph, world, "bench", &Answers::default())
}

#[divan::bench(args = APPS)]
fn plan_new_apps_with_login(bencher: Bencher<'_, '_>, apps: usize) {
    let (documents, environment, world) = ground(apps);
    let plan = planned(&documents, &environment, &world);
    assert!(plan.changes.len() > 7 * apps, "blocked: {:?}; findings: {:?}", plan.blocked, plan.diagnostics);
    bencher.bench(|| planned(&documents, &environment, &world).steps.len());
}

#[divan::bench(args = APPS)]
fn plan_floor_serialising_its_bodies(bencher: Bencher<'_, '_>, apps: usize) {
    let (documents, environment, world) = ground(apps);
    let plan = planned(&documents, &environment, &world);
    let bodies: Vec<Value> =
        plan.changes.values().filter_map(|change| Some(wire_body(change.resource.as_ref()?, None))).collect();
    bencher.bench(|| bodies.iter().map(|body| body.to_string().len()).sum::<usize>());
}
