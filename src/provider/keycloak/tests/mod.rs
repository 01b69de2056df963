//! The provider against a server of fixed answers. What a real Keycloak does is tested under `tests/`.

mod login;
mod read;
mod write;

use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate, Times};

use super::{Keycloak, Settings};
use crate::observed::{Coverage, ListOf, ReadSet, Reading};
use crate::provider::Provider as _;
use crate::resource::{Secrets, Side};

const TOKEN: &str = "/realms/master/protocol/openid-connect/token";
const CLIENTS: &str = "/admin/realms/nebari/clients";
const PASSWORD: &str = "canary-password";

fn keycloak_at(endpoint: &str, timeout: Duration) -> (Keycloak, Secrets) {
    let secrets = Secrets::default();
    let settings = Settings {
        endpoint: endpoint.into(),
        realm: "nebari".into(),
        username: "admin".into(),
        password: PASSWORD.into(),
        timeout,
    };
    (Keycloak::new(settings, secrets.clone()).expect("settings"), secrets)
}

fn keycloak(server: &MockServer) -> (Keycloak, Secrets) {
    keycloak_at(&server.uri(), Duration::from_secs(2))
}

/// A server that logs in whoever comes.
async fn server() -> MockServer {
    let server = MockServer::start().await;
    let grant =
        json!({"access_token": "canary-access-token", "expires_in": 60, "refresh_token": "canary-refresh-token"});
    answer(&server, "POST", TOKEN, 200, grant, 0..).await;
    server
}

async fn answer(server: &MockServer, verb: &str, at: &str, status: u16, body: Value, times: impl Into<Times>) {
    let template = match body {
        Value::Null => ResponseTemplate::new(status),
        body => ResponseTemplate::new(status).set_body_json(body),
    };
    Mock::given(method(verb)).and(path(at)).respond_with(template).expect(times).mount(server).await;
}

async fn all_clients(keycloak: &Keycloak) -> Reading {
    let mut set = ReadSet::default();
    set.clients("nebari");
    keycloak.read(&set).await
}

/// Reads all clients and expects a reason instead, fit to be printed.
async fn refusal(keycloak: &Keycloak) -> String {
    let reading = all_clients(keycloak).await;
    assert!(reading.objects.is_empty());
    let list = ListOf {
        side: Side::Keycloak { realm: "nebari".into() },
        group: String::new(),
        kind: "client".into(),
        selector: None,
    };
    let Some(Coverage::Unreadable(reason)) = reading.coverage.get(&list) else {
        panic!("{:?}", reading.coverage);
    };
    assert!(!reason.contains("canary") && !reason.contains('\n'), "{reason}");
    reason.clone()
}

async fn paths(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.expect("recording");
    requests.iter().map(|request| format!("{} {}", request.method, request.url.path())).collect()
}
