//! Snapshots that people write.

use serde_json::json;

use super::*;
use crate::resource::{AppId, Hand, PackId, Resource};
use crate::schema::Schemas;

const APP: &str = "
apiVersion: reconcilers.nebari.dev/v1
kind: NebariApp
metadata: {name: superset, namespace: analytics}
spec: {hostname: bi.example.com, service: {name: superset, port: 8088}}
";
const ROUTE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: superset-route
  namespace: analytics
  labels: {app.kubernetes.io/name: nebariapp}
  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{}'}
  ownerReferences: [{apiVersion: reconcilers.nebari.dev/v1, kind: NebariApp, name: superset, controller: true}]
spec: {hostnames: [bi.example.com], rules: [{backendRefs: [{name: superset, port: 8088}]}]}
";
const GATEWAY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: nebari-gateway
  namespace: envoy-gateway-system
  labels: {packctl.nebari.dev/pack: someone}
spec:
  gatewayClassName: envoy
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - {name: tls-superset-analytics, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: superset-analytics-tls}]}}
  - {name: tls-other-analytics, port: 443, protocol: HTTPS}
";
const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: {name: superset-oidc-client, namespace: analytics, labels: {app: superset}}
data: {client-id: YW5hbHl0aWNzLXN1cGVyc2V0, client-secret: Y2FuYXJ5LXZhbHVl, cookie: 'packctl-secret:7'}
";
const CLIENT: &str = r#"{"clientId": "analytics/superset", "secret": "canary-value"}"#;

fn handwritten() -> TempDir {
    folder(&[
        ("version.json", "{}"),
        ("environment.yaml", "cluster: prod\n"),
        ("README.md", "# A world"),
        ("kubernetes/reconcilers.nebari.dev/NebariApp/analytics/superset.yaml", APP),
        ("kubernetes/gateway.networking.k8s.io/HTTPRoute/analytics/superset-route.yaml", ROUTE),
        ("kubernetes/gateway.networking.k8s.io/Gateway/envoy-gateway-system/nebari-gateway.yaml", GATEWAY),
        ("kubernetes/core/Secret/analytics/superset-oidc-client.yaml", SECRET),
        (
            "kubernetes/core/Namespace/_cluster/analytics.json",
            r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "analytics", "uid": "u-1"}}"#,
        ),
        ("keycloak/nebari/clients/analytics%2Fsuperset.json", CLIENT),
        ("keycloak/empty/clients/.gitkeep", ""),
    ])
}

#[test]
fn a_handwritten_object_gets_what_a_server_would_add() {
    let dir = handwritten();
    let world = world(&open(dir.path()));
    let find = |address: Address| world.get(&address).live().unwrap_or_else(|| panic!("{address}")).clone();
    let app = find(Address::app(&AppId::new("analytics", "superset")));
    let route = find(Address::namespaced(GATEWAYS, "HTTPRoute", "analytics", "superset-route"));
    let namespace = find(Address::cluster_scoped("", "Namespace", "analytics"));

    assert_eq!(app.uid, "19b50b0b-2793-2ee4-449d-8bba4a19b44b");
    assert_eq!((app.version.as_str(), app.generation(), app.leaving), ("1", 1, false));
    assert_eq!(route.controller(), Some(("NebariApp", "superset", app.uid.as_str())));
    assert_eq!(namespace.uid, "u-1");

    assert!(app.applied_by(Hand::MANAGER).is_none());
    assert_eq!(app.managed()[0].manager, "unknown");
    assert_eq!(
        route.whole()["metadata"]["managedFields"],
        json!([
            {
                "manager": "packctl", "operation": "Apply", "apiVersion": "gateway.networking.k8s.io/v1",
                "fieldsType": "FieldsV1", "fieldsV1": {
                    "f:metadata": {
                        "f:labels": {"f:app.kubernetes.io/name": {}},
                        "f:ownerReferences": {format!("k:{{\"uid\":\"{}\"}}", app.uid): {}},
                    },
                    "f:spec": {"f:hostnames": {}, "f:rules": {}},
                },
            },
            {
                "manager": "unknown", "operation": "Update", "apiVersion": "gateway.networking.k8s.io/v1",
                "fieldsType": "FieldsV1", "fieldsV1": {
                    "f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/last-applied-configuration": {}}},
                },
            },
        ])
    );
}

