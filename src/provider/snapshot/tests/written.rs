//! What a write leaves in the folder.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::*;
use crate::provider::Verb;

const MAPS: &str = "kubernetes/core/ConfigMap/team";
const NAMESPACE: (&str, &str) =
    ("kubernetes/core/Namespace/_cluster/team.yaml", "{apiVersion: v1, kind: Namespace, metadata: {name: team}}");

fn noon() -> Timestamp {
    Timestamp::from_second(1_795_521_600).unwrap()
}

fn apply(snapshot: &Snapshot, address: &Address, api_version: &str, mut body: Value) -> Result<Written, WriteError> {
    if !address.is_keycloak() {
        body["apiVersion"] = api_version.into();
        body["kind"] = address.kind.as_str().into();
        body["metadata"]["name"] = address.name.as_str().into();
        body["metadata"]["namespace"] = json!(address.namespace);
    }
    let verb = Verb::Apply { body, manager: "one".into(), force: false, uid: None, version: None };
    let write = Write { address: address.clone(), api_version: api_version.into(), verb };
    futures::executor::block_on(snapshot.write(&write))
}

fn map(name: &str) -> Address {
    Address::namespaced("", "ConfigMap", "team", name)
}

#[test]
fn the_same_writes_are_the_same_bytes_in_any_order_and_read_back() {
    let writes = [
        ("a", json!({"data": {"on": "yes"}})),
        ("b", json!({"data": {"k": "x\ny\n"}})),
        ("a", json!({"data": {"on": "no"}})),
    ];
    let run = |order: &[usize]| {
        let dir = folder(&[NAMESPACE]);
        let snapshot = open(dir.path()).with_clock(noon);
        for number in order {
            let (name, body) = &writes[*number];
            apply(&snapshot, &map(name), "v1", body.clone()).unwrap();
        }
        let again = open(dir.path());
        assert_eq!(snapshot.state().contents.objects.len(), 3);
        for (address, live) in &snapshot.state().contents.objects {
            assert_eq!(again.state().contents.objects[address].value(), live.value());
        }
        files(dir.path())
    };
    assert_eq!(run(&[0, 1, 2]), run(&[1, 0, 2]));
}

#[test]
fn a_file_keeps_its_name_and_form_and_what_is_not_written_is_not_touched() {
    let (system, other) = (format!("{MAPS}/system:x.json"), format!("{MAPS}/other.yaml"));
    let text = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "system:x", "namespace": "team"}, "data": {"a": "1"}}"#;
    let untouched = "# by hand\n{apiVersion: v1, kind: ConfigMap, metadata: {name: other, namespace: team}}";
    let dir = folder(&[NAMESPACE, (&system, text), (&other, untouched)]);
    let snapshot = open(dir.path());
    apply(&snapshot, &map("system:x"), "v1", json!({"data": {"b": "2"}})).unwrap();
    let files = files(dir.path());
    assert_eq!(files.len(), 3, "{files:?}");
    assert_eq!(files[&other], untouched);
    let written: Value = serde_json::from_str(&files[&system]).unwrap();
    assert_eq!(written["data"], json!({"a": "1", "b": "2"}));
}

#[test]
fn a_secret_is_a_number_in_every_file_that_holds_it() {
    let client =
        r#"{"clientId": "team-app", "id": "1", "secret": "canary-value", "attributes": {"packctl.owner": "x"}}"#;
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: app, namespace: team}, data: {client-secret: Y2FuYXJ5LXZhbHVl, client-id: YQ==}}";
    let other =
        "{apiVersion: v1, kind: Secret, metadata: {name: other, namespace: team}, data: {key: 'packctl-secret:4'}}";
    let (client_file, secret_file) = ("keycloak/nebari/clients/team-app.json", "kubernetes/core/Secret/team/app.yaml");
    let dir = folder(&[
        NAMESPACE,
        (client_file, client),
        (secret_file, secret),
        ("kubernetes/core/Secret/team/other.yaml", other),
    ]);
    let snapshot = open(dir.path());
    let address = Address::namespaced("", "Secret", "team", "app");
    apply(&snapshot, &address, "v1", json!({"metadata": {"labels": {"a": "b"}}})).unwrap();
    let client = Address::client("nebari", "team-new");
    apply(&snapshot, &client, "keycloak", json!({})).unwrap();
    let written = files(dir.path());
    assert!(written.values().all(|text| !text.contains("canary") && !text.contains("Y2FuYXJ5")), "{written:#?}");
    // 4 is taken, so this is the next; the one that Keycloak made is the one after.
    assert!(written[client_file].contains("\"packctl-secret:5\""), "{}", written[client_file]);
    assert!(written[secret_file].contains("packctl-secret:5"), "{}", written[secret_file]);
    assert!(written["keycloak/nebari/clients/team-new.json"].contains("\"packctl-secret:6\""));
    let again = open(dir.path());
    let value =
        |address: &Address, pointer: &str| again.state().contents.objects[address].text(pointer).unwrap().to_owned();
    let held = value(&Address::client("nebari", "team-app"), "/secret");
    assert_eq!(value(&address, "/data/client-secret"), held);
}

