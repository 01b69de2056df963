//! The server's side: creations by dry run.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use http::Request;
use kube::Client;
use kube::client::Body;
use serde_json::Value;

use crate::env::Env;

/// Where creations of one kind go.
pub(super) struct Server {
    client: Client,
    path: String,
}

/// What the server says to a creation.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The object as it would be stored.
    pub(super) stored: Option<Value>,
    /// Why it is refused.
    pub(super) refused: Option<String>,
    /// The fields that it blames, where it names any.
    pub(super) blamed: Option<BTreeSet<String>>,
    /// The fields that it warns of as unknown.
    pub(super) unknown: BTreeSet<String>,
}

impl Server {
    pub(super) async fn of(api_version: &str, plural: &str, namespace: &str) -> Self {
        let root = if api_version.contains('/') { "apis" } else { "api" };
        let path = format!("/{root}/{api_version}/namespaces/{namespace}/{plural}?dryRun=All&fieldValidation=Warn");
        Self { client: Env::get().client().await, path }
    }

    /// The answers in the order of the objects.
    pub(super) async fn ask_all(&self, objects: impl Iterator<Item = Value>) -> Vec<Answer> {
        futures::stream::iter(objects).map(|object| self.ask(object)).buffered(24).collect().await
    }

    async fn ask(&self, object: Value) -> Answer {
        let request = Request::post(&self.path).header("content-type", "application/json");
        let request = request.body(Body::from(whole(&object).to_string().into_bytes())).expect("a request");
        let response = self.client.send(request).await.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect_bytes().await.expect("an answer is read");
        let body: Value = serde_json::from_slice(&body).expect("an answer is JSON");
        let warnings = headers.get_all("warning").iter().filter_map(|warning| warning.to_str().ok());
        let mut answer = Answer { unknown: warnings.filter_map(unknown).collect(), ..Answer::default() };
        if status.is_success() {
            answer.stored = Some(body);
            return answer;
        }
        // Anything else would be a mistake of the test, not a verdict.
        assert!([400, 422].contains(&status.as_u16()), "{status}: {body}");
        answer.refused = Some(body["message"].as_str().unwrap_or_default().to_owned());
        let causes = body["details"]["causes"].as_array();
        let fields = causes.map(|causes| causes.iter().filter_map(|cause| cause["field"].as_str()));
        answer.blamed = fields.map(|fields| fields.filter(|field| *field != "<nil>").map(str::to_owned).collect());
        answer
    }
}

/// What a client that reads YAML sends: whole numbers have no point.
fn whole(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e15);
            #[expect(clippy::cast_possible_truncation, reason = "whole, and far within the range")]
            let whole = whole.map(|number| Value::from(number as i64));
            whole.unwrap_or_else(|| value.clone())
        }
        Value::Array(items) => items.iter().map(whole).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), whole(value))).collect(),
        other => other.clone(),
    }
}

/// `299 - "unknown field \"spec.x\""`.
fn unknown(warning: &str) -> Option<String> {
    let text = warning.replace("\\\"", "\"");
    let field = text.split_once("unknown field \"")?.1;
    Some(field.split('"').next()?.to_owned())
}
