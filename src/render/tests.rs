use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::load::{Inputs, load};

mod helm;

/// A repository with files and a `packctl.yaml` that delivers everything directly.
fn repo(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let config = "repositories: {https://git.example.com/gitops: .}\ndelivery: {default: direct}\n";
    for (name, text) in [(".git/HEAD", ""), ("packctl.yaml", config)].iter().chain(files) {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

fn rendered(folder: &TempDir, path: &str, settings: &RenderSettings) -> Vec<Pack> {
    let inputs = Inputs { paths: vec![folder.path().join(path).display().to_string()], recursive: false };
    let secrets = Secrets::default();
    let loaded = load(&inputs, &mut std::io::empty(), &secrets);
    assert_eq!(loaded.diagnostics, []);
    render(&loaded, settings, &secrets)
}

/// The one pack of `apps`.
fn pack(folder: &TempDir) -> Pack {
    rendered(folder, "apps", &RenderSettings::default()).remove(0)
}

/// `CODE file:line message` of each finding, with paths relative to the repository.
fn texts(folder: &TempDir, findings: &[Diagnostic]) -> Vec<String> {
    let real = folder.path().canonicalize().expect("a path").display().to_string();
    let text = |finding: &Diagnostic| {
        let place = finding.place.as_ref().map(|place| format!("{place} ")).unwrap_or_default();
        let text = format!("{} {place}{}", finding.code, finding.message);
        text.replace(&format!("{real}/"), "").replace(&format!("{}/", folder.path().display()), "")
    };
    findings.iter().map(text).collect()
}

fn names(pack: &Pack) -> Vec<&str> {
    pack.documents.iter().filter_map(Document::name).collect()
}

fn object(kind: &str, name: &str) -> String {
    format!("apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n")
}

/// An Application with more lines in `spec.source` and `spec.syncPolicy`.
fn application(source: &str, sync: &str) -> String {
    let indented = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: app\n  namespace: argocd\nspec:\n  \
         project: default\n  source:\n    repoURL: https://git.example.com/gitops.git\n    targetRevision: v1\n    path: \
         src\n{}  destination:\n    server: https://kubernetes.default.svc\n    namespace: apps\n  syncPolicy:\n{}",
        indented(source),
        indented(sync)
    )
}

#[test]
fn a_folder_of_manifests_becomes_a_pack() {
    let sync = "automated:\n  prune: true\nretry: {limit: 2}\nsyncOptions:\n- CreateNamespace=true\n- ServerSideApply=true\n\
                managedNamespaceMetadata:\n  labels:\n    nebari.dev/managed: 'true'\n";
    let folder = repo(&[
        ("apps/a.yaml", &application("", sync)),
        ("src/b.yml", &object("Service", "bee")),
        ("src/a.yaml", &format!("{}---\n{}", object("ConfigMap", "ay"), object("ConfigMap", "zed"))),
        ("src/c.json", "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"jay\"}}"),
        ("src/values.yaml", "replicas: 1"),
        ("src/skip.yaml", "# +argocd:skip-file-rendering\napiVersion: v1\nkind: [\nmetadata:"),
        ("src/notes.txt", "["),
        ("src/below/d.yaml", &object("ConfigMap", "dee")),
    ]);
    let pack = pack(&folder);
    assert_eq!(texts(&folder, &pack.failed), [""; 0]);
    assert_eq!(names(&pack), ["ay", "zed", "bee", "jay"]);
    assert_eq!((pack.id_namespace.as_str(), pack.name.as_str()), ("argocd", "app"));
    assert_eq!((pack.source.as_str(), pack.version.as_str()), ("https://git.example.com/gitops.git src", "v1"));
    assert_eq!(pack.destination.as_deref(), Some("apps"));
    let namespace = pack.namespace.expect("a Namespace");
    assert_eq!((namespace.create, namespace.place.line), (true, 20));
    assert_eq!(namespace.labels.get("nebari.dev/managed").map(String::as_str), Some("true"));
    let idle = "spec.syncPolicy.automated, spec.syncPolicy.retry, spec.syncPolicy.syncOptions[1]";
    let expected = [
        format!("PK0206 apps/a.yaml:16 without effect where packctl delivers: {idle}"),
        "PK0218 src/values.yaml:1 src/values.yaml holds no manifest and is passed over".into(),
    ];
    assert_eq!(texts(&folder, &pack.notes), expected);
    assert!(pack.documents[1].place("/metadata/name").to_string().ends_with("src/a.yaml:9"));
}

#[test]
fn recurse_include_and_exclude_choose_files() {
    let files = |source: &str| {
        let folder = repo(&[
            ("apps/a.yaml", &application(source, "")),
            ("src/a.yaml", &object("ConfigMap", "ay")),
            ("src/below/b.yaml", &object("ConfigMap", "bee")),
            ("src/below/deeper/c.yml", &object("ConfigMap", "sea")),
        ]);
        let pack = pack(&folder);
        assert_eq!(texts(&folder, &pack.failed), [""; 0], "{source}");
        names(&pack).join(",")
    };
    assert_eq!(files("directory: {recurse: true}"), "ay,bee,sea");
    assert_eq!(files("directory: {recurse: true, include: '*.yaml'}"), "ay,bee");
    assert_eq!(files("directory: {recurse: true, include: 'below/*'}"), "bee,sea");
    assert_eq!(files("directory: {recurse: true, exclude: '{a.yaml,*/deeper/*}'}"), "bee");
    assert_eq!(files("directory: {recurse: true, include: '*.yaml', exclude: 'below/*'}"), "ay");
}

#[test]
fn an_application_that_argocd_delivers_is_refused_with_the_setting_to_write() {
    let folder = repo(&[("apps/a.yaml", &application("", "")), ("src/a.yaml", &object("ConfigMap", "ay"))]);
    fs::write(folder.path().join("packctl.yaml"), "repositories: {}").expect("a file");
    let pack_of = |settings: &RenderSettings| rendered(&folder, "apps", settings).remove(0);
    let pack = pack_of(&RenderSettings::default());
    let expected = "PK0203 apps/a.yaml:4 delivered by argocd is not supported yet; write `delivery: {argocd/app: direct}` in \
                    packctl.yaml";
    assert_eq!(texts(&folder, &pack.failed), [expected]);
    assert!(pack.documents.is_empty() && pack.delivery == Delivery::Argocd);
    let direct = pack_of(&RenderSettings { delivery: Some(Delivery::Direct), ..RenderSettings::default() });
    let expected = "PK0204 apps/a.yaml:9 no folder stands for the repository https://git.example.com/gitops.git";
    assert_eq!(texts(&folder, &direct.failed), [expected]);
    assert!(direct.failed[0].help.as_deref().is_some_and(|help| help.contains("repositories: {\"https://git.")));
}

#[test]
fn what_is_not_supported_is_refused_by_field_and_line() {
    let text = application("chart: x\nkustomize: {namePrefix: a}", "syncOptions: [Replace=true, PruneLast=true]")
        .replace("project: default", "project: other\n  ignoreDifferences: [{kind: A}]\n  revisionHistoryLimit: 3")
        .replace("https://kubernetes.default.svc", "https://10.0.0.1")
        .replace("name: app", "name: app\n  finalizers: [x]\n  annotations: {argocd.argoproj.io/sync-wave: '5'}")
        + "status: {}\noperation: {sync: {}}\n";
    let folder = repo(&[("apps/a.yaml", &text), ("src/a.yaml", &object("ConfigMap", "ay"))]);
    let pack = pack(&folder);
    let expected = [
        "PK0201 apps/a.yaml:10 `spec.ignoreDifferences` is not supported yet",
        "PK0201 apps/a.yaml:11 `spec.revisionHistoryLimit` is not supported yet",
        "PK0201 apps/a.yaml:16 `spec.source.chart` is not supported yet",
        "PK0201 apps/a.yaml:17 `spec.source.kustomize` is not supported yet",
        "PK0201 apps/a.yaml:19 `spec.destination.server` `https://10.0.0.1` is not supported yet",
        "PK0201 apps/a.yaml:22 `spec.syncPolicy.syncOptions[0]` `Replace=true` is not supported yet",
        "PK0201 apps/a.yaml:22 `spec.syncPolicy.syncOptions[1]` `PruneLast=true` is not supported yet",
        "PK0201 apps/a.yaml:24 `operation` is not supported yet",
    ];
    assert_eq!(texts(&folder, &pack.failed), expected);
    let idle = "metadata.finalizers, spec.project, metadata.annotations[\"argocd.argoproj.io/sync-wave\"]";
    let expected = format!("PK0206 apps/a.yaml:5 without effect where packctl delivers: {idle}");
    assert_eq!(texts(&folder, &pack.notes), [expected]);
    assert!(pack.failed.iter().all(|error| error.object.is_some() && error.help.is_some()));
}

#[test]
fn an_application_that_says_too_little_or_nonsense_is_refused() {
    let text = "apiVersion: argoproj.io/v1beta1\nkind: Application\nmetadata: {name: app}\nspec:\n  source:\n    helm: \
                {values: 7}\n    directory: {recurse: 'yes'}\n  syncPolicy:\n    syncOptions: [CreateNamespace=true]\n";
    let folder = repo(&[("apps/a.yaml", text)]);
    let expected = [
        "PK0201 apps/a.yaml:1 `apiVersion` `argoproj.io/v1beta1` is not supported yet",
        "PK0202 apps/a.yaml:4 `spec.destination.namespace` is missing",
        "PK0202 apps/a.yaml:4 `spec.destination` names no cluster",
        "PK0202 apps/a.yaml:5 `spec.source.path` is missing",
        "PK0202 apps/a.yaml:5 `spec.source.repoURL` is missing",
        "PK0202 apps/a.yaml:6 `spec.source.helm` stands beside `spec.source.directory`",
        "PK0202 apps/a.yaml:6 `spec.source.helm.values` must be a text",
        "PK0202 apps/a.yaml:7 `spec.source.directory.recurse` must be true or false",
    ];
    assert_eq!(texts(&folder, &pack(&folder).failed), expected);
}

#[test]
fn hooks_waves_and_definitions_in_a_pack_are_refused_by_name() {
    let annotated = |name: &str, text: &str| {
        format!("apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  annotations: {{{text}}}\n---\n")
    };
    let text = [
        annotated("test", "helm.sh/hook: 'test-success, test'"),
        annotated("post", "helm.sh/hook: post-install"),
        annotated("pre", "argocd.argoproj.io/hook: PreSync"),
        annotated("wave", "argocd.argoproj.io/sync-wave: '2'"),
        annotated("zero", "argocd.argoproj.io/sync-wave: '0', helm.sh/hook-weight: '0'"),
        annotated("keep", "helm.sh/resource-policy: keep"),
        annotated("prune", "argocd.argoproj.io/sync-options: 'ServerSideApply=true,Prune=false'"),
        annotated("idle", "argocd.argoproj.io/sync-options: ServerSideApply=true"),
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.b}\n---\n".into(),
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: other}\n".into(),
    ];
    let folder = repo(&[("apps/a.yaml", &application("", "")), ("src/a.yaml", &text.concat())]);
    let pack = pack(&folder);
    let expected = [
        "PK0208 src/a.yaml:11 Job/post: the annotation `helm.sh/hook: post-install` is not supported yet",
        "PK0208 src/a.yaml:17 Job/pre: the annotation `argocd.argoproj.io/hook: PreSync` is not supported yet",
        "PK0208 src/a.yaml:23 Job/wave: the annotation `argocd.argoproj.io/sync-wave: 2` is not supported yet",
        "PK0208 src/a.yaml:35 Job/keep: the annotation `helm.sh/resource-policy: keep` is not supported yet",
        "PK0208 src/a.yaml:41 Job/prune: the annotation `argocd.argoproj.io/sync-options: ServerSideApply=true,Prune=false` is \
         not supported yet",
        "PK0208 src/a.yaml:50 CustomResourceDefinition/a.b: a CustomResourceDefinition in a pack is not supported yet",
        "PK0208 src/a.yaml:54 Application/other: the Application in a pack is not supported yet",
    ];
    assert_eq!(texts(&folder, &pack.failed), expected);
    assert!(pack.documents.is_empty());
    assert_eq!(pack.failed[0].object.as_ref().map(ToString::to_string).as_deref(), Some("kubernetes:batch/Job/post"));
}

