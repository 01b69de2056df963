//! The helm renderer against a program that stands in for helm.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use tempfile::TempDir;

use super::*;

/// A program that stands in for helm: it gets `version` right and otherwise does what the script says.
fn helm(folder: &Path, script: &str) -> RenderSettings {
    let path = folder.join(".git/helm");
    let version = "if [ \"$1\" = version ]; then echo v4.9.9; exit; fi";
    fs::write(&path, format!("#!/bin/sh\n{version}\n{script}\n")).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("rights");
    RenderSettings { helm: Some(path), ..RenderSettings::default() }
}

const CHART: &str = "apiVersion: v2\nname: demo\nversion: 0.4.1\n";

fn chart(source: &str, more: &[(&str, &str)], script: &str) -> (TempDir, Pack) {
    let application = application(source, "");
    let files = [&[("apps/a.yaml", application.as_str()), ("src/Chart.yaml", CHART)], more].concat();
    let folder = repo(&files);
    let settings = helm(folder.path(), script);
    let pack = rendered(&folder, "apps", &settings).remove(0);
    (folder, pack)
}

/// Prints its arguments, variables and value files as a ConfigMap.
const ECHO: &str = r##"
item() { printf '  %s: |\n' "$1"; sed "s#$(cd ../.. && pwd)#COPY#g; s/^/    /"; }
echo "---"
echo "# Source: demo/templates/echo.yaml"
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: echo}\ndata:\n'
for argument in "$@"; do echo "$argument"; done | item arguments
/usr/bin/env | /usr/bin/sort | /bin/grep -v '^_=\|^PWD=' | item variables
for argument in "$@"; do case "$argument" in --values=*) /bin/cat "${argument#--values=}"; echo;; esac; done | item values
/bin/ls -A | item files
"##;

#[test]
fn helm_is_run_as_argo_cd_runs_it_in_a_copy_without_an_environment() {
    let source = "helm:\n  releaseName: web\n  valueFiles: [values-prod.yaml, /shared/all.yaml, ../shared/all.yaml]\n  \
                  valuesObject: {replicas: 2, 'on': 'yes'}\n  values: 'ignored: true'\n  parameters:\n  - {name: a.b, value: \
                  first}\n  - {name: tag, value: '1.10', forceString: true}\n  - {name: list, value: '{a,b}'}\n  - {name: a.b, \
                  value: 'x,y'}\n";
    let more = [
        ("src/values-prod.yaml", "from: prod"),
        ("shared/all.yaml", "from: all"),
        ("src/templates/echo.yaml", ""),
        ("elsewhere/secret.txt", ""),
    ];
    let (folder, pack) = chart(source, &more, &ECHO.replace("sed", "/bin/sed"));
    assert_eq!(texts(&folder, &pack.failed), [""; 0]);
    let data = |key: &str| pack.documents[0].value["data"][key].as_str().unwrap_or_default();
    let expected = "template\n.\n--name-template=web\n--namespace=apps\n--include-crds\n--set-string=tag=1.10\n\
                    --set=list={a,b}\n--set=a.b=x\\,y\n--values=COPY/repository/src/values-prod.yaml\n\
                    --values=COPY/repository/shared/all.yaml\n--values=COPY/repository/shared/all.yaml\n\
                    --values=COPY/values.yaml\n";
    assert_eq!(data("arguments"), expected);
    assert_eq!(data("values"), "from: prod\nfrom: all\nfrom: all\n{\"on\":\"yes\",\"replicas\":2}\n");
    assert_eq!(data("files"), "Chart.yaml\ntemplates\nvalues-prod.yaml\n");
    let names: Vec<_> = data("variables").lines().filter_map(|line| line.split('=').next()).collect();
    let expected = "HELM_CACHE_HOME HELM_CONFIG_HOME HELM_DATA_HOME HOME HTTPS_PROXY HTTP_PROXY KUBECONFIG TMPDIR \
                    XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME";
    assert_eq!(names.join(" "), expected);
    assert_eq!((pack.version.as_str(), pack.renderer.as_str()), ("0.4.1", "helm v4.9.9"));
    assert!(pack.documents[0].file.ends_with("src/templates/echo.yaml"), "{}", pack.documents[0].file);
    assert!(pack.notes.iter().any(|note| note.message.contains("`spec.source.helm.values` is ignored")));
}

