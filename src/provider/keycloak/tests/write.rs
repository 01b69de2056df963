use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wiremock::matchers::{body_json, method, path, query_param};
use wiremock::{Mock, ResponseTemplate};

use super::*;
use crate::provider::{Verb, Write, WriteError, Written};
use crate::resource::Address;

fn apply(uid: Option<&str>, body: Value) -> Write {
    let verb = Verb::Apply { body, manager: "packctl".into(), force: false, uid: uid.map(Into::into), version: None };
    Write { address: Address::client("nebari", "app"), api_version: "keycloak".into(), verb }
}

fn delete(uid: &str) -> Write {
    let verb = Verb::Delete { uid: uid.into(), version: String::new() };
    Write { address: Address::client("nebari", "app"), api_version: "keycloak".into(), verb }
}

fn body() -> Value {
    json!({"clientId": "app", "redirectUris": ["https://app.example.com/oauth2/callback"]})
}

/// What is found when the client is asked for by its `clientId`.
async fn found(server: &MockServer, clients: Value) {
    Mock::given(method("GET"))
        .and(path(CLIENTS))
        .and(query_param("clientId", "app"))
        .respond_with(ResponseTemplate::new(200).set_body_json(clients))
        .mount(server)
        .await;
}

fn live(written: &Written) -> &crate::observed::Live {
    written.live.as_ref().expect("a live object")
}

#[tokio::test]
async fn a_client_is_created_with_its_secret_and_read_back_without() {
    let server = server().await;
    let (keycloak, secrets) = keycloak(&server);
    let placeholder = secrets.intern(b"canary-secret").placeholder();
    // The placeholder's text anywhere else is a text: replacing it would publish the secret.
    let sent = json!({"clientId": "app", "secret": "canary-secret", "description": &placeholder});
    Mock::given(method("POST"))
        .and(path(CLIENTS))
        .and(body_json(sent))
        .respond_with(ResponseTemplate::new(201))
        .expect(1)
        .mount(&server)
        .await;
    found(&server, json!([{"id": "1", "clientId": "app", "secret": "canary-secret", "enabled": true}])).await;
    let written = keycloak
        .write(&apply(None, json!({"secret": &placeholder, "description": &placeholder})))
        .await
        .expect("written");
    assert!(written.created);
    assert_eq!(live(&written).uid, "1");
    assert_eq!(live(&written).text("/secret"), Some(placeholder.as_str()));
    assert!(!format!("{written:?}").contains("canary"));
}

#[tokio::test]
async fn a_client_is_updated_by_the_owned_fields_alone() {
    let server = server().await;
    let at = format!("{CLIENTS}/a%2Fb");
    Mock::given(method("PUT"))
        .and(path(&*at))
        .and(body_json(body()))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    answer(&server, "GET", &at, 200, json!({"id": "a/b", "clientId": "app", "secret": "canary-secret"}), 1).await;
    let (keycloak, _) = keycloak(&server);
    let written = keycloak.write(&apply(Some("a/b"), body())).await.expect("written");
    assert!(!written.created && !live(&written).raw().contains("canary"));
    assert_eq!(paths(&server).await, [format!("POST {TOKEN}"), format!("PUT {at}"), format!("GET {at}")]);
}

#[tokio::test]
async fn a_client_id_that_is_taken_is_a_change() {
    let taken = json!({"errorMessage": "Client app already exists"});
    let server = server().await;
    answer(&server, "POST", CLIENTS, 409, taken, 1).await;
    found(&server, json!([{"id": "1", "clientId": "app"}])).await;
    let (keycloak, _) = keycloak(&server);
    let error = keycloak.write(&apply(None, body())).await.expect_err("taken");
    assert_eq!(error, WriteError::Changed("client app already exists".into()));

    let server = super::server().await;
    answer(&server, "POST", CLIENTS, 409, json!({"errorMessage": "Duplicate resource error"}), 1).await;
    found(&server, json!([])).await;
    let (keycloak, _) = super::keycloak(&server);
    let error = keycloak.write(&apply(None, body())).await.expect_err("other duplicate");
    assert!(
        matches!(&error, WriteError::Rejected(reason) if reason.starts_with("Duplicate resource error; ")),
        "{error}"
    );
}

