//! What the server makes of manifests is no difference; what somebody makes of them is.

use serde_json::{Value, json};

use super::lab::Lab;
use super::packs::{Repo, changes, free_claims, is_empty, plan};
use crate::env::Env;

/// A field of each kind that its objects can change, as somebody with kubectl would: `KIND/NAME`, where, to what.
fn edits(namespace: &str) -> Vec<(String, &'static str, Value)> {
    let mut edits: Vec<(String, &str, Value)> = [
        ("deployments.apps/web", "/spec/template/spec/containers/0/image", json!("example/other")),
        ("deployments.apps/web", "/spec/template/spec/containers/0/env/1/value", json!("2")),
        ("deployments.apps/web", "/spec/template/spec/containers/0/resources/requests/cpu", json!("1100m")),
        ("deployments.apps/web", "/spec/template/spec/tolerations/1/value", json!("false")),
        ("statefulsets.apps/db", "/spec/template/spec/containers/0/ports/0/name", json!("other")),
        ("daemonsets.apps/agent", "/spec/updateStrategy/rollingUpdate/maxUnavailable", json!("10%")),
        ("cronjobs.batch/nightly", "/spec/schedule", json!("0 4 * * *")),
        ("cronjobs.batch/nightly", "/spec/jobTemplate/spec/backoffLimit", json!(1)),
        ("jobs.batch/once", "/spec/ttlSecondsAfterFinished", json!(9)),
        ("pods/single", "/spec/containers/0/image", json!("example/other")),
        ("services/web", "/spec/ports/0/targetPort", json!(8001)),
        ("services/headless", "/spec/selector/app", json!("other")),
        ("services/dns", "/spec/ports/1/name", json!("other")),
        ("services/outside", "/spec/externalName", json!("other.example.test")),
        ("services/balanced", "/spec/loadBalancerSourceRanges/0", json!("0.0.0.0/0")),
        ("networkpolicies.networking.k8s.io/web", "/spec/ingress/0/ports/0/port", json!(9)),
        ("networkpolicies.networking.k8s.io/deny", "/spec/podSelector", json!({"matchLabels": {"app": "nobody"}})),
        ("ingresses.networking.k8s.io/web", "/spec/rules/0/host", json!("other.example.test")),
        ("httproutes.gateway.networking.k8s.io/extra", "/spec/rules/0/backendRefs/0/port", json!(81)),
        ("certificates.cert-manager.io/extra", "/spec/dnsNames/0", json!("other.example.test")),
        ("configmaps/web", "/data/EMPTY", json!("full")),
        ("configmaps/web", "/binaryData/blob", json!("AAEC")),
        ("secrets/web", "/data/password", json!("b3RoZXI=")),
        ("serviceaccounts/web", "/automountServiceAccountToken", json!(true)),
        ("persistentvolumeclaims/data", "/metadata/labels/team", json!("other")),
        ("limitranges/defaults", "/spec/limits/0/default/cpu", json!("2")),
        ("resourcequotas/most", "/spec/hard/pods", json!("51")),
        ("horizontalpodautoscalers.autoscaling/web", "/spec/maxReplicas", json!(4)),
        ("poddisruptionbudgets.policy/web", "/spec/minAvailable", json!(1)),
        ("leases.coordination.k8s.io/leader", "/spec/leaseDurationSeconds", json!(16)),
        ("roles.rbac.authorization.k8s.io/web", "/rules/0/verbs", json!(["*"])),
        ("rolebindings.rbac.authorization.k8s.io/web", "/subjects/1/name", json!("mallory")),
    ]
    .map(|(object, path, value)| (object.to_owned(), path, value))
    .into();
    edits.extend([
        (format!("clusterroles.rbac.authorization.k8s.io/{namespace}-reader"), "/rules/0/verbs", json!(["*"])),
        (format!("clusterrolebindings.rbac.authorization.k8s.io/{namespace}-reader"), "/subjects/0/name", json!("x")),
        (format!("priorityclasses.scheduling.k8s.io/{namespace}-high"), "/description", json!("edited")),
        (format!("storageclasses.storage.k8s.io/{namespace}-fast"), "/allowVolumeExpansion", json!(false)),
        (
            format!("validatingwebhookconfigurations.admissionregistration.k8s.io/{namespace}"),
            "/webhooks/0/rules/0/operations/0",
            json!("UPDATE"),
        ),
        (
            format!("mutatingwebhookconfigurations.admissionregistration.k8s.io/{namespace}"),
            "/webhooks/0/clientConfig/url",
            json!("https://other.example.test/"),
        ),
    ]);
    edits
}

