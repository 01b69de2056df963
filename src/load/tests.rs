use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::api::Delivery;
use crate::resource::SecretId;

/// A folder with files; `.git` makes it a repository.
fn repo(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

fn loaded_with(folder: &TempDir, paths: &[&str], recursive: bool, stdin: &str) -> (Loaded, Secrets) {
    let path = |name: &&str| if *name == "-" { "-".to_owned() } else { folder.path().join(name).display().to_string() };
    let inputs = Inputs { paths: paths.iter().map(path).collect(), recursive };
    let secrets = Secrets::default();
    (load(&inputs, &mut stdin.as_bytes(), &secrets), secrets)
}

fn loaded(folder: &TempDir, paths: &[&str]) -> Loaded {
    loaded_with(folder, paths, false, "").0
}

fn names(loaded: &Loaded) -> Vec<&str> {
    loaded.documents.iter().filter_map(Document::name).collect()
}

/// `CODE file:line message` of each finding, with paths relative to the folder.
fn findings(folder: &TempDir, loaded: &Loaded) -> Vec<String> {
    let real = folder.path().canonicalize().expect("a path").display().to_string();
    let text = |finding: &Diagnostic| {
        let place = finding.place.as_ref().map(|place| format!("{place} ")).unwrap_or_default();
        format!("{} {place}{}", finding.code, finding.message)
    };
    let texts = loaded.diagnostics.iter().map(text);
    texts
        .map(|text| text.replace(&format!("{real}/"), "").replace(&format!("{}/", folder.path().display()), ""))
        .collect()
}

fn object(kind: &str, name: &str) -> String {
    format!("apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n")
}

fn application(name: &str, path: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {name}\nspec:\n  project: default\n  \
         source:\n    repoURL: https://git.example.com/gitops.git\n    path: {path}\n  destination:\n    \
         server: https://kubernetes.default.svc\n    namespace: apps\n"
    )
}

const REPOSITORIES: &str = "repositories:\n  https://git.example.com/gitops: .\n";

#[test]
fn a_folder_is_read_as_kubectl_reads_it() {
    let folder = repo(&[
        ("apps/b.yaml", &object("ConfigMap", "bee")),
        ("apps/a.yml", &format!("{}---\n{}", object("ConfigMap", "ay"), object("Service", "svc"))),
        ("apps/c.json", "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"jay\"}}"),
        ("apps/README.md", "# not: [read"),
        ("apps/packctl.yaml", "packs: {}"),
        ("apps/deeper/d.yaml", &object("ConfigMap", "dee")),
    ]);
    let plain = loaded(&folder, &["apps"]);
    assert_eq!((names(&plain), findings(&folder, &plain)), (vec!["ay", "svc", "bee", "jay"], vec![]));
    let (deep, _) = loaded_with(&folder, &["apps"], true, "");
    assert_eq!(names(&deep), ["ay", "svc", "bee", "jay", "dee"]);
}

#[test]
fn the_order_and_the_repetition_of_arguments_do_not_matter() {
    let folder = repo(&[("a/x.yaml", &object("ConfigMap", "ex")), ("b/y.yaml", &object("ConfigMap", "wy"))]);
    let all = |paths: &[&str]| {
        let loaded = loaded(&folder, paths);
        (format!("{:?}", loaded.documents), loaded.sources.0, loaded.diagnostics, loaded.root)
    };
    let first = all(&["a", "b"]);
    assert_eq!(first, all(&["b", "a"]));
    assert_eq!(first, all(&["b", "a", "a/x.yaml", "b/../a"]));
}

#[test]
fn standard_input_is_read_under_the_name_of_a_dash() {
    let folder = repo(&[("a.yaml", &object("ConfigMap", "ay"))]);
    let (loaded, _) = loaded_with(&folder, &["-", "a.yaml"], false, &object("ConfigMap", "piped"));
    assert_eq!(names(&loaded), ["piped", "ay"]);
    assert_eq!(loaded.documents[0].place("/kind").to_string(), "-:2");
}