#[test]
fn broken_manifests_refuse_the_pack_and_links_do_not_leave_the_repository() {
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("x.yaml"), object("ConfigMap", "stolen")).expect("a file");
    let folder = repo(&[
        ("apps/a.yaml", &application("", "")),
        ("other/in.yaml", &object("ConfigMap", "inside")),
        ("src/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [\n"),
        ("src/b.yaml", &format!("{}---\nfoo: bar\n", object("ConfigMap", "good"))),
        ("src/d.jsonnet", "{}"),
        ("src/e.json", "{"),
    ]);
    symlink(outside.path().join("x.yaml"), folder.path().join("src/c.yaml")).expect("a link");
    symlink("../other/in.yaml", folder.path().join("src/f.yaml")).expect("a link");
    let expected = [
        "PK0106 src/a.yaml:4 unclosed bracket '['",
        "PK0108 src/b.yaml:6 this is no Kubernetes object: `apiVersion` is missing or no text",
        "PK0205 src/c.yaml:1 src/c.yaml leads out of the repository by a symbolic link",
        "PK0207 src/d.jsonnet:1 jsonnet is not supported yet",
        "PK0106 src/e.json:1 unclosed bracket '{'",
    ];
    assert_eq!(texts(&folder, &pack(&folder).failed), expected);
    for file in ["a.yaml", "b.yaml", "c.yaml", "d.jsonnet", "e.json"] {
        fs::remove_file(folder.path().join("src").join(file)).expect("a file");
    }
    assert_eq!(names(&pack(&folder)), ["inside"]);
}

