//! The real servers of a run: `tests/run` starts them and says in the environment where they are.
//!
//! They are shared by all tests of the run, which go on at the same time: a test makes its own names with [`unique`] and
//! its own [`Realm`], and asks the audit log for the requests of its own user.

#![allow(dead_code, reason = "a box of tools: the tests need not use all of them")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tempfile::TempPath;

/// Where the servers are, and who may do everything on them.
pub(crate) struct Env {
    /// The kubeconfig of the administrator.
    pub(crate) kubeconfig: PathBuf,
    /// The API server, `https://127.0.0.1:PORT`.
    pub(crate) apiserver: String,
    /// The administrator's token.
    pub(crate) token: String,
    /// Keycloak, `http://127.0.0.1:PORT`.
    pub(crate) keycloak_url: String,
    /// Keycloak's administrator, of realm master.
    pub(crate) keycloak_username: String,
    /// His password.
    pub(crate) keycloak_password: String,
    /// The program kubectl, of the server's version.
    pub(crate) kubectl: PathBuf,
    /// The program helm.
    pub(crate) helm: PathBuf,
    tokens: PathBuf,
    audit_log: PathBuf,
}

impl Env {
    /// The servers of this run; without them the test fails.
    pub(crate) fn get() -> &'static Env {
        static ENV: OnceLock<Env> = OnceLock::new();
        ENV.get_or_init(|| {
            choose_tls();
            Env {
                kubeconfig: variable("PACKCTL_TEST_KUBECONFIG").into(),
                apiserver: variable("PACKCTL_TEST_APISERVER"),
                token: variable("PACKCTL_TEST_TOKEN"),
                keycloak_url: variable("PACKCTL_TEST_KEYCLOAK_URL"),
                keycloak_username: variable("PACKCTL_TEST_KEYCLOAK_USERNAME"),
                keycloak_password: variable("PACKCTL_TEST_KEYCLOAK_PASSWORD"),
                kubectl: variable("PACKCTL_TEST_KUBECTL").into(),
                helm: variable("PACKCTL_TEST_HELM").into(),
                tokens: variable("PACKCTL_TEST_TOKENS").into(),
                audit_log: variable("PACKCTL_TEST_AUDIT_LOG").into(),
            }
        })
    }

    /// A client of the administrator. It belongs to the runtime of the test that makes it.
    pub(crate) async fn client(&self) -> kube::Client {
        self.client_of(&self.kubeconfig).await
    }

    /// A client of the user of `kubeconfig`.
    pub(crate) async fn client_of(&self, kubeconfig: &Path) -> kube::Client {
        client_of(kubeconfig).await
    }

    /// What the administrator's `kubectl ARGS` prints; a failure is the test's.
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        stdout(&self.kubectl_output(args, ""), args)
    }

    /// What `kubectl ARGS` prints with `input` on its standard input, for `-f -`; a failure is the test's.
    pub(crate) fn kubectl_with(&self, args: &[&str], input: &str) -> String {
        stdout(&self.kubectl_output(args, input), args)
    }

    /// How `kubectl ARGS` ends, well or not.
    pub(crate) fn kubectl_output(&self, args: &[&str], input: &str) -> Output {
        let mut kubectl = Command::new(&self.kubectl)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl starts");
        let mut stdin = kubectl.stdin.take().expect("it is piped");
        // One that does not read its input ends before it is written; its status tells, the broken pipe does not.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        kubectl.wait_with_output().expect("kubectl ends")
    }

    /// The token of `alice`, `bob` or `carol`, who may do nothing until a test binds a role to them.
    pub(crate) fn token_of(&self, user: &str) -> String {
        let tokens = fs::read_to_string(&self.tokens).expect("the token file is readable");
        let line = tokens.lines().find(|line| line.split(',').nth(1) == Some(user));
        let token = line.and_then(|line| line.split(',').next()).expect("the user is in the token file");
        token.to_owned()
    }

    /// A kubeconfig for the bearer of `token` at `server`: the API server itself, or a proxy in front of it.
    pub(crate) fn kubeconfig_for(&self, server: &str, token: &str) -> TempPath {
        self.edited_kubeconfig(|kubeconfig| {
            kubeconfig["clusters"][0]["cluster"]["server"] = json!(server);
            kubeconfig["users"][0]["user"] = json!({ "token": token });
        })
    }

    /// A kubeconfig of the administrator acting as `user` in `groups`. Any name will do, which makes one user per test;
    /// the audit log has him as [`Request::impersonated`]. In group `system:masters` he may do everything.
    pub(crate) fn kubeconfig_as(&self, user: &str, groups: &[&str]) -> TempPath {
        self.edited_kubeconfig(|kubeconfig| {
            kubeconfig["users"][0]["user"] = json!({ "token": self.token, "as": user, "as-groups": groups });
        })
    }

    fn edited_kubeconfig(&self, edit: impl FnOnce(&mut Value)) -> TempPath {
        let text = fs::read_to_string(&self.kubeconfig).expect("the kubeconfig is readable");
        let mut kubeconfig = serde_yaml::from_str(&text).expect("the kubeconfig is YAML");
        edit(&mut kubeconfig);
        let mut file = tempfile::Builder::new()
            .prefix("kubeconfig-")
            .suffix(".json") // which is YAML too
            .tempfile()
            .expect("a temporary file can be made");
        file.write_all(kubeconfig.to_string().as_bytes()).expect("it can be written");
        file.into_temp_path()
    }

    /// The place in the audit log from which [`Env::requests_since`] reads.
    pub(crate) fn mark(&self) -> Mark {
        Mark(fs::metadata(&self.audit_log).expect("there is an audit log").len())
    }

    /// The requests that the API server has answered since `mark`, in the order of their answers, everybody's.
    /// Watches are in it when they end.
    pub(crate) fn requests_since(&self, mark: Mark) -> Vec<Request> {
        // The line of a request may come after its answer. A request that is made now is logged after those.
        let last = format!("/version?seen={}", unique("audit"));
        self.kubectl(&["get", "--raw", &last]);
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let mut requests = self.requests_logged_since(mark);
            if let Some(end) = requests.iter().position(|request| request.uri == last) {
                requests.truncate(end);
                return requests;
            }
            assert!(Instant::now() < deadline, "the audit log stands still");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn requests_logged_since(&self, Mark(start): Mark) -> Vec<Request> {
        let log = fs::read(&self.audit_log).expect("the audit log is readable");
        let mut start = usize::try_from(start).expect("the log fits into memory");
        // The mark may have been set while a line was being written; what that line tells was answered before.
        while start > 0 && start < log.len() && log[start - 1] != b'\n' {
            start += 1;
        }
        // Whole lines only: the server may be writing the last one.
        let whole = log.iter().rposition(|byte| *byte == b'\n').map_or(start, |end| end + 1);
        log[start..whole.max(start)]
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).expect("a line of the audit log is JSON"))
            .filter(|event: &Value| event["stage"] == "ResponseComplete")
            .map(|event| Request::read(&event))
            .collect()
    }
}