#[test]
fn an_input_that_holds_nothing_or_is_not_there_is_an_error() {
    let folder = repo(&[("empty/README.md", ""), ("deep/er/a.yaml", &object("ConfigMap", "ay"))]);
    let of = |paths: &[&str]| loaded(&folder, paths);
    let empty = of(&["empty"]);
    assert_eq!(findings(&folder, &empty), ["PK0102 empty:1 empty holds no manifests"]);
    let deep = of(&["deep"]);
    assert_eq!(deep.diagnostics[0].help.as_deref(), Some("its folders below hold some: add -R to read them"));
    let missing = of(&["nowhere"]);
    assert_eq!(findings(&folder, &missing), ["PK0101 nowhere:1 nowhere cannot be read: there is no such file"]);
    assert!(missing.has_errors());
}

#[test]
fn a_bad_file_is_a_finding_and_the_others_are_read() {
    let folder = repo(&[
        ("a/1.yaml", "a: [1"),
        ("a/2.yaml", "just text"),
        ("a/3.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ok\n  labels:\n    on: true\n"),
        ("a/4.yaml", "apiVersion: v1\nmetadata: {name: x}\n"),
        ("a/5.yaml", "apiVersion: v1\nkind: Job\nmetadata:\n  generateName: x-\n"),
        ("a/6.yaml", &object("ConfigMap", "good")),
        ("a/7.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n  namespace: n\n"),
        ("a/8.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: set}\n"),
    ]);
    fs::write(folder.path().join("a/9.yaml"), b"a: \xff").expect("a file");
    let loaded = loaded(&folder, &["a"]);
    assert_eq!(names(&loaded), ["good"]);
    let expected = [
        "PK0106 a/1.yaml:1 unclosed bracket '['",
        "PK0108 a/2.yaml:1 this is no Kubernetes object but a single value or list",
        "PK0108 a/3.yaml:6 `metadata.labels.true` must be a text; unquoted it is read as `true`",
        "PK0108 a/4.yaml:1 this is no Kubernetes object: `kind` is missing or no text",
        "PK0108 a/5.yaml:3 the object has no `metadata.name`",
        "PK0108 a/7.yaml:5 `metadata.namespace` must be a text; unquoted it is read as `false`",
        "PK0109 a/8.yaml:2 an ApplicationSet is not supported yet",
        "PK0104 a/9.yaml:1 the text is not UTF-8",
    ];
    assert_eq!(findings(&folder, &loaded), expected);
    assert!(loaded.diagnostics.iter().all(|finding| finding.help.is_some()));
}

#[test]
fn a_file_that_is_too_long_is_refused_before_it_is_read() {
    let folder = repo(&[("a/x.yaml", "")]);
    let file = fs::File::create(folder.path().join("a/x.yaml")).expect("a file");
    file.set_len(100 * 1024 * 1024).expect("a sparse file");
    assert_eq!(findings(&folder, &loaded(&folder, &["a"])), ["PK0103 a/x.yaml:1 the text is longer than 20 MB"]);
    let (piped, _) = loaded_with(&folder, &["-"], false, &" ".repeat(21 * 1024 * 1024));
    assert_eq!(piped.diagnostics[0].code, "PK0103");
}

#[test]
fn packctl_yaml_is_found_upwards_to_the_repository() {
    let files = [("apps/prod/a.yaml", "apiVersion: v1\nkind: A\nmetadata: {name: ay}"), ("packctl.yaml", REPOSITORIES)];
    let without = repo(&files);
    assert_eq!(loaded(&without, &["apps/prod"]).config, Config::default());
    let with = repo(&files);
    fs::create_dir(with.path().join(".git")).expect("a folder");
    for path in ["apps/prod", "apps/prod/a.yaml", "apps"] {
        let loaded = loaded(&with, &[path]);
        assert_eq!(loaded.config.repositories.len(), 1, "{path}");
        assert_eq!(loaded.root, with.path().canonicalize().expect("a path"));
    }
    let beside = repo(&[("apps/a.yaml", &object("A", "ay")), ("packctl.yaml", REPOSITORIES)]);
    assert_eq!(loaded(&beside, &["apps"]).config.repositories.len(), 1);
}

