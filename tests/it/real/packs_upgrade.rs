//! What a later version of a pack no longer says, goes; what the server cannot change is told.

use serde_json::{Value, json};

use super::lab::Lab;
use super::packs::{Repo, changes, is_empty, plan};

fn deployment(strategy: &Value, container: &Value, volumes: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": strategy,
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [container], "volumes": volumes},
            },
        },
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_new_version_drops_is_removed_whatever_the_server_filled_in_beside_it() {
    let lab = Lab::open().await;
    let repo = Repo::new(&lab);
    repo.application("src/demo", lab.namespace(), &Value::Null);
    let old = deployment(
        &json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "30%"}}),
        &json!({
            "name": "web", "image": "example/web:1",
            "livenessProbe": {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 11},
            "lifecycle": {"postStart": {"httpGet": {"port": 80}}},
            "ports": [{"containerPort": 80}, {"containerPort": 81}],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
            "resources": {"limits": {"cpu": "1000m"}, "requests": {"memory": "1024Mi"}},
            "securityContext": {"capabilities": {"drop": ["ALL"]}},
        }),
        &json!([{"name": "a", "configMap": {"name": "a"}}, {"name": "b", "emptyDir": {}}]),
    );
    let new = deployment(
        &json!({"type": "Recreate"}),
        &json!({
            "name": "web", "image": "example/web:1",
            "ports": [{"containerPort": 81}],
            "env": [{"name": "B", "value": "2"}],
            "resources": {},
        }),
        &json!([{"name": "b", "configMap": {"name": "a"}}]),
    );
    let service = |ports: Value| {
        let spec = json!({"selector": {"app": "web"}, "ports": ports});
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec})
    };
    let config = |labels: Value, data: Value| {
        let metadata = json!({"name": "web", "labels": labels, "annotations": {"example.test/a": "1"}});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    };
    repo.write("src/demo/web.json", &old.to_string());
    repo.write(
        "src/demo/service.json",
        &service(json!([{"name": "a", "port": 80}, {"name": "b", "port": 81}])).to_string(),
    );
    repo.write("src/demo/config.json", &config(json!({"a": "1", "b": "2"}), json!({"a": "1", "b": "2"})).to_string());
    lab.packctl().run(&["apply", "--yes", "-f", repo.input()]).await.succeeds();
    is_empty(&plan(&lab, &["-f", repo.input()]).await);

    repo.write("src/demo/web.json", &new.to_string());
    repo.write("src/demo/service.json", &service(json!([{"name": "b", "port": 81}])).to_string());
    repo.write("src/demo/config.json", &config(json!({"b": "2"}), json!({"b": "2"})).to_string());
    let lines = changes(&plan(&lab, &["-f", repo.input()]).await);
    assert!(lines.iter().all(|line| line.contains(" pending ")), "{}", lines.join("\n"));
    for dropped in
        [".livenessProbe", ".lifecycle", "[containerPort=80,", "[name=A]", ".limits.cpu", "labels.a", "data.a"]
    {
        assert!(lines.iter().any(|line| line.contains(dropped)), "{dropped}:\n{}", lines.join("\n"));
    }
    lab.packctl().run(&["apply", "--yes", "-f", repo.input()]).await.succeeds();
    is_empty(&plan(&lab, &["-f", repo.input()]).await);
    let container = &lab.get("deployment", lab.namespace(), "web")["spec"]["template"]["spec"]["containers"][0];
    for gone in ["livenessProbe", "lifecycle", "securityContext"] {
        assert!(container[gone].is_null() || container[gone] == json!({}), "{gone}: {container:#}");
    }
    assert_eq!(lab.get("configmap", lab.namespace(), "web")["data"], json!({"b": "2"}));
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_cannot_change_fails_its_object_by_name_and_no_other() {
    let lab = Lab::open().await;
    let repo = Repo::new(&lab);
    repo.application("src/demo", lab.namespace(), &Value::Null);
    let workload = |app: &str| {
        deployment(&Value::Null, &json!({"name": "web", "image": "a"}), &Value::Null)
            .to_string()
            .replace(r#""app":"web""#, &format!(r#""app":"{app}""#))
    };
    let config = |value: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"a": value}}).to_string()
    };
    repo.write("src/demo/web.json", &workload("web"));
    repo.write("src/demo/config.json", &config("1"));
    lab.packctl().run(&["apply", "--yes", "-f", repo.input()]).await.succeeds();
    is_empty(&plan(&lab, &["-f", repo.input()]).await);

    repo.write("src/demo/web.json", &workload("other"));
    repo.write("src/demo/config.json", &config("2"));
    let failed = lab.packctl().run(&["apply", "--yes", "-f", repo.input()]).await.exits(1);
    failed.says("spec.selector");
    failed.says("field is immutable");
    assert!(failed.line_with("field is immutable").contains("Deployment/"), "{failed:?}");
    assert_eq!(lab.get("configmap", lab.namespace(), "web")["data"]["a"], "2");
    lab.close().await;
}