/// A place in the audit log.
#[derive(Clone, Copy)]
pub(crate) struct Mark(u64);

/// A request to the API server, from its audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Whose credentials came with it.
    pub(crate) user: String,
    /// As whom that user asked to act.
    pub(crate) impersonated: Option<String>,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub(crate) verb: String,
    /// Path and query.
    pub(crate) uri: String,
    /// The program that sent it, as it calls itself.
    pub(crate) agent: String,
    /// The HTTP status of the answer.
    pub(crate) status: u64,
}

impl Request {
    fn read(event: &Value) -> Request {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Request {
            user: text(&event["user"]["username"]),
            impersonated: event["impersonatedUser"]["username"].as_str().map(str::to_owned),
            verb: text(&event["verb"]),
            uri: text(&event["requestURI"]),
            agent: text(&event["userAgent"]),
            status: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
        }
    }

    /// Was it sent by `user`, himself or impersonated?
    pub(crate) fn is_of(&self, user: &str) -> bool {
        self.impersonated.as_deref().unwrap_or(&self.user) == user
    }

    /// Could it have changed something? Dry runs and questions about one's own rights could not; a Lease is no content.
    pub(crate) fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
            && !self.uri.contains("dryRun=All")
            && !self.uri.contains("/leases")
            && !self.uri.starts_with("/apis/authorization.k8s.io/")
            && !self.uri.starts_with("/apis/authentication.k8s.io/")
    }
}

/// A realm of a test's own in the real Keycloak.
pub(crate) struct Realm {
    /// Its name.
    pub(crate) name: String,
    http: reqwest::Client,
}

impl Realm {
    /// Makes an empty realm. It stays, and each realm makes Keycloak slower for its administrator.
    pub(crate) async fn create() -> Realm {
        let realm = Realm { name: unique("realm"), http: reqwest::Client::new() };
        let answer = realm.sent(realm.http.post(realms()).json(&json!({ "realm": realm.name, "enabled": true }))).await;
        assert!(answer.status().is_success(), "no realm: {}", answer.status());
        realm
    }

    /// The realm that tests share whose clients have names of their own. A realm for each would take most of their time.
    pub(crate) async fn shared() -> Realm {
        let realm = Realm { name: "tests".into(), http: reqwest::Client::new() };
        let answer = realm.sent(realm.http.post(realms()).json(&json!({ "realm": realm.name, "enabled": true }))).await;
        assert!(answer.status().is_success() || answer.status() == 409, "no realm: {}", answer.status());
        // Whoever is second is told so before the first one's is there.
        let deadline = Instant::now() + Duration::from_secs(60);
        while !realm.sent(realm.http.get(realm.url(""))).await.status().is_success() {
            assert!(Instant::now() < deadline, "the realm does not come");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        realm
    }

    /// What stands at `path` (`clients?clientId=x`) below the realm in the Admin REST API.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.send(self.http.get(self.url(path))).await.json().await.expect("Keycloak answers JSON")
    }

