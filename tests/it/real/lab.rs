//! A corner of the real servers that belongs to one test: Gateway, namespaces, realm, environment, user.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::{TempDir, TempPath};

use super::apps::App;
use super::packctl::Packctl;
use crate::env::{Env, Mark, Realm, Request, unique};
use crate::stand_in::{Scope, StandIn};

pub(super) struct Lab {
    /// The namespace of its Gateway, whose name is `gateway`.
    pub(super) gateways: String,
    /// The namespaces for apps, opted in.
    pub(super) namespaces: Vec<String>,
    /// Shared with other tests; its clients begin with a namespace for apps.
    pub(super) realm: Realm,
    /// The administrator, under a name that no other test has: the audit log knows him by it.
    pub(super) user: String,
    pub(super) environment: PathBuf,
    pub(super) stand_in: StandIn,
    kubeconfig: TempPath,
    folder: TempDir,
    /// What was wrong before this version is not packctl's doing.
    judged_from: u64,
    closed: bool,
}

impl Lab {
    /// One namespace for apps; an app `guarded` in it is judged as one with login.
    pub(super) async fn open() -> Self {
        Self::with_namespaces(1).await
    }

    pub(super) async fn with_namespaces(count: usize) -> Self {
        Self::opened(count, None, None).await
    }

    /// One namespace for apps, and a platform that never tells a status: what waits for one waits.
    pub(super) async fn silent() -> Self {
        Self::opened(1, None, Some(Duration::from_secs(3600))).await
    }

    /// Its Gateway can be reached: https at this port of this machine.
    pub(super) async fn reached_at(port: u16) -> Self {
        Self::opened(1, Some(port), None).await
    }

    async fn opened(count: usize, port: Option<u16>, slowness: Option<Duration>) -> Self {
        let env = Env::get();
        let gateways = unique("gw");
        let namespaces: Vec<String> = (0..count).map(|_| unique("apps")).collect();
        let (realm, client) = (Realm::shared().await, env.client().await);
        env.kubectl_with(&["apply", "-f", "-"], &ground(&gateways, &namespaces, port.unwrap_or(443)).to_string());
        let mut scope = Scope::gateway(&gateways, "gateway");
        for namespace in &namespaces {
            scope = scope.guarded(namespace, "guarded");
        }
        scope.slowness = slowness.unwrap_or(scope.slowness);
        if port.is_some() {
            scope = scope.at("127.0.0.1");
        }
        let stand_in = StandIn::start(client, scope).await;
        let folder = tempfile::tempdir().expect("a folder can be made");
        let environment = folder.path().join("environment.yaml");
        fs::write(&environment, environment_of(&gateways, &realm.name).to_string()).expect("it can be written");
        let user = unique("admin");
        let kubeconfig = env.kubeconfig_as(&user, &["system:masters"]);
        Self {
            gateways,
            namespaces,
            realm,
            user,
            environment,
            stand_in,
            kubeconfig,
            folder,
            judged_from: 0,
            closed: false,
        }
    }

    /// The first namespace for apps.
    pub(super) fn namespace(&self) -> &str {
        &self.namespaces[0]
    }

    /// An app in the first namespace: `guarded` has login, any other name is open.
    pub(super) fn app(&self, name: &str) -> App {
        App::new(self.namespace(), name)
    }

    /// A folder of input with these apps, a file each.
    pub(super) fn input(&self, folder: &str, apps: &[App]) -> String {
        let path = self.folder.path().join(folder);
        fs::create_dir_all(&path).expect("a folder can be made");
        for app in apps {
            fs::write(path.join(format!("{}.yaml", app.name)), app.yaml()).expect("it can be written");
        }
        path.to_str().expect("its path is text").to_owned()
    }

    /// A place for a test's own files.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// packctl on this lab, as its administrator.
    pub(super) fn packctl(&self) -> Packctl {
        let env = Env::get();
        Packctl {
            kubeconfig: self.kubeconfig.to_path_buf(),
            environment: Some(self.environment.clone()),
            keycloak: env.keycloak_url.clone(),
            password: env.keycloak_password.clone(),
            controller: self.gateways.clone(),
            folder: self.folder.path().to_owned(),
        }
    }

    /// Applies, and asserts that it went well and left nothing to do.
    pub(super) async fn applied(&self, input: &str) {
        self.packctl().run(&["apply", "--yes", "-f", input]).await.succeeds();
        self.at_rest(input).await;
    }

    /// Asserts that there is nothing to do for `input`.
    pub(super) async fn at_rest(&self, input: &str) {
        let plan = self.packctl().run(&["plan", "--detailed-exitcode", "-f", input]).await.succeeds();
        plan.says("Nothing to do");
    }

