use std::collections::BTreeMap;

use serde_json::json;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::resource::Address;

fn client(id: &str, client_id: &str) -> Value {
    json!({"id": id, "clientId": client_id, "secret": format!("canary-of-{id}")})
}

async fn page(server: &MockServer, first: &str, clients: Value) {
    Mock::given(method("GET"))
        .and(path(CLIENTS))
        .and(query_param("first", first))
        .and(query_param("max", "100"))
        .respond_with(ResponseTemplate::new(200).set_body_json(clients))
        .expect(1)
        .mount(server)
        .await;
}

async fn named(server: &MockServer, name: &str, status: u16, clients: Value) {
    Mock::given(method("GET"))
        .and(path(CLIENTS))
        .and(query_param("clientId", name))
        .respond_with(ResponseTemplate::new(status).set_body_json(clients))
        .expect(1)
        .mount(server)
        .await;
}

fn singly(names: &[&str]) -> ReadSet {
    let mut set = ReadSet::default();
    for name in names {
        set.object(Address::client("nebari", name));
    }
    set
}

#[tokio::test]
async fn pages_end_at_the_empty_one_and_a_client_counts_once() {
    let server = server().await;
    page(&server, "0", json!([client("1", "a"), client("2", "b"), client("3", "realm-management")])).await;
    page(&server, "3", json!([client("3", "realm-management"), client("4", "z")])).await;
    page(&server, "5", json!([])).await;
    let (keycloak, _) = keycloak(&server);
    let mut set = singly(&["a", "absent"]);
    set.clients("nebari").list("", "Secret");
    let reading = keycloak.read(&set).await;
    let names: Vec<_> = reading.objects.iter().map(|live| live.address.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "realm-management", "z"]);
    assert_eq!(reading.objects[3].uid, "4");
    assert_eq!(reading.coverage.values().collect::<Vec<_>>(), [&Coverage::Complete]);
    assert_eq!(reading.singles, BTreeMap::new(), "the list has answered");
    assert_eq!(reading.requests, 4);
}

#[tokio::test]
async fn a_list_without_realm_management_is_unreadable() {
    for clients in [json!([]), json!([client("1", "account")])] {
        let server = server().await;
        Mock::given(query_param("first", "0"))
            .respond_with(ResponseTemplate::new(200).set_body_json(clients))
            .mount(&server)
            .await;
        answer(&server, "GET", CLIENTS, 200, json!([]), 0..).await;
        let (keycloak, _) = keycloak(&server);
        let reason = refusal(&keycloak).await;
        assert!(
            reason.contains("sees no client `realm-management`: it lacks view-clients; in realm master"),
            "{reason}"
        );
        let mut set = singly(&["a"]);
        set.clients("nebari");
        let reading = keycloak.read(&set).await;
        assert_eq!(reading.singles[&Address::client("nebari", "a")].as_ref(), Some(&reason));
    }
}

#[tokio::test]
async fn pages_without_end_are_given_up() {
    let server = server().await;
    answer(&server, "GET", CLIENTS, 200, json!([client("1", "realm-management")]), 3).await;
    let (keycloak, _) = keycloak(&server);
    let reason = refusal(&keycloak).await;
    assert!(reason.contains("repeat without end"), "{reason}");
}

#[tokio::test]
async fn reads_are_repeated_on_server_errors_and_no_further() {
    let server = server().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(503)).up_to_n_times(2).mount(&server).await;
    page(&server, "0", json!([client("1", "realm-management")])).await;
    page(&server, "1", json!([])).await;
    let (good, _) = keycloak(&server);
    assert_eq!(all_clients(&good).await.objects.len(), 1);

    let server = super::server().await;
    answer(&server, "GET", CLIENTS, 500, json!({"error": "unknown_error"}), 3).await;
    let (bad, _) = keycloak(&server);
    let reason = refusal(&bad).await;
    assert!(reason.contains("answers 500 for the clients of realm `nebari`: unknown_error"), "{reason}");
}

