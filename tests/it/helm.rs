//! Charts, rendered by the real helm.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use std::{fs, iter};

use packctl::load::{Inputs, load};
use packctl::render::{Pack, RenderSettings, render};
use packctl::resource::Secrets;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::env::Env;
use crate::packctl::{packctl, packctl_with, root, stderr, stdout};

/// A repository with `chart/` and an Application of it at the top.
struct Repo(TempDir);

impl Repo {
    fn new(helm: &Value, files: &[(&str, &str)]) -> Self {
        let repo = Self(tempfile::tempdir().expect("a folder can be made"));
        let application = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "demo", "namespace": "argocd"},
            "spec": {
                "source": {"repoURL": "https://git.example.com/demo", "path": "chart", "helm": helm},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": "notes"},
            },
        });
        let config = "repositories: {https://git.example.com/demo: .}\ndelivery: {default: direct}\n";
        let chart = "apiVersion: v2\nname: demo\nversion: 1.0.0\n";
        repo.write("app.yaml", &application.to_string());
        repo.write("packctl.yaml", config);
        repo.write("chart/Chart.yaml", chart);
        for (file, text) in files {
            repo.write(file, text);
        }
        repo
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder can be made");
        fs::write(path, text).expect("it can be written");
    }

    fn rendered(&self, settings: RenderSettings) -> Pack {
        let inputs = Inputs { paths: vec![self.0.path().display().to_string()], recursive: false };
        let secrets = Secrets::default();
        let loaded = load(&inputs, &mut std::io::empty(), &secrets);
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        let settings = RenderSettings { helm: Some(Env::get().helm.clone()), ..settings };
        render(&loaded, &settings, &secrets).remove(0)
    }

    /// Why it is refused, a line each: code, file and line, message.
    fn refused(&self, settings: RenderSettings) -> Vec<String> {
        let pack = self.rendered(settings);
        assert!(pack.documents.is_empty(), "a pack that is refused delivers nothing");
        let here = self.0.path().canonicalize().expect("it is there").display().to_string();
        let line = |found: &packctl::diagnostic::Diagnostic| {
            assert!(found.help.is_some(), "{found:?}");
            let place = found.place.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{} {place} {}", found.code, found.message).replace(&format!("{here}/"), "")
        };
        pack.failed.iter().map(line).collect()
    }
}

/// Prints its values.
const SHOW: (&str, &str) = (
    "chart/templates/show.yaml",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata:\n  values: {{ .Values | toJson | quote }}\n",
);

/// What the values of `SHOW` became.
fn values(pack: &Pack) -> Value {
    assert!(pack.failed.is_empty(), "{:?}", pack.failed);
    let text = pack.documents[0].text("/data/values").expect("it prints them");
    serde_json::from_str(text).expect("it is JSON")
}

fn example(args: &[&str]) -> Value {
    let helm = Env::get().helm.to_str().expect("its path is text");
    let all = ["plan", "-f", "examples/helm", "--snapshot", "examples/helm/world", "--helm", helm, "-o", "json"];
    let output = packctl(root(), &[&all[..], args].concat());
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).expect("it is JSON")
}

#[test]
fn the_example_is_an_upgrade_of_prod_and_a_new_staging() {
    let plan = example(&["--detailed-exitcode"]);
    let mut actions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut fields = BTreeMap::new();
    for change in plan["resource_changes"].as_array().into_iter().flatten() {
        let (address, detail) = (change["address"].as_str().unwrap_or_default(), &change["packctl"]);
        actions.entry(detail["action"].as_str().unwrap_or_default()).or_default().push(address);
        for field in detail["fields"].as_array().into_iter().flatten() {
            let path = field["path"].as_str().unwrap_or_default();
            fields.insert(format!("{address} {path}"), (field["before"].clone(), field["after"].clone()));
        }
    }
    let created = actions.get("create").cloned().unwrap_or_default();
    let updated = actions.get("update").cloned().unwrap_or_default();
    assert_eq!((created.len(), updated.len()), (15, 5), "{actions:#?}");
    assert!(!actions.contains_key("delete"), "{actions:#?}");
    assert!(created.iter().all(|address| address.contains("notes-staging")), "{created:#?}");
    assert!(updated.iter().all(|address| address.contains("/notes/")), "{updated:#?}");
    let image = fields.keys().find(|key| key.contains("Deployment/notes/notes spec") && key.ends_with(".image"));
    let image = &fields[image.expect("the Deployment gets another image")];
    assert_eq!(*image, (json!("example/notes:1.2.0"), json!("example/notes:1.3.0")));
}