#[test]
fn a_gateway_is_shared_and_each_apps_listener_has_its_own_manager() {
    let dir = handwritten();
    let world = world(&open(dir.path()));
    let gateway = world.of_kind(GATEWAYS, "Gateway").next().unwrap();
    let hand = Hand::entry("analytics/superset", "listener");
    let leaves = |manager: &str| -> Vec<String> {
        let entry = gateway.managed().iter().find(|entry| entry.manager == manager).unwrap();
        entry.fields.leaves().iter().map(ToString::to_string).collect()
    };
    assert!(gateway.applied_by(Hand::MANAGER).is_none());
    assert!(gateway.applied_by(hand.manager()).is_some());
    assert_eq!(
        leaves(hand.manager()),
        ["name", "port", "protocol", "tls.certificateRefs"]
            .map(|field| format!("spec.listeners[name=tls-superset-analytics].{field}"))
    );
    let rest = leaves("unknown");
    assert!(rest.contains(&"spec.listeners[name=tls-other-analytics].port".into()), "{rest:?}");
    assert!(rest.contains(&"metadata.labels[\"packctl.nebari.dev/pack\"]".into()), "{rest:?}");
    assert!(!rest.iter().any(|path| path.contains("tls-superset")), "{rest:?}");
    assert_eq!(gateway.managed().len(), 2);
}

#[test]
fn what_a_server_wrote_is_taken_as_it_is() {
    let object = "
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  namespace: b
  uid: from-the-server
  resourceVersion: '42'
  labels: {packctl.nebari.dev/pack: x}
  managedFields: [{manager: kubectl, operation: Update, apiVersion: v1, fieldsType: FieldsV1, fieldsV1: {}}]
  ownerReferences: [{apiVersion: v1, kind: Namespace, name: gone, uid: given}, {apiVersion: v1, kind: Node, name: gone}]
data: {a: b}
";
    let dir = folder(&[("kubernetes/core/ConfigMap/b/a.yaml", object)]);
    let world = world(&open(dir.path()));
    let live = world.objects().next().unwrap();
    assert_eq!((live.uid.as_str(), live.version.as_str(), live.generation()), ("from-the-server", "42", 0));
    assert_eq!(live.managed().len(), 1);
    assert_eq!(live.text("/metadata/ownerReferences/0/uid"), Some("given"));
    let node = complete::made_uid(&Address::cluster_scoped("", "Node", "gone"));
    assert_eq!(live.text("/metadata/ownerReferences/1/uid"), Some(node.as_str()));
}

#[test]
fn lists_and_single_objects_say_what_is_known_of_them() {
    let dir = handwritten();
    fs::write(
        dir.path().join("coverage.json"),
        r#"{"kubernetes:core/Secret": "forbidden", "kubernetes:core/Secret[app=superset]": null,
            "kubernetes:core/Secret/analytics/absent": null, "kubernetes:core/Secret/analytics/hidden": "forbidden, too",
            "kubernetes:gateway.networking.k8s.io/HTTPRoute": {"namespaces": ["analytics"], "otherwise": "one only"}}"#,
    )
    .unwrap();
    let snapshot = open(dir.path());
    let secret = |name| Address::namespaced("", "Secret", "analytics", name);
    let route = |namespace| Address::namespaced(GATEWAYS, "HTTPRoute", namespace, "x");
    let mut set = ReadSet::default();
    set.list("", "Secret").list_labelled("", "Secret", "app=superset").list_labelled("", "Secret", "other");
    set.list(GATEWAYS, "HTTPRoute").list("", "Namespace").list("example.com", "Unheard");
    set.clients("nebari").clients("empty").clients("other");
    set.object(secret("superset-oidc-client"))
        .object(secret("absent"))
        .object(secret("hidden"))
        .object(secret("third"));
    set.object(route("analytics")).object(route("elsewhere")).object(Address::cluster_scoped("", "Node", "n"));
    set.object(Address::namespaced("example.com", "Unheard", "a", "b"));
    let reading = read(&snapshot, &set);
    assert_eq!(reading.requests, 0);
    assert_eq!(reading.objects.len(), 4, "{:?}", reading.objects.iter().map(|live| &live.address).collect::<Vec<_>>());

    let mut coverage: BTreeMap<String, String> = BTreeMap::new();
    for (list, how) in &reading.coverage {
        coverage.insert(layout::Subject::List(list.clone()).to_string(), format!("{how:?}"));
    }
    for (address, reason) in &reading.singles {
        coverage.insert(address.to_string(), format!("{reason:?}"));
    }
    let said: Vec<String> = coverage.iter().map(|(subject, how)| format!("{subject} {how}")).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    keycloak:empty/client Complete
    keycloak:nebari/client Complete
    keycloak:other/client Unreadable("the snapshot has no keycloak/other")
    kubernetes:core/Namespace Complete
    kubernetes:core/Node/n None
    kubernetes:core/Secret Unreadable("forbidden")
    kubernetes:core/Secret/analytics/absent None
    kubernetes:core/Secret/analytics/hidden Some("forbidden, too")
    kubernetes:core/Secret/analytics/third Some("forbidden")
    kubernetes:core/Secret[app=superset] Complete
    kubernetes:core/Secret[other] Unreadable("forbidden")
    kubernetes:example.com/Unheard NoSuchKind
    kubernetes:example.com/Unheard/a/b None
    kubernetes:gateway.networking.k8s.io/HTTPRoute Namespaces({"analytics"}, "one only")
    kubernetes:gateway.networking.k8s.io/HTTPRoute/analytics/x None
    kubernetes:gateway.networking.k8s.io/HTTPRoute/elsewhere/x Some("one only")
    "#);
}

