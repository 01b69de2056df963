//! `packctl apply` and the walking half of `packctl destroy`.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::args::{ApplyArgs, WorldArgs, WriteArgs};
use super::failure::Failure;
use super::lock::Locks;
use super::plan::{Planned, pipeline_for};
use super::progress::Lines;
use super::terminal::Terminal;
use super::{ExitStatus, show};
use crate::apply::{Limits, Outcome, Report, apply};
use crate::lease::{Busy, Guard};
use crate::plan::{Consent, Plan};
use crate::provider::snapshot::Claim;
use crate::resource::Address;

/// Refuses what cannot end well before anything is read. A snapshot's folder is claimed for as long as the answer is held.
pub(super) fn may_write(world: &WorldArgs, write: &WriteArgs, terminal: &Terminal) -> Result<Option<Claim>, Failure> {
    if !write.yes && !terminal.can_ask() {
        return Err(Failure::usage("there is no terminal to ask on").help("add --yes to apply without being asked"));
    }
    let Some(dir) = world.snapshot.as_deref().filter(|dir| dir.is_dir()) else { return Ok(None) };
    let claim = Claim::of(dir).map_err(|error| {
        Failure::error(format!("the snapshot {} cannot be written: {error}", dir.display()))
            .help("copy the folder to a place of your own, and name that with --snapshot")
    });
    claim.map(Some)
}

pub(super) async fn run(args: ApplyArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let _claim = may_write(&args.world, &args.write, terminal)?;
    let consent = match (args.write.adopt, args.write.yes) {
        (true, _) => Consent::Given,
        (false, true) => Consent::Withheld,
        (false, false) => Consent::Asked,
    };
    let again = Cell::new(false);
    let plan = async || {
        if again.replace(true) && args.input.filename.iter().any(|path| path == "-") {
            let failure = Failure::error("somebody applied since this was planned, and standard input is read once");
            return Err(Failure { status: ExitStatus::Stale, ..failure.help("run the same command again") });
        }
        let mut planned = pipeline_for(consent, &args.input, &args.select, &args.world, terminal).await?;
        planned.settle().await;
        show::plan(&planned, (&args.input, &args.select), args.all, terminal)?;
        Ok(planned)
    };
    walk(plan, &args.world, &args.write, terminal).await
}

/// Plans, asks, takes the Leases, walks the steps, and says what was done and what was not.
///
/// Who waited for another run plans again before he writes: that one may have done the same, or something else.
pub(super) async fn walk(
    plan: impl AsyncFn() -> Result<Planned, Failure>,
    world: &WorldArgs,
    write: &WriteArgs,
    terminal: &Terminal,
) -> Result<ExitStatus, Failure> {
    let mut planned = plan().await?;
    if planned.plan.is_empty() {
        return Ok(ExitStatus::of_plan(&planned.plan, false));
    }
    if !agreed(&planned.plan, write, terminal) {
        return Ok(ExitStatus::Success);
    }
    if let Some(snapshot) = &planned.session.snapshot {
        // Nobody reported anything in a world that was written by hand.
        snapshot.play().map_err(|error| Failure::error(error.to_string()))?;
    }
    let (stop, mut stopped) = watch::channel(false);
    let interrupt = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = stop.send(true);
        }
        // The sender lives as long as the run: a closed channel would look like an interruption.
        std::future::pending::<()>().await;
    });
    let locks = match Locks::take(&planned.plan, &planned.session, world, &mut stopped, terminal).await {
        Ok(locks) => locks,
        Err(_) if *stopped.borrow() => return Ok(ExitStatus::Interrupted),
        Err(busy) => return Err(held(&busy)),
    };
    if locks.moved {
        terminal.say("Somebody applied since this was planned; planning again.");
        let again = match plan().await {
            Ok(again) => again,
            Err(failure) => {
                locks.release().await;
                return Err(failure);
            }
        };
        let same = again.plan.digests == planned.plan.digests;
        planned = again;
        // The Leases are those of the first plan: one that also writes what is derived is for the next run.
        let more = planned.plan.writes_derived() && !locks.holds_derived();
        if more {
            terminal.say("What is derived from apps changes now too; run the same command again.");
        }
        if planned.plan.is_empty() || more || !(same || agreed(&planned.plan, write, terminal)) {
            locks.release().await;
            return Ok(if more { ExitStatus::Stale } else { ExitStatus::of_plan(&planned.plan, false) });
        }
    }
    let status = run_steps(planned, locks.guard.clone(), write, &stopped, terminal).await;
    locks.release().await;
    interrupt.abort();
    Ok(status)
}

