//! One pack, from nothing to nothing.

use serde_json::{Value, json};

use super::lab::Lab;
use super::packs::{Repo, changes, is_empty, plan, remove_namespace};
use crate::env::{Env, Request};

const MARK: &str = "packctl.nebari.dev/pack";

fn config(name: &str) -> String {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}}).to_string()
}

fn quota() -> String {
    let spec = json!({"hard": {"pods": 10}});
    json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "most"}, "spec": spec}).to_string()
}

/// The names of the records in a namespace.
fn records(lab: &Lab, namespace: &str) -> Vec<String> {
    lab.names("configmap", namespace).into_iter().filter(|name| name.starts_with("packctl-pack-")).collect()
}

fn writes(requests: Vec<Request>) -> Vec<String> {
    let written = requests.into_iter().filter(Request::is_write);
    written.map(|sent| format!("{} {}", sent.verb, sent.uri.split('?').next().unwrap_or_default())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_is_made_with_its_namespace_narrowed_and_taken_down_from_the_outside_in() {
    let lab = Lab::open().await;
    let namespace = lab.namespace();
    remove_namespace(namespace);
    let repo = Repo::new(&lab);
    let name = repo.application("src/demo", namespace, &Value::Null);
    let app = lab.app("guarded");
    repo.write("src/demo/app.yaml", &app.yaml());
    repo.write("src/demo/config.yaml", &config("settings"));
    repo.write("src/demo/quota.yaml", &quota());

    let before = Env::get().mark();
    lab.packctl().run(&["apply", "--yes", "-f", repo.input()]).await.succeeds();
    let mut written = writes(lab.requests_of(&lab.user, before));
    // The Gateway's anchor is nobody's pack.
    written.retain(|sent| sent.contains(namespace));
    let record = records(&lab, namespace);
    assert_eq!(record.len(), 1);
    assert_eq!(written[0], format!("patch /api/v1/namespaces/{namespace}"), "the Namespace is first");
    assert_eq!(written[1], format!("patch /api/v1/namespaces/{namespace}/configmaps/{}", record[0]), "then the record");
    let made = lab.get("namespace", "", namespace);
    assert_eq!(made["metadata"]["labels"]["nebari.dev/managed"], "true");
    let identity = format!("lab/argocd/{name}");
    for (kind, name) in [("nebariapp", "guarded"), ("service", "guarded"), ("configmap", "settings")] {
        let metadata = &lab.get(kind, namespace, name)["metadata"];
        assert_eq!(metadata["annotations"][MARK], identity.as_str(), "{kind}");
        assert_eq!(format!("packctl-pack-{}", metadata["labels"][MARK].as_str().unwrap_or_default()), record[0]);
    }
    assert_eq!(lab.stand_in.opened().await.len(), 1, "it is served");
    is_empty(&plan(&lab, &["-f", repo.input()]).await);
    assert_eq!(
        lab.get("configmap", namespace, &record[0])["data"]["kinds"],
        "core/ConfigMap\ncore/ResourceQuota\ncore/Service\nreconcilers.nebari.dev/NebariApp\n"
    );

    repo.remove("src/demo/quota.yaml");
    let before = Env::get().mark();
    lab.packctl().run(&["apply", "--yes", "-f", repo.input()]).await.succeeds();
    let written = writes(lab.requests_of(&lab.user, before));
    assert_eq!(
        written,
        [
            format!("delete /api/v1/namespaces/{namespace}/resourcequotas/most"),
            format!("patch /api/v1/namespaces/{namespace}/configmaps/{}", record[0]),
        ],
        "the record forgets a kind when its last object is gone"
    );
    let kinds = "core/ConfigMap\ncore/Service\nreconcilers.nebari.dev/NebariApp\n";
    assert_eq!(lab.get("configmap", namespace, &record[0])["data"]["kinds"], kinds);
    is_empty(&plan(&lab, &["-f", repo.input()]).await);

    repo.remove("src/demo/app.yaml");
    let before = Env::get().mark();
    let apply = lab.packctl().run(&["apply", "--yes", "-f", repo.input()]).await.succeeds();
    let written = writes(lab.requests_of(&lab.user, before));
    let at = |what: &str| {
        let found = written.iter().position(|sent| sent.starts_with("delete") && sent.ends_with(what));
        found.unwrap_or_else(|| panic!("{what} was not deleted: {written:#?}"))
    };
    assert_eq!(at("/httproutes/guarded-route"), 0, "{written:#?}");
    let order = [
        at("/httproutes/guarded-route"),
        at("/securitypolicies/guarded-security"),
        at(&format!("/securitypolicies/lock-{}", app.listener())),
        at("/nebariapps/guarded"),
    ];
    assert!(order.is_sorted(), "{written:#?}");
    assert!(at(&format!("/certificates/guarded-{namespace}-cert")) < at("/nebariapps/guarded"), "{written:#?}");
    assert!(at("/secrets/guarded-oidc-client") < at("/nebariapps/guarded"), "{written:#?}");
    assert!(written.last().is_some_and(|sent| sent.ends_with(&record[0])), "{written:#?}");
    assert!(apply.line_with(&format!("guarded-{namespace}-tls")).contains("keeps"));
    assert_eq!(lab.names("secret", &lab.gateways), [format!("guarded-{namespace}-tls")]);
    assert_eq!(lab.realm.client(&app.client_id()).await, None);
    is_empty(&plan(&lab, &["-f", repo.input()]).await);

    let destroy = lab.packctl().run(&["destroy", "--yes", &format!("pack/{name}")]).await.succeeds();
    assert!(destroy.line_with(&format!("Namespace/{namespace}")).contains("keeps"));
    assert!(lab.names("configmap", namespace).is_empty());
    assert_eq!(lab.get("namespace", "", namespace)["status"]["phase"], "Active");
    let planned = changes(&plan(&lab, &["-f", repo.input()]).await);
    assert!(planned.iter().all(|line| line.ends_with("create")), "the input wants it again: {planned:#?}");
    lab.close().await;
}
