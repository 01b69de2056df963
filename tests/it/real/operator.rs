//! packctl beside nebari-operator, and after it.

use std::time::Duration;

use serde_json::{Value, json};

use super::apps::App;
use super::go_operator;
use super::lab::Lab;
use crate::env::Env;

const NAME: &str = "nebari-operator-controller-manager";

/// The operator's Deployment, with the lab's settings; nobody runs its pods.
fn start(lab: &Lab) {
    let labels = json!({"control-plane": "controller-manager"});
    let env: Vec<Value> = [
        ("TLS_CLUSTER_ISSUER_NAME", "selfsigned-issuer"),
        ("KEYCLOAK_URL", "http://keycloak.keycloak.svc.cluster.local:8080"),
        ("KEYCLOAK_EXTERNAL_URL", "https://keycloak.example.test"),
        ("KEYCLOAK_REALM", &lab.realm.name),
    ]
    .iter()
    .map(|(name, value)| json!({"name": name, "value": value}))
    .collect();
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME, "namespace": lab.gateways},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "manager", "image": "example/operator:1", "env": env}]},
        }},
    });
    Env::get().kubectl_with(&["apply", "-f", "-"], &deployment.to_string());
}

fn stop(lab: &Lab) {
    Env::get().kubectl(&["scale", "deployment", NAME, "-n", &lab.gateways, "--replicas=0"]);
}

/// What the operator does with an app that is being deleted: its route goes first, its finalizer last (its `Cleanup`).
/// The rest is left to garbage collection, whose order nobody knows.
async fn cleanup(app: &App) {
    let path = ["get", "nebariapp", &app.name, "-n", &app.namespace, "--ignore-not-found"];
    let deleted = || {
        let args = [&path[..], &["-o", "jsonpath={.metadata.deletionTimestamp}"]].concat();
        !Env::get().kubectl(&args).trim().is_empty()
    };
    while !deleted() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Env::get().kubectl(&["delete", "httproute", &format!("{}-route", app.name), "-n", &app.namespace]);
    let none = json!({"metadata": {"finalizers": null}}).to_string();
    Env::get().kubectl(&["patch", "nebariapp", &app.name, "-n", &app.namespace, "--type=merge", "-p", &none]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_operator_is_left_alone_and_its_cleanup_is_awaited() {
    let mut lab = Lab::open().await;
    let app = lab.app("open");
    go_operator::deliver(&lab, &app);
    lab.judge_from_now().await;
    let input = lab.input("apps", std::slice::from_ref(&app));
    // Adopted before the operator was started again: what the app asks for is packctl's, and the finalizer is still there.
    lab.packctl().run(&["apply", "--yes", "--adopt", "-f", &input]).await.succeeds();
    start(&lab);

    // Nobody takes the finalizer off: the run says who holds the app, and ends.
    let args = ["destroy", "--yes", "--wait-limit", "2", &app.address()];
    let waited = lab.packctl().run(&args).await.exits(1);
    waited.says("held by apps.nebari.dev/finalizer");
    assert_ne!(lab.get("nebariapp", &app.namespace, &app.name)["metadata"]["deletionTimestamp"], Value::Null);
    assert_ne!(lab.listener(&app.listener()), Value::Null, "the operator's to take away");

    let address = app.address();
    let args = ["destroy", "--yes", &address];
    let packctl = lab.packctl();
    let (ended, ()) = tokio::join!(packctl.run(&args), cleanup(&app));
    ended.succeeds();
    assert_eq!(lab.get("nebariapp", &app.namespace, &app.name), Value::Null);

    // What the operator did not take away goes when it is gone.
    stop(&lab);
    lab.packctl().run(&args).await.succeeds();
    assert_eq!(lab.listener(&app.listener()), Value::Null);
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_at_rest_is_one_line_and_what_it_left_behind_goes_when_it_is_gone() {
    let mut lab = Lab::open().await;
    let app = lab.app("open");
    go_operator::deliver(&lab, &app);
    go_operator::leave_behind(&lab, &app);
    lab.judge_from_now().await;
    start(&lab);
    let input = lab.input("apps", std::slice::from_ref(&app));
    lab.packctl().run(&["apply", "--yes", "--adopt", "-f", &input]).await.exits(6);
    let live = lab.packctl().run(&["plan", "--detailed-exitcode", "-f", &input]).await.exits(6);
    live.never_says("adopt,");
    live.says("1 app is left to nebari-operator");
    live.says("nebari-operator leaves it behind");
    live.never_says("KEYCLOAK_REALM");

    stop(&lab);
    let input = lab.input("apps", &[app.clone().plain()]);
    lab.packctl().run(&["apply", "--yes", "-f", &input]).await.succeeds();
    lab.at_rest(&input).await;
    let gone =
        [("httproute", "open-public-route"), ("role", "open-oidc-secret-reader"), ("secret", "open-oidc-client")];
    for (kind, name) in gone {
        assert_eq!(lab.get(kind, lab.namespace(), name), Value::Null, "{kind} {name}");
    }
    assert_eq!(lab.listener(&app.listener()), Value::Null);
    assert_eq!(lab.names("certificate", &lab.gateways), [""; 0]);
    // Not the operator's, though it looks so.
    assert_ne!(lab.get("httproute", lab.namespace(), "other-public-route"), Value::Null);
    lab.packctl().run(&["destroy", "--yes", &app.address()]).await.succeeds();
    assert_eq!(lab.get("nebariapp", &app.namespace, &app.name), Value::Null, "nobody else takes its finalizer off");
    lab.close().await;
}