#[test]
fn inputs_of_two_configurations_are_refused() {
    let folder = repo(&[
        ("one/packctl.yaml", REPOSITORIES),
        ("one/a.yaml", &object("A", "ay")),
        ("two/packctl.yaml", REPOSITORIES),
        ("two/a.yaml", &object("A", "bee")),
    ]);
    let loaded = loaded(&folder, &["one", "two"]);
    let expected = ["PK0114 the inputs belong to one/packctl.yaml and to two/packctl.yaml"];
    assert_eq!(findings(&folder, &loaded), expected);
    assert_eq!(names(&loaded), ["ay", "bee"]);
}

#[test]
fn an_input_without_an_object_is_an_error() {
    let folder = repo(&[("e.yaml", ""), ("c/c.yaml", "# nothing\n"), ("a.yaml", &object("A", "ay"))]);
    let said = |path: &str| findings(&folder, &loaded(&folder, &[path]));
    assert_eq!(said("e.yaml"), ["PK0102 e.yaml holds no manifests"]);
    assert_eq!(said("c"), ["PK0102 c holds no manifests"]);
    assert_eq!(said("-"), ["PK0102 standard input holds no manifests"]);
    assert_eq!(said("."), Vec::<String>::new(), "an empty file beside others is none");
}

#[test]
fn a_credential_in_packctl_yaml_is_refused_unseen() {
    let text = "repositories:\n  https://me:tok3n@git.example.com/x: 7\n  ssh://git@git.example.com/y: .\n";
    let folder = repo(&[("a.yaml", &object("A", "ay")), ("packctl.yaml", text)]);
    let loaded = loaded(&folder, &["."]);
    let expected = ["PK0119 packctl.yaml:2 the URL of a repository carries a credential"];
    assert_eq!(findings(&folder, &loaded), expected);
    assert!(!format!("{:?}{:?}", loaded.diagnostics, loaded.sources).contains("tok3n"));
}

#[test]
fn a_recorded_world_below_is_no_input() {
    let world = [("world/version.json", "{}"), ("world/kubernetes/x.yaml", "a: b"), ("world/environment.yaml", "c: d")];
    let folder = repo(&[&[("a.yaml", object("A", "ay").as_str())], world.as_slice()].concat());
    let (loaded, _) = loaded_with(&folder, &["."], true, "");
    assert_eq!(names(&loaded), ["ay"]);
    assert_eq!(loaded.diagnostics.iter().map(|found| found.code.as_str()).collect::<Vec<_>>(), ["PK0118"]);
}

#[test]
fn packctl_yaml_says_what_belongs_elsewhere() {
    let folder = repo(&[
        ("a.yaml", &object("A", "ay")),
        (
            "packctl.yaml",
            "kubeconfig: x\nkeycloak: {}\nrepos: {}\nrepositories:\n  https://A/b.git: 7\ndelivery:\n  default: maybe\n  \
             superset: direct\n  argocd/superset: direct\npacks: [a]\nsensitive: [spec.x]\ndisplay: {wide: true}\n",
        ),
    ]);
    let loaded = loaded(&folder, &["."]);
    let expected = [
        "PK0112 packctl.yaml:1 `kubeconfig` is a trusted setting, not one of packctl.yaml",
        "PK0112 packctl.yaml:2 `keycloak` is no setting of packctl.yaml",
        "PK0110 packctl.yaml:3 unknown key `repos`",
        "PK0111 packctl.yaml:5 `repositories[\"https://A/b.git\"]` must be a text",
        "PK0111 packctl.yaml:7 `delivery.default` must be `direct` or `argocd`",
        "PK0111 packctl.yaml:8 `delivery.superset` names no Application",
        "PK0111 packctl.yaml:10 `packs` must be a map",
        "PK0111 packctl.yaml:11 `sensitive` is not supported yet: nothing more would be masked",
        "PK0111 packctl.yaml:12 `display` has no effect yet",
    ];
    assert_eq!(findings(&folder, &loaded), expected);
    assert_eq!(loaded.config.delivery_of("argocd", "superset"), Delivery::Direct);
    assert_eq!(loaded.config.delivery_of("argocd", "other"), Delivery::Argocd);
}