#[test]
fn a_label_selector_narrows_a_list() {
    let dir = handwritten();
    let snapshot = open(dir.path());
    for (selector, count) in [("app", 1), ("app=superset", 1), ("app=other", 0), ("other", 0)] {
        let mut set = ReadSet::default();
        set.list_labelled("", "Secret", selector);
        assert_eq!(read(&snapshot, &set).objects.len(), count, "{selector}");
    }
}

#[test]
fn every_broken_file_is_an_error_with_its_line() {
    let dir = folder(&[
        ("version.json", "{\n\"user\": \"alice\"}"),
        ("coverage.json", "{\"Secret\": \"forbidden\"}"),
        ("kubernets/x", ""),
        ("kubernetes/core/Namespace/_cluster/a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: b\n"),
        ("kubernetes/core/Namespace/team/a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"),
        ("kubernetes/core/ConfigMap/_cluster/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
        (
            "kubernetes/core/ConfigMap/team/a.yaml",
            "apiVersion: v2\nkind: Secret\nmetadata:\n  name: a\n  namespace: other\n",
        ),
        ("kubernetes/core/ConfigMap/team/b.yaml", "kind: [\n"),
        ("kubernetes/core/ConfigMap/team/c.yaml", "a: b\n---\nc: d\n"),
        ("kubernetes/core/ConfigMap/team/d.txt", ""),
        ("kubernetes/core/ConfigMap/team/f.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: f}\n"),
        ("kubernetes/core/ConfigMap/team/e.json", "{\"kind\":\n \"ConfigMap\",}"),
        (
            "kubernetes/core/Secret/team/a.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: team}\ndata:\n  good: YQ==\n  bad: canary-value\n  worse: 12345678\n",
        ),
        (
            "kubernetes/core/Secret/team/b.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: b, namespace: team}\nstringData: {x: canary-value}\n",
        ),
        ("kubernetes/example.com/Unheard/team/a.yaml", "a: b"),
        ("kubernetes/stray.yaml", ""),
        ("keycloak/nebari/groups/a.json", "{}"),
        ("keycloak/nebari/clients/a.json", "{\n  \"clientId\": \"b\"\n}"),
        ("crds/a.yaml", "apiVersion: v1\nkind: ConfigMap\n"),
    ]);
    let errors = Snapshot::open(dir.path(), "world/", Secrets::default()).unwrap_err();
    let mut lines: Vec<String> = errors
        .iter()
        .map(|error| match error.place.as_ref().unwrap() {
            place if place.file.ends_with("b.yaml") && !place.file.contains("Secret") => {
                format!("{}: not YAML", place.file)
            }
            place => format!("{place} {}: {}", error.code, error.message),
        })
        .collect();
    lines.sort();
    let all = lines.join("\n");
    assert!(!all.contains("canary") && !all.contains("12345678"), "{all}");
    insta::assert_snapshot!(all, @r#"
    world/coverage.json:1 PK0502: `Secret` is neither a list (kubernetes:GROUP/KIND, keycloak:REALM/KIND) nor an address
    world/crds/a.yaml:2 PK0502: not a CustomResourceDefinition
    world/keycloak/nebari/clients/a.json:2 PK0503: `clientId` is `b`, must be that of the file, `a`
    world/keycloak/nebari/groups:1 PK0503: snapshots hold a realm's clients and nothing else of it
    world/kubernetes/core/ConfigMap/_cluster/a.yaml:3 PK0503: a ConfigMap is in a namespace: its file belongs in the folder of that name
    world/kubernetes/core/ConfigMap/team/a.yaml:1 PK0503: `apiVersion` is `v2`, must be `v1`
    world/kubernetes/core/ConfigMap/team/a.yaml:2 PK0503: `kind` is `Secret`, must be `ConfigMap`
    world/kubernetes/core/ConfigMap/team/a.yaml:5 PK0503: `namespace` is `other`, must be that of the folder, `team`
    world/kubernetes/core/ConfigMap/team/b.yaml: not YAML
    world/kubernetes/core/ConfigMap/team/c.yaml:1 PK0502: 2 documents where a snapshot has one object
    world/kubernetes/core/ConfigMap/team/d.txt:1 PK0503: neither .yaml nor .json
    world/kubernetes/core/ConfigMap/team/e.json:2 PK0502: not the JSON that belongs here: trailing comma at line 2 column 14
    world/kubernetes/core/ConfigMap/team/f.yaml:3 PK0503: `namespace` is missing, must be that of the folder, `team`
    world/kubernetes/core/Namespace/_cluster/a.yaml:4 PK0503: `name` is `b`, must be that of the file, `a`
    world/kubernetes/core/Namespace/team/a.yaml:2 PK0503: a Namespace is in no namespace: its file belongs in `_cluster`
    world/kubernetes/core/Secret/team/a.yaml:6 PK0505: `bad` is neither base64 nor packctl-secret:NUMBER
    world/kubernetes/core/Secret/team/a.yaml:7 PK0505: `worse` is no text
    world/kubernetes/core/Secret/team/b.yaml:4 PK0505: `stringData` is never part of a live Secret: write base64 under `data`
    world/kubernetes/example.com/Unheard:1 PK0504: the snapshot serves no kind Unheard in the group "example.com"
    world/kubernetes/stray.yaml:1 PK0503: a file where a snapshot has folders
    world/kubernets:1 PK0503: a snapshot has no `kubernets`
    world/version.json:2 PK0502: not the JSON that belongs here: unknown field `user`, expected one of `packctl`, `server`, `kubernetes` at line 2 column 6
    "#);
    for (name, shown) in [("absent", "cannot read"), ("empty", "no snapshot")] {
        let dir = folder(&[("empty/.gitkeep", "")]);
        let errors = Snapshot::open(&dir.path().join(name), "world", Secrets::default()).unwrap_err();
        assert_eq!((errors.len(), errors[0].code.as_str()), (1, "PK0501"));
        assert!(errors[0].message.contains(shown) && errors[0].help.is_some(), "{errors:?}");
    }
}

#[test]
fn the_diff_finds_nothing_but_the_missing_hash_on_what_carries_our_marks() {
    let objects = [
        (
            "apps",
            "Deployment",
            "v1",
            json!({"spec": {
                "replicas": 1, "selector": {"matchLabels": {"app": "x"}},
                "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [
                    {"name": "a", "image": "a:1", "ports": [{"containerPort": 80}], "args": ["x"], "env": [{"name": "A", "value": "b"}]},
                ]}},
            }}),
        ),
        (
            "",
            "Service",
            "v1",
            json!({"spec": {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}], "selector": {"app": "x"}}}),
        ),
        ("", "Secret", "v1", json!({"type": "Opaque", "data": {"client-id": "YQ==", "other": "packctl-secret:1"}})),
        (
            "rbac.authorization.k8s.io",
            "RoleBinding",
            "v1",
            json!({
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"},
                "subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": "team"}],
            }),
        ),
        (
            GATEWAYS,
            "HTTPRoute",
            "v1",
            json!({"spec": {
                "hostnames": ["a.example"], "parentRefs": [{"name": "gw", "namespace": "gws"}],
                "rules": [{"backendRefs": [{"name": "x", "port": 80}], "matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}],
            }}),
        ),
        (
            "reconcilers.nebari.dev",
            "NebariApp",
            "v1",
            json!({"spec": {"hostname": "a.example", "service": {"name": "x", "port": 80}}}),
        ),
        ("example.com", "Unheard", "v1", json!({"spec": {"list": [{"a": [1, {"b": null}]}], "empty": {}}})),
    ];
    let mut kinds = Kinds::platform();
    kinds.insert("example.com", "Unheard", "v1", "unheards", true);
    for (group, kind, version, body) in objects {
        let address = Address::namespaced(group, kind, "team", "x");
        let api_version = if group.is_empty() { version.into() } else { format!("{group}/{version}") };
        let mut written = body.clone();
        written["apiVersion"] = json!(api_version);
        written["kind"] = json!(kind);
        written["metadata"] = json!({"name": "x", "namespace": "team", "labels": {PackId::MARK: "hash"}});
        let mut wanted = body;
        wanted["metadata"] = json!({"labels": {PackId::MARK: "hash"}});
        let objects = BTreeMap::from([(address.clone(), written)]);
        let live = complete::complete(objects, &kinds, &Schemas::default()).remove(&address).unwrap();
        let resource = Resource {
            address,
            api_version,
            body: wanted.into(),
            owner: None,
            hand: Hand::Whole,
            app: None,
            pack: None,
            causes: BTreeMap::new(),
        };
        let difference = crate::diff::diff(&resource, &live, None, &Schemas::default());
        assert!(difference.ours, "{kind}");
        let fields: Vec<String> =
            difference.fields.iter().map(|field| format!("{} {:?}", field.path, field.class)).collect();
        assert_eq!(fields, ["metadata.annotations[\"packctl.nebari.dev/declared\"] Drift(Unknown)"], "{kind}");
    }
}
