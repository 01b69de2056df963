//! The status for programs.

use serde::{Deserialize, Serialize};

use crate::plan::{AppStatus, PackStatus, Plan, Problem, State, Status};
use crate::present::Numbers;
use crate::present::numbers::Form;
use crate::resource::Address;

/// The version of the format: minor versions only add keys.
const FORMAT_VERSION: &str = "1.0";

/// How packs and apps are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusDocument {
    /// `1.0`: minor versions only add, another major version must be refused.
    pub format_version: String,
    /// The cluster's name.
    pub cluster: String,
    /// Packs that packctl delivered.
    pub packs: Vec<PackStatusEntry>,
    /// NebariApps.
    pub apps: Vec<AppEntry>,
    /// Apps by state.
    pub totals: StatusTotals,
    /// Everything could be read.
    pub complete: bool,
}

/// One pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackStatusEntry {
    /// `cluster/namespace/name`.
    pub id: String,
    /// `ready`, `waiting`, `blocked`, `failed`.
    pub state: String,
    /// The version that was applied last.
    pub version: String,
    /// The namespace of its record.
    pub namespace: String,
    /// `namespace/name` of its apps.
    pub apps: Vec<String>,
    /// Its Deployments.
    pub deployments: usize,
    /// Those that are ready.
    pub deployments_ready: usize,
    /// What is not as it should be.
    pub problems: Vec<ProblemEntry>,
}

/// One app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppEntry {
    /// `namespace/name`.
    pub id: String,
    /// `ready`, `waiting`, `blocked`, `failed`.
    pub state: String,
    /// `cluster/namespace/name` of the pack that brought it.
    pub pack: Option<String>,
    /// What it serves now.
    pub urls: Vec<UrlEntry>,
    /// What is not as it should be, the worst first.
    pub problems: Vec<ProblemEntry>,
    /// Objects that a plan would change.
    pub pending: usize,
    /// Those of them that somebody else changed.
    pub drifted: usize,
}

/// One address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrlEntry {
    /// `https://dash.example.com`.
    pub url: String,
    /// Who reaches it.
    pub audience: String,
}

/// Why something is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemEntry {
    /// `waiting`, `blocked`, `failed`.
    pub state: String,
    /// What it is about; `null` for the app itself.
    pub object: Option<Address>,
    /// In words.
    pub why: String,
}

/// Apps by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusTotals {
    /// Everything is there and accepted.
    pub ready: usize,
    /// Something is not there or not accepted yet.
    pub waiting: usize,
    /// They cannot be planned.
    pub blocked: usize,
    /// They will not become ready by waiting.
    pub failed: usize,
}

/// The status as JSON text with a final newline.
pub fn write(status: &Status, plan: &Plan) -> String {
    let writer = Writer(Numbers::of_plan(plan));
    let mut totals = StatusTotals::default();
    for app in &status.apps {
        *match app.state() {
            State::Ready => &mut totals.ready,
            State::Waiting => &mut totals.waiting,
            State::Blocked => &mut totals.blocked,
            State::Failed => &mut totals.failed,
        } += 1;
    }
    crate::present::json::pretty(&StatusDocument {
        format_version: FORMAT_VERSION.into(),
        cluster: plan.cluster.clone(),
        packs: status.packs.iter().map(|pack| writer.pack(pack)).collect(),
        apps: status.apps.iter().map(|app| writer.app(app)).collect(),
        totals,
        complete: plan.unreadable.is_empty(),
    })
}

struct Writer(Numbers);

impl Writer {
    fn pack(&self, pack: &PackStatus) -> PackStatusEntry {
        PackStatusEntry {
            id: pack.id.to_string(),
            state: pack.state().word().into(),
            version: pack.version.clone(),
            namespace: pack.namespace.clone(),
            apps: pack.apps.keys().map(ToString::to_string).collect(),
            deployments: pack.deployments.1,
            deployments_ready: pack.deployments.0,
            problems: self.problems(&pack.problems),
        }
    }

    fn app(&self, app: &AppStatus) -> AppEntry {
        let url = |(url, audience): (&String, &String)| UrlEntry { url: url.clone(), audience: audience.clone() };
        AppEntry {
            id: app.id.to_string(),
            state: app.state().word().into(),
            pack: app.pack.as_ref().map(ToString::to_string),
            urls: app.urls.iter().map(url).collect(),
            problems: self.problems(&app.problems),
            pending: app.pending,
            drifted: app.drifted,
        }
    }

    fn problems(&self, problems: &[Problem]) -> Vec<ProblemEntry> {
        let entry = |problem: &Problem| ProblemEntry {
            state: problem.state.word().into(),
            object: problem.object.clone(),
            why: self.0.text(&problem.why, Form::Placeholder),
        };
        problems.iter().map(entry).collect()
    }
}
