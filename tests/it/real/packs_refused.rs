//! What a pack must not take, and how far its mistakes reach.

use serde_json::{Value, json};

use super::lab::Lab;
use super::packctl::Ended;
use super::packs::{Repo, changes, is_empty, plan};
use crate::env::{Env, Mark};

fn config(name: &str, value: &str) -> String {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": value}}).to_string()
}

fn nothing_was_written(lab: &Lab, since: Mark) {
    let written: Vec<_> = lab.requests_of(&lab.user, since).into_iter().filter(|sent| sent.is_write()).collect();
    assert!(written.is_empty(), "{written:#?}");
}

async fn apply(lab: &Lab, input: &str) -> Ended {
    lab.packctl().run(&["apply", "--yes", "-f", input]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_of_the_same_name_from_another_folder_is_refused_and_deletes_nothing() {
    let lab = Lab::open().await;
    let repo = Repo::new(&lab);
    let name = repo.application("src/first", lab.namespace(), &Value::Null);
    repo.write("src/first/a.yaml", &config("first", "a"));
    repo.write("src/second/a.yaml", &config("second", "a"));
    apply(&lab, repo.input()).await.succeeds();

    repo.named(&name, "src/second", lab.namespace(), &Value::Null);
    let since = Env::get().mark();
    let refused = apply(&lab, repo.input()).await.exits(4);
    refused.says("PK0312");
    refused.says("src/first");
    refused.says("src/second");
    refused.says("give the new pack another name");
    nothing_was_written(&lab, since);

    lab.packctl().run(&["destroy", "--yes", &format!("pack/argocd/{name}")]).await.succeeds();
    apply(&lab, repo.input()).await.succeeds();
    is_empty(&plan(&lab, &["-f", repo.input()]).await);
    let named: Vec<_> = lab.names("configmap", lab.namespace());
    assert!(named.contains(&"second".into()) && !named.contains(&"first".into()), "{named:?}");
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_of_one_pack_is_not_taken_by_another_nor_one_of_somebody_else() {
    let lab = Lab::open().await;
    let repo = Repo::new(&lab);
    let first = repo.application("src/first", lab.namespace(), &Value::Null);
    repo.write("src/first/a.yaml", &config("settings", "first"));
    apply(&lab, repo.input()).await.succeeds();

    let second = repo.application("src/second", lab.namespace(), &Value::Null);
    repo.write("src/second/a.yaml", &config("settings", "second"));
    repo.write("src/second/b.yaml", &config("theirs", "second"));
    repo.write("src/second/c.yaml", &config("good", "second"));
    let theirs = config("theirs", "first");
    Env::get().kubectl_with(&["create", "--field-manager=helper", "-n", lab.namespace(), "-f", "-"], &theirs);
    let alone = format!("{}/{second}.yaml", repo.input());
    let refused = apply(&lab, &alone).await.exits(4);
    assert!(refused.line_with("ConfigMap/").contains(lab.namespace()));
    refused.says(&format!("argocd/{first}"));
    refused.says("helper");
    for (name, value) in [("settings", "first"), ("theirs", "first"), ("good", "second")] {
        assert_eq!(lab.get("configmap", lab.namespace(), name)["data"]["a"], value, "{name}");
    }
    let owned = format!("{}/{first}.yaml", repo.input());
    is_empty(&plan(&lab, &["-f", &owned]).await);

    let both = apply(&lab, repo.input()).await.exits(4);
    both.says("is declared twice in the inputs");
    assert_eq!(lab.get("configmap", lab.namespace(), "settings")["data"]["a"], "first");
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_label_that_somebody_set_otherwise_is_taken_over_with_consent_and_no_other() {
    let lab = Lab::open().await;
    let repo = Repo::new(&lab);
    repo.application("src/first", lab.namespace(), &Value::Null);
    repo.write("src/first/a.yaml", &config("first", "a"));
    let label = |label: &str| {
        Env::get().kubectl(&["label", "--overwrite", "namespace", lab.namespace(), label]);
    };
    label("nebari.dev/managed=false");
    label("team=red");
    let since = Env::get().mark();
    apply(&lab, repo.input()).await.exits(4).says("--adopt");
    nothing_was_written(&lab, since);

    lab.packctl().run(&["apply", "--yes", "--adopt", "-f", repo.input()]).await.succeeds();
    is_empty(&plan(&lab, &["-f", repo.input()]).await);
    let namespace = lab.get("namespace", "", lab.namespace());
    assert_eq!(namespace["metadata"]["labels"]["nebari.dev/managed"], "true");
    assert_eq!(namespace["metadata"]["labels"]["team"], "red");
    let entries = namespace["metadata"]["managedFields"].as_array().expect("it has them");
    let holders = |label: &str| -> Vec<&Value> {
        let holds = |entry: &&Value| entry["fieldsV1"]["f:metadata"]["f:labels"].get(label).is_some();
        entries.iter().filter(holds).map(|entry| &entry["operation"]).collect()
    };
    assert_eq!(holders("f:nebari.dev/managed"), ["Apply"], "packctl's entry alone: {entries:#?}");
    assert_eq!(holders("f:team"), ["Update"]);
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistake_in_one_pack_stops_what_it_touches_and_no_other_pack() {
    let lab = Lab::with_namespaces(2).await;
    let [good, bad] = [&lab.namespaces[0], &lab.namespaces[1]];
    let repo = Repo::new(&lab);
    repo.application("src/good", good, &Value::Null);
    repo.application("src/bad", bad, &Value::Null);
    repo.write("src/good/a.yaml", &config("a", "1"));
    repo.write("src/bad/a.yaml", &config("a", "1"));
    repo.write("src/bad/b.yaml", &config("b", "1"));
    apply(&lab, repo.input()).await.succeeds();

    // A misspelt field is refused where people ask for it: what left the folder is then not deleted either.
    repo.write("src/good/a.yaml", &config("a", "2"));
    repo.write("src/bad/a.yaml", &config("a", "2").replace("\"data\"", "\"dat\""));
    repo.remove("src/bad/b.yaml");
    let mistaken = lab.packctl().run(&["apply", "--yes", "--strict", "-f", repo.input()]).await.exits(4);
    mistaken.says("did you mean `data`?");
    mistaken.says("src/bad/a.yaml:1");
    assert_eq!(lab.get("configmap", good, "a")["data"]["a"], "2");
    assert_eq!(lab.get("configmap", bad, "a")["data"]["a"], "1");
    assert_eq!(lab.get("configmap", bad, "b")["data"]["a"], "1");

    // No YAML at all: the pack is refused whole.
    repo.write("src/bad/a.yaml", "apiVersion: v1\nkind: [\n");
    repo.write("src/good/a.yaml", &config("a", "3"));
    apply(&lab, repo.input()).await.exits(4).says("src/bad/a.yaml");
    assert_eq!(lab.get("configmap", good, "a")["data"]["a"], "3");
    assert_eq!(lab.get("configmap", bad, "b")["data"]["a"], "1");

    // What only the server can refuse fails alone.
    let refused = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"ports": [{"port": 80}, {"port": 81}]},
    });
    repo.write("src/bad/a.yaml", &config("a", "2"));
    repo.write("src/bad/web.yaml", &refused.to_string());
    let failed = apply(&lab, repo.input()).await.exits(1);
    failed.says("spec.ports[0].name");
    assert_eq!(lab.get("configmap", bad, "a")["data"]["a"], "2");
    repo.remove("src/bad/web.yaml");
    apply(&lab, repo.input()).await.succeeds();
    assert!(lab.get("configmap", bad, "b").is_null(), "now it goes");
    is_empty(&plan(&lab, &["-f", repo.input()]).await);
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_of_a_pack_is_kept_equal_and_said_nowhere() {
    let lab = Lab::open().await;
    let repo = Repo::new(&lab);
    repo.application("src/demo", lab.namespace(), &Value::Null);
    let secret = |password: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"},
            "stringData": {"password": password, "client-id": "public"}, "data": {"token": "Y2FuYXJ5LW9mLXRoZS10b2tlbg=="},
        })
        .to_string()
    };
    repo.write("src/demo/login.yaml", &secret("canary-of-the-file"));
    let (snapshot, input) = (lab.path("snapshot").display().to_string(), repo.input());
    let silent = |ended: Ended| {
        for word in ["canary", "Y2FuYXJ5", "Q2FuYXJ5"] {
            ended.never_says(word);
        }
        ended
    };
    let runs: [&[&str]; 3] =
        [&["plan", "-f", input], &["plan", "-o", "json", "--all", "-f", input], &["drift", "-f", input]];
    for run in runs {
        silent(lab.packctl().run(run).await);
    }
    silent(apply(&lab, input).await.succeeds());
    is_empty(&plan(&lab, &["-f", input]).await);
    let live = lab.get("secret", lab.namespace(), "login");
    assert_eq!(live["data"]["password"], "Y2FuYXJ5LW9mLXRoZS1maWxl");

    let edited = r#"{"stringData":{"password":"canary-of-somebody"}}"#;
    let args = ["patch", "secret", "login", "-n", lab.namespace(), "--field-manager=kubectl-edit", "-p", edited];
    Env::get().kubectl(&args);
    let lines = changes(&plan(&lab, &["-f", input]).await);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("data.password drift") && lines[0].ends_with("kubectl-edit"), "{lines:?}");
    let address = format!("Secret/{}/login", lab.namespace());
    let more: [&[&str]; 2] = [&["explain", &address, "-f", input], &["snapshot", "-f", input, "--out", &snapshot]];
    for run in runs.iter().chain(&more) {
        silent(lab.packctl().run(run).await);
    }
    let recorded = walkdir::WalkDir::new(&snapshot).into_iter().filter_map(Result::ok);
    let mut seen = false;
    for file in recorded.filter(|entry| entry.file_type().is_file()) {
        let text = std::fs::read_to_string(file.path()).expect("a snapshot is text");
        seen |= file.path().ends_with(format!("Secret/{}/login.yaml", lab.namespace()));
        assert!(!text.contains("canary") && !text.contains("Y2FuYXJ5"), "{}", file.path().display());
    }
    assert!(seen, "the Secret is in the snapshot");
    silent(apply(&lab, input).await.succeeds());
    assert_eq!(lab.get("secret", lab.namespace(), "login")["data"]["password"], live["data"]["password"]);

    repo.write("src/demo/login.yaml", &secret("canary-of-the-new-file"));
    let lines = changes(&plan(&lab, &["-f", input]).await);
    assert!(lines.len() == 1 && lines[0].contains("data.password pending"), "{lines:?}");
    silent(apply(&lab, input).await.succeeds());
    is_empty(&plan(&lab, &["-f", input]).await);
    lab.close().await;
}