#[test]
fn a_source_that_cannot_be_rendered_is_refused() {
    let refused = |files: &[(&str, &str)]| {
        let folder = repo(&[&[("apps/a.yaml", application("", "").as_str())], files].concat());
        texts(&folder, &pack(&folder).failed).join("\n")
    };
    assert_eq!(refused(&[]), "PK0205 apps/a.yaml:11 the path `src` cannot be read: there is no such file");
    assert_eq!(refused(&[("src", "")]), "PK0205 apps/a.yaml:11 the path `src` is no folder");
    assert_eq!(refused(&[("src/README.md", "")]), "PK0205 apps/a.yaml:4 the pack argocd/app holds no objects");
    let kustomize = refused(&[("src/kustomization.yaml", "")]);
    assert_eq!(kustomize, "PK0207 apps/a.yaml:11 src is a kustomization, which is not supported yet");
    let overridden = refused(&[("src/.argocd-source-app.yaml", "")]);
    assert_eq!(overridden, "PK0207 apps/a.yaml:11 src holds .argocd-source-app.yaml, which is not supported yet");
}

#[test]
fn of_two_same_objects_the_last_counts() {
    let one = format!("{}data: {{a: '1'}}\n", object("ConfigMap", "same"));
    let two = format!(
        "{}data: {{a: '2'}}\n",
        object("ConfigMap", "same").replace("name: same", "namespace: apps\n  name: same")
    );
    let folder = repo(&[("apps/a.yaml", &application("", "")), ("src/a.yaml", &one), ("src/b.yaml", &two)]);
    let pack = pack(&folder);
    assert_eq!(pack.documents.len(), 1);
    assert_eq!(pack.documents[0].value["data"], json!({"a": "2"}));
    let expected = "PK0215 src/a.yaml:1 ConfigMap/apps/same is there twice; the one at src/b.yaml:1 counts";
    assert_eq!(texts(&folder, &pack.notes), [expected]);
}

