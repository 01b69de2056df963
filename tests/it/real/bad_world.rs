//! Servers that are wrong, silent or full: a clear error, and nothing is called absent that was not read.

use std::fs;
use std::path::Path;

use axum::Router;
use axum::response::Html;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::lab::Lab;
use crate::env::Env;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_or_missing_kubeconfig_is_named_with_what_to_do() {
    let lab = Lab::open().await;
    let input = lab.input("apps", &[lab.app("open")]);
    let mut packctl = lab.packctl();

    packctl.kubeconfig = lab.path("none");
    let missing = packctl.run(&["plan", "-f", &input]).await.exits(1);
    missing.says("none");
    missing.says("--kubeconfig");

    packctl.kubeconfig = lab.path("broken");
    fs::write(&packctl.kubeconfig, "clusters: [{name: canary-6b1f, cluster: 7}]\n").expect("it can be written");
    let broken = packctl.run(&["plan", "-f", &input]).await.exits(1);
    broken.says("broken");
    broken.never_says("canary-6b1f");

    let stranger = Env::get().kubeconfig_for(&Env::get().apiserver, "canary-token-8d2e");
    packctl.kubeconfig = stranger.to_path_buf();
    let refused = packctl.run(&["plan", "-f", &input]).await.exits(1);
    refused.says("does not accept the credentials");
    refused.never_says("canary-token-8d2e");

    let nobody = Env::get().kubeconfig_for("https://127.0.0.1:1", "token");
    packctl.kubeconfig = nobody.to_path_buf();
    packctl.run(&["plan", "-f", &input]).await.exits(1).says("https://127.0.0.1:1");
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_answers_html_is_an_error_that_says_so() {
    let lab = Lab::open().await;
    let input = lab.input("apps", &[lab.app("open")]);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let page = "<!doctype html><html><title>Sign in</title><body>canary-page-41c7</body></html>";
    let router = Router::new().fallback(move || async move { Html(page) });
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let kubeconfig = Env::get().kubeconfig_for(&url, "token");
    let mut packctl = lab.packctl();
    packctl.kubeconfig = kubeconfig.to_path_buf();
    for command in [&["plan", "-f", &input][..], &["apply", "--yes", "-f", &input]] {
        let ended = packctl.run(command).await.exits(1);
        ended.says(&format!("{url} answered text/html"));
        ended.never_says("canary-page-41c7");
    }
    server.abort();
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_keycloak_down_or_a_wrong_password_the_kubernetes_half_is_planned() {
    let lab = Lab::open().await;
    let before = lab.input("before", &[lab.app("open"), lab.app("guarded")]);
    lab.applied(&before).await;
    let apps = [lab.app("open").on(8080), lab.app("guarded"), lab.app("guarded-new")];
    let input = lab.input("apps", &apps);

    let mut down = lab.packctl();
    down.keycloak = "http://127.0.0.1:1".into();
    let mut wrong = lab.packctl();
    wrong.password = "canary-password-5e0a".into();
    for packctl in [down, wrong] {
        let plan = packctl.run(&["plan", "-f", &input]).await.exits(4);
        plan.line_with("unread");
        plan.says("backendRefs[0].port 80 -> 8080");
        plan.never_says("+ client/");
        plan.never_says("- client/");
        let plan = packctl.run(&["plan", "-f", &input, "-o", "json"]).await.exits(4);
        let plan: Value = serde_json::from_str(&plan.out).expect("it is JSON");
        let changes = plan["resource_changes"].as_array().cloned().unwrap_or_default();
        let of_keycloak = changes.iter().filter(|change| change["provider_name"] == "keycloak");
        assert_eq!(of_keycloak.count(), 0, "what was not read is planned: {plan:#}");
        assert!(plan["blocked"].to_string().contains(&apps[2].client_id()), "{plan:#}");
        assert_eq!(plan["complete"], false);
        packctl.run(&["destroy", "--yes", &apps[1].address()]).await.exits(4);
    }
    assert!(lab.realm.client(&apps[1].client_id()).await.is_some());
    lab.at_rest(&before).await;
    lab.close().await;
}

/// Whether a file below `folder` has one of these texts in it.
fn found_in(folder: &Path, texts: &[String]) -> Option<String> {
    walkdir::WalkDir::new(folder).into_iter().find_map(|entry| {
        let path = entry.expect("the folder can be listed").into_path();
        let text = String::from_utf8_lossy(&fs::read(&path).ok()?).into_owned();
        texts.iter().any(|canary| text.contains(canary)).then(|| path.display().to_string())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_output_and_no_snapshot_shows_a_secret_of_the_world() {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    let lab = Lab::open().await;
    let guarded = lab.app("guarded");
    let input = lab.input("apps", &[lab.app("open"), guarded.clone()]);
    lab.applied(&input).await;
    let client = lab.realm.client(&guarded.client_id()).await.expect("the client is there");
    let path = format!("clients/{}", client["id"].as_str().expect("a client has an id"));
    let (in_keycloak, in_secret) = ("canary-in-keycloak-93af", "canary-in-secret-27bd");
    lab.realm.put(&path, &json!({"clientId": guarded.client_id(), "secret": in_keycloak})).await;
    let patch =
        json!({"data": {"client-secret": BASE64_STANDARD.encode(in_secret), "more": "Y2FuYXJ5LW1vcmUtMTFjYw=="}});
    let args = ["patch", "secret", "guarded-oidc-client", "-n", lab.namespace(), "-p", &patch.to_string()];
    Env::get().kubectl(&args);
    let canaries: Vec<String> = [in_keycloak, in_secret, "canary-more-11cc"]
        .into_iter()
        .flat_map(|canary| [canary.to_owned(), BASE64_STANDARD.encode(canary)])
        .collect();

    let out = lab.path("recorded");
    let dir = out.to_str().expect("its path is text");
    let secret = format!("Secret/{}/guarded-oidc-client", lab.namespace());
    let commands: [&[&str]; 7] = [
        &["plan", "-f", &input],
        &["plan", "--all", "-f", &input],
        &["plan", "-o", "json", "-f", &input],
        &["drift", "-f", &input],
        &["explain", &secret, "-f", &input],
        &["snapshot", "--out", dir, "-f", &input],
        &["apply", "--yes", "-f", &input],
    ];
    for command in commands {
        let ended = lab.packctl().run(command).await;
        assert!(matches!(ended.status, Some(0 | 3)), "{ended:?}");
        for canary in &canaries {
            ended.never_says(canary);
        }
        if command[0] == "plan" {
            ended.says("guarded-oidc-client");
        }
    }
    assert!(out.join("kubernetes").is_dir());
    assert_eq!(found_in(&out, &canaries), None);
    assert_eq!(lab.realm.client_secret(client["id"].as_str().unwrap_or_default()).await, in_keycloak);
    let live = lab.get("secret", lab.namespace(), "guarded-oidc-client");
    assert_eq!(super::first_apply::secret_value(&live, "client-secret"), in_keycloak, "the Secret follows Keycloak");
    lab.at_rest(&input).await;
    lab.close().await;
}

/// The places at which two documents differ.
fn differences(at: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) if one.keys().eq(other.keys()) => {
            one.iter().for_each(|(key, value)| differences(&format!("{at}/{key}"), value, &other[key], found));
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let pairs = one.iter().zip(other).enumerate();
            pairs.for_each(|(index, (one, other))| differences(&format!("{at}/{index}"), one, other, found));
        }
        _ if one == other => {}
        _ => found.push(format!("{at}: {one} and {other}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_world_gives_the_same_plan_as_the_live_one() {
    let lab = Lab::open().await;
    let before = lab.input("before", &[lab.app("open"), lab.app("guarded")]);
    lab.applied(&before).await;
    let label =
        ["label", "httproute", "open-route", "-n", lab.namespace(), "--overwrite", "nebari.dev/nebariapp-name=x"];
    Env::get().kubectl(&label);
    let input = lab.input("apps", &[lab.app("open").on(8080), lab.app("guarded"), lab.app("guarded-new")]);
    let out = lab.path("recorded");
    let dir = out.to_str().expect("its path is text");

    let live = lab.packctl().run(&["plan", "-o", "json", "-f", &input]).await.succeeds();
    lab.packctl().run(&["snapshot", "--out", dir, "-f", &input]).await.succeeds();
    let mut apart = lab.packctl();
    apart.environment = None;
    apart.kubeconfig = lab.path("none");
    let recorded = apart.run(&["plan", "-o", "json", "-f", &input, "--snapshot", dir]).await.succeeds();
    let read = |text: &str| {
        let mut plan: Value = serde_json::from_str(text).expect("it is JSON");
        // Who answered, and how much all tests together have made.
        plan.as_object_mut().expect("it is an object").remove("seen");
        plan
    };
    let (live, recorded) = (read(&live.out), read(&recorded.out));
    let mut differing = Vec::new();
    differences("", &live, &recorded, &mut differing);
    assert!(differing.is_empty(), "{differing:#?}");
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_cannot_be_written_whole_leaves_the_old_one_and_nothing_else() {
    let lab = Lab::open().await;
    let input = lab.input("apps", &[lab.app("open")]);
    let shelf = lab.path("shelf");
    fs::create_dir(&shelf).expect("a folder can be made");
    let out = shelf.join("recorded");
    let dir = out.to_str().expect("its path is text");
    let args = ["snapshot", "--out", dir, "-f", &input];
    let shelved = || -> Vec<String> {
        let names = fs::read_dir(&shelf).expect("it can be listed");
        names.map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned()).collect()
    };

    let full = lab.packctl().run_with_small_files(&args).await.exits(1);
    full.says(dir);
    assert!(shelved().is_empty(), "{:?}", shelved());
    lab.packctl().run(&args).await.succeeds();
    let old = fs::read_to_string(out.join("version.json")).expect("it is recorded");
    lab.packctl().run_with_small_files(&args).await.exits(1);
    assert_eq!(shelved(), ["recorded"]);
    assert_eq!(fs::read_to_string(out.join("version.json")).expect("it stays"), old);
    lab.packctl().run(&["plan", "-f", &input, "--snapshot", dir]).await.succeeds();

    let full = lab.packctl().run_on_full_disk(&["plan", "-f", &input]).await.exits(1);
    full.says("error: ");
    lab.close().await;
}
