//! Every command of README.md is run, and what it shows is what is printed.
//!
//! The program that the tests were built with stands in for `packctl` and for `cargo run --release --`. What needs a cluster
//! is run on the real servers, in the order of the page, with a Gateway, namespaces and a realm of the test's own: their names
//! take the place of the example's in the example's files and in the commands.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::env::{Env, Realm, unique};
use crate::packctl::root;
use crate::stand_in::{Scope, StandIn};

/// How a command of the page is run.
enum How {
    /// In a copy of the examples, without any server; it ends so.
    Here(i32),
    /// On the real servers, with more arguments for packctl where there is nobody to ask; it ends so.
    Cluster(&'static [&'static str], i32),
    /// It runs this very test.
    ItsOwnTest,
}
use How::{Cluster, Here, ItsOwnTest};

/// Every command of the page. A new one fails the tests until it stands here.
const COMMANDS: &[(&str, How)] = &[
    ("cargo run --release -- plan -f examples/quickstart --snapshot examples/quickstart/world", Here(0)),
    ("cp -r examples/quickstart mine", Here(0)),
    ("cargo run --release -- apply --yes -f mine --snapshot mine/world", Here(0)),
    ("cargo run --release -- plan -f mine --snapshot mine/world --detailed-exitcode", Here(0)),
    ("sed -i s/dash.example.com/bi.example.com/ mine/packs/dash/nebariapp.yaml", Here(0)),
    ("cargo run --release -- plan -f mine --snapshot mine/world", Here(0)),
    ("cargo run --release -- destroy --yes pack/dash --snapshot mine/world", Here(0)),
    ("tests/run", ItsOwnTest),
    ("packctl plan -f examples/quickstart", Cluster(&[], 0)),
    ("packctl apply -f examples/quickstart", Cluster(&["--yes"], 0)),
    ("packctl plan -f examples/quickstart --detailed-exitcode", Cluster(&[], 0)),
    ("packctl plan -f examples/quickstart --target pack/welcome", Cluster(&[], 0)),
    ("packctl plan -f examples/quickstart --exclude app/bi/dash", Cluster(&[], 0)),
    ("packctl apply -f examples/quickstart --exclude pack/dash", Cluster(&["--yes"], 0)),
    ("packctl status", Cluster(&[], 0)),
    (
        "packctl drift -f examples/quickstart/welcome.yaml --snapshot examples/quickstart/world > drift.txt; echo $?",
        Here(0),
    ),
    ("packctl drift -f examples/quickstart", Cluster(&[], 0)),
    ("packctl explain PK0404", Here(0)),
    ("packctl explain nebariapp.spec.auth.groups", Here(0)),
    ("packctl validate -f examples/quickstart", Here(0)),
    ("packctl explain client/bi-dash -f examples/quickstart", Cluster(&[], 0)),
    ("packctl graph -f examples/quickstart", Cluster(&[], 0)),
    ("packctl graph -f examples/quickstart -o mermaid", Cluster(&[], 0)),
    ("packctl help order-is-safety", Here(0)),
    ("packctl snapshot -f examples/quickstart --out world", Cluster(&[], 0)),
    ("packctl plan -f examples/quickstart --snapshot world", Cluster(&[], 0)),
    ("packctl destroy app/web/welcome --plan", Cluster(&[], 0)),
    ("packctl destroy pack/welcome --plan", Cluster(&[], 0)),
    ("packctl destroy pack/welcome pack/dash", Cluster(&["--yes"], 0)),
    ("packctl destroy --gateway envoy-gateway-system/nebari-gateway", Cluster(&["--yes"], 0)),
    ("packctl completions bash > packctl.bash", Here(0)),
    ("packctl completions kubectl > kubectl_complete-packctl", Here(0)),
    ("packctl plan -f examples/helm --snapshot examples/helm/world", Here(0)),
    ("packctl config", Cluster(&[], 0)),
    ("packctl controller install --crds | kubectl apply --server-side -f -", Cluster(&[], 0)),
];

/// The columns that the page shows.
const WIDTH: &str = "100";

#[test]
fn every_command_of_the_readme_is_run_somehow() {
    let mut known: Vec<&str> = COMMANDS.iter().map(|(command, _)| *command).collect();
    let mut shown: Vec<String> = commands().into_iter().map(|(command, _)| command).collect();
    known.sort_unstable();
    shown.sort_unstable();
    shown.dedup();
    assert_eq!(shown, known, "the page on the left, this file's list on the right");
    for (kind, text) in blocks() {
        assert!(["console", "sh", "yaml"].contains(&kind.as_str()), "a block of sort `{kind}`:\n{text}");
    }
}

