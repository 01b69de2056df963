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
