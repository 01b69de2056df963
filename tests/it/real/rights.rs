//! Who may read little plans nothing away, and who may only read plans the same.

use std::fs;

use serde_json::json;

use super::lab::Lab;
use crate::env::{Env, unique};

/// A user with these rules, cluster-wide.
fn user_with(rules: &serde_json::Value) -> String {
    let name = unique("reader");
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name}, "rules": rules,
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
    });
    let both = json!({"apiVersion": "v1", "kind": "List", "items": [role, binding]});
    Env::get().kubectl_with(&["apply", "-f", "-"], &both.to_string());
    name
}

/// A plan without its head, which names the user and counts what all tests make.
fn without_head(plan: &str) -> &str {
    plan.split_once("\n\n").map_or(plan, |(_, rest)| rest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_laptop_without_any_environment_plans_nothing_away() {
    let lab = Lab::open().await;
    let input = lab.input("apps", &[lab.app("open"), lab.app("guarded")]);
    lab.applied(&input).await;
    let versions = |lab: &Lab| {
        let all = "nebariapp,httproute,securitypolicy,secret,role,rolebinding,service";
        let form = "jsonpath={.items[*].metadata.resourceVersion}";
        Env::get().kubectl(&["get", all, "-n", lab.namespace(), "-o", form])
    };
    let before = versions(&lab);

    // The cluster has an environment, and this user may not read it.
    let rules = json!([
        {"apiGroups": [""], "resources": ["services", "namespaces", "secrets"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["gateway.networking.k8s.io", "gateway.envoyproxy.io", "cert-manager.io",
            "reconcilers.nebari.dev", "rbac.authorization.k8s.io", "apiextensions.k8s.io"],
            "resources": ["*"], "verbs": ["get", "list", "watch"]},
    ]);
    let mut unknowing = lab.packctl();
    unknowing.environment = None;
    let user = user_with(&rules);
    // Its environment says nothing.
    let mut empty = lab.packctl();
    let file = lab.path("empty.yaml");
    fs::write(&file, "{}\n").expect("it can be written");
    empty.environment = Some(file);
    for (packctl, user) in [(&unknowing, Some(&user)), (&empty, None)] {
        let mut args = vec!["-f", &input];
        args.extend(user.into_iter().flat_map(|user| ["--as", user]));
        let plan = packctl.run(&[&["plan"], &args[..]].concat()).await.exits(4);
        plan.says("0 to add, change, replace, delete, adopt");
        packctl.run(&[&["apply", "--yes"], &args[..]].concat()).await.exits(4);
    }
    assert_eq!(versions(&lab), before);
    lab.at_rest(&input).await;
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_only_read_plans_the_same_plan_and_sends_reads_only() {
    let lab = Lab::open().await;
    let before = lab.input("before", &[lab.app("open")]);
    lab.applied(&before).await;
    let label =
        ["label", "httproute", "open-route", "-n", lab.namespace(), "--overwrite", "nebari.dev/nebariapp-name=x"];
    Env::get().kubectl(&label);
    let input = lab.input("apps", &[lab.app("open").on(8080), lab.app("guarded")]);
    let user = user_with(&json!([
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
        {"nonResourceURLs": ["*"], "verbs": ["get"]},
    ]));

    let packctl = lab.packctl();
    let admin = packctl.run(&["plan", "-f", &input]).await.succeeds();
    let mark = Env::get().mark();
    let reader = packctl.run(&["plan", "-f", &input, "--as", &user]).await.succeeds();
    assert!(reader.out.lines().next().is_some_and(|head| head.contains(&user)), "{}", reader.out);
    assert_eq!(without_head(&reader.out), without_head(&admin.out));
    let mut verbs: Vec<String> = lab.requests_of(&user, mark).into_iter().map(|request| request.verb).collect();
    verbs.sort();
    verbs.dedup();
    assert_eq!(verbs, ["get", "list"], "an empty log would prove nothing");
    lab.close().await;
}

/// Rights in one namespace, for `user`.
fn grant_in(namespace: &str, user: &str, rules: &serde_json::Value) {
    let name = unique("rights");
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": name, "namespace": namespace}, "rules": rules,
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    });
    let both = json!({"apiVersion": "v1", "kind": "List", "items": [role, binding]});
    Env::get().kubectl_with(&["apply", "-f", "-"], &both.to_string());
}

fn everything_readable() -> serde_json::Value {
    json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}])
}