#[test]
fn helm_is_found_on_path_and_missed_by_name() {
    let plan = ["plan", "-f", "examples/helm", "--snapshot", "examples/helm/world"];
    let missing = packctl_with(root(), &plan, &[("PATH", "/nowhere")]);
    assert_eq!(missing.status.code(), Some(4), "{}", stderr(&missing));
    let told = "the chart needs helm, which is not there [PK0211]  examples/helm/prod.yaml:10";
    assert!(stdout(&missing).contains(told), "{}", stdout(&missing));
    assert!(stderr(&missing).contains("install helm 3 or 4"), "{}", stderr(&missing));
    let folder = Env::get().helm.parent().and_then(Path::to_str).expect("its path is text");
    let found = packctl_with(root(), &plan, &[("PATH", folder)]);
    assert_eq!(found.status.code(), Some(0), "{}", stderr(&found));
    let wrong = packctl(root(), &[&plan[..], &["--helm", "/bin/false"]].concat());
    assert_eq!(wrong.status.code(), Some(4), "{}", stderr(&wrong));
}

/// Argo CD: the chart's own, files in order, `valuesObject` (which makes `values` void), parameters, those as text last.
#[test]
fn values_win_in_the_order_of_argo_cd() {
    let helm = json!({
        "releaseName": "other",
        "valueFiles": ["first.yaml", "../values/second.yaml", "/values/third.yaml"],
        "values": "object: inline\ninline: inline\n",
        "valuesObject": {"object": "object", "parameter": "object", "list": [3], "map": {"c": 3, "a": null}},
        "parameters": [
            {"name": "parameter", "value": "first"},
            {"name": "parameter", "value": "last"},
            {"name": "text", "value": "1", "forceString": true},
            {"name": "text", "value": "2"},
            {"name": "number", "value": "12345678"},
            {"name": "long", "value": "12345678", "forceString": true},
            {"name": "commas", "value": "a,b"},
            {"name": "items", "value": "{a,b}"},
            {"name": "deep.er", "value": "x"},
        ],
    });
    let chart = "chart: chart\nfirst: chart\nsecond: chart\nthird: chart\nobject: chart\ninline: chart\nparameter: chart\nlist: \
                 [1, 2]\nmap: {a: 1, b: 2}\n";
    let repo = Repo::new(
        &helm,
        &[
            SHOW,
            ("chart/values.yaml", chart),
            ("chart/first.yaml", "first: first\nsecond: first\nthird: first\nobject: first\n"),
            ("values/second.yaml", "second: second\nthird: second\n"),
            ("values/third.yaml", "third: third\n"),
        ],
    );
    let pack = repo.rendered(RenderSettings::default());
    assert_eq!(pack.documents[0].name(), Some("other"));
    assert_eq!(
        values(&pack),
        json!({
            "chart": "chart", "first": "first", "second": "second", "third": "third", "object": "object",
            "inline": "chart", "parameter": "last", "list": [3], "map": {"b": 2, "c": 3}, "text": 2,
            "number": 12_345_678, "long": "12345678", "commas": "a,b", "items": ["a", "b"], "deep": {"er": "x"},
        })
    );
    let notes: Vec<_> = pack.notes.iter().map(|note| note.message.as_str()).collect();
    assert_eq!(notes, ["`spec.source.helm.values` is ignored because `valuesObject` is there"]);

    let inline = Repo::new(&json!({"values": "object: inline\n"}), &[SHOW, ("chart/values.yaml", chart)]);
    let pack = inline.rendered(RenderSettings::default());
    assert_eq!(values(&pack)["object"], "inline");
    assert_eq!(pack.documents[0].name(), Some("demo"), "without a name the release has the Application's");
}

