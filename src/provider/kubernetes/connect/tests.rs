use std::net::TcpListener;

use super::*;
use crate::observed::{Coverage, ReadSet};
use crate::provider::kubernetes::Kubernetes;
use crate::provider::{Provider as _, Verb, Write, WriteError};
use crate::resource::Address;

fn settings(file: Option<&Path>) -> Settings {
    Settings {
        kubeconfig: file.map(Path::to_path_buf),
        context: None,
        impersonate: None,
        impersonate_groups: Vec::new(),
        timeout: Duration::from_secs(2),
        cache: None,
    }
}

fn kubeconfig(folder: &Path, server: &str) -> PathBuf {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: one\n\
         clusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n\
         users: [{{name: alice, user: {{token: canary-token}}}}]\n\
         contexts: [{{name: one, context: {{cluster: c, user: alice}}}}, {{name: two, context: {{cluster: nope}}}}]\n"
    );
    file(folder, "config", &text)
}

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a writable folder");
    path
}

async fn failure(settings: &Settings, around: &Surroundings) -> String {
    choose(settings, around).await.map(|chosen| chosen.origin).expect_err("refused").to_string()
}

#[tokio::test]
async fn each_mistake_names_the_file_and_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let nothing = Surroundings::default();
    let path = folder.path().join("absent");
    let shown = path.display();
    assert_eq!(
        failure(&settings(Some(&path)), &nothing).await,
        format!(
            "kubeconfig {shown} cannot be read: No such file or directory (os error 2); name another with --kubeconfig FILE"
        )
    );
    let home = Surroundings { home: Some("/nowhere".into()), ..Surroundings::default() };
    assert_eq!(
        failure(&settings(None), &home).await,
        "no kubeconfig: /nowhere/.kube/config not found, and this is no pod; name one with --kubeconfig FILE or KUBECONFIG"
    );
    let lost = Surroundings { kubeconfig: Some("/lost".into()), pod: true, ..Surroundings::default() };
    assert!(failure(&settings(None), &lost).await.starts_with("no kubeconfig: /lost not found"));

    let path = kubeconfig(folder.path(), "https://127.0.0.1:1");
    let shown = path.display();
    let with = |context: &str| Settings { context: Some(context.into()), ..settings(Some(&path)) };
    assert_eq!(
        failure(&with("three"), &nothing).await,
        format!("kubeconfig {shown} has no context `three`; choose one with --context: one, two")
    );
    assert_eq!(
        failure(&with("two"), &nothing).await,
        format!("kubeconfig {shown} is not valid: it has no cluster `nope`")
    );
    let empty = file(folder.path(), "empty", "");
    assert!(
        failure(&settings(Some(&empty)), &nothing)
            .await
            .ends_with("has no current context; choose one with --context: it has none")
    );
}

