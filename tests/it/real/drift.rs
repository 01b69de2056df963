//! What other hands did is found, named and repaired.

use std::fs;

use serde_json::{Value, json};

use super::lab::Lab;
use crate::env::Env;

/// A route of the input's own: unlike those of an app, its annotations are the input's.
fn route(lab: &Lab, annotation: &str) -> String {
    let namespace = lab.namespace();
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "namespace": namespace, "name": "extra",
            "labels": {"team": "ours"},
            "annotations": {"example.test/note": annotation},
        },
        "spec": {
            "parentRefs": [{"namespace": lab.gateways, "name": "gateway", "sectionName": "http"}],
            "hostnames": [format!("extra.{namespace}.example.test")],
            "rules": [{
                "matches": [{"path": {"type": "PathPrefix", "value": "/extra"}}],
                "backendRefs": [{"name": "open", "port": 80}],
            }],
        },
    })
    .to_string()
}

/// Edits as `kubectl edit` does: reads, writes the whole with PUT.
fn edit(lab: &Lab, kind: &str, name: &str, manager: &str, change: impl FnOnce(&mut Value)) {
    let mut object = lab.get(kind, lab.namespace(), name);
    change(&mut object);
    object["metadata"].as_object_mut().expect("it has metadata").remove("managedFields");
    let manager = format!("--field-manager={manager}");
    Env::get().kubectl_with(&["replace", &manager, "-f", "-"], &object.to_string());
}

/// Takes a label as a program does that applies with force.
fn take_label(lab: &Lab, kind: &str, name: &str, manager: &str, label: &Value) {
    let live = lab.get(kind, lab.namespace(), name);
    let body = json!({
        "apiVersion": live["apiVersion"], "kind": live["kind"],
        "metadata": {"namespace": lab.namespace(), "name": name, "labels": label},
    });
    let manager = format!("--field-manager={manager}");
    let args = ["apply", "--server-side", "--force-conflicts", &manager, "-f", "-"];
    Env::get().kubectl_with(&args, &body.to_string());
}

