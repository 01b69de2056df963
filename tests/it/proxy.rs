//! Stands between packctl and a server, counts the writes, and breaks the one that a test names.
//!
//! To kill packctl at write k: `writes.break_at(k, Fault::HoldBefore)`, start packctl on the proxies, wait for
//! `writes.held()`, kill it, `writes.release().await`, and start it again. When there are fewer than k writes nothing is
//! held, so wait for packctl's end beside it.
//!
//! The proxies run on the runtime of their test: one that blocks its thread while packctl runs needs
//! `#[tokio::test(flavor = "multi_thread")]`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures::stream::try_unfold;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// What happens to a write instead of being passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// It does not reach the server, and is never answered.
    HoldBefore,
    /// It reaches the server, and the answer never comes back.
    HoldAfter,
    /// It does not reach the server, and is answered with this status.
    Fail(StatusCode),
}

/// What became of a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// On its way.
    Open,
    /// The server's answer went back.
    Answered(StatusCode),
    /// The server's answer was kept back.
    Swallowed(StatusCode),
    /// It was kept back.
    Held,
    /// The proxy answered in the server's place.
    Failed(StatusCode),
    /// The server could not be asked.
    Lost,
}

#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) method: Method,
    /// With its query.
    pub(crate) path: String,
    pub(crate) fate: Fate,
}

impl Write {
    /// Whether the server saw it.
    pub(crate) fn arrived(&self) -> bool {
        matches!(self.fate, Fate::Answered(_) | Fate::Swallowed(_))
    }
}

/// The writes of all proxies that share it, in the order in which they came.
#[derive(Clone)]
pub(crate) struct Writes(Arc<Shared>);

struct Shared {
    ledger: Mutex<Ledger>,
    held: watch::Sender<bool>,
    under_way: watch::Sender<usize>,
}

#[derive(Default)]
struct Ledger {
    writes: Vec<Write>,
    script: Option<(usize, Fault)>,
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writes {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            ledger: Mutex::default(),
            held: watch::Sender::new(false),
            under_way: watch::Sender::new(0),
        }))
    }

    /// Breaks the k-th write from now on; the first is 1. After a hold no later write reaches a server either, as after
    /// a crash.
    pub(crate) fn break_at(&self, k: usize, fault: Fault) {
        let mut ledger = self.0.ledger();
        let index = ledger.writes.len() + k - 1;
        ledger.script = Some((index, fault));
    }

    /// Returns when the write to hold is held.
    pub(crate) async fn held(&self) {
        // The sender is in `self`.
        let _ = self.0.held.subscribe().wait_for(|held| *held).await;
    }

    /// Passes everything from now on, once the writes that were passed on before have ended: what a dead client sent
    /// may still happen.
    pub(crate) async fn release(&self) {
        let _ = self.0.under_way.subscribe().wait_for(|count| *count == 0).await;
        self.0.ledger().script = None;
        self.0.held.send_replace(false);
    }

    pub(crate) fn all(&self) -> Vec<Write> {
        self.0.ledger().writes.clone()
    }

    /// How many reached a server.
    pub(crate) fn arrived(&self) -> usize {
        self.0.ledger().writes.iter().filter(|write| write.arrived()).count()
    }

    /// Takes a write into account and says what is to happen to it.
    fn begin(&self, parts: &Parts) -> (usize, Option<Fault>) {
        let mut ledger = self.0.ledger();
        let index = ledger.writes.len();
        let fault = match ledger.script {
            Some((at, fault)) if at == index => Some(fault),
            _ if *self.0.held.borrow() => Some(Fault::HoldBefore),
            _ => None,
        };
        let fate = match fault {
            Some(Fault::HoldBefore) => Fate::Held,
            Some(Fault::Fail(status)) => Fate::Failed(status),
            Some(Fault::HoldAfter) | None => Fate::Open,
        };
        ledger.writes.push(Write { method: parts.method.clone(), path: target(&parts.uri).to_owned(), fate });
        match fate {
            Fate::Held => drop(self.0.held.send_replace(true)),
            Fate::Open => self.0.under_way.send_modify(|count| *count += 1),
            _ => {}
        }
        (index, fault)
    }

    fn end(&self, index: usize, fate: Fate) {
        self.0.ledger().writes[index].fate = fate;
        self.0.under_way.send_modify(|count| *count -= 1);
        if matches!(fate, Fate::Swallowed(_)) {
            self.0.held.send_replace(true);
        }
    }
}

