//! A server made of a closure, below the real client: requests are seen as they would go out.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, service_fn};

use super::Kubernetes;
use super::wire::Wire;
use crate::observed::{Kinds, Seen};
use crate::resource::Secrets;

/// A request as it went out.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) method: String,
    pub(super) uri: String,
    pub(super) content_type: String,
    pub(super) body: String,
}

impl Sent {
    pub(super) fn path(&self) -> &str {
        self.uri.split('?').next().unwrap_or_default()
    }
}

/// What the closure answers.
pub(super) enum Reply {
    /// A response.
    Response(Response<Body>),
    /// The connection breaks.
    Broken,
    /// Nothing, ever.
    Silence,
}

pub(super) struct Fake {
    client: Client,
    sent: Arc<Mutex<Vec<Sent>>>,
    pub(super) secrets: Secrets,
}

impl Fake {
    pub(super) fn new(handler: impl Fn(&Sent) -> Reply + Send + Sync + 'static) -> Self {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&sent);
        let handler = Arc::new(handler);
        let service =
            service_fn(move |request: Request<Body>| -> BoxFuture<'static, Result<Response<Body>, BoxError>> {
                let (log, handler) = (Arc::clone(&log), Arc::clone(&handler));
                Box::pin(async move {
                    let (parts, body) = request.into_parts();
                    let header =
                        |name| parts.headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
                    let call = Sent {
                        method: parts.method.to_string(),
                        uri: parts.uri.to_string(),
                        content_type: header("content-type").unwrap_or_default().to_owned(),
                        body: String::from_utf8(body.collect_bytes().await?.into())?,
                    };
                    log.lock().expect("no panic").push(call.clone());
                    match handler(&call) {
                        Reply::Response(response) => Ok(response),
                        Reply::Broken => Err("connection reset by peer".into()),
                        Reply::Silence => std::future::pending().await,
                    }
                })
            });
        Self { client: Client::new(service, "default"), sent, secrets: Secrets::default() }
    }

    /// A provider above this server that serves the platform's kinds.
    pub(super) fn cluster(&self) -> Kubernetes {
        let (server, origin) = ("https://fake".into(), "kubeconfig /home/a/config".into());
        let timeout = Duration::from_millis(200);
        let wire = Wire::new(self.client.clone(), server, origin, self.secrets.clone(), timeout).impatient();
        Kubernetes::new(wire, Seen::default()).with_kinds(Kinds::platform())
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().expect("no panic").clone()
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.sent().iter().map(|call| format!("{} {}", call.method, call.uri)).collect()
    }
}

pub(super) fn reply(code: u16, body: &Value) -> Reply {
    with_headers(code, &[("content-type", "application/json")], &body.to_string())
}

pub(super) fn ok(body: Value) -> Reply {
    reply(200, &body)
}

pub(super) fn html(code: u16) -> Reply {
    with_headers(code, &[("content-type", "text/html; charset=utf-8")], "<html><body>canary page</body></html>")
}

pub(super) fn with_headers(code: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut response = Response::builder().status(code);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Reply::Response(response.body(body.as_bytes().to_vec().into()).expect("a response"))
}

/// A Status as the API server writes it.
pub(super) fn refusal(code: u16, reason: &str, message: &str, details: Value) -> Reply {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "details": details, "code": code});
    reply(code, &status)
}