/// The fields of an object that would change: path, class, and who.
fn fields(plan: &Value, address: &str) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let changes = plan["resource_changes"].as_array().cloned().unwrap_or_default();
    let change = changes.into_iter().find(|change| text(&change["address"]).ends_with(address));
    let change = change.unwrap_or_else(|| panic!("{address} is not in {plan:#}"));
    let fields = change["packctl"]["fields"].as_array().cloned().unwrap_or_default();
    fields.iter().map(|field| (text(&field["path"]), text(&field["class"]), text(&field["manager"]))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_by_three_hands_on_one_route_has_three_answers_with_three_names() {
    let lab = Lab::open().await;
    let input = lab.input("apps", &[lab.app("open")]);
    let file = lab.path("apps/route.yaml");
    fs::write(&file, route(&lab, "first")).expect("it can be written");
    lab.applied(&input).await;

    edit(&lab, "httproute", "extra", "kubectl-edit", |route| {
        route["spec"]["rules"][0]["matches"][0]["path"]["value"] = json!("/elsewhere");
    });
    take_label(&lab, "httproute", "extra", "helper", &json!({"team": "theirs"}));
    fs::write(&file, route(&lab, "second")).expect("it can be written");

    let plan = lab.packctl().run(&["plan", "-f", &input, "-o", "json"]).await.succeeds();
    let plan: Value = serde_json::from_str(&plan.out).expect("it is JSON");
    let expected = [
        ("metadata.annotations[\"example.test/note\"]", "pending", ""),
        ("metadata.labels.team", "drift", "helper"),
        ("spec.rules[0].matches[0].path.value", "drift", "kubectl-edit"),
    ];
    let expected = expected.map(|(path, class, who)| (path.to_owned(), class.to_owned(), who.to_owned()));
    assert_eq!(fields(&plan, "/extra"), expected);
    let shown = lab.packctl().run(&["plan", "-f", &input]).await.succeeds();
    assert!(!shown.line_with("\"first\" -> \"second\"").contains("drift"));
    assert!(shown.line_with("\"theirs\" -> \"ours\"").contains("drift, by helper"));
    shown.says("drift, by kubectl-edit");
    lab.packctl().run(&["drift", "-f", &input]).await.exits(3);
    lab.applied(&input).await;
    let route = lab.get("httproute", lab.namespace(), "extra");
    assert_eq!(route["metadata"]["labels"]["team"], "ours");
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_on_the_route_and_the_policy_of_an_app_is_named_and_repaired() {
    let lab = Lab::open().await;
    let input = lab.input("apps", &[lab.app("guarded")]);
    lab.applied(&input).await;

    edit(&lab, "httproute", "guarded-route", "kubectl-edit", |route| {
        route["spec"]["rules"][0]["backendRefs"][0]["port"] = json!(8080);
    });
    take_label(&lab, "httproute", "guarded-route", "helper", &json!({"app.kubernetes.io/instance": "theirs"}));
    edit(&lab, "securitypolicy", "guarded-security", "kubectl-edit", |policy| {
        policy["spec"]["oidc"]["scopes"] = json!(["openid"]);
    });
    let drift = lab.packctl().run(&["drift", "-f", &input]).await.exits(3);
    for (object, by) in
        [("guarded-route", "helper"), ("guarded-route", "kubectl-edit"), ("guarded-security", "kubectl-edit")]
    {
        let below = drift.out.lines().skip_while(|line| !line.contains(object));
        assert!(below.take(4).any(|line| line.contains(&format!("drift, by {by}"))), "{object} by {by}: {}", drift.out);
    }
    lab.applied(&input).await;
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_uri_added_in_keycloak_is_found_named_and_repaired() {
    let lab = Lab::open().await;
    let guarded = lab.app("guarded");
    let input = lab.input("apps", std::slice::from_ref(&guarded));
    lab.applied(&input).await;

    let client = lab.realm.client(&guarded.client_id()).await.expect("the client is there");
    let path = format!("clients/{}", client["id"].as_str().expect("a client has an id"));
    let ours = client["redirectUris"].clone();
    let more = json!([ours[0], "https://attacker.example.test/*"]);
    lab.realm.put(&path, &json!({"clientId": guarded.client_id(), "redirectUris": more})).await;

    let drift = lab.packctl().run(&["drift", "-f", &input]).await.exits(3);
    let line = drift.line_with("client/");
    assert!(line.contains(&guarded.client_id()), "{line}");
    drift.says("redirectUris");
    drift.says("https://attacker.example.test/*");
    lab.applied(&input).await;
    let client = lab.realm.client(&guarded.client_id()).await.expect("the client is there");
    assert_eq!(client["redirectUris"], ours);
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hole_in_the_policy_of_an_app_with_login_is_mended_behind_a_closed_route() {
    let mut lab = Lab::open().await;
    let input = lab.input("apps", &[lab.app("guarded")]);
    lab.applied(&input).await;
    edit(&lab, "securitypolicy", "guarded-security", "kubectl-edit", |policy| {
        let rules = policy["spec"]["authorization"]["rules"].as_array_mut().expect("it has rules");
        rules.push(json!({"name": "guests", "action": "Allow", "principal": {"clientCIDRs": ["0.0.0.0/0"]}}));
    });
    // Until here it was open by another hand.
    lab.judge_from_now().await;
    let plan = lab.packctl().run(&["plan", "-f", &input]).await.succeeds();
    plan.says("everyone who cannot log in");

    let mark = Env::get().mark();
    lab.applied(&input).await;
    let written =
        lab.requests_of(&lab.user, mark).into_iter().filter(|request| request.verb == "patch" && request.status < 300);
    let kinds = ["/httproutes/guarded-route", "/securitypolicies/guarded-security"];
    let order: Vec<&str> =
        written.filter_map(|request| kinds.into_iter().find(|kind| request.uri.contains(kind))).collect();
    assert_eq!(order, [kinds[0], kinds[1], kinds[0]], "closed, mended, opened");
    lab.close().await;
}
