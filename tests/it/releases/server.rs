//! An API server whose CRDs may change: no other test uses it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use kube::client::Body;
use packctl::diff::wire_body;
use packctl::observed::World;
use packctl::plan::{Act, Plan, Step};
use packctl::provider::kubernetes::{Kubernetes, Settings};
use packctl::provider::{Provider as _, Providers, Verb, Write};
use packctl::resource::{Address, Resource, Secrets};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep};

use super::apps::Group;
use super::{RELEASES, Release, kind_of};
use crate::env;
use crate::shapes::{Model, read};

/// The tests change the CRDs one after the other.
static TURN: Mutex<()> = Mutex::const_new(());

/// What Keycloak made up for the clients.
const CLIENT_SECRET: &str = "made-up-by-keycloak";

/// The server, and a realm beside it that is no server.
pub(crate) struct Server {
    kubernetes: Kubernetes,
    client: kube::Client,
    secrets: Secrets,
    realms: Model,
    uids: BTreeMap<Address, String>,
    crds: BTreeMap<(String, String), Value>,
    _turn: MutexGuard<'static, ()>,
}

impl Server {
    /// The same, in those of the newest releases.
    pub(crate) async fn newest() -> Self {
        let newest: Vec<&Release> = RELEASES.values().filter_map(|releases| releases.last()).collect();
        Self::with(&newest).await
    }

    /// With what a cluster has before its first app, in the CRDs of these releases.
    pub(crate) async fn with(releases: &[&Release]) -> Self {
        let turn = TURN.lock().await;
        let client = env::client_of(&env::releases_kubeconfig()).await;
        let settings = Settings {
            kubeconfig: Some(env::releases_kubeconfig()),
            context: None,
            impersonate: None,
            impersonate_groups: Vec::new(),
            timeout: Duration::from_secs(30),
            cache: None,
        };
        let secrets = Secrets::default();
        let kubernetes = Kubernetes::connect(&settings, secrets.clone()).await.expect("the kubeconfig names a server");
        let crds = BTreeMap::new();
        let (realms, uids) = (Model::ground(), BTreeMap::new());
        let mut server = Self { kubernetes, client, secrets, realms, uids, crds, _turn: turn };
        let ours = include_str!("../../../src/schema/crds/reconcilers.nebari.dev_nebariapps.yaml");
        server.define(&serde_saphyr::from_str(ours).expect("it is YAML")).await;
        server.upgrade(releases).await;
        server.start_anew().await;
        server
    }

    /// Puts the CRDs of these releases in the place of those that are there; what is there stays.
    pub(crate) async fn upgrade(&mut self, releases: &[&Release]) {
        for crd in releases.iter().flat_map(|release| &release.crds) {
            self.define(crd).await;
        }
        self.wait_for_schemas().await;
    }