#[test]
fn urls_of_one_repository_are_one() {
    let text = "repositories: {'git@GitHub.com:Org/repo.git': a, https://git.example.com/x/: b}";
    let documents = yaml::read_all(&"p".into(), text).expect("yaml");
    let (config, findings) = Config::from_documents(&"p".into(), &documents);
    assert_eq!(findings, []);
    let folder = |url| config.folder_of(url).map(|setting| setting.value.as_str());
    assert_eq!(folder("ssh://git@github.com/org/repo"), Some("a"));
    assert_eq!(folder("https://git.example.com/x.git"), Some("b"));
    assert_eq!(folder("https://git.example.com/y"), None);
}

#[test]
fn packs_are_meant_by_their_folder_or_by_that_of_packctl_yaml() {
    let folder = repo(&[
        (".git/HEAD", ""),
        ("packctl.yaml", "packs:\n  one: packs/one\n  two: ./packs/two/\n"),
        ("packs/one/a.yaml", &object("A", "ay")),
        ("packs/two/b.yaml", &object("B", "bee")),
        ("other/c.yaml", &object("C", "sea")),
    ]);
    let meant = |path: &str, recursive| {
        let (loaded, _) = loaded_with(&folder, &[path], recursive, "");
        assert_eq!(findings(&folder, &loaded), [""; 0]);
        let packs: Vec<_> = loaded.folders.iter().map(|pack| pack.name.clone()).collect();
        (packs.join(","), names(&loaded).join(","))
    };
    assert_eq!(meant(".", false), ("one,two".into(), String::new()));
    assert_eq!(meant(".", true), ("one,two".into(), "sea".into()));
    assert_eq!(meant("packs/two", false), ("two".into(), String::new()));
    assert_eq!(meant("packs", true), ("one,two".into(), String::new()));
    assert_eq!(meant("other", false), (String::new(), "sea".into()));
    assert_eq!(meant("packs/one/a.yaml", false), (String::new(), "ay".into()));
}

#[test]
fn folders_stay_inside_the_repository() {
    let outside = repo(&[("secret.yaml", &object("A", "stolen"))]);
    let folder = repo(&[
        (".git/HEAD", ""),
        (
            "sub/packctl.yaml",
            "packs:\n  a: ../../x\n  b: /etc\n  c: gone\n  d: link\n  e: packctl.yaml\n  f: ../ok\n  G: ok\n",
        ),
        ("ok/a.yaml", &object("A", "ay")),
    ]);
    std::os::unix::fs::symlink(outside.path(), folder.path().join("sub/link")).expect("a link");
    std::os::unix::fs::symlink(outside.path().join("secret.yaml"), folder.path().join("ok/link.yaml")).expect("a link");
    let loaded_packs = loaded(&folder, &["sub"]);
    let expected = [
        "PK0113 sub/packctl.yaml:2 the folder `../../x` leads out of the repository",
        "PK0113 sub/packctl.yaml:3 the folder `/etc` is not relative",
        "PK0113 sub/packctl.yaml:4 the folder `gone` cannot be read: there is no such file",
        "PK0113 sub/packctl.yaml:5 the folder `link` leads out of the repository by a symbolic link",
        "PK0113 sub/packctl.yaml:6 `packctl.yaml` is no folder",
        "PK0111 sub/packctl.yaml:8 `G` is no name for a pack",
    ];
    assert_eq!(findings(&folder, &loaded_packs), expected);
    assert_eq!(loaded_packs.folders.iter().map(|pack| pack.name.as_str()).collect::<Vec<_>>(), ["f"]);
    let loaded = loaded(&folder, &["ok"]);
    assert_eq!(names(&loaded), ["ay"]);
    assert_eq!(
        findings(&folder, &loaded),
        ["PK0115 ok/link.yaml:1 ok/link.yaml leads out of the repository by a symbolic link"]
    );
}

#[test]
fn applications_are_packs_and_their_sources_are_not_read_twice() {
    let folder = repo(&[
        (".git/HEAD", ""),
        ("packctl.yaml", REPOSITORIES),
        ("apps/one.yaml", &application("one", "manifests/one")),
        ("manifests/one/broken.yaml", "{{ template }}"),
        ("manifests/one/a.yaml", &object("A", "ay")),
        ("manifests/two/b.yaml", &object("B", "bee")),
    ]);
    let (all, _) = loaded_with(&folder, &["."], true, "");
    assert_eq!((names(&all), findings(&folder, &all)), (vec!["bee"], vec![]));
    let application = &all.applications[0];
    assert_eq!((application.namespace.as_str(), application.name.as_str()), ("argocd", "one"));
    let (source, repository) = all.source_folder(application).expect("a folder");
    assert!(source.ends_with("manifests/one") && repository == all.root);
}