#[tokio::test]
async fn what_keycloak_refuses_is_explained() {
    for (status, error, expected) in [
        (403, "HTTP 403 Forbidden", "give user `admin` the role view-clients of client `nebari-realm`"),
        (404, "Realm not found.", "has no realm `nebari`: Realm not found."),
        (400, "odd\n\u{1b}[2J\u{202e}canary-access-token", "odd \\u{1b}[2J\\u{202e}(secret)"),
    ] {
        let server = server().await;
        answer(&server, "GET", CLIENTS, status, json!({"error": error}), 1).await;
        let (keycloak, _) = keycloak(&server);
        let reason = refusal(&keycloak).await;
        assert!(reason.contains(expected), "{reason}");
    }
    let server = server().await;
    answer(&server, "GET", CLIENTS, 200, json!({"clients": []}), 1).await;
    let (keycloak, _) = keycloak(&server);
    let reason = refusal(&keycloak).await;
    assert!(reason.contains("answers 200 with no list of clients"), "{reason}");
}

#[tokio::test]
async fn a_single_client_is_absent_only_for_a_credential_that_sees_clients() {
    let server = server().await;
    named(&server, "a b/c&max=0", 200, json!([client("1", "a b/c&max=0")])).await;
    named(&server, "b", 200, json!([client("2", "B")])).await;
    named(&server, "realm-management", 200, json!([client("3", "realm-management")])).await;
    let (seeing, _) = keycloak(&server);
    let reading = seeing.read(&singly(&["a b/c&max=0", "b"])).await;
    assert_eq!(reading.objects.len(), 1);
    assert_eq!(reading.singles, BTreeMap::from([(Address::client("nebari", "b"), None)]));

    let server = super::server().await;
    named(&server, "a", 200, json!([])).await;
    named(&server, "realm-management", 200, json!([])).await;
    let (blind, _) = keycloak(&server);
    let reading = blind.read(&singly(&["a", "b"])).await;
    for name in ["a", "b"] {
        let reason = reading.singles[&Address::client("nebari", name)].as_deref().unwrap_or_default();
        assert!(reason.contains("it lacks view-clients"), "{reason}");
    }
}

#[tokio::test]
async fn other_realms_and_kinds_are_not_called_absent() {
    let server = server().await;
    let (keycloak, _) = keycloak(&server);
    let mut set = ReadSet::default();
    set.clients("other");
    set.object(Address { kind: "group".into(), ..Address::client("nebari", "g") });
    let reading = keycloak.read(&set).await;
    assert!(matches!(reading.coverage.values().next(), Some(Coverage::Unreadable(_))));
    assert!(matches!(reading.singles.values().next(), Some(Some(_))));
    assert_eq!(keycloak.requests(), 0);
}

#[tokio::test]
async fn no_secret_is_kept_with_a_client() {
    let server = server().await;
    let app = json!({
        "id": "1", "clientId": "app", "secret": "canary-secret", "registrationAccessToken": "canary-registration",
        "attributes": {"client.secret.rotated": "canary-rotated", "packctl.owner": "prod/ns/app"},
    });
    page(&server, "0", json!([app, client("2", "realm-management")])).await;
    page(&server, "2", json!([])).await;
    let (keycloak, secrets) = keycloak(&server);
    let reading = all_clients(&keycloak).await;
    let live = &reading.objects[0];
    assert!(!format!("{reading:?}{}{}{keycloak:?}{secrets:?}", live.raw(), live.value()).contains("canary"));
    let placeholder = secrets.intern(b"canary-secret").placeholder();
    assert_eq!(live.text("/secret"), Some(placeholder.as_str()));
    assert_eq!(live.value()["attributes"]["packctl.owner"], "prod/ns/app");
    assert_eq!(secrets.mask("canary-secret canary-registration canary-rotated"), "(secret) (secret) (secret)");
}