#[tokio::test]
async fn a_broken_kubeconfig_is_not_quoted() {
    let folder = tempfile::tempdir().expect("a folder");
    for text in [
        "users: [{name: a, user: {token: canary",
        "users: canary-token",
        "users:\n- name: a\n  user: canary-token\n",
        "\u{0}canary",
    ] {
        let path = file(folder.path(), "broken", text);
        let text = failure(&settings(Some(&path)), &Surroundings::default()).await;
        assert!(text.contains("is not valid") && !text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn several_files_are_merged_and_missing_ones_passed_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = kubeconfig(folder.path(), "https://127.0.0.1:1/prefix/");
    let list = std::env::join_paths([Path::new("/absent"), &path]).expect("a list");
    let around = Surroundings { kubeconfig: Some(list), ..Surroundings::default() };
    let chosen = choose(&settings(None), &around).await.expect("chosen");
    assert_eq!(chosen.origin, format!("kubeconfig {}", path.display()));
    assert_eq!(chosen.user.as_deref(), Some("alice"));
    assert_eq!(server_url(&chosen.config), "https://127.0.0.1:1/prefix");
}

#[tokio::test]
async fn impersonation_replaces_the_identity_as_a_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = kubeconfig(folder.path(), "https://127.0.0.1:1");
    let as_bob =
        Settings { impersonate: Some("bob".into()), impersonate_groups: vec!["devs".into()], ..settings(Some(&path)) };
    let cluster = Kubernetes::connect(&as_bob, Secrets::default()).await.expect("connected");
    let seen = cluster.seen();
    assert_eq!((seen.server.as_str(), seen.user.as_deref()), ("https://127.0.0.1:1", Some("bob")));
    let groups = Settings { impersonate: None, ..as_bob };
    let error = Kubernetes::connect(&groups, Secrets::default()).await.err().expect("refused");
    assert_eq!(error.to_string(), "--as-group needs --as");
}

#[tokio::test]
async fn credentials_do_not_travel_in_the_clear() {
    let folder = tempfile::tempdir().expect("a folder");
    for (server, fine) in [
        ("http://api.example.com", false),
        ("http://127.0.0.1:8001", true),
        ("http://[::1]:8001", true),
        ("http://kubernetes.default.svc", true),
        ("https://api.example.com", true),
    ] {
        let path = kubeconfig(folder.path(), server);
        let result = Kubernetes::connect(&settings(Some(&path)), Secrets::default()).await;
        assert_eq!(result.is_ok(), fine, "{server}");
    }
}

#[tokio::test]
async fn a_failing_credential_plugin_is_said_without_what_it_printed_on_stdout() {
    let folder = tempfile::tempdir().expect("a folder");
    for (script, expected) in [
        ("echo canary; echo log in first >&2; exit 3", "failed with exit status: 3: log in first"),
        ("echo 'token: [canary'", "the credential plugin answered no credential"),
    ] {
        let text = format!(
            "current-context: one\nclusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:1'}}}}]\n\
             contexts: [{{name: one, context: {{cluster: c, user: a}}}}]\n\
             users: [{{name: a, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, \
             args: [-c, {script:?}], interactiveMode: Never}}}}}}]\n"
        );
        let path = file(folder.path(), "exec", &text);
        let error =
            Kubernetes::connect(&settings(Some(&path)), Secrets::default()).await.err().expect("refused").to_string();
        assert!(error.contains(expected) && !error.contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn the_password_of_a_proxy_is_not_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "current-context: one\ncontexts: [{name: one, context: {cluster: c}}]\n\
                clusters: [{name: c, cluster: {server: 'https://x', proxy-url: 'ftp://me:canary-password@proxy'}}]\n";
    let path = file(folder.path(), "proxy", text);
    let error =
        Kubernetes::connect(&settings(Some(&path)), Secrets::default()).await.err().expect("refused").to_string();
    assert!(error.contains("ftp://me:(secret)@proxy"), "{error}");
}

/// The one test with a socket: the words by which a refused connection is known are those of the real client.
#[tokio::test]
async fn a_server_that_is_not_there_leaves_nothing_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = format!("https://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let folder = tempfile::tempdir().expect("a folder");
    let path = kubeconfig(folder.path(), &server);
    let cluster = Kubernetes::connect(&settings(Some(&path)), Secrets::default()).await.expect("connected");
    let cluster = cluster.with_kinds(crate::observed::Kinds::platform());
    let reason = format!("{server} cannot be reached: Connection refused (os error 111)");
    assert_eq!(cluster.discover().await.err(), Some(reason.clone()));
    let verb = Verb::Delete { uid: "u".into(), version: "1".into() };
    let write = Write { address: Address::namespaced("", "ConfigMap", "a", "m"), api_version: "v1".into(), verb };
    assert_eq!(cluster.write(&write).await.err(), Some(WriteError::Unavailable(reason.clone())));
    let mut set = ReadSet::default();
    set.list("", "ConfigMap");
    let reading = cluster.read(&set).await;
    assert_eq!(reading.coverage.into_values().collect::<Vec<_>>(), [Coverage::Unreadable(reason)]);
    assert_eq!(reading.requests, 3);
}