/// Reads all objects at once, edits them, and writes them at once, whole, as `kubectl edit` does.
fn edit(namespace: &str, edits: &[(String, &str, Value)]) {
    let mut names: Vec<&str> = edits.iter().map(|(object, ..)| object.as_str()).collect();
    names.dedup();
    let args = [&["get", "-n", namespace, "-o", "json"], &names[..]].concat();
    let mut list: Value = serde_json::from_str(&Env::get().kubectl(&args)).expect("kubectl prints JSON");
    let items = list["items"].as_array_mut().expect("it is a list");
    assert_eq!(items.len(), names.len());
    for (object, path, value) in edits {
        let index = names.iter().position(|name| name == object).expect("it was read");
        let (above, key) = path.rsplit_once('/').expect("it is a path");
        match items[index].pointer_mut(above) {
            Some(Value::Array(list)) => list[key.parse::<usize>().expect("a place in a list")] = value.clone(),
            Some(map) => map[key] = value.clone(),
            None => panic!("{object} has no {above}"),
        }
    }
    Env::get().kubectl_with(&["replace", "--field-manager=kubectl-edit", "-f", "-"], &list.to_string());
}

async fn applied(lab: &Lab) -> Repo {
    let repo = Repo::new(lab);
    repo.copy("testdata/packs/kinds", "src/kinds", lab.namespace());
    repo.application("src/kinds", lab.namespace(), &Value::Null);
    let apply = lab.packctl().run(&["apply", "--yes", "-f", repo.input()]).await.succeeds();
    free_claims(lab.namespace());
    for secret in ["correct horse", "dXNlcjpwYXNzd29yZA"] {
        apply.never_says(secret);
    }
    repo
}

/// Takes the pack away: some of its objects are in no namespace.
async fn close(lab: Lab, repo: &Repo) {
    lab.packctl().run(&["destroy", "--yes", "-f", repo.input()]).await.succeeds();
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_of_all_common_kinds_is_applied_and_nothing_is_left_to_do_or_in_doubt() {
    let lab = Lab::open().await;
    let repo = applied(&lab).await;
    is_empty(&plan(&lab, &["-f", repo.input()]).await);
    close(lab, &repo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_of_any_common_kind_is_drift_by_name_and_is_repaired() {
    let lab = Lab::open().await;
    let repo = applied(&lab).await;
    let edits = edits(lab.namespace());
    edit(lab.namespace(), &edits);
    let drifted = plan(&lab, &["-f", repo.input()]).await;
    let lines = changes(&drifted);
    assert_eq!(lines.len(), edits.len(), "one for one:\n{}", lines.join("\n"));
    for line in &lines {
        assert!(line.contains(" drift ") && line.ends_with(" kubectl-edit"), "{line}");
    }
    lab.packctl().run(&["drift", "-f", repo.input()]).await.exits(3);
    lab.packctl().run(&["apply", "--yes", "-f", repo.input()]).await.succeeds();
    is_empty(&plan(&lab, &["-f", repo.input()]).await);
    close(lab, &repo).await;
}

/// Which request a container without one gets is computed by the server from its default, key by key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_the_server_can_tell_is_in_doubt_until_it_is_asked_and_is_not_written() {
    let lab = Lab::open().await;
    let repo = Repo::new(&lab);
    repo.application("src/limits", lab.namespace(), &Value::Null);
    let limits = json!({
        "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits"},
        "spec": {"limits": [{"type": "Container", "default": {"cpu": "1000m"}}]},
    });
    repo.write("src/limits/limits.yaml", &limits.to_string());
    lab.packctl().run(&["apply", "--yes", "-f", repo.input()]).await.succeeds();

    let doubtful = changes(&plan(&lab, &["-f", repo.input()]).await);
    assert_eq!(doubtful.len(), 1, "{doubtful:?}");
    assert!(doubtful[0].contains("spec.limits[0].defaultRequest doubt"), "{doubtful:?}");
    is_empty(&plan(&lab, &["--validate=server", "-f", repo.input()]).await);
    let before = Env::get().mark();
    lab.packctl().run(&["apply", "--yes", "-f", repo.input()]).await.succeeds().says("Nothing to do");
    let written: Vec<_> = lab.requests_of(&lab.user, before).into_iter().filter(|sent| sent.is_write()).collect();
    assert!(written.is_empty(), "{written:#?}");
    lab.close().await;
}