#[test]
fn a_value_that_changes_each_time_is_refused_by_object_and_field() {
    let script = "printf -- '---\\n# Source: demo/templates/s.yaml\\napiVersion: v1\\nkind: Secret\\nmetadata: {name: \
                  s}\\nstringData: {fixed: canary-1, password: canary%s}\\n' $$";
    let (folder, pack) = chart("", &[], script);
    let expected = "PK0210 src/templates/s.yaml:1 Secret/s: `stringData.password` has another value each time the chart is \
                    rendered";
    assert_eq!(texts(&folder, &pack.failed), [expected]);
    assert!(!format!("{pack:?}").contains("canary"));
}

#[test]
fn what_helm_prints_is_split_by_template() {
    let printed = "---\n# Source: demo/crds/c.yaml\n\n---\n# Source: demo/templates/b.yaml\napiVersion: v1\nkind: \
                   ConfigMap\nmetadata: {name: text}\ndata:\n  x: |\n    ---\n    # Source: demo/templates/no.yaml\n---\n\
                   apiVersion: v1\nkind: ConfigMap\nmetadata: {name: second}\n---\n# Source: \
                   demo/charts/sub/templates/a.yaml\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: \
                   ConfigMap\n  metadata: {name: listed}\n";
    let (folder, pack) = chart("", &[], &format!("/bin/cat <<'END'\n{printed}END"));
    assert_eq!(texts(&folder, &pack.failed), [""; 0]);
    let src = folder.path().canonicalize().expect("a path").join("src");
    let files: Vec<_> =
        pack.documents.iter().map(|document| document.file.replace(&src.display().to_string(), "")).collect();
    assert_eq!(names(&pack), ["listed", "text", "second"]);
    assert_eq!(files, ["/charts/sub/templates/a.yaml", "/templates/b.yaml", "/templates/b.yaml"]);
}

#[test]
fn helm_that_is_missing_fails_or_breaks_a_limit_is_said() {
    let folder = repo(&[("apps/a.yaml", &application("", "")), ("src/Chart.yaml", CHART)]);
    let failed = |settings: &RenderSettings| {
        let pack = rendered(&folder, "apps", settings).remove(0);
        assert!(pack.documents.is_empty() && pack.failed.iter().all(|error| error.help.is_some()));
        texts(&folder, &pack.failed).join("\n")
    };
    let missing = failed(&RenderSettings::default());
    assert_eq!(missing, "PK0211 apps/a.yaml:11 the chart needs helm, which is not there");
    let gone = RenderSettings { helm: Some("/nowhere/helm".into()), ..RenderSettings::default() };
    assert!(failed(&gone).starts_with("PK0211 apps/a.yaml:11 helm"), "{}", failed(&gone));
    let said =
        "echo 'Error: template: demo/templates/x.yaml:3:5: executing \"x\" at <.Values.a>: nil pointer' >&2; exit 1";
    let expected = "PK0212 src/templates/x.yaml:3 helm cannot render the chart: template: demo/templates/x.yaml:3:5: executing \
                    \"x\" at <.Values.a>: nil pointer";
    assert_eq!(failed(&helm(folder.path(), said)), expected);
    let slow = RenderSettings { time: Duration::from_millis(300), ..helm(folder.path(), "exec /bin/sleep 30") };
    assert_eq!(failed(&slow), "PK0213 apps/a.yaml:11 helm took longer than 0 s for this chart");
    let loud =
        RenderSettings { output: 1024 * 1024, ..helm(folder.path(), "while :; do echo aaaaaaaaaaaaaaaaaaaa; done") };
    assert_eq!(failed(&loud), "PK0213 apps/a.yaml:11 helm printed more than 1 MB for this chart");
    let broken = helm(folder.path(), "printf -- '---\\n# Source: demo/templates/y.yaml\\na: [\\n'");
    let expected =
        "PK0214 src/templates/y.yaml:1 what src/templates/y.yaml renders is no YAML (its line 3): unclosed bracket '['";
    assert_eq!(failed(&broken), expected);
    let greedy = RenderSettings {
        memory: 64 * 1024 * 1024,
        ..helm(folder.path(), "[ $(ulimit -v) = 65536 ] && echo 'fatal error: out of memory' >&2; exit 2")
    };
    let expected = "PK0213 apps/a.yaml:11 helm needs more memory than it may have for this chart";
    assert_eq!(failed(&greedy), expected);
}