#[test]
fn a_chart_sees_the_clusters_version_and_kinds() {
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: {{ .Release.Namespace }}}\ndata:\n  version: \
                    {{ .Capabilities.KubeVersion }}\n  served: {{ .Capabilities.APIVersions.Has \
                    \"example.com/v1/Thing\" | quote }}\n  found: {{ lookup \"v1\" \"Namespace\" \"\" \"default\" | toJson | quote }}\n";
    let repo = Repo::new(&json!({}), &[("chart/templates/a.yaml", template)]);
    let settings = RenderSettings {
        kube_version: Some("v1.34.4".into()),
        api_versions: vec!["example.com/v1/Thing".into()],
        ..RenderSettings::default()
    };
    let pack = repo.rendered(settings);
    assert!(pack.failed.is_empty(), "{:?}", pack.failed);
    let document = &pack.documents[0];
    let data: Vec<_> = ["version", "served", "found"].map(|key| document.text(&format!("/data/{key}"))).into();
    assert_eq!(data, [Some("v1.34.4"), Some("true"), Some("{}")]);
    assert_eq!(document.text("/metadata/namespace"), Some("notes"));
}

#[test]
fn a_value_that_is_new_each_time_refuses_the_chart_by_object_and_field() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: notes}\nstringData:\n  fixed: abcdefgh\n  password: \
                  {{ randAlphaNum 16 }}\n";
    let stamped = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: stamped\n  annotations: {at: {{ now | unixEpoch | quote }}}\n";
    let files = [("chart/templates/secret.yaml", secret), ("chart/templates/stamped.yaml", stamped)];
    let refused = Repo::new(&json!({}), &files).refused(RenderSettings::default());
    assert_eq!(
        refused,
        [
            "PK0210 chart/templates/secret.yaml:1 Secret/notes/login: `stringData.password` has another value each time the \
             chart is rendered",
            "PK0210 chart/templates/stamped.yaml:1 ConfigMap/stamped: `metadata.annotations.at` has another value each time \
             the chart is rendered",
        ]
    );
}

#[test]
fn test_hooks_of_a_chart_are_left_out_and_others_refused_by_name() {
    let hook = |name: &str, hook: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  annotations: {{helm.sh/hook: '{hook}'}}\nspec: {{}}\n"
        )
    };
    let tested = [
        SHOW,
        ("chart/templates/tests/a.yaml", &hook("one", "test")),
        ("chart/templates/tests/b.yaml", &hook("two", "test-success, test-failure")),
    ];
    let pack = Repo::new(&json!({}), &tested).rendered(RenderSettings::default());
    assert!(pack.failed.is_empty(), "{:?}", pack.failed);
    assert_eq!(pack.documents.len(), 1, "the tests are not delivered");

    let migrate = hook("migrate", "pre-install,pre-upgrade");
    let crd =
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n";
    let files = [SHOW, ("chart/templates/migrate.yaml", &migrate), ("chart/crds/things.yaml", crd)];
    let refused = Repo::new(&json!({}), &files).refused(RenderSettings::default());
    assert_eq!(
        refused,
        [
            "PK0208 chart/crds/things.yaml:1 CustomResourceDefinition/things.example.com: a CustomResourceDefinition in a pack \
             is not supported yet",
            "PK0208 chart/templates/migrate.yaml:1 Pod/migrate: the annotation `helm.sh/hook: pre-install,pre-upgrade` is not \
             supported yet",
        ]
    );
}

