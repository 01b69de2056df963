//! A run on a snapshot's folder that dies at every point at which it can, and the one that finishes it.
//!
//! Nothing is killed by chance: the process is a future that is dropped right before or right after each write, and for a death
//! in the midst of a write each beginning of its files is laid out. What `tests/it/real/killed.rs` shows for some points on the
//! real servers is shown here for all of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::{BoxFuture, FutureExt as _};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Notify, watch};

use crate::apply::{Event, Limits, Listener, Report, apply};
use crate::cli::args::{InputArgs, SelectArgs, WorldArgs};
use crate::cli::plan::{Planned, pipeline};
use crate::cli::terminal::Terminal;
use crate::lease::Guard;
use crate::observed::{ReadSet, Reading};
use crate::provider::{Provider, Providers, Write, WriteError, Written};
use crate::resource::Secrets;

/// An input, a world, and the app with login in it.
struct Flow {
    input: &'static [&'static str],
    world: &'static [&'static str],
    without: Option<&'static str>,
    app: (&'static str, &'static str),
    /// At least so many writes.
    writes: usize,
}

const POLICY: &str = "kubernetes/gateway.envoyproxy.io/SecurityPolicy";
const ROUTE: &str = "kubernetes/gateway.networking.k8s.io/HTTPRoute";

#[tokio::test]
async fn the_quickstart() {
    every_death(&Flow {
        input: &["examples/quickstart"],
        world: &["examples/quickstart/world"],
        without: None,
        app: ("bi", "dash"),
        writes: 15,
    })
    .await;
}

#[tokio::test]
async fn a_new_app_with_login() {
    every_death(&Flow {
        input: &["testdata/scenarios/_guarded/input"],
        world: &["testdata/scenarios/_ground/world"],
        without: None,
        app: ("bi", "dash"),
        writes: 12,
    })
    .await;
}

#[tokio::test]
async fn a_live_app_whose_policy_somebody_deleted() {
    every_death(&Flow {
        input: &["testdata/scenarios/_guarded/input"],
        world: &["testdata/scenarios/_ground/world", "testdata/scenarios/_guarded/world"],
        without: Some("kubernetes/gateway.envoyproxy.io/SecurityPolicy/bi/dash-security.yaml"),
        app: ("bi", "dash"),
        writes: 3,
    })
    .await;
}

#[tokio::test]
async fn a_live_app_that_gets_a_login() {
    every_death(&Flow {
        input: &[
            "testdata/scenarios/_open/input",
            "testdata/scenarios/login_switched_on_for_a_live_app_closes_it_until_the_login_is_in_force/input",
        ],
        world: &["testdata/scenarios/_ground/world", "testdata/scenarios/_open/world"],
        without: None,
        app: ("web", "welcome"),
        writes: 5,
    })
    .await;
}

async fn every_death(flow: &Flow) {
    let desk = Desk::of(flow);
    let whole = desk.run(&desk.start, None).await;
    assert!(whole.trees.len() > flow.writes, "only {} writes", whole.trees.len() - 1);
    desk.at_rest(&whole).await;
    for death in 1..whole.trees.len() {
        for after in [false, true] {
            let dead = desk.run(&desk.start, Some((death, after))).await;
            assert_eq!(dead.trees.len() - 1, death - usize::from(!after));
            desk.finish(&dead, &format!("dead {} write {death}", if after { "after" } else { "before" })).await;
        }
        let [before, then] = [&whole.trees[death - 1], &whole.trees[death]];
        let changed: Vec<&PathBuf> =
            whole.order[death - 1].iter().filter(|file| before.get(*file) != then.get(*file)).collect();
        for count in 1..changed.len() {
            let mut tree = before.clone();
            for file in &changed[..count] {
                match then.get(*file) {
                    Some(text) => tree.insert((*file).clone(), text.clone()),
                    None => tree.remove(*file),
                };
            }
            let mut seen = whole.trees[..death].to_vec();
            seen.push(tree);
            let half = Run { trees: seen, ..Run::default() };
            desk.finish(&half, &format!("dead after file {count} of write {death}")).await;
        }
    }
}

