use std::time::Duration;

use serde_json::json;
use wiremock::matchers::{body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

fn token(name: &str, expires_in: u64) -> Value {
    json!({"access_token": name, "expires_in": expires_in, "refresh_token": format!("renew-{name}")})
}

async fn grant(server: &MockServer, form: &str, status: u16, body: Value, times: u64) {
    Mock::given(method("POST"))
        .and(path(TOKEN))
        .and(body_string_contains(form))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .up_to_n_times(times)
        .expect(times)
        .mount(server)
        .await;
}

async fn clients_for(server: &MockServer, token: &str, status: u16, body: Value) {
    Mock::given(method("GET"))
        .and(path(CLIENTS))
        .and(header("authorization", format!("Bearer {token}")))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(server)
        .await;
}

#[tokio::test]
async fn one_login_serves_requests_at_the_same_time() {
    let server = MockServer::start().await;
    grant(&server, "grant_type=password", 200, token("t1", 60), 1).await;
    clients_for(&server, "t1", 200, json!([])).await;
    let (keycloak, _) = keycloak(&server);
    futures::join!(refusal(&keycloak), refusal(&keycloak), refusal(&keycloak));
    assert_eq!(keycloak.requests(), 4);
    assert_eq!(format!("{keycloak:?}"), format!("Keycloak({}, realm nebari, user admin)", server.uri()));
}

#[tokio::test]
async fn an_expired_token_is_renewed_and_an_ended_session_logs_in_again() {
    let server = MockServer::start().await;
    let ended = json!({"error": "invalid_grant", "error_description": "Session not active"});
    grant(&server, "grant_type=password", 200, token("t1", 0), 1).await;
    grant(&server, "refresh_token=renew-t1", 200, token("t2", 0), 1).await;
    grant(&server, "refresh_token=renew-t2", 400, ended, 1).await;
    grant(&server, "grant_type=password", 200, token("t3", 60), 1).await;
    for name in ["t1", "t2", "t3"] {
        clients_for(&server, name, 200, json!([])).await;
    }
    let (keycloak, secrets) = keycloak(&server);
    for _ in 0..4 {
        refusal(&keycloak).await;
    }
    assert_eq!(secrets.mask("renew-t2"), "(secret)");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_by_a_new_login() {
    let server = MockServer::start().await;
    grant(&server, "grant_type=password", 200, token("t1", 60), 1).await;
    grant(&server, "grant_type=password", 200, token("t2", 60), 1).await;
    let refused = json!({"error": "HTTP 401 Unauthorized"});
    clients_for(&server, "t1", 401, refused.clone()).await;
    clients_for(&server, "t2", 401, refused).await;
    let (keycloak, _) = keycloak(&server);
    let reason = refusal(&keycloak).await;
    assert!(reason.contains("refuses a token that it gave"), "{reason}");
    assert_eq!(keycloak.requests(), 4);
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let server = MockServer::start().await;
    let refused =
        json!({"error": "invalid_grant", "error_description": format!("Invalid user credentials {PASSWORD}")});
    grant(&server, "password=canary-password", 401, refused, 1).await;
    let (keycloak, _) = keycloak(&server);
    let (reason, second) = futures::join!(refusal(&keycloak), refusal(&keycloak));
    assert_eq!(reason, second);
    assert_eq!(
        reason,
        format!(
            "Keycloak at {} refuses the login of `admin` in realm master: Invalid user credentials (secret) \
             (invalid_grant); check user and password (a locked user gets the same answer)",
            server.uri()
        )
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = MockServer::start().await;
    let server = MockServer::start().await;
    for (verb, at) in [("POST", TOKEN), ("GET", CLIENTS)] {
        let target = format!("{}{at}?session=canary", other.uri());
        let redirect = ResponseTemplate::new(307).insert_header("location", target.as_str());
        Mock::given(method(verb)).and(path(at)).respond_with(redirect).up_to_n_times(1).mount(&server).await;
        let (keycloak, _) = keycloak(&server);
        let reason = refusal(&keycloak).await;
        assert!(reason.contains(&format!("redirect to `{}{at}`", other.uri())), "{reason}");
        answer(&server, "POST", TOKEN, 200, token("t1", 60), 0..).await;
    }
    assert_eq!(paths(&other).await, [""; 0]);
}

#[tokio::test]
async fn servers_that_are_no_keycloak_are_told_apart() {
    let server = MockServer::start().await;
    let page = ResponseTemplate::new(200).set_body_raw("<html>\u{1b}[31mlogin</html>", "text/html");
    Mock::given(method("POST")).respond_with(page).mount(&server).await;
    let (html, _) = keycloak(&server);
    let reason = refusal(&html).await;
    assert!(reason.contains("answers 200 with text/html and not as Keycloak does"), "{reason}");

    let server = MockServer::start().await;
    answer(&server, "POST", TOKEN, 200, json!({"access_token": 5, "canary": "canary"}), 1).await;
    let (odd, _) = keycloak(&server);
    let reason = refusal(&odd).await;
    assert!(reason.contains("a token answer without a token"), "{reason}");

    let server = MockServer::start().await;
    answer(&server, "POST", TOKEN, 404, json!({"error": "Realm does not exist"}), 1).await;
    let (missing, _) = keycloak(&server);
    let reason = refusal(&missing).await;
    assert!(reason.contains("has no realm master") && reason.contains("--keycloak-endpoint"), "{reason}");
}

#[tokio::test]
async fn a_server_that_is_down_or_silent_is_unreadable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (silent, _) = keycloak_at(&format!("http://{address}"), Duration::from_millis(200));
    let reason = refusal(&silent).await;
    assert!(reason.contains("did not answer within 0.2 s"), "{reason}");
    assert_eq!(silent.requests(), 1);

    drop(listener);
    let (down, _) = keycloak_at(&format!("http://{address}/auth"), Duration::from_secs(2));
    let reason = refusal(&down).await;
    assert!(reason.contains(&format!("http://{address}/auth cannot be reached: Connection refused")), "{reason}");
    assert_eq!(down.requests(), 3);
}

#[test]
fn bad_settings_are_refused_before_anything_is_sent() {
    for (endpoint, realm) in [("http://sso.example.com", "nebari"), ("https://sso.example.com", ".."), ("", "nebari")] {
        let settings = Settings {
            endpoint: endpoint.into(),
            realm: realm.into(),
            username: "admin".into(),
            password: PASSWORD.into(),
            timeout: Duration::from_secs(1),
        };
        assert!(!format!("{settings:?}").contains(PASSWORD));
        assert!(Keycloak::new(settings, Secrets::default()).is_err(), "{endpoint} {realm}");
    }
}