    async fn define(&mut self, crd: &Value) {
        let mut crd = crd.clone();
        // What one release preserves of another is not asked for.
        if let Some(fields) = crd.as_object_mut() {
            fields.remove("status");
        }
        let name = crd["metadata"]["name"].as_str().expect("a CRD has a name");
        let path =
            format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}?fieldManager=platform&force=true");
        let answer = self.send(Method::PATCH, &path, "application/apply-patch+yaml", &crd).await;
        assert!(answer.0 < 300, "{name}: {}", answer.1["message"]);
        self.crds.insert(kind_of(&crd), crd);
    }

    /// Until the server publishes the schemas of the CRDs: from then on it also uses them.
    async fn wait_for_schemas(&mut self) {
        let kinds: BTreeSet<(String, String)> = self.crds.keys().cloned().collect();
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let found = self.kubernetes.discover().await.expect("the server answers").kinds;
            self.kubernetes = self.kubernetes.clone().with_kinds(found.clone());
            let published = self.kubernetes.schemas(&kinds).await;
            let missing = self.crds.iter().find(|(kind, crd)| {
                let Some(Ok(Some(schema))) = published.get(kind) else { return true };
                let version = found.get(&kind.0, &kind.1).map(|info| info.version.clone()).unwrap_or_default();
                let versions = crd["spec"]["versions"].as_array().expect("a CRD has versions");
                let of_crd = versions.iter().find(|found| found["name"] == version);
                of_crd.is_none_or(|found| essence(schema) != essence(&found["schema"]["openAPIV3Schema"]))
            });
            let Some((kind, _)) = missing else { return };
            assert!(Instant::now() < deadline, "{kind:?} is not published as it was defined");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Takes all objects away, and makes those that are there before the first app.
    pub(crate) async fn start_anew(&mut self) {
        let ground = Model::ground();
        let namespaces: Vec<&str> = ["bi", "data", "envoy-gateway-system"].into();
        let custom =
            self.crds.iter().filter(|(_, crd)| crd["spec"]["scope"] == "Namespaced").map(|((group, _), crd)| {
                let versions = crd["spec"]["versions"].as_array().expect("a CRD has versions");
                let served = versions.iter().find(|version| version["served"] == true).expect("one is served");
                let text = |value: &Value| value.as_str().expect("a text").to_owned();
                (format!("/apis/{group}/{}", text(&served["name"])), text(&crd["spec"]["names"]["plural"]))
            });
        let rbac = "/apis/rbac.authorization.k8s.io/v1";
        let built_in = [("/api/v1", "secrets"), (rbac, "roles"), (rbac, "rolebindings")];
        let built_in = built_in.map(|(root, plural)| (root.to_owned(), plural.to_owned()));
        for (root, plural) in custom.chain(built_in).collect::<Vec<_>>() {
            for namespace in &namespaces {
                let path = format!("{root}/namespaces/{namespace}/{plural}");
                let (status, answer) = self.send(Method::DELETE, &path, "application/json", &Value::Null).await;
                assert_eq!(status, 200, "{path}: {answer}");
            }
        }
        self.realms = Model::ground();
        self.uids.clear();
        let kinds = ["Namespace", "Secret", "Service", "Gateway"];
        for kind in kinds {
            let of_kind = |address: &&Address| !address.is_keycloak() && address.kind == kind;
            for address in ground.addresses().filter(of_kind) {
                let mut body = ground.get(address).expect("it is there").clone();
                with_secrets(&mut body);
                self.apply_body(address, body, "platform", true).await;
            }
        }
    }

    /// What a plan for these apps sees.
    pub(crate) async fn world(&self, apps: &Group) -> World {
        let kinds = self.kubernetes.discover().await.expect("the server answers").kinds;
        let mut world = World::default();
        world.kinds = kinds.clone();
        let wanted: BTreeSet<(String, String)> = self.crds.keys().cloned().collect();
        for ((group, kind), schema) in self.kubernetes.schemas(&wanted).await {
            let schema = schema.expect("it can be read").expect("it is published");
            let version = kinds.get(&group, &kind).map(|info| info.version.clone()).expect("it is served");
            world.schemas.add(&group, &kind, &version, schema);
        }
        let realms = Arc::new(self.realms.realms(CLIENT_SECRET, self.secrets.clone()));
        let providers = Providers { kubernetes: Arc::new(self.kubernetes.clone()), keycloak: Ok(realms) };
        read(&providers, world, &apps.environment, &apps.documents).await
    }

    /// Makes what a plan makes, in its order and without its waits: nobody serves anything here.
    pub(crate) async fn apply(&mut self, plan: &Plan) {
        for step in &plan.steps {
            match &step.act {
                Act::Nothing => {}
                Act::Apply { .. } if step.address.is_keycloak() => self.realms.step(step),
                Act::Apply { resource, force } => self.write(step, resource, *force).await,
                Act::Delete | Act::Release { .. } | Act::Finalize => panic!("{} {}", step.title, step.address.short()),
            }
        }
    }

    async fn write(&mut self, step: &Step, resource: &Resource, force: bool) {
        let owner = resource.owner.as_ref().and_then(|owner| self.uids.get(owner));
        let mut body = wire_body(resource, owner.map(String::as_str));
        for path in resource.body.unknown.keys() {
            assert_eq!(path.to_string(), "data.client-secret");
            body["data"]["client-secret"] = self.secrets.intern(CLIENT_SECRET.as_bytes()).placeholder().into();
        }
        self.apply_body(&step.address.object(), body, resource.hand.manager(), force).await;
    }

    async fn apply_body(&mut self, address: &Address, body: Value, manager: &str, force: bool) {
        let api_version = body["apiVersion"].as_str().expect("a body has it").to_owned();
        let manager = manager.to_owned();
        let verb = Verb::Apply { body, manager, force, uid: None, version: None };
        let write = Write { address: address.clone(), api_version, verb };
        let written = self.kubernetes.write(&write).await;
        let written = written.unwrap_or_else(|error| panic!("{}: {error}", address.short()));
        let live = written.live.expect("an apply leaves an object");
        self.uids.insert(address.clone(), live.uid);
    }

    /// Sends, and gives the HTTP status and the JSON that came with it.
    pub(crate) async fn send(&self, method: Method, path: &str, content_type: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder().method(method).uri(path).header("content-type", content_type);
        let answer = self.client.send(request.body(Body::from(body)).expect("it is a request")).await;
        let answer = answer.expect("the server answers");
        let status = answer.status().as_u16();
        let body = answer.into_body().collect_bytes().await.expect("the answer comes to its end");
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

/// Values in the place of the numbers that a snapshot has.
fn with_secrets(body: &mut Value) {
    for value in body.get_mut("data").and_then(Value::as_object_mut).into_iter().flatten().map(|(_, value)| value) {
        if value.as_str().is_some_and(|text| text.starts_with("packctl-secret:")) {
            *value = json!("c29tZXRoaW5n");
        }
    }
}

/// A schema without what the server adds, rewrites or leaves out when it publishes it: descriptions, examples, what one can
/// select by, and metadata, whose rules are no CRD's to say.
pub(crate) fn essence(schema: &Value) -> Value {
    fn strip(schema: &mut Value) {
        match schema {
            Value::Object(map) => {
                map.retain(|name, value| name != "example" && (name != "description" || !value.is_string()));
                map.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut schema = schema.clone();
    strip(&mut schema);
    if let Some(root) = schema.as_object_mut() {
        root.remove("x-kubernetes-selectable-fields");
    }
    for name in ["metadata", "apiVersion", "kind"] {
        schema["properties"][name] = Value::Null;
    }
    schema
}