#[test]
fn value_files_parameters_and_dependencies_stay_in_the_repository() {
    let failed = |source: &str, more: &[(&str, &str)], script: &str| {
        let (folder, pack) = chart(source, more, script);
        texts(&folder, &pack.failed)
    };
    let none = |source: &str| failed(source, &[], "exit 1").join("\n");
    assert_eq!(
        none("helm: {valueFiles: [../../x.yaml]}"),
        "PK0216 apps/a.yaml:12 the value file `../../x.yaml` leads out of the repository"
    );
    assert_eq!(
        none("helm: {valueFiles: [gone.yaml]}"),
        "PK0216 apps/a.yaml:12 the value file `gone.yaml` cannot be read: there is no such file"
    );
    for name in ["$values/x.yaml", "https://example.com/x.yaml", "envs/*.yaml"] {
        let expected = format!("PK0201 apps/a.yaml:12 `spec.source.helm.valueFiles[0]` `{name}` is not supported yet");
        assert_eq!(none(&format!("helm: {{valueFiles: ['{name}']}}")), expected);
    }
    let substituted = none("helm: {parameters: [{name: a, value: pa$word}]}");
    assert_eq!(substituted, "PK0201 apps/a.yaml:12 `spec.source.helm.parameters[0].value` is not supported yet");
    let fileparameters = none("helm: {fileParameters: [{name: a, path: b}]}");
    assert_eq!(fileparameters, "PK0201 apps/a.yaml:12 `spec.source.helm.fileParameters` is not supported yet");
    assert_eq!(none("helm: {releaseName: --help}"), "PK0202 apps/a.yaml:11 `--help` is no name for a helm release");

    let away = format!("{CHART}dependencies:\n- name: x\n  repository: file://../../../etc\n");
    let expected = "PK0217 src/Chart.yaml:6 the dependency `file://../../../etc` leads out of the repository";
    assert_eq!(failed("", &[("src/Chart.yaml", &away)], "exit 1"), [expected]);
    let fetched = format!("{CHART}dependencies:\n- name: x\n  repository: https://charts.example.com\n");
    let missing = "echo 'Error: found in Chart.yaml, but missing in charts/ directory: x' >&2; exit 1";
    let expected = "PK0217 src/Chart.yaml:4 dependencies of the chart are not in its folder charts/: x";
    assert_eq!(failed("", &[("src/Chart.yaml", &fetched)], missing), [expected]);
}

#[test]
fn a_chart_with_a_link_out_of_the_repository_is_refused() {
    let files = [("apps/a.yaml", application("", "")), ("src/Chart.yaml", CHART.into())];
    let folder = repo(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
    symlink("/etc/passwd", folder.path().join("src/passwd")).expect("a link");
    let pack = rendered(&folder, "apps", &helm(folder.path(), "exit 0")).remove(0);
    let expected = "PK0219 src/passwd:1 src/passwd leads out of the repository by a symbolic link";
    assert_eq!(texts(&folder, &pack.failed), [expected]);
}
