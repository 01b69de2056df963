//! Which kinds the cluster serves, by aggregated discovery.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;

use futures::future::try_join;
use serde::{Deserialize, Deserializer};

use super::wire::{Call, Failure, Wire};
use crate::observed::Kinds;

const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                      application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,\
                      application/json";

/// What discovery found.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// The kinds, each in the version that the server prefers.
    pub kinds: Kinds,
    /// Why the kinds are those that a platform usually has: the user may not know which ones the cluster serves.
    pub assumed: Option<String>,
    /// Groups that are registered, but whose own API server gave no current answer.
    pub(super) silent: BTreeSet<String>,
}

/// Asks `/api` and `/apis`.
pub(super) async fn discover(wire: &Wire) -> Result<Discovered, String> {
    let (core, groups) = match try_join(ask(wire, "/api"), ask(wire, "/apis")).await {
        Ok(found) => found,
        // Whom the server knows and tells nothing may still be allowed to read what he needs.
        Err(failure) if failure.code() == Some(403) => {
            let assumed = Some(failure.to_string());
            return Ok(Discovered { kinds: Kinds::platform(), assumed, ..Discovered::default() });
        }
        Err(failure) => return Err(failure.to_string()),
    };
    let mut found = Discovered::default();
    found.add(core);
    found.add(groups);
    Ok(found)
}

async fn ask(wire: &Wire, path: &str) -> Result<Groups, Failure> {
    let call = Call { accept: ACCEPT, ..Call::get(path.into()) };
    let answer = wire.patiently(&call, &AtomicUsize::new(0)).await?;
    match serde_json::from_str::<Groups>(&answer.text) {
        Ok(groups) if groups.kind == "APIGroupDiscoveryList" => Ok(groups),
        Ok(Groups { kind, .. }) if matches!(kind.as_str(), "APIGroupList" | "APIVersions") => Err(Failure::Foreign(
            answer.code,
            format!("{} is older than packctl supports: it has no aggregated discovery", wire.server),
        )),
        _ => Err(Failure::Foreign(
            answer.code,
            format!("{} answers, but not as Kubernetes does; check the server in {}", wire.server, wire.origin),
        )),
    }
}

impl Discovered {
    fn add(&mut self, groups: Groups) {
        for group in groups.items {
            // Versions come in the server's order of preference: the first that has a kind is the one to use.
            for version in group.versions {
                if version.freshness == "Stale" {
                    self.silent.insert(group.metadata.name.clone());
                }
                for resource in version.resources {
                    let kind = resource.response_kind.kind;
                    let readable = resource.verbs.iter().any(|verb| verb == "get" || verb == "list");
                    if readable && self.kinds.get(&group.metadata.name, &kind).is_none() {
                        let namespaced = resource.scope == "Namespaced";
                        self.kinds.insert(
                            &group.metadata.name,
                            &kind,
                            &version.version,
                            &resource.resource,
                            namespaced,
                        );
                    }
                }
            }
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Groups {
    kind: String,
    #[serde(deserialize_with = "nullable")]
    items: Vec<Group>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Group {
    metadata: Name,
    versions: Vec<Version>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Name {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Version {
    version: String,
    freshness: String,
    #[serde(deserialize_with = "nullable")]
    resources: Vec<Resource>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Resource {
    resource: String,
    response_kind: Kind,
    scope: String,
    verbs: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Kind {
    kind: String,
}

/// Servers write `null` for an empty list.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::fake::{Fake, html, ok, refusal};
    use crate::observed::Kinds;

    fn resource(kind: &str, plural: &str, scope: &str) -> Value {
        json!({"resource": plural, "responseKind": {"group": "", "version": "", "kind": kind}, "scope": scope,
               "verbs": ["get", "list"]})
    }

    #[tokio::test]
    async fn two_requests_give_each_kind_in_its_preferred_version() {
        let fake = Fake::new(|call| match call.path() {
            "/api" => {
                ok(json!({"kind": "APIGroupDiscoveryList", "items": [{"metadata": {}, "versions": [{"version": "v1",
                "resources": [resource("Namespace", "namespaces", "Cluster"),
                    {"resource": "bindings", "responseKind": {"kind": "Binding"}, "verbs": ["create"]}]}]}]}))
            }
            _ => ok(json!({"kind": "APIGroupDiscoveryList", "items": [
                {"metadata": {"name": "autoscaling"}, "versions": [
                    {"version": "v2", "resources": [resource("HorizontalPodAutoscaler", "horizontalpodautoscalers", "Namespaced")]},
                    {"version": "v1", "resources": [resource("HorizontalPodAutoscaler", "horizontalpodautoscalers", "Namespaced")]}]},
                {"metadata": {"name": "gateway.networking.k8s.io"}, "versions": [
                    {"version": "v1", "resources": [resource("HTTPRoute", "httproutes", "Namespaced")]},
                    {"version": "v1beta1", "resources": [resource("ReferenceGrant", "referencegrants", "Namespaced")]}]},
                {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1beta1", "freshness": "Stale"}]}]})),
        });
        let cluster = fake.cluster();
        let kinds = cluster.discover().await.expect("discovered").kinds;
        let version = |group, kind| kinds.get(group, kind).map(|info| info.version.as_str());
        assert_eq!(version("", "Namespace"), Some("v1"));
        assert_eq!(version("", "Binding"), None);
        assert_eq!(version("autoscaling", "HorizontalPodAutoscaler"), Some("v2"));
        assert_eq!(version("gateway.networking.k8s.io", "HTTPRoute"), Some("v1"));
        assert_eq!(version("gateway.networking.k8s.io", "ReferenceGrant"), Some("v1beta1"));
        assert!(!kinds.get("", "Namespace").expect("served").namespaced);
        let mut asked = fake.log();
        asked.sort();
        assert_eq!(asked, ["GET /api", "GET /apis"]);

        let cluster = cluster.with_kinds(kinds);
        assert_eq!(cluster.kind("x.io", "X"), Ok(None));
        assert!(cluster.kind("metrics.k8s.io", "PodMetrics").is_err(), "silent is not absent");
    }

    #[tokio::test]
    async fn who_may_not_know_the_kinds_is_told_those_of_the_platform_and_why() {
        let fake = Fake::new(|_| refusal(403, "Forbidden", "forbidden: alice cannot get path \"/api\"", json!({})));
        let found = fake.cluster().discover().await.expect("assumed");
        assert_eq!(found.kinds, Kinds::platform());
        assert!(found.assumed.is_some_and(|why| why.contains("alice cannot get path")));
        let fake = Fake::new(|_| refusal(500, "InternalError", "it burns", json!({})));
        assert!(fake.cluster().discover().await.is_err(), "only a right can be missing without harm");
    }

    #[tokio::test]
    async fn a_web_page_is_named_with_the_place_to_look() {
        let fake = Fake::new(|_| html(200));
        let error = fake.cluster().discover().await.expect_err("no Kubernetes");
        assert_eq!(
            error,
            "https://fake answered text/html (HTTP 200), not Kubernetes; check the server in kubeconfig /home/a/config"
        );
    }
}
