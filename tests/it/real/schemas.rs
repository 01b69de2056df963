//! The schemas that the API server publishes are those of its CustomResourceDefinitions, and are asked for once.

use std::collections::BTreeSet;
use std::time::Duration;

use packctl::provider::kubernetes::{Kubernetes, Settings};
use packctl::resource::Secrets;

use crate::env::{Env, unique};
use crate::releases::essence;

const KINDS: [(&str, &str, &str); 6] = [
    ("cert-manager.io", "Certificate", "certificates"),
    ("gateway.envoyproxy.io", "HTTPRouteFilter", "httproutefilters"),
    ("gateway.envoyproxy.io", "SecurityPolicy", "securitypolicies"),
    ("gateway.networking.k8s.io", "Gateway", "gateways"),
    ("gateway.networking.k8s.io", "HTTPRoute", "httproutes"),
    ("reconcilers.nebari.dev", "NebariApp", "nebariapps"),
];

async fn client(user: &str, cache: &std::path::Path) -> Kubernetes {
    let settings = Settings {
        kubeconfig: Some(Env::get().kubeconfig.clone()),
        context: None,
        impersonate: Some(user.to_owned()),
        impersonate_groups: vec!["system:masters".into()],
        timeout: Duration::from_secs(30),
        cache: Some(cache.to_owned()),
    };
    let client = Kubernetes::connect(&settings, Secrets::default()).await.expect("connected");
    let kinds = client.discover().await.expect("discovered").kinds;
    client.with_kinds(kinds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_schemas_are_those_of_the_crds_and_are_asked_for_once() {
    let cache = tempfile::tempdir().expect("a folder can be made");
    let user = unique("schemas");
    let client = client(&user, cache.path()).await;
    let kinds: BTreeSet<(String, String)> =
        KINDS.iter().map(|(group, kind, _)| ((*group).to_owned(), (*kind).to_owned())).collect();
    let requests = |mark| {
        let requests = Env::get().requests_since(mark).into_iter().filter(|request| request.is_of(&user));
        requests.filter(|request| request.uri.starts_with("/openapi")).count()
    };
    let mark = Env::get().mark();
    let found = client.schemas(&kinds).await;
    assert_eq!(requests(mark), 1 + 4, "the index, and a document for each group");
    let mark = Env::get().mark();
    assert_eq!(client.schemas(&kinds).await, found);
    assert_eq!(requests(mark), 1, "the index alone");

    for (group, kind, plural) in KINDS {
        let published = found[&(group.to_owned(), kind.to_owned())].clone().expect("readable").expect("published");
        let crd = client.crd(group, plural).await.expect("readable").expect("there");
        let versions = crd["spec"]["versions"].as_array().expect("a list");
        let stored = versions.iter().find(|version| version["storage"] == true).expect("one is stored");
        let wanted = essence(&stored["schema"]["openAPIV3Schema"]);
        assert_eq!(essence(&published), wanted, "{kind}");
    }
}
