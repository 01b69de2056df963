//! Keycloak as far as a plan asks it: a login, and pages of clients that were written as JSON before.
//!
//! A real one would be the slowest part of each run, and it is not what is measured here.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Value, json};

/// Serves these clients until the runtime ends; gives the address.
pub(crate) async fn serve(mut clients: Vec<Value>) -> String {
    // By this one packctl sees that its credential shows all of them.
    clients.push(json!({"id": "realm-management", "clientId": "realm-management"}));
    let texts: Arc<Vec<String>> = Arc::new(clients.iter().map(Value::to_string).collect());
    let token = || async { as_json(json!({"access_token": "token-of-the-bench", "expires_in": 600}).to_string()) };
    let router = Router::new()
        .route("/realms/master/protocol/openid-connect/token", post(token))
        .route("/admin/realms/nebari/clients", get(page))
        .with_state(texts);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn page(State(clients): State<Arc<Vec<String>>>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let query = query.unwrap_or_default();
    let pairs = || query.split('&').filter_map(|pair| pair.split_once('='));
    let number = |name: &str| pairs().find(|(key, _)| *key == name)?.1.parse::<usize>().ok();
    let (first, most) = (number("first").unwrap_or(0), number("max").unwrap_or(100));
    let page: Vec<&str> = clients.iter().skip(first).take(most).map(String::as_str).collect();
    as_json(format!("[{}]", page.join(",")))
}

fn as_json(text: String) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], text)
}
