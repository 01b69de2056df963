//! How packs and apps are: what the live objects say of themselves, and what a plan of the live apps finds.

use std::collections::BTreeMap;

use serde_json::Value;

use super::openings::served;
use super::steps::weight;
use super::{Action, Health, Plan, Until, health};
use crate::derive::{Desired, Names};
use crate::diagnostic::Severity;
use crate::diff::Class;
use crate::observed::{Live, Observed, World};
use crate::resource::{Address, AppId, PackId};

/// How something is; the later, the worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Everything that it asks for is there and accepted.
    #[default]
    Ready,
    /// Something is not there, or not accepted yet.
    Waiting,
    /// It cannot be planned: a rule refuses it, or something is unknown.
    Blocked,
    /// It will not become ready by waiting.
    Failed,
}

impl State {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
        }
    }
}

/// Why something is not ready.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// How bad.
    pub state: State,
    /// What it is about; `None` for the app itself.
    pub object: Option<Address>,
    /// As the object, the rule or the plan says it.
    pub why: String,
}

/// One app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppStatus {
    /// Which.
    pub id: AppId,
    /// The pack that brought it.
    pub pack: Option<PackId>,
    /// The addresses that it serves now, and who reaches each.
    pub urls: BTreeMap<String, String>,
    /// What is not as it should be, the worst first.
    pub problems: Vec<Problem>,
    /// Objects that a plan would change.
    pub pending: usize,
    /// Those of them that somebody else changed.
    pub drifted: usize,
}

/// One pack, as its record tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackStatus {
    /// Which.
    pub id: PackId,
    /// The version that was applied last.
    pub version: String,
    /// The namespace of its record.
    pub namespace: String,
    /// Its apps, with how each is.
    pub apps: BTreeMap<AppId, State>,
    /// Its Deployments that are ready, and all of them.
    pub deployments: (usize, usize),
    /// Those that are not, and why.
    pub problems: Vec<Problem>,
}

/// All packs and apps of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Packs that packctl delivered, in order.
    pub packs: Vec<PackStatus>,
    /// NebariApps, in order.
    pub apps: Vec<AppStatus>,
}

impl AppStatus {
    /// How it is, taken together.
    pub fn state(&self) -> State {
        self.problems.iter().map(|problem| problem.state).max().unwrap_or_default()
    }
}

impl PackStatus {
    /// How it is, taken together.
    pub fn state(&self) -> State {
        let own = self.problems.iter().map(|problem| problem.state);
        self.apps.values().copied().chain(own).max().unwrap_or_default()
    }
}

/// Looks at everything that is live. `plan` is one without inputs, `desired` what it was made of.
pub fn status(plan: &Plan, desired: &Desired, world: &World) -> Status {
    let apps: Vec<AppStatus> = desired.apps.keys().map(|id| app(id, plan, desired, world)).collect();
    let records = world.of_kind("", "ConfigMap").filter_map(|live| Some((live, identity(live)?)));
    let records = records.filter(|(live, id)| live.address.name == id.record_name());
    let packs = records.map(|(record, id)| pack(record, id, &apps, world)).collect();
    Status { packs, apps }
}

/// The pack whose mark an object carries.
fn identity(live: &Live) -> Option<PackId> {
    let mut parts = live.annotation(PackId::MARK)?.splitn(3, '/').map(str::to_owned);
    Some(PackId { cluster: parts.next()?, namespace: parts.next()?, name: parts.next()? })
}

fn app(id: &AppId, plan: &Plan, desired: &Desired, world: &World) -> AppStatus {
    let errors = plan.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let mut problems: Vec<Problem> = errors
        .filter(|found| found.app.as_ref() == Some(id))
        .map(|found| Problem {
            state: State::Blocked,
            object: found.object.clone().filter(|object| object.as_app().as_ref() != Some(id)),
            why: format!("{} [{}]", found.message, found.code),
        })
        .collect();
    problems.extend(plan.blocked.get(&Address::app(id)).map(|why| Problem {
        state: State::Blocked,
        object: None,
        why: why.clone(),
    }));
    for address in objects(id, desired, world) {
        problems.extend(problem(&address, plan, world));
    }
    problems.extend(workloads(id, desired, world));
    problems.sort_by(|a, b| (b.state, a).cmp(&(a.state, b)));
    let of_app = || plan.changes.values().filter(|change| change.app.as_ref() == Some(id));
    let drifted = |change: &&super::Change| change.fields.iter().any(|field| matches!(field.class, Class::Drift(_)));
    AppStatus {
        id: id.clone(),
        pack: world.get(&Address::app(id)).live().and_then(identity),
        urls: served(id, world),
        problems,
        pending: of_app().filter(|change| change.action != Action::None).count(),
        drifted: of_app().filter(drifted).count(),
    }
}

