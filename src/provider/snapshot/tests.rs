//! A folder becomes a world, and a world a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::api::{Environment, Issuer};
use crate::observed::World;
use crate::resource::{AppId, Hand, SecretId};

const GATEWAYS: &str = "gateway.networking.k8s.io";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (file, text) in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn open(dir: &Path) -> Snapshot {
    Snapshot::open(dir, "world", Secrets::default()).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn read(snapshot: &Snapshot, set: &ReadSet) -> Reading {
    futures::executor::block_on(snapshot.read(set))
}

fn empty_world(snapshot: &Snapshot) -> World {
    let mut world = World::default();
    world.seen = snapshot.seen();
    world.kinds = snapshot.kinds();
    world
}

/// The world of everything that a snapshot's kinds and realms hold.
fn world(snapshot: &Snapshot) -> World {
    let mut set = ReadSet::default();
    for (group, kind) in snapshot.kinds().0.keys() {
        set.list(group, kind);
    }
    for realm in &snapshot.realms {
        set.clients(realm);
    }
    let mut world = empty_world(snapshot);
    world.absorb(read(snapshot, &set));
    world
}

/// Every file with its text.
fn files(dir: &Path) -> BTreeMap<String, String> {
    walkdir::WalkDir::new(dir)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let name = entry.path().strip_prefix(dir).unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

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
    let entries = &route.value()["metadata"]["managedFields"];
    assert_eq!(
        *entries,
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
        .map(|error| format!("{} {}: {}", error.place.as_ref().unwrap(), error.code, error.message))
        .collect();
    lines.sort();
    let all = lines.join("\n");
    assert!(!all.contains("canary") && !all.contains("12345678"), "{all}");
    insta::assert_snapshot!(all, @r#"
    world/coverage.json:1 snapshot-file: `Secret` is neither a list (kubernetes:GROUP/KIND, keycloak:REALM/KIND) nor an address
    world/crds/a.yaml:2 snapshot-file: not a CustomResourceDefinition
    world/keycloak/nebari/clients/a.json:2 snapshot-path: `clientId` is `b`, must be that of the file, `a`
    world/keycloak/nebari/groups:1 snapshot-path: snapshots hold a realm's clients and nothing else of it
    world/kubernetes/core/ConfigMap/_cluster/a.yaml:1 snapshot-path: `namespace` is missing, must be that of a folder: every ConfigMap has one
    world/kubernetes/core/ConfigMap/team/a.yaml:1 snapshot-path: `apiVersion` is `v2`, must be `v1`
    world/kubernetes/core/ConfigMap/team/a.yaml:2 snapshot-path: `kind` is `Secret`, must be `ConfigMap`
    world/kubernetes/core/ConfigMap/team/a.yaml:5 snapshot-path: `namespace` is `other`, must be that of the folder, `team`
    world/kubernetes/core/ConfigMap/team/b.yaml:1 yaml: unclosed bracket '[' at line 1, column 7
    world/kubernetes/core/ConfigMap/team/c.yaml:1 snapshot-file: 2 documents where a snapshot has one object
    world/kubernetes/core/ConfigMap/team/d.txt:1 snapshot-path: neither .yaml nor .json
    world/kubernetes/core/ConfigMap/team/e.json:2 snapshot-file: not the JSON that belongs here: trailing comma at line 2 column 14
    world/kubernetes/core/Namespace/_cluster/a.yaml:4 snapshot-path: `name` is `b`, must be that of the file, `a`
    world/kubernetes/core/Namespace/team/a.yaml:1 snapshot-path: a Namespace has no namespace: it belongs in _cluster
    world/kubernetes/core/Secret/team/a.yaml:6 snapshot-secret: `bad` is neither base64 nor packctl-secret:NUMBER
    world/kubernetes/core/Secret/team/a.yaml:7 snapshot-secret: `worse` is no text
    world/kubernetes/core/Secret/team/b.yaml:4 snapshot-secret: `stringData` is never part of a live Secret: write base64 under `data`
    world/kubernetes/example.com/Unheard:1 snapshot-kind: the snapshot serves no kind Unheard in the group "example.com"
    world/kubernetes/stray.yaml:1 snapshot-path: a file where a snapshot has folders
    world/kubernets:1 snapshot-path: a snapshot has no `kubernets`
    world/version.json:2 snapshot-file: not the JSON that belongs here: unknown field `user`, expected one of `packctl`, `server`, `kubernetes` at line 2 column 6
    "#);
    for (name, shown) in [("absent", "cannot read"), ("empty", "no snapshot")] {
        let dir = folder(&[("empty/.gitkeep", "")]);
        let errors = Snapshot::open(&dir.path().join(name), "world", Secrets::default()).unwrap_err();
        assert_eq!((errors.len(), errors[0].code.as_str()), (1, "snapshot-missing"));
        assert!(errors[0].message.contains(shown) && errors[0].help.is_some(), "{errors:?}");
    }
}

#[test]
fn a_snapshot_refuses_every_write() {
    let dir = handwritten();
    let snapshot = open(dir.path());
    let write = Write {
        address: Address::client("nebari", "x"),
        api_version: "keycloak".into(),
        verb: crate::provider::Verb::Delete { uid: "u".into(), version: String::new() },
    };
    let error = futures::executor::block_on(snapshot.write(&write)).unwrap_err();
    assert_eq!(error.to_string(), "rejected: a snapshot is read only; apply --snapshot comes later");
}

/// A world as providers give it: items of lists lack `apiVersion` and `kind`, secrets are ids of the run.
fn live_world(secrets: &Secrets) -> World {
    let first = secrets.intern(b"never recorded").placeholder();
    let second = secrets.intern(b"canary-value").placeholder();
    assert_eq!((first.as_str(), second.as_str()), ("packctl-secret:0", "packctl-secret:1"));
    let object = |address: Address, value: Value| Live::from_value(address, value);
    let metadata = |name: &str| json!({"name": name, "namespace": "team", "uid": name, "resourceVersion": "7", "managedFields": []});
    let mut set = ReadSet::default();
    set.list("", "ConfigMap").list("", "Namespace").clients("nebari").clients("down");
    set.list_labelled("", "Secret", "app").object(Address::namespaced("", "Secret", "team", "asked"));
    let mut coverage: BTreeMap<ListOf, Coverage> =
        set.lists.iter().map(|list| (list.clone(), Coverage::Complete)).collect();
    for (list, how) in &mut coverage {
        match (&list.side, list.kind.as_str()) {
            (Side::Keycloak { realm }, _) if realm == "down" => {
                *how = Coverage::Unreadable("password canary-value is wrong".into())
            }
            (_, "Namespace") => *how = Coverage::Namespaces(["team".into()].into(), "forbidden".into()),
            _ => {}
        }
    }
    let mut named = metadata("named");
    named["labels"] = json!({"app": "x"});
    let mut world = World::default();
    world.seen.server = "https://10.0.0.1:6443".into();
    for (kind, plural, namespaced) in [
        ("ConfigMap", "configmaps", true),
        ("Namespace", "namespaces", false),
        ("Pod", "pods", true),
        ("Secret", "secrets", true),
    ] {
        world.kinds.insert("", kind, "v1", plural, namespaced);
    }
    let long = "n".repeat(253);
    world.absorb(Reading {
        objects: vec![
            object(
                Address::client("nebari", "https://spa.example/ü"),
                json!({"id": "1", "clientId": "https://spa.example/ü", "secret": second, "registrationAccessToken": "new-canary-value"}),
            ),
            object(Address::namespaced("", "Secret", "team", "named"), json!({"metadata": named, "data": {"z": second, "a": first, "client-id": "YQ=="}})),
            object(
                Address::namespaced("", "ConfigMap", "team", "c"),
                json!({"metadata": metadata("c"), "data": {"url": "postgres://u:canary-value@db", "text": "yes", "lines": "a\nb: c\n", "number": "0123", "control": "\u{1b}[31m"}}),
            ),
            object(Address::namespaced("", "ConfigMap", "team", &long), json!({"metadata": metadata(&long)})),
            object(
                Address::namespaced("", "Secret", "team", "asked"),
                json!({"metadata": metadata("asked"), "data": {"raw": "bmV3LWNhbmFyeS12YWx1ZQ==", "same": second}}),
            ),
        ],
        coverage,
        singles: BTreeMap::from([
            (Address::namespaced("", "Secret", "team", "absent"), None),
            (Address::namespaced("", "ConfigMap", "team", "absent"), None),
            (Address::namespaced("", "Pod", "team", "hidden"), Some("forbidden".into())),
        ]),
        requests: 5,
    });
    world
}

fn extras() -> (Value, Environment) {
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "xs.example.com"}, "spec": {}});
    let issuer = Some(Issuer { cluster_issuer: "letsencrypt".into() });
    (crd, Environment { cluster: Some("prod".into()), issuer, ..Environment::default() })
}