#[test]
fn a_pack_of_packctl_yaml_is_read_strictly() {
    let folder = repo(&[
        ("packs/one/a.yaml", &object("ConfigMap", "ay")),
        ("packs/one/b.yaml", "replicas: 1\n"),
        ("packs/two/a.yaml", &object("ConfigMap", "ay")),
        ("packs/three/Chart.yaml", ""),
    ]);
    fs::write(folder.path().join("packctl.yaml"), "packs: {one: packs/one, two: packs/two, three: packs/three}\n")
        .expect("a file");
    let packs = rendered(&folder, ".", &RenderSettings::default());
    let all: Vec<_> =
        packs.iter().map(|pack| (pack.name.as_str(), names(pack), texts(&folder, &pack.failed))).collect();
    let broken =
        "PK0108 packs/one/b.yaml:1 this is no Kubernetes object: `apiVersion` is missing or no text".to_owned();
    let chart = "PK0207 packctl.yaml:1 the pack three is a chart, which is not supported yet in `packs`".to_owned();
    assert_eq!(all, [("one", vec![], vec![broken]), ("three", vec![], vec![chart]), ("two", vec!["ay"], vec![])]);
    assert!(packs.iter().all(|pack| pack.id_namespace == "packs" && pack.delivery == Delivery::Direct));
    assert_eq!(packs[2].source, "packs/two");
}

#[test]
fn secrets_of_a_pack_are_concealed() {
    let secret = format!("{}stringData: {{password: canary-value-1}}\n", object("Secret", "s"));
    let folder = repo(&[("apps/a.yaml", &application("", "")), ("src/a.yaml", &secret)]);
    let pack = pack(&folder);
    assert!(
        pack.documents[0].value["data"]["password"].as_str().is_some_and(|text| text.starts_with("packctl-secret:"))
    );
    assert!(!format!("{pack:?}").contains("canary"));
}