#[tokio::test]
async fn refusals_are_told_apart() {
    type Is = fn(&WriteError) -> bool;
    let said = || json!({"errorMessage": "what Keycloak says canary-secret"});
    let cases: [(u16, Value, Is); 9] = [
        (400, said(), |error| matches!(error, WriteError::Rejected(_))),
        (401, said(), |error| matches!(error, WriteError::Forbidden(_))),
        (403, said(), |error| matches!(error, WriteError::Forbidden(reason) if reason.contains("manage-clients"))),
        (404, said(), |error| matches!(error, WriteError::NotFound(_))),
        (500, said(), |error| matches!(error, WriteError::Rejected(_))),
        (503, said(), |error| matches!(error, WriteError::OutcomeUnknown(_))),
        (502, Value::Null, |error| matches!(error, WriteError::OutcomeUnknown(_))),
        (302, Value::Null, |error| matches!(error, WriteError::Unavailable(_))),
        (200, json!({}), |error| matches!(error, WriteError::OutcomeUnknown(_))),
    ];
    for (status, answered, is) in cases {
        let server = server().await;
        let (keycloak, secrets) = keycloak(&server);
        secrets.intern(b"canary-secret");
        // A refused token is worth one more try; nothing else is.
        let tries = if status == 401 { 2 } else { 1 };
        answer(&server, "POST", CLIENTS, status, answered, tries).await;
        let error = keycloak.write(&apply(None, body())).await.expect_err("refused");
        assert!(is(&error), "{status}: {error:?}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn a_delete_of_what_is_gone_is_done() {
    let gone = json!({"error": "Could not find client"});
    let server = server().await;
    let at = format!("{CLIENTS}/1");
    Mock::given(method("DELETE"))
        .and(path(&*at))
        .respond_with(ResponseTemplate::new(204))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    answer(&server, "DELETE", &at, 404, gone, 1).await;
    found(&server, json!([])).await;
    let (keycloak, _) = keycloak(&server);
    for _ in 0..2 {
        let written = keycloak.write(&delete("1")).await.expect("gone");
        assert!(!written.created && written.live.is_none());
    }

    let server = super::server().await;
    answer(&server, "DELETE", &at, 404, json!({"error": "Realm not found."}), 1).await;
    answer(&server, "GET", CLIENTS, 404, json!({"error": "Realm not found."}), 1).await;
    let (keycloak, _) = super::keycloak(&server);
    let error = keycloak.write(&delete("1")).await.expect_err("no realm");
    assert!(matches!(error, WriteError::NotFound(_)), "{error:?}");
}

#[tokio::test]
async fn a_write_is_never_sent_for_what_cannot_be_meant() {
    let server = server().await;
    let (keycloak, secrets) = keycloak(&server);
    let unknown = secrets.intern_placeholder("packctl-secret:0").placeholder();
    for write in [
        apply(None, json!({"clientId": "other"})),
        apply(None, json!("text")),
        apply(None, json!({"secret": unknown})),
        apply(None, json!({"secret": "packctl-secret:99"})),
        apply(Some(".."), body()),
        delete(""),
        Write { address: Address::client("other", "app"), ..delete("1") },
    ] {
        let error = keycloak.write(&write).await.expect_err("not meant");
        assert!(matches!(error, WriteError::Rejected(_) | WriteError::NotFound(_)), "{error:?}");
    }
    assert_eq!(keycloak.requests(), 0);
}

#[tokio::test]
async fn a_write_to_a_server_that_is_down_did_not_happen() {
    let (keycloak, _) = keycloak_at("http://127.0.0.1:1", Duration::from_secs(2));
    let error = keycloak.write(&apply(None, body())).await.expect_err("down");
    assert!(matches!(error, WriteError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn a_lost_answer_is_an_unknown_outcome_and_not_repeated() {
    let server = server().await;
    let slow = ResponseTemplate::new(201).set_delay(Duration::from_secs(5));
    Mock::given(method("POST")).and(path(CLIENTS)).respond_with(slow).expect(1).mount(&server).await;
    let (slow, _) = keycloak_at(&server.uri(), Duration::from_millis(500));
    let error = slow.write(&apply(None, body())).await.expect_err("slow");
    assert!(matches!(error, WriteError::OutcomeUnknown(_)), "{error:?}");

    let (address, writes) = swallowing_server().await;
    let (cut, _) = keycloak_at(&address, Duration::from_secs(2));
    let error = cut.write(&apply(None, body())).await.expect_err("cut");
    assert!(matches!(error, WriteError::OutcomeUnknown(_)), "{error:?}");
    assert_eq!(writes.load(std::sync::atomic::Ordering::SeqCst), 1);
}

/// Answers logins, and closes the connection on everything else.
async fn swallowing_server() -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let writes = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
    let counter = writes.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            if request[..read].starts_with(format!("POST {TOKEN}").as_bytes()) {
                let body = r#"{"access_token":"canary-access-token","expires_in":60}"#;
                let answer =
                    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            } else {
                counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        }
    });
    (address, writes)
}