fn held(busy: &Busy) -> Failure {
    let holder = crate::present::visible(&busy.holder);
    let failure = Failure::error(format!("Lease {} is held by {holder}; nothing was written", busy.lease));
    let failure = failure.help("try again when it is done; a holder that is gone is noticed within half a minute");
    Failure { status: ExitStatus::Locked, ..failure }
}

fn agreed(plan: &Plan, write: &WriteArgs, terminal: &Terminal) -> bool {
    let agreed = write.yes || terminal.confirm(&question(plan, write.adopt));
    if !agreed {
        terminal.say("Nothing was done.");
    }
    agreed
}

async fn run_steps(
    planned: Planned,
    guard: Guard,
    write: &WriteArgs,
    stopped: &watch::Receiver<bool>,
    terminal: &Terminal,
) -> ExitStatus {
    let Planned { plan, session, .. } = planned;
    let mut limits = Limits::default();
    if let Some(seconds) = write.wait_limit {
        let limit = Duration::from_secs(seconds);
        limits = Limits { certificate: limit, status: limit, ..limits };
    }
    let plan = Arc::new(plan);
    let lines = Arc::new(Lines::new(terminal.clone(), plan.steps.len()));
    let world = Arc::new(session.world);
    let report = apply(plan.clone(), world, session.providers, lines, limits, guard, stopped.clone()).await;
    let interrupted = *stopped.borrow();
    if let Some(client) = &session.kubernetes {
        for warning in client.warnings() {
            terminal.say(&format!("warning: {}", warning.text));
        }
    }
    summary(&plan, &report, interrupted, terminal);
    ExitStatus::of_report(&plan, &report, interrupted)
}

/// What people are asked: what others made is named with those who made it.
fn question(plan: &Plan, agreed: bool) -> String {
    let steps = super::words::steps(plan.steps.len());
    let (mut objects, mut managers) = (0, BTreeSet::new());
    for (_, over) in plan.needing_consent().filter(|_| !agreed) {
        objects += 1;
        managers.extend(over.managers());
    }
    if objects == 0 {
        return format!("Do {steps} now? Only `yes` is taken:");
    }
    let from = managers.into_iter().map(crate::present::visible).collect::<Vec<_>>().join(", ");
    let what = if objects == 1 { "1 object".into() } else { format!("{objects} objects") };
    let from = if from.is_empty() { "whoever made them".into() } else { from };
    format!("Do {steps} now, and take over {what} from {from}? Only `yes` is taken:")
}

/// What was not done, and for whose sake; why the others failed was said when they did.
fn summary(plan: &Plan, report: &Report, interrupted: bool, terminal: &Terminal) {
    let total = super::words::steps(plan.steps.len());
    if report.is_complete() {
        terminal.say(&format!("Done: {total}."));
        return;
    }
    let head = if interrupted { "Interrupted" } else { "Not finished" };
    let waiting = waiting(plan, report);
    let roots: Vec<String> = waiting.iter().map(|(name, count)| format!("; {count} wait for {name}")).collect();
    terminal.say(&format!("{head}: {} of {total} done{}.", report.done(), roots.concat()));
    for step in &plan.steps {
        if matches!(report.outcomes.get(&step.id), Some(Outcome::Skipped(_) | Outcome::NotStarted)) {
            terminal.say(&format!("  not done: {} {}", step.title, step.address.short()));
        }
    }
    terminal.say("What is done stays; the same command again does the rest.");
}

/// What failed, with the number of steps that wait for it.
fn waiting(plan: &Plan, report: &Report) -> BTreeMap<String, usize> {
    // Steps stand behind what they need.
    let mut roots: BTreeMap<usize, &Address> = BTreeMap::new();
    let mut waiting = BTreeMap::new();
    for step in &plan.steps {
        match report.outcomes.get(&step.id) {
            Some(Outcome::Failed(_) | Outcome::Changed(_) | Outcome::Unlocked(_)) => {
                roots.insert(step.id, &step.address);
            }
            Some(Outcome::Skipped(_)) => {
                let Some(root) = step.after.keys().find_map(|before| roots.get(before).copied()) else { continue };
                roots.insert(step.id, root);
                *waiting.entry(root.short()).or_insert(0) += 1;
            }
            _ => {}
        }
    }
    waiting
}
