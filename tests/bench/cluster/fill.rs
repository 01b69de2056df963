//! Fills a cluster with apps that look as packctl applied them, with many connections.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Request;
use http::header::CONTENT_TYPE;
use kube::Client;
use kube::client::Body;
use packctl::observed::Kinds;
use packctl::resource::{Address, Resource};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::world::apps::{Apps, body, is_whole};

const CONNECTIONS: usize = 48;
/// Base64 of what stands for every client's secret.
const SECRET: &str = "c2VjcmV0LW9mLXRoZS1iZW5jaA==";
pub(crate) const SECRET_VALUE: &str = "secret-of-the-bench";

/// Applies the ground and every object of the apps.
pub(crate) async fn fill(client: &Client, apps: &Apps, wanted: &BTreeMap<Address, Arc<Resource>>) {
    for object in apps.ground() {
        apply(client, "platform", &object).await;
    }
    let whole = || wanted.values().filter(|resource| is_whole(resource));
    let manifests: Vec<Value> =
        whole().filter(|resource| resource.owner.is_none()).map(|resource| body(resource, None, SECRET)).collect();
    let mut uids = BTreeMap::new();
    for applied in apply_all(client, manifests).await {
        let text = |pointer: &str| applied.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        if text("/kind") == "NebariApp" {
            uids.insert((text("/metadata/namespace"), text("/metadata/name")), text("/metadata/uid"));
        }
    }
    let derived: Vec<Value> = whole()
        .filter_map(|resource| {
            let owner = resource.owner.as_ref()?;
            let uid = uids.get(&(owner.namespace.clone()?, owner.name.clone()))?;
            Some(body(resource, Some(uid), SECRET))
        })
        .collect();
    apply_all(client, derived).await;
}

/// Deletes the namespaces, and what is in them first: a collection at a time is faster than the namespace's controller.
pub(crate) async fn clear(client: &Client, apps: &Apps, wanted: &BTreeMap<Address, Arc<Resource>>) {
    let mut collections: Vec<String> =
        wanted.values().filter(|resource| is_whole(resource)).map(|resource| path(&body(resource, None, ""))).collect();
    collections.iter_mut().for_each(|path| path.truncate(path.rfind('/').unwrap_or(0)));
    collections.sort();
    collections.dedup();
    let namespaces = apps.namespaces().chain([apps.gateways()]).map(|name| format!("/api/v1/namespaces/{name}"));
    for path in collections.into_iter().chain(namespaces) {
        let request = Request::delete(path).body(Body::empty()).expect("a request");
        // What is not deleted now goes with its namespace.
        let _ = client.send(request).await;
    }
}

async fn apply_all(client: &Client, bodies: Vec<Value>) -> Vec<Value> {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut tasks = JoinSet::new();
    for body in bodies {
        let (client, slots) = (client.clone(), Arc::clone(&slots));
        tasks.spawn(async move {
            let _slot = slots.acquire().await;
            apply(&client, "packctl", &body).await
        });
    }
    tasks.join_all().await
}

async fn apply(client: &Client, manager: &str, body: &Value) -> Value {
    let request = Request::patch(format!("{}?fieldManager={manager}&force=true", path(body)))
        .header(CONTENT_TYPE, "application/apply-patch+yaml")
        .body(body.to_string().into_bytes())
        .expect("a request");
    client.request(request).await.unwrap_or_else(|error| panic!("{}: {error}", path(body)))
}

/// The path of an object.
fn path(body: &Value) -> String {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let kinds = Kinds::platform();
    let plural = &kinds.get(group, kind).unwrap_or_else(|| panic!("{kind} is known")).plural;
    let root = if group.is_empty() { "api" } else { "apis" };
    match text("/metadata/namespace") {
        "" => format!("/{root}/{api_version}/{plural}/{name}"),
        namespace => format!("/{root}/{api_version}/namespaces/{namespace}/{plural}/{name}"),
    }
}