/// The files of a folder.
type Tree = BTreeMap<PathBuf, String>;

/// What a run left behind, write by write.
#[derive(Default)]
struct Run {
    /// The world before the first write, and after each.
    trees: Vec<Tree>,
    /// For each write its files, in the order in which they take their places.
    order: Vec<Vec<PathBuf>>,
    report: Option<Report>,
}

struct Desk {
    folder: TempDir,
    start: Tree,
    policy: PathBuf,
    route: PathBuf,
}

impl Desk {
    fn of(flow: &Flow) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = tempfile::tempdir().expect("a folder");
        let mut start = Tree::new();
        for world in flow.world {
            start.extend(tree(&root.join(world)));
        }
        if let Some(gone) = flow.without {
            start.remove(Path::new(gone)).expect("a file of the world");
        }
        for input in flow.input {
            lay(&tree(&root.join(input)), &folder.path().join("input"));
        }
        let (namespace, name) = flow.app;
        let policy = PathBuf::from(format!("{POLICY}/{namespace}/{name}-security.yaml"));
        let route = PathBuf::from(format!("{ROUTE}/{namespace}/{name}-route.yaml"));
        Self { folder, start, policy, route }
    }

    /// Applies in a fresh process, as it were, on these files; perhaps until the death before or after a write.
    async fn run(&self, start: &Tree, death: Option<(usize, bool)>) -> Run {
        let world = self.folder.path().join("world");
        let _ = fs::remove_dir_all(&world);
        lay(start, &world);
        let planned = self.plan().await;
        if let Some(snapshot) = &planned.session.snapshot {
            snapshot.play().expect("the controllers write");
        }
        let run = Arc::new(Mutex::new(Run { trees: vec![tree(&world)], ..Run::default() }));
        let dead = Arc::new(Notify::new());
        let inner = planned.session.providers.kubernetes.clone();
        let mortal = Arc::new(Mortal {
            inner,
            world,
            run: run.clone(),
            death,
            dead: dead.clone(),
            is_dead: AtomicBool::new(false),
        });
        let providers = Arc::new(Providers { kubernetes: mortal.clone(), keycloak: Ok(mortal) });
        let (_stop, stopped) = watch::channel(false);
        let limits =
            Limits { status: std::time::Duration::ZERO, certificate: std::time::Duration::ZERO, ..Limits::default() };
        let (plan, world) = (Arc::new(planned.plan), Arc::new(planned.session.world));
        let walk = apply(plan, world, providers, Arc::new(Nobody), limits, Guard::unlocked(), stopped);
        let report = tokio::select! {
            report = walk => Some(report),
            () = dead.notified() => None,
        };
        let mut run = std::mem::take(&mut *run.lock().expect("no panic"));
        run.report = report;
        run
    }

    async fn plan(&self) -> Planned {
        let path = |name: &str| self.folder.path().join(name);
        let input = InputArgs { filename: vec![path("input").display().to_string()], ..InputArgs::default() };
        let world = WorldArgs { snapshot: Some(path("world")), request_timeout: 30, ..WorldArgs::default() };
        let terminal = Terminal::new("packctl", Some(false), None, false, Secrets::default());
        pipeline(&input, &SelectArgs::default(), &world, &terminal)
            .await
            .unwrap_or_else(|failure| panic!("{}", failure.message))
    }

    /// Another run does the rest.
    async fn finish(&self, dead: &Run, when: &str) {
        let last = dead.trees.last().expect("a world");
        let mut whole = self.run(last, None).await;
        whole.trees.splice(0..0, dead.trees.iter().cloned());
        let report = whole.report.as_ref().expect("it lives");
        assert!(report.is_complete(), "{when}: {report:#?}");
        self.at_rest(&whole).await;
    }

    /// There is nothing left to do, and the app was never open without its login after it once had it.
    async fn at_rest(&self, run: &Run) {
        let planned = self.plan().await;
        assert!(planned.plan.is_empty(), "{:#?}", planned.plan.steps);
        let mut safe = false;
        for (number, tree) in run.trees.iter().enumerate() {
            let open = self.is_open(tree);
            assert!(!(safe && open && !self.is_guarded(tree)), "open without login after write {number}");
            safe |= !open || self.is_guarded(tree);
        }
        assert!(safe && self.is_open(run.trees.last().expect("a world")), "it is open at last");
    }

    fn is_open(&self, tree: &Tree) -> bool {
        let Some(route) = value(tree, &self.route) else { return false };
        let rules = route.pointer("/spec/rules").and_then(Value::as_array).cloned().unwrap_or_default();
        let backends = rules.iter().filter_map(|rule| rule["backendRefs"].as_array()).flatten();
        backends.into_iter().any(|backend| backend["weight"].as_i64().unwrap_or(1) > 0)
    }

    fn is_guarded(&self, tree: &Tree) -> bool {
        let Some(policy) = value(tree, &self.policy) else { return false };
        let ancestors = policy.pointer("/status/ancestors").and_then(Value::as_array).cloned().unwrap_or_default();
        let accepted = |ancestor: &Value| {
            ancestor["conditions"].as_array().into_iter().flatten().any(|condition| {
                condition["type"] == "Accepted"
                    && condition["status"] == "True"
                    && condition["observedGeneration"] == policy["metadata"]["generation"]
            })
        };
        policy["spec"]["oidc"].is_object() && !ancestors.is_empty() && ancestors.iter().all(accepted)
    }
}

