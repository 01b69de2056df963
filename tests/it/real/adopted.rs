//! What others made becomes packctl's.

use serde_json::{Value, json};

use super::first_apply::secret_value;
use super::go_operator;
use super::lab::Lab;
use crate::env::Env;

/// `KIND/NAME` of everything in a lab that any of these field managers holds, its status aside.
fn held_by(lab: &Lab, managers: &[&str]) -> Vec<String> {
    let kinds = "configmap,deployment,service,secret,nebariapp,httproute,securitypolicy,certificate,role,rolebinding";
    let mut held = Vec::new();
    for namespace in [&lab.gateways, &lab.namespaces[0]] {
        let list = Env::get().kubectl(&["get", kinds, "-n", namespace, "-o", "json", "--show-managed-fields"]);
        let list: Value = serde_json::from_str(&list).expect("kubectl prints JSON");
        for object in list["items"].as_array().expect("a list has items") {
            let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
            let theirs = |entry: &&Value| {
                managers.iter().any(|name| entry["manager"] == *name) && entry.get("subresource").is_none()
            };
            held.extend(entries.iter().filter(theirs).map(|entry| {
                format!(
                    "{}/{} {}",
                    object["kind"].as_str().unwrap_or_default(),
                    object["metadata"]["name"],
                    entry["fieldsV1"]
                )
            }));
        }
    }
    held
}

fn plan_of(text: &str) -> Value {
    serde_json::from_str(text).expect("a plan is JSON")
}