/// One server behind a proxy. Ends when it is dropped.
pub(crate) struct Proxy {
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
    server: AbortHandle,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Proxy {
    pub(crate) async fn start(upstream: &str, writes: &Writes) -> Self {
        // Fails when another test has done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_danger_accept_invalid_certs(true)
            .build()
            .expect("a client can be made");
        let upstream = Upstream { client, url: upstream.trim_end_matches('/').to_owned(), writes: writes.clone() };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let router = Router::new().fallback(answer).with_state(Arc::new(upstream));
        let server = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        Self { url, server }
    }
}

struct Upstream {
    client: reqwest::Client,
    url: String,
    writes: Writes,
}

async fn answer(State(upstream): State<Arc<Upstream>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if !is_write(&parts.method, &parts.uri) {
        return match upstream.ask(parts, body).await {
            Ok(answer) => streamed(answer),
            Err(error) => unreachable(&error),
        };
    }
    let (index, fault) = upstream.writes.begin(&parts);
    match fault {
        Some(Fault::HoldBefore) => std::future::pending().await,
        Some(Fault::Fail(status)) => failed(status),
        Some(Fault::HoldAfter) | None => {
            // A task of its own: what was sent happens, whether the client still waits or not.
            let write = tokio::spawn(pass_on(upstream, parts, body, index, fault));
            write.await.unwrap_or_else(|error| failed_with(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()))
        }
    }
}

async fn pass_on(upstream: Arc<Upstream>, parts: Parts, body: Bytes, index: usize, fault: Option<Fault>) -> Response {
    let answer = async {
        let answer = upstream.ask(parts, body).await?;
        let (status, headers) = (answer.status(), without_hops(answer.headers()));
        Ok::<_, reqwest::Error>((status, headers, answer.bytes().await?))
    };
    match answer.await {
        Ok((status, ..)) if fault.is_some() => {
            upstream.writes.end(index, Fate::Swallowed(status));
            std::future::pending().await
        }
        Ok((status, headers, body)) => {
            upstream.writes.end(index, Fate::Answered(status));
            (status, headers, body).into_response()
        }
        Err(error) => {
            upstream.writes.end(index, Fate::Lost);
            unreachable(&error)
        }
    }
}

impl Upstream {
    async fn ask(&self, parts: Parts, body: Bytes) -> reqwest::Result<reqwest::Response> {
        // The host stays that of the proxy, so that the URLs which Keycloak makes of it lead back here.
        let mut headers = without_hops(&parts.headers);
        headers.remove(CONTENT_LENGTH);
        let url = format!("{}{}", self.url, target(&parts.uri));
        self.client.request(parts.method, url).headers(headers).body(body).send().await
    }
}

fn target(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |target| target.as_str())
}

/// Reads in the clothes of a POST, logins and dry runs change nothing.
fn is_write(method: &Method, uri: &Uri) -> bool {
    let writes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method);
    let path = uri.path();
    let is_dry_run = uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("dryRun=")));
    let asks = path.contains("/protocol/openid-connect/")
        || path.starts_with("/apis/authorization.k8s.io/")
        || path.starts_with("/apis/authentication.k8s.io/");
    // A Lease is no content: who takes or renews one has written nothing yet.
    let only_asks = is_dry_run || (asks && method == Method::POST);
    writes && !uri.path().contains("/leases") && !only_asks
}

fn without_hops(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    headers.remove(CONNECTION);
    headers.remove(TRANSFER_ENCODING);
    headers
}

/// A watch has no end, so its answer goes on as it comes.
fn streamed(answer: reqwest::Response) -> Response {
    let (status, headers) = (answer.status(), without_hops(answer.headers()));
    let body = try_unfold(answer, |mut answer| async {
        Ok::<_, reqwest::Error>(answer.chunk().await?.map(|chunk| (chunk, answer)))
    });
    (status, headers, Body::from_stream(body)).into_response()
}

fn unreachable(error: &reqwest::Error) -> Response {
    failed_with(StatusCode::BAD_GATEWAY, &error.to_string())
}

fn failed(status: StatusCode) -> Response {
    failed_with(status, "the test's proxy refuses this write")
}