#[test]
fn a_recorded_world_reads_back_as_it_was_and_holds_no_secret() {
    let parent = tempfile::tempdir().unwrap();
    let (crd, environment) = extras();
    let secrets = Secrets::default();
    let world = live_world(&secrets);
    let extras = Extras { kubernetes_version: Some("v1.34.1"), crds: std::slice::from_ref(&crd) };
    let dir = parent.path().join("deep/world");
    assert_eq!(record(&dir, &world, Some(&environment), extras, &secrets).unwrap(), 5);
    let written = files(&dir);
    for (file, text) in &written {
        for canary in ["canary", "Y2FuYXJ5", "never recorded"] {
            assert!(!text.contains(canary), "{file}: {text}");
        }
    }
    let names: Vec<&str> = written.keys().map(String::as_str).filter(|name| !name.contains("nnnn")).collect();
    assert_eq!(
        names,
        [
            "apis.json",
            "coverage.json",
            "crds/xs.example.com.yaml",
            "environment.yaml",
            "keycloak/nebari/clients/https%3A%2F%2Fspa.example%2F%C3%BC.json",
            "kubernetes/core/ConfigMap/team/c.yaml",
            "kubernetes/core/Secret/team/asked.yaml",
            "kubernetes/core/Secret/team/named.yaml",
            "version.json",
        ]
    );
    insta::assert_snapshot!(written["kubernetes/core/Secret/team/named.yaml"], @r#"
    apiVersion: v1
    data:
      a: packctl-secret:3
      client-id: YQ==
      z: packctl-secret:2
    kind: Secret
    metadata:
      labels:
        app: x
      managedFields: []
      name: named
      namespace: team
      resourceVersion: "7"
      uid: named
    "#);
    insta::assert_snapshot!(written["kubernetes/core/Secret/team/asked.yaml"], @r#"
    apiVersion: v1
    data:
      raw: packctl-secret:1
      same: packctl-secret:2
    kind: Secret
    metadata:
      managedFields: []
      name: asked
      namespace: team
      resourceVersion: "7"
      uid: asked
    "#);
    insta::assert_snapshot!(written["coverage.json"], @r#"
    {
      "keycloak:down/client": "password (secret) is wrong",
      "kubernetes:core/Namespace": {
        "namespaces": [
          "team"
        ],
        "otherwise": "forbidden"
      },
      "kubernetes:core/Pod": "it was not recorded",
      "kubernetes:core/Pod/team/hidden": "forbidden",
      "kubernetes:core/Secret": "only objects with the label app were recorded",
      "kubernetes:core/Secret/team/absent": null,
      "kubernetes:core/Secret[app]": null
    }
    "#);
    insta::assert_snapshot!(format!("{}{}", written["version.json"], written["environment.yaml"]), @r#"
    {
      "packctl": "0.1.0",
      "server": "https://10.0.0.1:6443",
      "kubernetes": "v1.34.1"
    }
    cluster: prod
    issuer:
      clusterIssuer: letsencrypt
    "#);

    // Another run, whose table has other numbers, writes the same bytes.
    let again = parent.path().join("again");
    let other = Secrets::default();
    record(&again, &live_world(&other), Some(&environment), extras, &other).unwrap();
    assert_eq!(files(&again), written);

    // What is read back answers as the server did.
    let secrets = Secrets::default();
    secrets.intern(b"shifts all numbers");
    let snapshot = Snapshot::open(&dir, "world", secrets.clone()).unwrap();
    assert_eq!(snapshot.kinds(), world.kinds);
    assert_eq!(snapshot.kubernetes_version(), Some("v1.34.1"));
    assert_eq!(snapshot.recorded_server(), Some("https://10.0.0.1:6443"));
    assert_eq!(snapshot.crds(), [crd.clone()]);
    let environment_text = snapshot.environment_text().unwrap();
    assert_eq!(environment_text.0, "world/environment.yaml");
    let mut set = ReadSet::default();
    set.lists.extend(world.coverages().map(|(list, _)| list.clone()));
    set.objects.extend(world.singles().map(|(address, _)| address.clone()));
    set.object(Address::namespaced("", "Secret", "team", "asked"));
    let mut replayed = empty_world(&snapshot);
    replayed.absorb(read(&snapshot, &set));
    let addresses = |world: &World| world.objects().map(|live| live.address.clone()).collect::<Vec<_>>();
    assert_eq!(addresses(&replayed), addresses(&world));
    for (address, _) in world.singles() {
        assert_eq!(
            format!("{:?}", replayed.get(address)),
            format!("{:?}", world.get(address)).replace("canary-value", "(secret)")
        );
    }
    let unasked = read(&snapshot, ReadSet::default().list("", "Pod").list("", "Secret"));
    assert!(unasked.coverage.values().all(|how| matches!(how, Coverage::Unreadable(_))), "{unasked:?}");
    let texts = Address::namespaced("", "ConfigMap", "team", "c");
    let data = |world: &World| world.get(&texts).live().unwrap().value()["data"].to_string();
    assert_eq!(data(&replayed), data(&world).replace("canary-value", "(secret)"));
    let named = replayed.get(&Address::namespaced("", "Secret", "team", "named")).live().unwrap().clone();
    let asked = replayed.get(&Address::namespaced("", "Secret", "team", "asked")).live().unwrap().clone();
    assert_eq!(named.text("/data/z"), asked.text("/data/same"));
    assert_ne!(named.text("/data/z"), named.text("/data/a"));
    assert!(SecretId::from_placeholder(named.text("/data/z").unwrap()).is_some());

    // Recording what was read back changes nothing but where it was from.
    let third = parent.path().join("third");
    record(&third, &replayed, Some(&environment), extras, &secrets).unwrap();
    let differing: Vec<String> = files(&third)
        .into_iter()
        .filter(|(name, text)| written.get(name) != Some(text))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(differing, ["version.json"]);
}

#[test]
fn recording_replaces_a_snapshot_and_nothing_else() {
    let parent = tempfile::tempdir().unwrap();
    let secrets = Secrets::default();
    let world = live_world(&secrets);
    let write = |dir: &Path| record(dir, &world, None, Extras::default(), &secrets);
    let names = || {
        let mut names: Vec<_> = fs::read_dir(parent.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };

    let empty = parent.path().join("empty");
    fs::create_dir(&empty).unwrap();
    write(&empty).unwrap();
    fs::create_dir_all(empty.join("kubernetes/core/ConfigMap/old")).unwrap();
    write(&empty).unwrap();
    assert!(!empty.join("kubernetes/core/ConfigMap/old").exists());

    let other = parent.path().join("other");
    fs::create_dir_all(other.join("src")).unwrap();
    fs::write(parent.path().join("file"), "x").unwrap();
    fs::create_dir(empty.join(".git")).unwrap();
    for (name, expected) in [("other", "not a snapshot"), ("file", "it is a file"), ("empty", "`.git`")] {
        let error = write(&parent.path().join(name)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(other.join("src").exists() && empty.join(".git").exists() && empty.join("version.json").exists());

    // A recording that fails half-way leaves what was there.
    fs::remove_dir(empty.join(".git")).unwrap();
    let before = (files(&empty), names());
    let mut broken = live_world(&Secrets::default());
    let address = Address::namespaced("", "Pod", "team", "broken");
    let live = Live::from_raw(address, "u".into(), "1".into(), false, "<html>".into());
    broken.absorb(Reading { objects: vec![live], ..Reading::default() });
    let error = record(&empty, &broken, None, Extras::default(), &secrets).unwrap_err();
    assert_eq!(error.to_string(), "kubernetes:core/Pod/team/broken is no JSON object");
    assert_eq!((files(&empty), names()), before);
}

#[test]
fn a_cluster_that_was_down_is_not_an_empty_cluster() {
    let parent = tempfile::tempdir().unwrap();
    let mut world = World::default();
    let mut set = ReadSet::default();
    set.list("", "Secret");
    let coverage = set.lists.iter().map(|list| (list.clone(), Coverage::Unreadable("refused".into()))).collect();
    world.absorb(Reading { coverage, ..Reading::default() });
    let dir = parent.path().join("world");
    record(&dir, &world, None, Extras::default(), &Secrets::default()).unwrap();
    let snapshot = open(&dir);
    let reading = read(&snapshot, set.list(GATEWAYS, "HTTPRoute").clients("nebari"));
    assert!(reading.coverage.values().all(|how| matches!(how, Coverage::Unreadable(_))), "{reading:?}");
}