/// `ADDRESS ACTION` of every change that does something.
fn actions(plan: &Value) -> Vec<String> {
    let changes = plan["resource_changes"].as_array().expect("a plan has changes");
    let acting = changes.iter().filter(|change| change["packctl"]["action"] != "none");
    acting
        .map(|change| {
            format!(
                "{} {}",
                change["packctl"]["action"].as_str().unwrap_or_default(),
                change["address"].as_str().unwrap_or_default()
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_go_operator_left_is_adopted_in_place_and_nothing_of_it_lingers() {
    let mut lab = Lab::open().await;
    let (open, guarded) = (lab.app("open"), lab.app("guarded"));
    go_operator::deliver(&lab, &open);
    go_operator::deliver(&lab, &guarded);
    let secret_before = lab.get("secret", lab.namespace(), "guarded-oidc-client");
    let policy_before = lab.get("securitypolicy", lab.namespace(), "guarded-security");
    lab.judge_from_now().await;
    let input = lab.input("apps", &[open.clone(), guarded.clone()]);

    let plan = lab.packctl().run(&["plan", "-o", "json", "-f", &input]).await.succeeds();
    let actions = actions(&plan_of(&plan.out));
    for derived in ["HTTPRoute", "Certificate", "Gateway"] {
        let adopted = actions.iter().filter(|action| action.starts_with("adopt ") && action.contains(derived));
        assert_eq!(adopted.count(), 2, "{derived} in {actions:#?}");
    }
    for derived in ["/Secret/", "/Role/", "/RoleBinding/", "guarded-security"] {
        assert!(
            actions.iter().any(|action| action.starts_with("adopt ") && action.contains(derived)),
            "{derived} in {actions:#?}"
        );
    }

    // The apps and their Services were applied with kubectl: that is for people to say.
    let mark = Env::get().mark();
    let refused = lab.packctl().run(&["apply", "--yes", "-f", &input]).await.exits(4);
    refused.says("--adopt");
    let written = lab
        .requests_of(&lab.user, mark)
        .into_iter()
        .filter(|request| request.is_write() && !request.uri.contains("anchor"))
        .collect::<Vec<_>>();
    assert!(written.is_empty(), "{written:#?}");

    lab.packctl().run(&["apply", "--yes", "--adopt", "-f", &input]).await.succeeds();
    lab.at_rest(&input).await;
    let left = held_by(&lab, &["manager", "kubectl-client-side-apply"]);
    let finalizers =
        |entry: &String| entry.starts_with("NebariApp/") && entry.contains("f:finalizers") && !entry.contains("f:spec");
    assert!(left.iter().all(finalizers), "{left:#?}");
    let gateway = lab.gateway();
    let entries = gateway["metadata"]["managedFields"].to_string();
    let of_operator = gateway["metadata"]["managedFields"]
        .as_array()
        .expect("it has them")
        .iter()
        .any(|entry| entry["manager"] == "manager");
    assert!(!of_operator, "{entries}");

    let secret = lab.get("secret", lab.namespace(), "guarded-oidc-client");
    assert_eq!(secret["metadata"]["uid"], secret_before["metadata"]["uid"]);
    assert_eq!(secret_value(&secret, "client-secret"), go_operator::SECRET);
    let client = lab.realm.client(&guarded.client_id()).await.expect("the missing client was made");
    assert_eq!(lab.realm.client_secret(client["id"].as_str().expect("a client has an id")).await, go_operator::SECRET);
    let policy = lab.get("securitypolicy", lab.namespace(), "guarded-security");
    assert_eq!(policy["metadata"]["uid"], policy_before["metadata"]["uid"]);
    assert_eq!(policy_before["spec"]["oidc"]["forwardAccessToken"], true);
    assert_eq!(policy["spec"]["oidc"].get("forwardAccessToken"), None);

    // What is ours alone goes when the app goes, listener and all.
    lab.packctl().run(&["destroy", "--yes", &open.address()]).await.succeeds();
    assert_eq!(lab.listener(&open.listener()), Value::Null);
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_kubectl_applied_is_adopted_with_consent_and_what_only_its_manifest_said_goes() {
    let lab = Lab::open().await;
    let namespace = lab.namespace();
    let deployment = |extra: Value| {
        let labels = json!({"app": "web"});
        let mut value = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": namespace, "labels": extra},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "web", "image": "example/web:1"}]},
                },
            },
        });
        value["metadata"]["annotations"] = json!({"by": "input"});
        value
    };
    let map = |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": namespace}, "data": data});
    let list = |items: Vec<Value>| json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    let env = Env::get();
    let mut live = deployment(json!({"app": "web", "tier": "front"}));
    live["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "OLD", "value": "1"}]);
    env.kubectl_with(&["apply", "-f", "-"], &list(vec![live, map(json!({"a": "1", "b": "2"}))]));
    env.kubectl(&["annotate", "deployment", "web", "-n", namespace, "note=by-hand"]);
    let tracked = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
        "name": "tracked", "namespace": namespace,
        "annotations": {"argocd.argoproj.io/tracking-id": "pack:/ConfigMap:x/tracked"},
    }});
    env.kubectl_with(&["create", "-f", "-"], &tracked.to_string());

    let folder = lab.path("mine");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let write =
        |name: &str, value: Value| std::fs::write(folder.join(name), value.to_string()).expect("it can be written");
    write("deployment.json", deployment(json!({"app": "web"})));
    write("map.json", map(json!({"a": "1"})));
    let input = folder.to_str().expect("its path is text");

    let plan = lab.packctl().run(&["plan", "-o", "json", "-f", input]).await.succeeds();
    let plan = plan_of(&plan.out);
    assert_eq!(actions(&plan).len(), 2, "{plan:#}");
    assert!(actions(&plan).iter().all(|action| action.starts_with("adopt ")), "{plan:#}");
    let shown = lab.packctl().run(&["plan", "-f", input]).await.succeeds();
    for text in ["tier", "kubectl-client-side-apply", "2 to adopt", "needs --adopt"] {
        shown.says(text);
    }
    let rest = ["progressDeadlineSeconds", "terminationMessagePath", "note"];
    rest.iter().for_each(|default| shown.never_says(default));

    let mark = env.mark();
    lab.packctl().run(&["apply", "--yes", "-f", input]).await.exits(4).says("--adopt");
    assert_eq!(
        lab.requests_of(&lab.user, mark)
            .iter()
            .filter(|request| request.is_write() && request.status < 300 && !request.uri.contains("dryRun"))
            .count(),
        0
    );
    lab.packctl().run(&["apply", "--yes", "--adopt", "-f", input]).await.succeeds();
    lab.at_rest(input).await;
    let after = lab.get("deployment", namespace, "web");
    assert_eq!(after["metadata"]["labels"], json!({"app": "web"}));
    assert_eq!(after["metadata"]["annotations"]["note"], "by-hand");
    assert_eq!(after["metadata"]["annotations"].get("kubectl.kubernetes.io/last-applied-configuration"), None);
    assert_eq!(after["spec"]["template"]["spec"]["containers"][0].get("env"), None);
    assert_eq!(lab.get("configmap", namespace, "web")["data"], json!({"a": "1"}));

    // What the input drops later goes too: nobody else holds it.
    let mut narrower = deployment(json!({"app": "web"}));
    narrower["metadata"]["annotations"] = json!({});
    write("deployment.json", narrower);
    lab.applied(input).await;
    assert_eq!(lab.get("deployment", namespace, "web")["metadata"]["annotations"].get("by"), None);

    write("tracked.json", tracked);
    let refused = lab.packctl().run(&["apply", "--yes", "--adopt", "-f", input]).await.exits(4);
    refused.says("PK0410");
    refused.says("pack:/ConfigMap:x/tracked");
    lab.close().await;
}
