//! Stage 9: the plan's steps, walked.
//!
//! In: a plan and the world that it was made from. Out: what was done, and what was not, with reasons. Nothing is decided here:
//! bodies, order, waits and preconditions are the plan's. A step that fails stops what comes after it and nothing else; an
//! interruption lets running writes finish and starts no new ones, and a new plan finishes the rest.

mod delete;
mod event;
mod step;
mod takeover;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinSet;

pub use event::{Event, Listener, Outcome, Report};

use crate::lease::Guard;
use crate::observed::{Live, World};
use crate::plan::{Plan, Until};
use crate::provider::Providers;
use crate::resource::Address;

/// How long steps wait.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For a certificate to be issued, and for an operator to clean up.
    pub certificate: Duration,
    /// For a status of the gateway.
    pub status: Duration,
    /// Between two looks.
    pub poll: Duration,
    /// Writes at the same time.
    pub parallel: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            certificate: Duration::from_secs(300),
            status: Duration::from_secs(60),
            poll: Duration::from_millis(250),
            parallel: 8,
        }
    }
}

impl Limits {
    fn of(&self, until: &Until) -> Duration {
        match until {
            // A listener is programmed when its certificate is there.
            Until::CertificateReady(_) | Until::ListenerProgrammed(_) => self.certificate,
            // Counted from the anchor's creation; a minute more than the drain itself.
            Until::Drained(_) => Duration::from_secs(120).max(self.status),
            // nebari-operator tries again after it failed, and asks Keycloak for up to 30 seconds each time.
            Until::Gone(address) if address.as_app().is_some() => self.certificate,
            Until::PolicyAccepted(_) | Until::RouteAccepted(_) | Until::Gone(_) | Until::Answers(_) => self.status,
        }
    }
}

/// What the steps of one run share.
struct Run {
    plan: Arc<Plan>,
    world: Arc<World>,
    providers: Arc<Providers>,
    listener: Arc<dyn Listener>,
    limits: Limits,
    guard: Guard,
    stop: watch::Receiver<bool>,
    /// Objects as this run left them.
    written: Mutex<BTreeMap<Address, Live>>,
    writes: Semaphore,
    /// Gateways that cannot be reached from here: why, and the steps that were told so.
    unreachable: Mutex<BTreeMap<Address, (String, BTreeSet<usize>)>>,
}

/// Walks the plan's steps. `stop` turning true ends the run cleanly; so does a guard that says no.
pub async fn apply(
    plan: Arc<Plan>,
    world: Arc<World>,
    providers: Arc<Providers>,
    listener: Arc<dyn Listener>,
    limits: Limits,
    guard: Guard,
    stop: watch::Receiver<bool>,
) -> Report {
    let run = Arc::new(Run {
        plan,
        world,
        providers,
        listener,
        limits,
        guard,
        stop,
        written: Mutex::default(),
        writes: Semaphore::new(limits.parallel),
        unreachable: Mutex::default(),
    });
    let mut outcomes: BTreeMap<usize, Outcome> = BTreeMap::new();
    let mut started = BTreeSet::new();
    let mut running: JoinSet<(usize, Outcome)> = JoinSet::new();
    loop {
        for step in &run.plan.steps {
            if started.contains(&step.id) {
                continue;
            }
            let failed =
                step.after.keys().find(|before| outcomes.get(before).is_some_and(|outcome| !outcome.is_done()));
            let outcome = if let Some(failed) = failed {
                Outcome::Skipped(run.plan.steps[*failed].address.clone())
            } else if *run.stop.borrow() || run.guard.check().is_err() {
                Outcome::NotStarted
            } else if step.after.keys().all(|before| outcomes.contains_key(before)) {
                started.insert(step.id);
                let (run, id) = (run.clone(), step.id);
                running.spawn(async move { (id, run.step(id).await) });
                continue;
            } else {
                continue;
            };
            started.insert(step.id);
            run.listener.on(&Event::Ended { step, outcome: &outcome });
            outcomes.insert(step.id, outcome);
        }
        match running.join_next().await {
            Some(Ok((id, outcome))) => {
                run.listener.on(&Event::Ended { step: &run.plan.steps[id], outcome: &outcome });
                outcomes.insert(id, outcome);
            }
            // A panic in a step is our mistake; the step counts as one whose end nobody knows.
            Some(Err(_)) => {}
            None if outcomes.len() == run.plan.steps.len() => break,
            None => {
                let lost: Vec<usize> = started.iter().filter(|id| !outcomes.contains_key(id)).copied().collect();
                for id in &lost {
                    outcomes
                        .insert(*id, Outcome::Failed("it ended without an answer; plan again to see its state".into()));
                }
                if lost.is_empty() {
                    break;
                }
            }
        }
    }
    Report { outcomes }
}