#[test]
fn what_cannot_be_written_is_an_error_with_its_file_and_nothing_is_lost() {
    let file = format!("{MAPS}/a.yaml");
    let text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: team}, data: {a: '1'}}";
    let dir = folder(&[NAMESPACE, (&file, text)]);
    let snapshot = open(dir.path());
    // A folder where the new file is to be written: as good as a full disk, also for the administrator.
    let beside = dir.path().join(format!("{MAPS}/.a.yaml.new"));
    fs::create_dir(&beside).unwrap();
    let error = apply(&snapshot, &map("a"), "v1", json!({"data": {"b": "2"}})).unwrap_err();
    let WriteError::Unavailable(reason) = &error else { panic!("{error}") };
    assert!(reason.starts_with(&format!("world/{file}: ")), "{reason}");
    assert_eq!(files(dir.path())[&file], text);
    assert_eq!(snapshot.state().contents.objects[&map("a")].value()["data"], json!({"a": "1"}));
    fs::remove_dir(&beside).unwrap();
    apply(&snapshot, &map("a"), "v1", json!({"data": {"b": "2"}})).unwrap();
    assert_eq!(open(dir.path()).state().contents.objects[&map("a")].value()["data"], json!({"a": "1", "b": "2"}));
}

#[test]
fn of_two_who_write_the_second_is_refused_and_a_folder_keeps_its_rights() {
    let file = format!("{MAPS}/a.yaml");
    let dir = folder(&[NAMESPACE, (&file, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: team}}")]);
    let path = dir.path().join(&file);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let claim = Claim::of(dir.path()).unwrap();
    assert!(Claim::of(dir.path()).unwrap_err().to_string().contains("another packctl"));
    drop(claim);
    let _claim = Claim::of(dir.path()).unwrap();
    apply(&open(dir.path()), &map("a"), "v1", json!({"data": {"b": "2"}})).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn what_a_snapshot_does_not_know_is_not_made_and_what_it_lost_is_known_to_be_gone() {
    let gaps = r#"{"kubernetes:core/Secret": "only objects with the label app were recorded"}"#;
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: app, namespace: team, uid: u, resourceVersion: '7'}}";
    let dir = folder(&[NAMESPACE, ("coverage.json", gaps), ("kubernetes/core/Secret/team/app.yaml", secret)]);
    let snapshot = open(dir.path());
    let address = |name: &str| Address::namespaced("", "Secret", "team", name);
    let error = apply(&snapshot, &address("other"), "v1", json!({})).unwrap_err();
    assert!(matches!(&error, WriteError::Forbidden(why) if why.contains("only objects with the label")), "{error}");
    let verb = Verb::Delete { uid: "u".into(), version: "7".into() };
    let write = Write { address: address("app"), api_version: "v1".into(), verb };
    futures::executor::block_on(snapshot.write(&write)).unwrap();
    let mut set = ReadSet::default();
    set.object(address("app"));
    for snapshot in [snapshot, open(dir.path())] {
        assert_eq!(read(&snapshot, &set).singles.get(&address("app")), Some(&None));
    }
    assert!(!dir.path().join("kubernetes/core/Secret").exists());
}

#[test]
fn other_kinds_versions_and_realms_are_not_found() {
    let dir = folder(&[NAMESPACE]);
    let snapshot = open(dir.path());
    let kind = Address::namespaced("example.com", "Thing", "team", "x");
    let route = Address::namespaced(GATEWAYS, "HTTPRoute", "team", "x");
    for (address, version, says) in [
        (kind, "example.com/v1", "world serves no Thing of example.com"),
        (route, "gateway.networking.k8s.io/v1beta1", "serves HTTPRoute as gateway.networking.k8s.io/v1, not as"),
    ] {
        let error = apply(&snapshot, &address, version, json!({})).unwrap_err();
        assert!(matches!(&error, WriteError::NotFound(why) if why.contains(says)), "{error}");
    }
    let error = apply(&snapshot, &Address::client("other", "x"), "keycloak", json!({})).unwrap_err();
    assert!(matches!(&error, WriteError::Forbidden(why) if why.contains("has no keycloak/other")), "{error}");
}