/// What an app asks for, and what is live of it where that could not be derived.
fn objects(id: &AppId, desired: &Desired, world: &World) -> Vec<Address> {
    let names = Names::of(id);
    let of_app = desired.wanted.iter().filter(|(address, resource)| {
        resource.app.as_ref() == Some(id) && address.as_app().is_none() && !desired.unwanted.contains_key(address)
    });
    let mut found: Vec<Address> = of_app.map(|(address, _)| address.clone()).collect();
    let live = [names.policy(), names.route(), names.public_policy(), names.public_route()];
    found.extend(live.into_iter().filter(|address| world.get(address).live().is_some()));
    found.sort();
    found.dedup();
    found
}

fn problem(address: &Address, plan: &Plan, world: &World) -> Option<Problem> {
    let problem = |state, why: String| Some(Problem { state, object: Some(address.clone()), why });
    if let Some(why) = plan.blocked.get(address) {
        return problem(State::Blocked, why.clone());
    }
    let observed = world.get(address);
    match observed {
        Observed::Absent => return problem(State::Waiting, "it is not there".into()),
        Observed::Unreadable(why) => return problem(State::Blocked, format!("it could not be read: {why}")),
        Observed::Leaving(_) => return problem(State::Waiting, "it is being deleted".into()),
        Observed::Present(live) if address.kind == "HTTPRoute" && weight(live.value()) == 0 => {
            return problem(State::Waiting, "it is closed".into());
        }
        Observed::Present(_) => {}
    }
    let until = match (address.kind.as_str(), &address.entry) {
        ("SecurityPolicy", _) => Until::PolicyAccepted(address.clone()),
        ("HTTPRoute", _) => Until::RouteAccepted(address.clone()),
        ("Certificate", _) => Until::CertificateReady(address.clone()),
        ("Gateway", Some(_)) => Until::ListenerProgrammed(address.clone()),
        _ => return None,
    };
    match health(&until, observed, 0) {
        Health::Ready => None,
        Health::Waiting(why) => problem(State::Waiting, why),
        Health::Failed(why) => problem(State::Failed, why),
    }
}

/// The Deployments behind an app's Service that are not ready.
fn workloads(id: &AppId, desired: &Desired, world: &World) -> Vec<Problem> {
    let Some(app) = desired.apps.get(id) else { return Vec::new() };
    let namespace = app.service_namespace();
    let service = world.get(&Address::namespaced("", "Service", namespace, app.service().0)).live();
    let selector = service.and_then(|service| service.value().pointer("/spec/selector")?.as_object());
    let Some(selector) = selector.filter(|selector| !selector.is_empty()) else { return Vec::new() };
    let behind = |live: &&Live| {
        let labels = live.value().pointer("/spec/template/metadata/labels");
        live.address.namespace.as_deref() == Some(namespace)
            && selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    };
    world.of_kind("apps", "Deployment").filter(behind).filter_map(rollout).collect()
}

/// Why a Deployment is not ready.
fn rollout(live: &Live) -> Option<Problem> {
    let problem = |state, why| Some(Problem { state, object: Some(live.address.clone()), why });
    let number = |pointer| live.value().pointer(pointer).and_then(Value::as_i64);
    let conditions = live.value().pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let text = |condition: &Value, key| condition.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let stuck =
        conditions.into_iter().find(|found| text(found, "type") == "Progressing" && text(found, "status") == "False");
    if let Some(stuck) = stuck {
        return problem(State::Failed, format!("{}: {}", text(stuck, "reason"), text(stuck, "message")));
    }
    if number("/status/observedGeneration").unwrap_or(0) < live.generation() {
        return problem(State::Waiting, "its controller has not seen the last change yet".into());
    }
    let wanted = number("/spec/replicas").unwrap_or(1);
    let ready = |key| number(key).unwrap_or(0);
    let available = ready("/status/availableReplicas").min(ready("/status/updatedReplicas"));
    (available < wanted).then(|| problem(State::Waiting, format!("{available} of {wanted} pods available")))?
}

fn pack(record: &Live, id: PackId, apps: &[AppStatus], world: &World) -> PackStatus {
    let hash = id.hash();
    let deployments: Vec<&Live> =
        world.of_kind("apps", "Deployment").filter(|live| live.label(PackId::MARK) == Some(&hash)).collect();
    let problems: Vec<Problem> = deployments.iter().filter_map(|live| rollout(live)).collect();
    let of_pack = apps.iter().filter(|app| app.pack.as_ref() == Some(&id));
    PackStatus {
        version: record.text("/data/version").unwrap_or_default().to_owned(),
        namespace: record.address.namespace.clone().unwrap_or_default(),
        apps: of_pack.map(|app| (app.id.clone(), app.state())).collect(),
        deployments: (deployments.len() - problems.len(), deployments.len()),
        problems,
        id,
    }
}