#[test]
fn a_dependency_in_a_folder_of_the_repository_is_built_in_a_copy() {
    let chart = "apiVersion: v2\nname: demo\nversion: 1.0.0\ndependencies:\n- {name: base, version: 1.x.x, repository: \
                 'file://../base'}\n- {name: part, version: 0.1.0, repository: 'file://../part', alias: second}\n";
    let library = "{{- define \"base.name\" -}}{{ .Release.Name }}-base{{- end }}";
    let show = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ include \"base.name\" . }}}\n";
    let part = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: part}\ndata: {a: {{ .Values.a }}}\n";
    let repo = Repo::new(
        &json!({"values": "second: {a: ours}"}),
        &[
            ("chart/Chart.yaml", chart),
            ("chart/templates/a.yaml", show),
            ("base/Chart.yaml", "apiVersion: v2\nname: base\nversion: 1.2.3\ntype: library\n"),
            ("base/templates/_names.tpl", library),
            ("part/Chart.yaml", "apiVersion: v2\nname: part\nversion: 0.1.0\n"),
            ("part/values.yaml", "a: theirs\n"),
            ("part/templates/part.yaml", part),
        ],
    );
    let before = files(repo.0.path());
    let pack = repo.rendered(RenderSettings::default());
    assert!(pack.failed.is_empty(), "{:?}", pack.failed);
    let named: Vec<_> = pack.documents.iter().filter_map(|document| document.name()).collect();
    assert_eq!(named, ["part", "demo-base"]);
    assert_eq!(pack.documents[0].text("/data/a"), Some("ours"));
    assert_eq!(files(repo.0.path()), before, "nothing is written into the repository");
}

fn files(folder: &Path) -> Vec<String> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    entries.map(|entry| entry.expect("it can be listed").path().display().to_string()).collect()
}

#[test]
fn a_template_that_fails_is_told_with_its_place() {
    let template =
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ required \"a name is needed\" .Values.name }}\n";
    let refused = Repo::new(&json!({}), &[("chart/templates/a.yaml", template)]).refused(RenderSettings::default());
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].starts_with("PK0212 chart/templates/a.yaml:4 "), "{refused:?}");
    assert!(refused[0].contains("a name is needed"), "{refused:?}");

    let broken = ("chart/templates/b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a]\n");
    let refused = Repo::new(&json!({}), &[SHOW, broken]).refused(RenderSettings::default());
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].starts_with("PK0212 chart/templates/b.yaml:1 "), "{refused:?}");
}

#[test]
fn a_chart_gets_so_much_time_output_and_memory_and_no_more() {
    let limits = |template: &str, settings| {
        let map = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{a: '{template}'}}\n");
        Repo::new(&json!({}), &[("chart/templates/a.yaml", &map)]).refused(settings)
    };
    let defaults = RenderSettings::default;
    let slow = limits(
        r#"{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}"#,
        RenderSettings { time: Duration::from_secs(2), ..defaults() },
    );
    assert_eq!(slow, ["PK0213 app.yaml:1 helm took longer than 2 s for this chart"]);
    let loud = limits(r#"{{ repeat 3000000 "a" }}"#, RenderSettings { output: 2 * 1024 * 1024, ..defaults() });
    assert_eq!(loud, ["PK0213 app.yaml:1 helm printed more than 2 MB for this chart"]);
    let greedy = limits(r#"{{ repeat 2000000000 "aaaa" }}"#, defaults());
    assert_eq!(greedy, ["PK0213 app.yaml:1 helm needs more memory than it may have for this chart"]);
}

/// What a parameter's value may not hold as text: Argo CD's variables, and lists and escapes of `--set`.
const SYNTAX: [char; 3] = ['$', '{', '\\'];

/// Values are words of a shell, flags of helm, or templates only to somebody who is careless.
#[test]
fn values_reach_helm_as_they_are() {
    let strange = ["--debug", "$(touch x)", "a=b", "{{ .Release }}", "\\,", "é\u{1f600}", "'\"`"];
    let parameters: Vec<_> = iter::zip(0.., strange)
        .filter(|(_, value)| !value.contains(SYNTAX))
        .map(|(index, value)| json!({"name": format!("p{index}"), "value": value, "forceString": true}))
        .collect();
    let object: BTreeMap<_, _> = iter::zip(0.., strange).map(|(index, value)| (format!("o{index}"), value)).collect();
    let repo = Repo::new(&json!({"valuesObject": object, "parameters": parameters}), &[SHOW]);
    let values = values(&repo.rendered(RenderSettings::default()));
    for (index, value) in iter::zip(0.., strange) {
        assert_eq!(values[format!("o{index}")], *value);
        if !value.contains(SYNTAX) {
            assert_eq!(values[format!("p{index}")], *value);
        }
    }
}