/// A provider whose process dies at a write.
struct Mortal {
    inner: Arc<dyn Provider>,
    world: PathBuf,
    run: Arc<Mutex<Run>>,
    death: Option<(usize, bool)>,
    dead: Arc<Notify>,
    /// The dead write nothing, whatever other steps were about to.
    is_dead: AtomicBool,
}

impl Provider for Mortal {
    fn read<'a>(&'a self, set: &'a ReadSet) -> BoxFuture<'a, Reading> {
        self.inner.read(set)
    }

    fn write<'a>(&'a self, write: &'a Write) -> BoxFuture<'a, Result<Written, WriteError>> {
        async move {
            let number = self.run.lock().expect("no panic").trees.len();
            if self.is_dead.load(Ordering::Relaxed) || self.death == Some((number, false)) {
                return self.die().await;
            }
            let before = tree(&self.world);
            let result = self.inner.write(write).await;
            let after = tree(&self.world);
            if after != before {
                self.note(order(write, &before, &after), after);
                if self.death == Some((number, true)) {
                    return self.die().await;
                }
            }
            result
        }
        .boxed()
    }
}

impl Mortal {
    fn note(&self, order: Vec<PathBuf>, after: Tree) {
        let mut run = self.run.lock().expect("no panic");
        run.order.push(order);
        run.trees.push(after);
    }

    async fn die(&self) -> Result<Written, WriteError> {
        self.is_dead.store(true, Ordering::Relaxed);
        self.dead.notify_one();
        std::future::pending().await
    }
}

/// The object's own file first, then the others.
fn order(write: &Write, before: &Tree, after: &Tree) -> Vec<PathBuf> {
    let stem = write.address.name.as_str();
    let own = |file: &PathBuf| {
        file.file_stem().is_some_and(|name| name == stem) && file.to_string_lossy().contains(&write.address.kind)
    };
    let all: std::collections::BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
    let (mut first, rest): (Vec<PathBuf>, Vec<PathBuf>) = all.into_iter().cloned().partition(own);
    first.extend(rest);
    first
}

struct Nobody;

impl Listener for Nobody {
    fn on(&self, _: &Event<'_>) {}
}

fn tree(folder: &Path) -> Tree {
    let files = walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.expect("a file"));
    let read = |entry: walkdir::DirEntry| {
        let name = entry.path().strip_prefix(folder).expect("below").to_owned();
        (name, fs::read_to_string(entry.path()).expect("a text"))
    };
    files.filter(|entry| entry.file_type().is_file()).map(read).collect()
}

fn lay(tree: &Tree, folder: &Path) {
    for (name, text) in tree {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        fs::write(path, text).expect("it can be written");
    }
}

fn value(tree: &Tree, file: &Path) -> Option<Value> {
    tree.get(file).map(|text| serde_yaml::from_str(text).expect("YAML"))
}