    /// Judges from now on: what stands open already was opened by somebody else.
    pub(super) async fn judge_from_now(&mut self) {
        self.judged_from = self.stand_in.version().await;
    }

    /// The Lease of applies; null where there is none.
    pub(super) fn lease(&self) -> Value {
        self.get("lease", &self.gateways, "packctl-apply")
    }

    /// Takes the Leases away, as a person does who knows that their holder is dead.
    pub(super) fn free_leases(&self) {
        Env::get().kubectl(&["delete", "leases", "--all", "-n", &self.gateways]);
    }

    /// What kubectl shows of an object; null where there is none.
    pub(super) fn get(&self, kind: &str, namespace: &str, name: &str) -> Value {
        let args = ["get", kind, "-n", namespace, name, "-o", "json", "--ignore-not-found", "--show-managed-fields"];
        serde_json::from_str(&Env::get().kubectl(&args)).unwrap_or_default()
    }

    /// The names of the objects of a kind in a namespace.
    pub(super) fn names(&self, kind: &str, namespace: &str) -> Vec<String> {
        let args = ["get", kind, "-n", namespace, "-o", "jsonpath={.items[*].metadata.name}"];
        Env::get().kubectl(&args).split_whitespace().map(str::to_owned).collect()
    }

    pub(super) fn gateway(&self) -> Value {
        self.get("gateway", &self.gateways, "gateway")
    }

    /// The entry of a listener of the lab's Gateway; null where there is none.
    pub(super) fn listener(&self, name: &str) -> Value {
        let gateway = self.gateway();
        let listeners = gateway["spec"]["listeners"].as_array().cloned().unwrap_or_default();
        listeners.into_iter().find(|listener| listener["name"] == name).unwrap_or_default()
    }

    /// The clients of the lab's apps.
    pub(super) async fn clients(&self) -> Vec<Value> {
        let mut clients = Vec::new();
        for namespace in &self.namespaces {
            let found = self.realm.get(&format!("clients?clientId={namespace}-&search=true")).await;
            clients.extend(found.as_array().cloned().unwrap_or_default());
        }
        clients
    }

    /// The requests of a user since `mark`.
    pub(super) fn requests_of(&self, user: &str, mark: Mark) -> Vec<Request> {
        Env::get().requests_since(mark).into_iter().filter(|request| request.is_of(user)).collect()
    }

    /// Asserts that no route was ever open without what protects it, and cleans up.
    pub(super) async fn close(mut self) {
        let violations: Vec<String> =
            self.stand_in.violations_since(self.judged_from).await.iter().map(ToString::to_string).collect();
        assert!(violations.is_empty(), "open without protection:\n{}", violations.join("\n"));
        let mut delete = vec!["delete", "namespace", "--wait=false", &self.gateways];
        delete.extend(self.namespaces.iter().map(String::as_str));
        Env::get().kubectl(&delete);
        for client in self.clients().await {
            self.realm.delete(&format!("clients/{}", client["id"].as_str().expect("a client has an id"))).await;
        }
        self.closed = true;
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        assert!(self.closed || std::thread::panicking(), "a test must close its lab: only then its stand-in is asked");
    }
}

fn ground(gateways: &str, namespaces: &[String], https: u16) -> Value {
    let mut items = vec![json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": gateways}})];
    items.extend(namespaces.iter().map(|name| {
        let metadata = json!({"name": name, "labels": {"nebari.dev/managed": "true"}});
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    }));
    let all = json!({"namespaces": {"from": "All"}});
    let tls = json!({"mode": "Terminate", "certificateRefs": [{"name": "gateway-tls"}]});
    items.push(json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"namespace": gateways, "name": "gateway"},
        "spec": {"gatewayClassName": "envoy-gateway", "listeners": [
            {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": all},
            {"name": "https", "port": https, "protocol": "HTTPS", "tls": tls, "allowedRoutes": all},
        ]},
    }));
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn environment_of(gateways: &str, realm: &str) -> Value {
    json!({
        "cluster": "lab",
        "issuer": {"clusterIssuer": "selfsigned-issuer"},
        "gateways": {"public": {"namespace": gateways, "name": "gateway"}},
        "listeners": "own",
        "keycloak": {
            "url": "http://keycloak.keycloak.svc.cluster.local:8080",
            "externalURL": "https://keycloak.example.test",
            "realm": realm,
        },
    })
}

/// Copies a folder of input, as another person would have it.
pub(super) fn copied(input: &str, to: &Path) -> String {
    fs::create_dir_all(to).expect("a folder can be made");
    for file in fs::read_dir(input).expect("the input is there") {
        let file = file.expect("it can be listed");
        fs::copy(file.path(), to.join(file.file_name())).expect("it can be copied");
    }
    to.to_str().expect("its path is text").to_owned()
}
