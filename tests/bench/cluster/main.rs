//! A plan of 1,250 apps at rest, 10,000 objects of 8 kinds, on a real API server: `tests/run bench --bench cluster`.
//!
//! Beside it stands the floor, measured in turn with it: the same lists, read by the same client over TLS in the fastest way,
//! bodies dropped. CPU time is that of the whole process, and what is above the floor is divided by the objects.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its table is what a bench is for")]

mod fill;
mod floor;
mod keycloak;

#[path = "../../it/env.rs"]
mod env;
#[path = "../world/mod.rs"]
mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use env::{Env, Request, unique};
use floor::List;
use packctl::resource::Resource;
use world::apps::{Apps, KINDS, client};
use world::measure::{Run, median, medians, run};
use world::table::Table;

const PROGRAM: &str = env!("CARGO_BIN_EXE_packctl");
const APPS: usize = 1_250;
const RUNS: usize = 9;
/// kubectl diff is asked about so many apps only: all of them would take it an hour.
const SAMPLE: usize = 10;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let [_, what, kubeconfig, lists] = arguments.as_slice()
        && what == "floor"
    {
        runtime.block_on(floor::run(Path::new(kubeconfig), Path::new(lists)));
        return;
    }
    runtime.block_on(bench());
}

async fn bench() {
    let env = Env::get();
    let apps = Apps { prefix: unique("bench"), count: number("PACKCTL_BENCH_APPS").unwrap_or(APPS) };
    let desired = apps.desired();
    let admin = env.client().await;
    eprintln!("making {} objects", apps.objects());
    fill::fill(&admin, &apps, &desired.wanted).await;

    let clients = desired.wanted.values().filter(|resource| resource.address.is_keycloak());
    let keycloak = keycloak::serve(clients.map(|found| client(found, fill::SECRET_VALUE)).collect()).await;
    let bench = Bench::new(&apps, keycloak);
    let lists = bench.lists(&admin).await;
    let (mut plans, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..number("PACKCTL_BENCH_RUNS").unwrap_or(RUNS) {
        floors.push(bench.floor(&lists));
        plans.push(bench.plan());
    }
    bench.print(&apps, &plans, &floors);
    fill::clear(&admin, &apps, &desired.wanted).await;
}

/// What is measured: this build, or another one to compare it with.
fn program() -> PathBuf {
    setting("PACKCTL_BENCH_PROGRAM").unwrap_or_else(|| PROGRAM.into()).into()
}

fn number(variable: &str) -> Option<usize> {
    setting(variable)?.parse().ok()
}

#[expect(clippy::disallowed_methods, reason = "size and subject of a bench are its caller's choice")]
fn setting(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// The input and the way to the servers.
struct Bench {
    folder: tempfile::TempDir,
    kubeconfig: tempfile::TempPath,
    user: String,
    keycloak: String,
}

impl Bench {
    fn new(apps: &Apps, keycloak: String) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).expect("it can be written");
        fs::create_dir(folder.path().join("input")).expect("a folder can be made");
        fs::create_dir(folder.path().join("sample")).expect("a folder can be made");
        write("environment.yaml", apps.environment().to_string());
        write("password", "password-of-the-bench".into());
        for (number, manifests) in apps.manifests().enumerate() {
            let text: Vec<String> =
                manifests.iter().map(|value| serde_yaml::to_string(value).expect("it is YAML")).collect();
            write(&format!("input/app-{number}.yaml"), text.join("---\n"));
        }
        let user = unique("bencher");
        let kubeconfig = Env::get().kubeconfig_as(&user, &["system:masters"]);
        Self { folder, kubeconfig, user, keycloak }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// One plan of everything; it must find nothing to do.
    fn plan(&self) -> Run {
        let text = |path: PathBuf| path.to_str().expect("its path is text").to_owned();
        let (input, environment, password) =
            (text(self.path("input")), text(self.path("environment.yaml")), text(self.path("password")));
        let kubeconfig = self.kubeconfig.to_str().expect("its path is text");
        let args = [
            ["plan", "--detailed-exitcode"].as_slice(),
            &["-f", &input, "--kubeconfig", kubeconfig, "--environment", &environment, "--override-environment"],
            &["--keycloak-endpoint", &self.keycloak, "--keycloak-username", "admin"],
            &["--keycloak-password-file", &password],
        ];
        run(&program(), &args.concat(), self.folder.path(), &[0])
    }

    /// What a program sends to the API server.
    fn requests(&self, run: impl FnOnce() -> Run) -> (Run, Vec<Request>) {
        let mark = Env::get().mark();
        let run = run();
        let requests = Env::get().requests_since(mark).into_iter();
        (run, requests.filter(|request| request.is_of(&self.user)).collect())
    }

    /// The lists that a plan asks for, each in its better way, in a file.
    async fn lists(&self, client: &kube::Client) -> PathBuf {
        let (_, requests) = self.requests(|| self.plan());
        let paths: BTreeSet<String> =
            requests.iter().filter(|request| request.verb == "list").map(|request| list_of(&request.uri)).collect();
        let mut lines = String::new();
        for path in paths {
            lines.push_str(&List::better(client, path).await.line());
            lines.push('\n');
        }
        fs::write(self.path("lists"), lines).expect("it can be written");
        self.path("lists")
    }

    fn floor(&self, lists: &Path) -> Run {
        let program = std::env::current_exe().expect("a program knows its file");
        let text = |path: &Path| path.to_str().expect("its path is text").to_owned();
        run(&program, &["floor", &text(&self.kubeconfig), &text(lists)], self.folder.path(), &[0])
    }

    fn print(&self, apps: &Apps, plans: &[Run], floors: &[Run]) {
        let (plan, floor) = (medians(plans), medians(floors));
        let ratio =
            median(plans.iter().zip(floors).map(|(a, b)| a.wall.as_secs_f64() / b.wall.as_secs_f64()).collect());
        let objects = apps.objects() as f64;
        let above = (plan.cpu.as_secs_f64() - floor.cpu.as_secs_f64()) / objects * 1e6;
        let (_, requests) = self.requests(|| self.plan());
        let kinds: BTreeSet<&str> = requests.iter().filter_map(|request| kind_of(&request.uri)).collect();
        let pages = requests.iter().filter(|request| request.uri.contains("continue=")).count();

        let mut table = Table::new(format!(
            "A plan of {} apps at rest: {} objects of {KINDS} kinds; medians of {} runs, each beside one of the floor",
            apps.count,
            apps.objects(),
            plans.len()
        ));
        let seconds = |seconds: f64| format!("{seconds:.3} s");
        table.row("wall time of the floor", seconds(floor.wall.as_secs_f64()));
        table.row("wall time of the plan", seconds(plan.wall.as_secs_f64()));
        table.at_most("the plan's by the floor's", ratio, 1.25, |ratio| format!("{ratio:.2}"));
        table.row("CPU time of the floor", seconds(floor.cpu.as_secs_f64()));
        table.row("CPU time of the plan", seconds(plan.cpu.as_secs_f64()));
        table.at_most("above the floor, for each object", above, 15.0, |micros| format!("{micros:.1} us"));
        table.at_most("memory", plan.memory as f64 / 1e6, 150.0, |bytes| format!("{bytes:.0} MB"));
        let goal = (kinds.len() + pages + 3) as f64;
        table.at_most("requests to the API server", requests.len() as f64, goal, |count| format!("{count:.0}"));
        table.row("  kinds and further pages of them", format!("{} + {pages}", kinds.len()));
        self.beside_kubectl(&mut table, apps);
        println!("{table}");
        if std::env::args().any(|argument| argument == "--requests") {
            requests.iter().for_each(|request| println!("{} {} {}", request.status, request.verb, request.uri));
        }
    }

    /// kubectl diff of some apps, and what that makes for all.
    fn beside_kubectl(&self, table: &mut Table, apps: &Apps) {
        let bodies = apps.desired();
        let whole: Vec<&Resource> =
            bodies.wanted.values().map(|found| &**found).filter(|found| world::apps::is_whole(found)).collect();
        let sample: Vec<String> = whole
            .iter()
            .filter(|found| found.app.as_ref().is_some_and(|app| sampled(&app.name)) || sampled(&found.address.name))
            .map(|found| world::apps::body(found, None, "c2VjcmV0LW9mLXRoZS1iZW5jaA==").to_string())
            .collect();
        fs::write(self.path("sample/all.yaml"), sample.join("\n---\n")).expect("it can be written");
        let kubeconfig = self.kubeconfig.to_str().expect("its path is text");
        let file = self.path("sample/all.yaml");
        let args = ["diff", "--server-side", "--kubeconfig", kubeconfig, "--field-manager", "packctl", "-f"];
        let args = [&args[..], &[file.to_str().expect("its path is text")]].concat();
        let (once, requests) = self.requests(|| run(&Env::get().kubectl, &args, self.folder.path(), &[0, 1]));
        let each = |total: f64| total / sample.len() as f64;
        let about_objects = requests.iter().filter(|request| matches!(request.verb.as_str(), "get" | "patch"));
        let about_objects = about_objects.filter(|request| request.uri.contains("app-")).count();
        let all = once.wall.as_secs_f64() / sample.len() as f64 * apps.objects() as f64;
        table.row(format!("kubectl diff of {} objects", sample.len()), format!("{:.1} s", once.wall.as_secs_f64()));
        table.row("  that makes for all", format!("{all:.0} s"));
        table.row("  requests for each object; packctl has none", format!("{:.1}", each(about_objects as f64)));
    }
}

fn sampled(name: &str) -> bool {
    let number = name.strip_prefix("app-").and_then(|number| number.parse::<usize>().ok());
    number.is_some_and(|number| number < SAMPLE)
}

/// The path of a list, without what makes it a page.
fn list_of(uri: &str) -> String {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("limit=") && !pair.starts_with("continue="))
        .collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

/// The plural of the kind that a request asks for; nothing where it asks about the server itself.
fn kind_of(uri: &str) -> Option<&str> {
    let parts: Vec<&str> = uri.split('?').next()?.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        ["api", _, "namespaces", _, plural, ..] | ["apis", _, _, "namespaces", _, plural, ..] => Some(plural),
        ["api", _, plural, ..] | ["apis", _, _, plural, ..] => Some(plural),
        _ => None,
    }
}