/// Both servers' clients find their message in it.
fn failed_with(status: StatusCode, message: &str) -> Response {
    let body = serde_json::json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": status.as_u16(),
        "message": message, "errorMessage": message,
    });
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::StreamExt as _;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::Api;
    use kube::api::{DeleteParams, PostParams, WatchEvent, WatchParams};
    use serde_json::{Value, json};
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::env::{Env, Realm, unique};

    /// A server that keeps what it was told, and tells it on `GET`.
    async fn server() -> String {
        let told = Arc::new(Mutex::new(Vec::<String>::new()));
        let router = Router::new().fallback(move |request: Request| {
            let told = told.clone();
            async move {
                if request.uri().path() == "/watch" {
                    let events = futures::stream::iter(["one\n", "two\n"]).then(|event| async move {
                        sleep(Duration::from_millis(50)).await;
                        Ok::<_, std::io::Error>(event)
                    });
                    return Body::from_stream(events.chain(futures::stream::pending())).into_response();
                }
                let (parts, body) = request.into_parts();
                let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
                if parts.method == Method::GET {
                    return told.lock().unwrap().join(" ").into_response();
                }
                let who = parts.headers.get("authorization").map_or("nobody", |value| value.to_str().unwrap());
                told.lock().unwrap().push(format!("{}:{who}:{body}", target(&parts.uri)));
                (StatusCode::CREATED, "told").into_response()
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn client() -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Reading the machine's certificates takes most of a test's time, and there is nothing to check with them.
        reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build().unwrap()
    }

    async fn told(url: &str) -> String {
        client().get(url).send().await.unwrap().text().await.unwrap()
    }

    async fn post(url: &str, path: &str) -> StatusCode {
        let request = client().post(format!("{url}{path}")).bearer_auth("token").body("body").send();
        timeout(Duration::from_secs(20), request).await.expect("an answer").unwrap().status()
    }

    async fn is_not_answered(url: &str, path: &str) -> bool {
        timeout(Duration::from_millis(500), post(url, path)).await.is_err()
    }

    #[tokio::test]
    async fn passes_everything_on_and_counts_the_writes_of_both_servers() {
        let (one, two, writes) = (server().await, server().await, Writes::new());
        let (first, second) = (Proxy::start(&one, &writes).await, Proxy::start(&two, &writes).await);
        assert_eq!(post(&first.url, "/a?b=c").await, StatusCode::CREATED);
        assert_eq!(post(&second.url, "/d").await, StatusCode::CREATED);
        assert_eq!(told(&first.url).await, "/a?b=c:Bearer token:body");
        assert_eq!(told(&two).await, "/d:Bearer token:body");
        let all: Vec<_> = writes.all().into_iter().map(|write| (write.method, write.path, write.fate)).collect();
        let created = Fate::Answered(StatusCode::CREATED);
        assert_eq!(all, [(Method::POST, "/a?b=c".into(), created), (Method::POST, "/d".into(), created)]);
    }

    #[tokio::test]
    async fn does_not_count_what_changes_nothing() {
        let (server, writes) = (server().await, Writes::new());
        let proxy = Proxy::start(&server, &writes).await;
        for path in [
            "/realms/master/protocol/openid-connect/token",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            "/apis/apps/v1/namespaces/a/deployments?fieldManager=x&dryRun=All",
        ] {
            assert_eq!(post(&proxy.url, path).await, StatusCode::CREATED);
        }
        assert!(writes.all().is_empty());
    }

    #[tokio::test]
    async fn a_watch_comes_through_as_it_goes() {
        let (server, writes) = (server().await, Writes::new());
        let proxy = Proxy::start(&server, &writes).await;
        let mut answer = client().get(format!("{}/watch", proxy.url)).send().await.unwrap();
        let chunk = timeout(Duration::from_secs(5), answer.chunk()).await.unwrap().unwrap().unwrap();
        assert_eq!(chunk, "one\n");
    }

    #[tokio::test]
    async fn a_write_held_before_never_happens_and_none_after_it() {
        let (server, writes) = (server().await, Writes::new());
        let proxy = Proxy::start(&server, &writes).await;
        writes.break_at(2, Fault::HoldBefore);
        assert_eq!(post(&proxy.url, "/1").await, StatusCode::CREATED);
        let (silent, ()) = futures::join!(is_not_answered(&proxy.url, "/2"), writes.held());
        assert!(silent);
        assert!(is_not_answered(&proxy.url, "/3").await);
        assert_eq!(told(&server).await, "/1:Bearer token:body");
        writes.release().await;
        assert_eq!(post(&proxy.url, "/2").await, StatusCode::CREATED);
        let fates: Vec<_> = writes.all().into_iter().map(|write| write.fate).collect();
        let created = Fate::Answered(StatusCode::CREATED);
        assert_eq!(fates, [created, Fate::Held, Fate::Held, created]);
        assert_eq!(writes.arrived(), 2);
    }

    #[tokio::test]
    async fn a_write_held_after_happens_and_its_answer_does_not_come() {
        let (server, writes) = (server().await, Writes::new());
        let proxy = Proxy::start(&server, &writes).await;
        writes.break_at(1, Fault::HoldAfter);
        let (silent, ()) = futures::join!(is_not_answered(&proxy.url, "/1"), writes.held());
        assert!(silent);
        assert!(is_not_answered(&proxy.url, "/2").await);
        assert_eq!(told(&server).await, "/1:Bearer token:body");
        assert_eq!(writes.all()[0].fate, Fate::Swallowed(StatusCode::CREATED));
        writes.release().await;
        writes.break_at(1, Fault::HoldAfter);
        let (silent, ()) = futures::join!(is_not_answered(&proxy.url, "/3"), writes.held());
        assert!(silent, "k counts from the call on");
        assert_eq!(writes.arrived(), 2);
    }

    #[tokio::test]
    async fn a_write_that_fails_reaches_nobody_and_the_next_one_passes() {
        let (server, writes) = (server().await, Writes::new());
        let proxy = Proxy::start(&server, &writes).await;
        writes.break_at(1, Fault::Fail(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(post(&proxy.url, "/1").await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(post(&proxy.url, "/1").await, StatusCode::CREATED);
        assert_eq!(writes.arrived(), 1);
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_a_bad_gateway() {
        let writes = Writes::new();
        let proxy = Proxy::start("http://127.0.0.1:1", &writes).await;
        assert_eq!(post(&proxy.url, "/1").await, StatusCode::BAD_GATEWAY);
        assert_eq!(writes.all()[0].fate, Fate::Lost);
    }

    #[tokio::test]
    async fn the_real_servers_work_through_it() {
        let (env, writes) = (Env::get(), Writes::new());
        let (kube, keycloak) =
            (Proxy::start(&env.apiserver, &writes).await, Proxy::start(&env.keycloak_url, &writes).await);

        let administrator = env.client_of(&env.kubeconfig_for(&kube.url, &env.token)).await;
        let config_maps = Api::<ConfigMap>::namespaced(administrator, "default");
        let name = unique("proxy");
        let only_this = WatchParams::default().disable_bookmarks().fields(&format!("metadata.name={name}"));
        let mut events = Box::pin(config_maps.watch(&only_this, "0").await.unwrap());
        let mut object = ConfigMap::default();
        object.metadata.name = Some(name.clone());
        config_maps.create(&PostParams::default(), &object).await.unwrap();
        let event = timeout(Duration::from_secs(10), events.next()).await.unwrap().unwrap().unwrap();
        assert!(matches!(event, WatchEvent::Added(_)), "{event:?}");
        config_maps.delete(&name, &DeleteParams::default()).await.unwrap();

        let realm = Realm::create().await;
        let login = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", &env.keycloak_username),
            ("password", &env.keycloak_password),
        ];
        let url = format!("{}/realms/master/protocol/openid-connect/token", keycloak.url);
        let answer = client().post(url).form(&login).send().await.unwrap().text().await.unwrap();
        let token = serde_json::from_str::<Value>(&answer).unwrap()["access_token"].as_str().unwrap().to_owned();
        let clients = format!("{}/admin/realms/{}/clients", keycloak.url, realm.name);
        let made = client().post(&clients).bearer_auth(token).json(&json!({"clientId": "a"})).send();
        let made = made.await.unwrap();
        assert_eq!(made.status(), StatusCode::CREATED);
        let location = made.headers()["location"].to_str().unwrap();
        assert!(location.starts_with(&clients), "{location}");

        let methods: Vec<_> = writes.all().into_iter().map(|write| write.method).collect();
        assert_eq!(methods, [Method::POST, Method::DELETE, Method::POST]);
        assert_eq!(writes.arrived(), 3);
    }
}
