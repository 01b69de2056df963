//! Snapshots that packctl writes.

use serde_json::{Value, json};

use super::*;
use crate::api::{Environment, Issuer};
use crate::resource::SecretId;

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
    assert_eq!(snapshot.crds(), std::slice::from_ref(&crd));
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