/// Two live apps, one of them moved to another port: with all rights its NebariApp and its route would change.
async fn lab_with_a_change() -> (Lab, String) {
    let lab = Lab::open().await;
    let before = lab.input("before", &[lab.app("open"), lab.app("guarded")]);
    lab.applied(&before).await;
    let input = lab.input("after", &[lab.app("open").on(8080), lab.app("guarded")]);
    (lab, input)
}

/// Plans as a user: what cannot be read is said, nothing is planned away, and nothing is sent but reads.
async fn plan_of(lab: &Lab, input: &str, user: &str) -> super::packctl::Ended {
    let mark = Env::get().mark();
    let plan = lab.packctl().run(&["plan", "-f", input, "--as", user]).await.exits(4);
    plan.says("to change, 0 to add, replace, delete, adopt");
    let requests = lab.requests_of(user, mark);
    assert!(requests.iter().any(|request| request.verb == "list"), "an empty log would prove nothing");
    let writes: Vec<_> = requests.into_iter().filter(|request| request.is_write()).collect();
    assert!(writes.is_empty(), "{writes:?}");
    plan
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_in_one_namespace_are_enough_for_what_needs_no_gateway() {
    let (lab, input) = lab_with_a_change().await;
    let (user, namespace) = (unique("tenant"), lab.namespace().to_owned());
    grant_in(&namespace, &user, &everything_readable());
    let plan = plan_of(&lab, &input, &user).await;
    plan.says("1 to change, 0 to add,");
    plan.line_with(&format!("~ app/{namespace}/open"));
    plan.says(&format!("Gateway/{}/gateway could not be read", lab.gateways));
    plan.says(&format!("HTTPRoute beyond {namespace}"));
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_in_the_namespaces_of_apps_and_gateway_are_enough_for_a_whole_plan() {
    let (lab, input) = lab_with_a_change().await;
    let (user, namespace) = (unique("tenant"), lab.namespace().to_owned());
    for namespace in [&namespace, &lab.gateways] {
        grant_in(namespace, &user, &everything_readable());
    }
    // Who holds the derived objects is asked there.
    let holder = json!([{"apiGroups": ["apps", "coordination.k8s.io"], "resources": ["*"], "verbs": ["get"]}]);
    Env::get().kubectl_with(
        &["apply", "-f", "-"],
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nebari-operator-system"}}).to_string(),
    );
    grant_in("nebari-operator-system", &user, &holder);
    let plan = plan_of(&lab, &input, &user).await;
    plan.says("2 to change, 0 to add,");
    plan.line_with(&format!("~ app/{namespace}/open"));
    plan.line_with(&format!("~ HTTPRoute/{namespace}/open-route"));
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_secrets_the_apps_that_need_none_are_planned() {
    let (lab, input) = lab_with_a_change().await;
    let namespace = lab.namespace();
    let groups: Vec<&str> = "reconcilers.nebari.dev gateway.networking.k8s.io gateway.envoyproxy.io cert-manager.io \
                             rbac.authorization.k8s.io networking.k8s.io apps coordination.k8s.io"
        .split_whitespace()
        .collect();
    let core = ["namespaces", "services", "serviceaccounts", "configmaps"];
    let user = user_with(&json!([
        {"apiGroups": groups, "resources": ["*"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": core, "verbs": ["get", "list"]},
    ]));
    let plan = plan_of(&lab, &input, &user).await;
    plan.says("2 to change, 0 to add,");
    plan.line_with(&format!("~ HTTPRoute/{namespace}/open-route"));
    plan.says(&format!("Secret/{namespace}/guarded-oidc-client"));
    // What needs the Secret and is as wanted stays so; what would change because of it is said to be blocked.
    plan.never_says("- Secret");
    lab.close().await;
}

/// A user whom nothing tells which kinds there are: not even `system:authenticated` is his group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_discovery_and_schemas_the_platform_is_taken_to_be_as_it_is_embedded() {
    let (lab, input) = lab_with_a_change().await;
    let (user, namespace) = ("system:anonymous", lab.namespace().to_owned());
    grant_in(&namespace, user, &everything_readable());
    let plan = plan_of(&lab, &input, user).await;
    plan.says("1 to change, 0 to add,");
    plan.line_with(&format!("~ app/{namespace}/open"));
    plan.says("which kinds the cluster serves: ");
    lab.close().await;
}
