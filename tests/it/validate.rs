//! `packctl validate`: no cluster, no kubeconfig, no environment.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::packctl::{packctl, packctl_with, root, stderr, stdout};

fn validated(folder: &Path, args: &[&str]) -> (Option<i32>, Value) {
    let output = packctl(folder, &[&["validate", "-o", "json"][..], args].concat());
    let report = serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    (output.status.code(), report)
}

#[test]
fn the_example_is_valid_as_packs_and_as_plain_files() {
    let (status, report) = validated(root(), &["-f", "examples/quickstart"]);
    assert_eq!((status, &report["errors"], &report["warnings"]), (Some(0), &0.into(), &0.into()), "{report}");
    assert!(report["checked"].as_u64() > Some(5), "{report}");
    let (status, plain) = validated(root(), &["-R", "-f", "examples/quickstart/packs"]);
    assert_eq!((status, &plain["checked"]), (Some(0), &report["checked"]), "{plain}");
}

#[test]
fn a_refusal_points_at_file_line_and_column_and_the_exit_status_tells() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = "apiVersion: reconcilers.nebari.dev/v1\nkind: NebariApp\nmetadata: {name: dash}\nspec:\n  \
               hostname: dash.example.com\n  service: {name: dash, port: 0}\n  gatewy: public\n";
    fs::write(folder.path().join("app.yaml"), app).expect("a file");
    let (status, report) = validated(folder.path(), &["-f", "app.yaml"]);
    assert_eq!((status, &report["errors"], &report["warnings"]), (Some(1), &1.into(), &1.into()), "{report}");
    let found = |code: &str| {
        let all = report["diagnostics"].as_array().expect("findings");
        all.iter().find(|found| found["code"] == code).expect("it is there").clone()
    };
    let (port, slip) = (found("PK0401"), found("PK0313"));
    assert_eq!((&port["place"]["line"], &port["place"]["column"]), (&6.into(), &25.into()), "{port}");
    assert_eq!(port["place"]["file"], "app.yaml");
    assert_eq!((&slip["place"]["line"], &slip["help"]), (&7.into(), &"did you mean `gateway`?".into()));

    fs::write(folder.path().join("app.yaml"), app.replace("port: 0", "port: 80")).expect("a file");
    let (status, report) = validated(folder.path(), &["-f", "app.yaml"]);
    assert_eq!((status, &report["warnings"]), (Some(0), &1.into()), "a warning is no error");
    let (status, _) = validated(folder.path(), &["-f", "app.yaml", "--strict"]);
    assert_eq!(status, Some(1));
}

#[test]
fn a_crd_of_the_input_judges_its_objects_and_what_no_schema_knows_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\nspec:\n  \
               group: example.com\n  names: {kind: Thing, plural: things}\n  scope: Namespaced\n  versions:\n  - name: v1\n    \
               served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n          \
               spec:\n            type: object\n            x-kubernetes-validations:\n            - {rule: self.low <= self.high, \
               message: low is above high}\n            properties:\n              low: {type: integer, default: 5}\n              \
               high: {type: integer}\n";
    let thing = |name: &str, spec: &str| {
        format!(
            "---\napiVersion: example.com/v1\nkind: Thing\nmetadata: {{name: {name}, namespace: a}}\nspec: {spec}\n"
        )
    };
    let other = "---\napiVersion: example.org/v1\nkind: Other\nmetadata: {name: o, namespace: a}\n";
    let text = format!("{crd}{}{}{other}", thing("right", "{high: 6}"), thing("wrong", "{high: 4}"));
    fs::write(folder.path().join("all.yaml"), text).expect("a file");
    let (status, report) = validated(folder.path(), &["-f", "all.yaml"]);
    assert_eq!((status, &report["checked"]), (Some(1), &2.into()), "{report}");
    assert_eq!(report["diagnostics"].as_array().map(Vec::len), Some(1), "{report}");
    let message = report["diagnostics"][0]["message"].as_str().unwrap_or_default();
    assert!(message.contains("a/wrong") && message.contains("low is above high"), "{message}");
    assert_eq!(report["unchecked"]["example.org/v1 Other"], 1);
}

#[test]
fn what_cannot_be_read_is_an_error_and_no_input_is_wrong_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("broken.yaml"), "a: [").expect("a file");
    let (status, report) = validated(folder.path(), &["-f", "broken.yaml"]);
    assert_eq!((status, &report["diagnostics"][0]["code"]), (Some(1), &"PK0106".into()), "{report}");
    assert_eq!(packctl(folder.path(), &["validate"]).status.code(), Some(64));
}

#[test]
fn no_cluster_is_asked() {
    // A kubeconfig that would be an error to read.
    let variables = [("KUBECONFIG", "/nowhere/kubeconfig"), ("PACKCTL_SNAPSHOT", "/nowhere")];
    let output = packctl_with(root(), &["validate", "-f", "examples/quickstart"], &variables);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("objects checked: 0 errors, 0 warnings."), "{}", stdout(&output));
}