#[test]
fn packs_of_one_name_are_refused_both() {
    let folder = repo(&[
        (".git/HEAD", ""),
        ("packctl.yaml", "packs: {one: packs/one}\n"),
        ("packs/one/a.yaml", &object("A", "ay")),
        ("apps/a.yaml", &application("same", "x")),
        ("apps/b.yaml", &application("same", "y")),
        ("apps/c.yaml", &application("one", "y").replace("  name: one", "  name: one\n  namespace: packs")),
    ]);
    let (loaded, _) = loaded_with(&folder, &["."], true, "");
    let refused: Vec<_> =
        loaded.applications.iter().map(|app| app.refused.iter().any(|e| e.code == "PK0117")).collect();
    assert_eq!(refused, [true, true, true]);
    assert_eq!(findings(&folder, &loaded), ["PK0117 packctl.yaml:1 the pack packs/one is also an Application"]);
    assert!(loaded.folders.is_empty());
}

const CANARY: &str = "canary-value-1";

#[test]
fn secret_values_leave_the_documents_and_the_texts() {
    let text = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata:\n  password: {}\n  client-id: YXBw\nstringData:\n  token: \
         {CANARY}\n  key: |\n    {CANARY}\n    second line\n  issuer-url: https://id\n  short: pw1\n# after\n",
        "Y2FuYXJ5LXZhbHVlLTE="
    );
    let folder = repo(&[("s.yaml", &text)]);
    let (loaded, secrets) = loaded_with(&folder, &["s.yaml"], false, "");
    let data = &loaded.documents[0].value["data"];
    assert_eq!((&data["client-id"], &data["issuer-url"]), (&json!("YXBw"), &json!("aHR0cHM6Ly9pZA==")));
    assert_eq!(data["password"], data["token"]);
    let id = data["token"].as_str().and_then(SecretId::from_placeholder).expect("a placeholder");
    assert_eq!(secrets.expose(id).as_deref(), Some(CANARY.as_bytes()));
    assert_eq!(loaded.documents[0].value.get("stringData"), None);

    let printed = format!("{loaded:?}");
    for value in [CANARY, "Y2FuYXJ5", "pw1", "second line"] {
        assert!(!printed.contains(value), "{value}");
    }
    let shown = loaded.sources.0.values().next().expect("a text");
    assert_eq!(shown.lines().count(), text.lines().count());
    assert_eq!(shown.lines().nth(13), Some("# after"));
    assert!(shown.contains("client-id: YXBw") && shown.contains("token: (secret)"), "{shown}");
}

#[test]
fn a_secret_that_is_wrong_is_refused_without_its_value() {
    let secret = |rest: &str| format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n{rest}");
    let folder = repo(&[
        ("a/1.yaml", &secret("data: {a: canary-no-base64}")),
        ("a/2.yaml", &secret("stringData:\n  a: 123456789\n")),
        ("a/3.yaml", &secret("data: canary-all")),
        (
            "a/4.yaml",
            &secret(
                "  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: '{\"data\": \"canary-x\"}'\n",
            ),
        ),
        ("a/5.yaml", &secret("stringData:\n  a: canary [\n  b: \"canary\n")),
    ]);
    let loaded = loaded(&folder, &["a"]);
    let annotation = "metadata.annotations[\"kubectl.kubernetes.io/last-applied-configuration\"]";
    let expected = [
        "PK0116 a/1.yaml:5 `data.a` of this Secret is no base64".to_owned(),
        "PK0116 a/2.yaml:6 `stringData.a` of this Secret must be a text".into(),
        "PK0116 a/3.yaml:5 `data` of this Secret must be a map".into(),
        format!("PK0116 a/4.yaml:6 `{annotation}` of this Secret holds the values of the Secret"),
        "PK0106 a/5.yaml:7 unclosed quote".into(),
    ];
    assert_eq!(findings(&folder, &loaded), expected);
    let printed = format!("{loaded:?}");
    assert!(!printed.contains("canary") && !printed.contains("123456789"), "{printed}");
}