    /// Creates at `path`, and gives the id of what was made where Keycloak names it.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Option<String> {
        let answer = self.send(self.http.post(self.url(path)).json(body)).await;
        let location = answer.headers().get("location")?.to_str().expect("a URL is text");
        location.rsplit('/').next().map(str::to_owned)
    }

    /// Writes `body` over what stands at `path`.
    pub(crate) async fn put(&self, path: &str, body: &Value) {
        self.send(self.http.put(self.url(path)).json(body)).await;
    }

    /// Deletes what stands at `path`.
    pub(crate) async fn delete(&self, path: &str) {
        self.send(self.http.delete(self.url(path))).await;
    }

    /// The client with this clientId, as Keycloak shows it to its administrator, without its secret.
    pub(crate) async fn client(&self, client_id: &str) -> Option<Value> {
        let found = self.send(self.http.get(self.url("clients")).query(&[("clientId", client_id)])).await;
        let found: Vec<Value> = found.json().await.expect("Keycloak answers a list");
        found.into_iter().next()
    }

    /// The secret of the client with this id (not its clientId).
    pub(crate) async fn client_secret(&self, id: &str) -> String {
        let secret = self.get(&format!("clients/{id}/client-secret")).await;
        secret["value"].as_str().expect("a confidential client has a secret").to_owned()
    }

    fn url(&self, path: &str) -> String {
        format!("{}/admin/realms/{}/{path}", Env::get().keycloak_url, self.name)
    }

    /// Sends as the administrator; anything but success is the test's failure.
    async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Response {
        let answer = self.sent(request).await;
        let (url, status) = (answer.url().clone(), answer.status());
        if status.is_success() {
            return answer;
        }
        panic!("{url}: {status}: {}", answer.text().await.unwrap_or_default())
    }

    async fn sent(&self, request: reqwest::RequestBuilder) -> reqwest::Response {
        request.bearer_auth(self.login().await).send().await.expect("Keycloak answers")
    }

    /// One login for many requests: a token lives for a minute, and a password is hashed slowly.
    async fn login(&self) -> String {
        static TOKEN: Mutex<Option<(Instant, String)>> = Mutex::new(None);
        let known = TOKEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((since, token)) = known
            && since.elapsed() < Duration::from_secs(30)
        {
            return token;
        }
        let token = self.new_token().await;
        *TOKEN.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), token.clone()));
        token
    }

    async fn new_token(&self) -> String {
        let env = Env::get();
        let form = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", &env.keycloak_username),
            ("password", &env.keycloak_password),
        ];
        let url = format!("{}/realms/master/protocol/openid-connect/token", env.keycloak_url);
        let answer = self.http.post(url).form(&form).send().await.expect("Keycloak answers");
        let answer: Value = answer.json().await.expect("Keycloak answers a login with JSON");
        answer["access_token"].as_str().unwrap_or_else(|| panic!("no login: {answer}")).to_owned()
    }
}

/// A client of the user of `kubeconfig`.
pub(crate) async fn client_of(kubeconfig: &Path) -> kube::Client {
    choose_tls();
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("the kubeconfig is readable");
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .expect("the kubeconfig names a cluster and a user");
    kube::Client::try_from(config).expect("a client can be made of it")
}

/// kube and reqwest are built without a TLS provider of their own; the second to set one is not an error.
fn choose_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Whether the slow tests run too: `tests/run all`.
#[expect(clippy::disallowed_methods, reason = "as tests/run says it")]
pub(crate) fn all() -> bool {
    std::env::var("PACKCTL_TEST_ALL").is_ok_and(|value| !value.is_empty())
}

/// The folder that has the CRDs of the platform's releases, a folder each.
pub(crate) fn crds() -> PathBuf {
    variable("PACKCTL_TEST_CRDS").into()
}

/// The kubeconfig of the administrator of an API server on which tests change CRDs.
pub(crate) fn releases_kubeconfig() -> PathBuf {
    variable("PACKCTL_TEST_RELEASES_KUBECONFIG").into()
}

fn realms() -> String {
    format!("{}/admin/realms", Env::get().keycloak_url)
}

/// A name that no other test has, nor one of an earlier run on the same servers; a DNS label that begins with `prefix`.
pub(crate) fn unique(prefix: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    static RUN: OnceLock<u128> = OnceLock::new();
    let run = RUN.get_or_init(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
        (now.as_millis() << 8) ^ u128::from(std::process::id())
    });
    format!("{prefix}-{run:x}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

#[expect(clippy::disallowed_methods, reason = "the one place where the tests are told of their servers")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("no servers: run tests/run test ({name} is not set)"))
}

fn stdout(output: &Output, args: &[&str]) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {}: {errors}", args.join(" "));
    String::from_utf8(output.stdout.clone()).expect("kubectl prints UTF-8")
}
