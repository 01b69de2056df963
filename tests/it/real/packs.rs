//! Packs on the real servers: a repository with Applications and what they deliver.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::lab::Lab;
use crate::env::{Env, unique};

/// A repository in the lab's folder. Its Applications lie at its top, beside `packctl.yaml`.
pub(super) struct Repo(PathBuf);

impl Repo {
    pub(super) fn new(lab: &Lab) -> Self {
        let repo = Self(lab.path("repo"));
        let url = "https://github.com/example/packs";
        repo.write("packctl.yaml", &json!({"repositories": {url: "."}, "delivery": {"default": "direct"}}).to_string());
        repo
    }

    pub(super) fn input(&self) -> &str {
        self.0.to_str().expect("its path is text")
    }

    pub(super) fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder can be made");
        fs::write(path, text).expect("it can be written");
    }

    pub(super) fn remove(&self, file: &str) {
        fs::remove_file(self.0.join(file)).expect("it was there");
    }

    /// An Application of the folder or chart `path`, deployed in `namespace`, which it makes and opts in. Its name is that of
    /// no other test: all of them are packs of one cluster.
    pub(super) fn application(&self, path: &str, namespace: &str, helm: &Value) -> String {
        let name = unique("pack");
        self.named(&name, path, namespace, helm);
        name
    }

    pub(super) fn named(&self, name: &str, path: &str, namespace: &str, helm: &Value) {
        let mut source = json!({"repoURL": "https://github.com/example/packs.git", "path": path});
        if !helm.is_null() {
            source["helm"] = helm.clone();
        }
        let application = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {
                "project": "default",
                "source": source,
                "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
                "syncPolicy": {
                    "syncOptions": ["CreateNamespace=true"],
                    "managedNamespaceMetadata": {"labels": {"nebari.dev/managed": "true"}},
                },
            },
        });
        self.write(&format!("{name}.yaml"), &application.to_string());
    }

    /// Copies a folder of the checkout, with `NAMESPACE` replaced.
    pub(super) fn copy(&self, from: &str, to: &str, namespace: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(from);
        for entry in walkdir::WalkDir::new(&from) {
            let entry = entry.expect("the checkout is readable");
            if entry.file_type().is_file() {
                let text = fs::read_to_string(entry.path()).expect("it is text");
                let below = entry.path().strip_prefix(&from).expect("it is below").display().to_string();
                self.write(&format!("{to}/{below}"), &text.replace("NAMESPACE", namespace));
            }
        }
    }
}

/// The plan of a folder as data.
pub(super) async fn plan(lab: &Lab, args: &[&str]) -> Value {
    let ended = lab.packctl().run(&[&["plan", "-o", "json"], args].concat()).await;
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// What a plan would do, a line each: the fields of an object, or its action.
pub(super) fn changes(plan: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for change in plan["resource_changes"].as_array().into_iter().flatten() {
        let address = change["address"].as_str().unwrap_or_default();
        let address = address.trim_start_matches("kubernetes:");
        let fields = change["packctl"]["fields"].as_array().cloned().unwrap_or_default();
        for field in &fields {
            let text = |key: &str| field[key].as_str().unwrap_or_default().to_owned();
            let (path, class) = (text("path"), text("class"));
            lines.push(format!(
                "{address} {path} {class} {} -> {} {}",
                field["before"],
                field["after"],
                text("manager")
            ));
        }
        let action = change["packctl"]["action"].as_str().unwrap_or_default();
        if fields.is_empty() && action != "none" {
            lines.push(format!("{address} {action}"));
        }
    }
    lines
}

/// Asserts that nothing would change, nothing is in doubt, blocked or refused.
#[track_caller]
pub(super) fn is_empty(plan: &Value) {
    let lines = changes(plan);
    assert!(lines.is_empty(), "there is something to do:\n{}", lines.join("\n"));
    assert!(plan["blocked"].as_object().is_none_or(serde_json::Map::is_empty), "{:#}", plan["blocked"]);
    let findings = plan["checks"].as_array().cloned().unwrap_or_default();
    let errors: Vec<_> = findings.iter().filter(|finding| finding["severity"] == "error").collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// Takes away what a namespace keeps otherwise: no controller of these servers takes the claims' finalizers.
pub(super) fn free_claims(namespace: &str) {
    let claims = Env::get().kubectl(&["get", "pvc", "-n", namespace, "-o", "name"]);
    for claim in claims.split_whitespace() {
        let nothing = r#"{"metadata":{"finalizers":null}}"#;
        Env::get().kubectl(&["patch", "-n", namespace, claim, "--type=merge", "-p", nothing]);
    }
}

/// Removes an empty namespace, for a pack that makes its own.
pub(super) fn remove_namespace(namespace: &str) {
    Env::get().kubectl(&["delete", "namespace", namespace]);
}