#[tokio::test]
async fn the_readme_shows_what_its_commands_print() {
    let desk = Desk::new(&[]);
    for (command, shown) in commands() {
        if let Here(status) = how(&command) {
            let ended = desk.run(&command, &[], &BTreeMap::new()).await;
            assert_eq!(ended.status, Some(*status), "{command}\n{}\n{}", ended.out, ended.err);
            if let Some(shown) = shown {
                assert_eq!(ended.out.trim_end(), shown, "README.md shows something else for `{command}`");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_the_readme_do_on_a_cluster_what_it_says() {
    let cluster = Corner::open().await;
    let desk = Desk::new(&cluster.names);
    let may_read = cluster.reader(yaml_with("kind: ClusterRole"));
    for (command, shown) in commands() {
        let Cluster(more, status) = how(&command) else { continue };
        assert!(shown.is_none(), "what `{command}` shows depends on the cluster");
        let ended = desk.run(&command, more, &cluster.variables).await;
        println!("$ {command}\n{}{}", ended.out, ended.err);
        if command == "packctl status" {
            // It speaks of the whole cluster, in which other tests have apps that are blocked.
            assert!([Some(0), Some(4)].contains(&ended.status), "{command}\n{}\n{}", ended.out, ended.err);
            let app = |namespace: &String| ended.out.contains(&format!("app/{namespace}/welcome"));
            assert!(cluster.namespaces.iter().any(app), "its app is not among:\n{}", ended.out);
            continue;
        }
        assert_eq!(ended.status, Some(*status), "{command}\n{}\n{}", ended.out, ended.err);
        if command == "packctl plan -f examples/quickstart" {
            let plan = format!("{command} --as ");
            let reader = desk.run(&format!("{plan}{}", may_read.0), &[], &cluster.variables).await;
            assert_eq!(
                reader.status,
                Some(0),
                "the role of the page is enough to plan:\n{}\n{}",
                reader.out,
                reader.err
            );
            assert_eq!(body(&reader.out), body(&ended.out));
            let reader = desk.run(&format!("{plan}{}", may_read.1), &[], &cluster.variables).await;
            assert_eq!(reader.status, Some(4), "without Secrets a part is blocked:\n{}\n{}", reader.out, reader.err);
            let nobody = desk.run("packctl apply -f examples/quickstart", &[], &cluster.variables).await;
            assert_eq!(nobody.status, Some(64), "there is no terminal:\n{}", nobody.err);
        }
    }
    cluster.close().await;
}

#[tokio::test]
async fn the_settings_of_the_readme_are_settings() {
    let desk = Desk::new(&[]);
    let map: Value = serde_yaml::from_str(&yaml_with("kind: ConfigMap")).expect("it is YAML");
    let environment = map["data"]["environment.yaml"].as_str().expect("it has the key");
    fs::write(desk.path("environment.yaml"), environment).expect("it can be written");
    let world = "--snapshot examples/quickstart/world";
    let config = format!("packctl config {world} --environment environment.yaml --override-environment");
    let ended = desk.run(&config, &[], &BTreeMap::new()).await;
    assert_eq!(ended.status, Some(0), "{}", ended.err);
    for line in ["cluster prod environment.yaml", "keycloak.realm nebari environment.yaml"] {
        let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(ended.out.lines().any(|found| spaced(found) == line), "no `{line}`:\n{}", ended.out);
    }

    fs::write(desk.path("examples/quickstart/packctl.yaml"), yaml_with("repositories:")).expect("it can be written");
    fs::create_dir_all(desk.path("examples/quickstart/packs/tools")).expect("a folder can be made");
    let tool = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tool", "namespace": "web"}});
    fs::write(desk.path("examples/quickstart/packs/tools/tool.yaml"), tool.to_string()).expect("it can be written");
    let ended = desk.run(&format!("packctl plan -f examples/quickstart {world}"), &[], &BTreeMap::new()).await;
    assert_eq!(ended.status, Some(0), "{}", ended.err);
    assert!(ended.out.contains("ServiceAccount/web/tool") && ended.out.contains("app/bi/dash"), "{}", ended.out);
}

#[test]
fn the_links_of_the_readme_and_the_guide_lead_somewhere() {
    let guide = root().join("src/guide");
    let mut pages = vec![root().join("README.md")];
    pages.extend(fs::read_dir(&guide).expect("the guide").map(|entry| entry.expect("an entry").path()));
    let mut links = 0;
    for page in pages.iter().filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(page).expect("a page in UTF-8");
        let inline = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        let defined = text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ")).map(|(_, link)| link);
        for link in inline.chain(defined).filter(|link| !link.contains("://")) {
            let to = page.parent().expect("a page is in a folder").join(link);
            assert!(to.is_file(), "{}: {link}", page.display());
            links += 1;
        }
        if page.starts_with(&guide) {
            let name = page.file_name().and_then(|name| name.to_str()).expect("a name");
            let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
            assert!(readme.contains(&format!("(src/guide/{name})")), "README.md does not lead to {name}");
        }
    }
    assert!(links > 6, "{links} links");
}

fn how(command: &str) -> &'static How {
    let found = COMMANDS.iter().find(|(known, _)| *known == command);
    &found.unwrap_or_else(|| panic!("README.md has a command that no test knows how to run: {command}")).1
}

/// The fenced blocks of the page: the word behind the fence, and the text.
fn blocks() -> Vec<(String, String)> {
    let page = fs::read_to_string(root().join("README.md")).expect("README.md");
    let parts: Vec<&str> = page.split("```").collect();
    assert!(parts.len() % 2 == 1, "a fence is open");
    let inside = parts.iter().skip(1).step_by(2);
    inside.map(|block| block.split_once('\n').expect("a fence ends its line")).map(own).collect()
}

fn own((kind, text): (&str, &str)) -> (String, String) {
    (kind.to_owned(), text.to_owned())
}

/// The commands of the page in its order, with what it shows of their output, if it does.
fn commands() -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    for (kind, text) in blocks() {
        if kind == "sh" {
            found.extend(text.lines().filter(|line| !line.is_empty()).map(|line| (line.to_owned(), None)));
        } else if kind == "console" {
            for part in format!("\n{text}").split("\n$ ").skip(1) {
                let (command, shown) = part.split_once('\n').expect("a command ends its line");
                found.push((command.to_owned(), Some(shown.trim_end().to_owned())));
            }
        }
    }
    found
}

fn yaml_with(line: &str) -> String {
    let found = blocks().into_iter().filter(|(kind, _)| kind == "yaml").map(|(_, text)| text);
    found.into_iter().find(|text| text.lines().any(|found| found == line)).expect("the page has such a block")
}

/// A plan without its head, which names the user.
fn body(plan: &str) -> &str {
    plan.split_once("\n\n").map_or(plan, |(_, body)| body)
}

/// A copy of the examples, and the programs that a person has.
struct Desk {
    folder: TempDir,
    names: Vec<(String, String)>,
}

struct Ended {
    status: Option<i32>,
    out: String,
    err: String,
}

impl Desk {
    fn new(names: &[(String, String)]) -> Self {
        let desk = Self { folder: tempfile::tempdir().expect("a folder can be made"), names: names.to_vec() };
        desk.copy(&root().join("examples"), &desk.path("examples"));
        fs::create_dir(desk.path("bin")).expect("a folder can be made");
        let packctl = env!("CARGO_BIN_EXE_packctl");
        let script = |name: &str, text: &str| {
            let file = desk.path("bin").join(name);
            fs::write(&file, format!("#!/bin/sh\n{text}\n")).expect("it can be written");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it can be made a program");
        };
        script("packctl", &format!("exec '{packctl}' \"$@\" --width {WIDTH} $MORE"));
        script("cargo", "[ \"$1 $2 $3\" = 'run --release --' ] || exit 99\nshift 3\nexec packctl \"$@\"");
        // All tests share the kind NebariApp; the server judges, and keeps what it has.
        script("kubectl", "exec \"$KUBECTL\" --kubeconfig \"$KUBECONFIG\" \"$@\" --dry-run=server");
        symlink(&Env::get().helm, desk.path("bin").join("helm")).expect("a link can be made");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn copy(&self, from: &Path, to: &Path) {
        fs::create_dir(to).expect("a folder can be made");
        for entry in fs::read_dir(from).expect("the examples") {
            let (from, to) = entry.map(|entry| (entry.path(), to.join(entry.file_name()))).expect("an entry");
            if from.is_dir() {
                self.copy(&from, &to);
            } else {
                let text = fs::read_to_string(&from).expect("a text");
                fs::write(to, self.renamed(&text)).expect("it can be written");
            }
        }
    }

    fn renamed(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    /// Runs what a person types.
    async fn run(&self, command: &str, more: &[&str], variables: &BTreeMap<String, String>) -> Ended {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        // The cluster of the tests has an environment of its own; a command without a world has no such flag.
        let lab = variables.contains_key("KUBECONFIG") && !command.contains("--crds");
        let more: Vec<&str> = lab.then_some("--override-environment").into_iter().chain(more.iter().copied()).collect();
        let child = tokio::process::Command::new("sh")
            .args(["-c", &self.renamed(command)])
            .current_dir(self.folder.path())
            .env_clear()
            .envs(variables)
            .env("MORE", more.join(" "))
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(Duration::from_secs(180), child).await;
        let output = output.unwrap_or_else(|_| panic!("it does not end: {command}")).expect("sh runs");
        let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
        Ended { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A corner of the real servers: what the example needs, under names of its own.
struct Corner {
    names: Vec<(String, String)>,
    variables: BTreeMap<String, String>,
    namespaces: [String; 3],
    stand_in: StandIn,
    _files: TempDir,
}

impl Corner {
    async fn open() -> Self {
        let env = Env::get();
        let (gateways, web, bi) = (unique("gw"), unique("web"), unique("bi"));
        let (realm, client) = (Realm::create().await, env.client().await);
        let all = json!({"namespaces": {"from": "All"}});
        let ground = json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": gateways}},
            // The Application of `dash` makes its own.
            {"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": web, "labels": {"nebari.dev/managed": "true"}}},
            {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
                "metadata": {"namespace": gateways, "name": "nebari-gateway"},
                "spec": {"gatewayClassName": "envoy-gateway", "listeners": [
                    {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": all},
                ]}},
        ]});
        env.kubectl_with(&["apply", "-f", "-"], &ground.to_string());
        let scope = Scope::gateway(&gateways, "nebari-gateway").guarded(&bi, "dash").namespace(&web);
        let stand_in = StandIn::start(client, scope).await;

        let files = tempfile::tempdir().expect("a folder can be made");
        let environment = files.path().join("environment.yaml");
        let cluster = unique("readme");
        let text = json!({
            "cluster": cluster,
            "issuer": {"clusterIssuer": "selfsigned-issuer"},
            "gateways": {"public": {"namespace": gateways, "name": "nebari-gateway"}},
            "listeners": "own",
            "keycloak": {
                "url": "http://keycloak.keycloak.svc.cluster.local:8080",
                "externalURL": "https://keycloak.example.test",
                "realm": realm.name,
            },
        });
        fs::write(&environment, text.to_string()).expect("it can be written");
        let kubeconfig = files.path().join("kubeconfig");
        let of_admin = env.kubeconfig_as(&unique("admin"), &["system:masters"]);
        fs::copy(&of_admin, &kubeconfig).expect("it can be copied");
        let shown = |path: &Path| path.to_str().expect("a path is text").to_owned();
        let variables = [
            ("KUBECONFIG", shown(&kubeconfig)),
            ("KUBECTL", shown(&env.kubectl)),
            ("PACKCTL_ENVIRONMENT", shown(&environment)),
            ("PACKCTL_KEYCLOAK_ENDPOINT", env.keycloak_url.clone()),
            ("PACKCTL_KEYCLOAK_USERNAME", env.keycloak_username.clone()),
            ("PACKCTL_KEYCLOAK_PASSWORD", env.keycloak_password.clone()),
        ];
        let names = [
            ("namespace: bi\n", format!("namespace: {bi}\n")),
            ("namespace: web\n", format!("namespace: {web}\n")),
            ("dash.example.com", format!("dash.{bi}.example.com")),
            ("welcome.example.com", format!("welcome.{web}.example.com")),
            ("client/bi-dash", format!("client/{bi}-dash")),
            ("app/web/", format!("app/{web}/")),
            ("app/bi/", format!("app/{bi}/")),
            ("envoy-gateway-system/", format!("{gateways}/")),
        ];
        Self {
            names: names.map(|(from, to)| (from.to_owned(), to)).to_vec(),
            variables: variables.map(|(name, value)| (name.to_owned(), value)).into(),
            namespaces: [gateways, web, bi],
            stand_in,
            _files: files,
        }
    }

    /// A user with this role, and one with all of it but its last rule.
    fn reader(&self, role: String) -> (String, String) {
        let whole: Value = serde_yaml::from_str(&role).expect("it is YAML");
        let mut less = whole.clone();
        let last = less["rules"].as_array_mut().and_then(Vec::pop).expect("it has rules");
        assert_eq!(last["resources"], json!(["secrets"]));
        let user = |mut role: Value| {
            let name = unique("reader");
            role["metadata"]["name"] = json!(name);
            let binding = json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
            });
            let both = json!({"apiVersion": "v1", "kind": "List", "items": [role, binding]});
            Env::get().kubectl_with(&["apply", "-f", "-"], &both.to_string());
            name
        };
        (user(whole), user(less))
    }

    /// Asserts that no route was ever open without what protects it, and cleans up.
    async fn close(self) {
        let opened = self.stand_in.opened().await;
        assert_eq!(opened.len(), 2, "both apps were opened: {opened:?}");
        let violations: Vec<String> = self.stand_in.violations().await.iter().map(ToString::to_string).collect();
        assert!(violations.is_empty(), "open without protection:\n{}", violations.join("\n"));
        let mut delete = vec!["delete", "namespace", "--wait=false"];
        delete.extend(self.namespaces.iter().map(String::as_str));
        Env::get().kubectl(&delete);
    }
}
