//! The API server, asked in the shortest way: an answer is its status and its JSON.

use http::{Method, Request};
use kube::client::Body;
use serde_json::{Value, json};

use super::menu::Menu;

/// The server, and where the objects of a run are made.
pub(super) struct Server {
    pub(super) client: kube::Client,
    pub(super) namespace: String,
}

/// One object of a kind.
pub(super) struct Object<'s> {
    pub(super) server: &'s Server,
    pub(super) menu: &'s Menu,
    pub(super) name: String,
}

/// An HTTP status and the JSON that came with it.
pub(super) type Answer = (u16, Value);

impl Object<'_> {
    /// A body as the server wants it: with kind and name.
    pub(super) fn named(&self, body: &Value, api_version: &str) -> Value {
        let mut body = body.clone();
        body["apiVersion"] = json!(api_version);
        body["kind"] = json!(self.menu.kind());
        body["metadata"]["name"] = json!(self.name);
        if self.menu.head.scope != "cluster" {
            body["metadata"]["namespace"] = json!(self.server.namespace);
        }
        body
    }

    pub(super) async fn create(&self, manager: &str, body: &Value) -> Answer {
        let version = body["apiVersion"].as_str().expect("it has one").to_owned();
        let path = format!("{}?fieldManager={manager}", self.collection(&version));
        self.send(Method::POST, &path, "application/json", body).await
    }

    /// Writes the whole object, as an editor or a controller does.
    pub(super) async fn replace(&self, manager: &str, body: &Value) -> Answer {
        let version = body["apiVersion"].as_str().expect("it has one").to_owned();
        let path = format!("{}?fieldManager={manager}", self.path(&version));
        self.send(Method::PUT, &path, "application/json", body).await
    }

    pub(super) async fn merge(&self, manager: &str, subresource: &str, patch: &Value) -> Answer {
        let path = format!("{}{subresource}?fieldManager={manager}", self.path(self.menu.api_version()));
        self.send(Method::PATCH, &path, "application/merge-patch+json", patch).await
    }

    pub(super) async fn apply(&self, manager: &str, body: &Value, force: bool, dry_run: bool) -> Answer {
        let version = body["apiVersion"].as_str().expect("it has one").to_owned();
        let dry_run = if dry_run { "&dryRun=All" } else { "" };
        let path = format!("{}?fieldManager={manager}&force={force}{dry_run}", self.path(&version));
        self.send(Method::PATCH, &path, "application/apply-patch+yaml", body).await
    }

    pub(super) async fn get(&self, version: &str) -> Answer {
        self.send(Method::GET, &self.path(version), "application/json", &Value::Null).await
    }

    pub(super) async fn delete(&self) {
        self.merge("cleanup", "", &json!({"metadata": {"finalizers": null}})).await;
        self.send(Method::DELETE, &self.path(self.menu.api_version()), "application/json", &Value::Null).await;
    }

    fn collection(&self, version: &str) -> String {
        let prefix = if version.contains('/') { "/apis" } else { "/api" };
        let namespace = match self.menu.head.scope.as_str() {
            "cluster" => String::new(),
            _ => format!("/namespaces/{}", self.server.namespace),
        };
        format!("{prefix}/{version}{namespace}/{}", self.menu.head.resource)
    }

    fn path(&self, version: &str) -> String {
        format!("{}/{}", self.collection(version), self.name)
    }

    async fn send(&self, method: Method, path: &str, content_type: &str, body: &Value) -> Answer {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder().method(method).uri(path).header("content-type", content_type);
        let request = request.body(Body::from(body)).expect("it is a request");
        let answer = self.server.client.send(request).await.expect("the server answers");
        let status = answer.status().as_u16();
        let body = answer.into_body().collect_bytes().await.expect("the answer comes to its end");
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}
