//! `packctl apply` and the walking half of `packctl destroy`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::args::{ApplyArgs, WorldArgs, WriteArgs};
use super::failure::Failure;
use super::plan::{Planned, pipeline};
use super::progress::Lines;
use super::terminal::Terminal;
use super::{ExitStatus, show};
use crate::apply::{Limits, Outcome, Report, apply};
use crate::plan::Plan;
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
    let mut planned = pipeline(&args.input, &args.world, terminal).await?;
    planned.settle().await;
    show::plan(&planned, &args.input, args.all, terminal)?;
    walk(planned, &args.write, terminal).await
}

/// Asks, walks the steps, and says what was done and what was not.
pub(super) async fn walk(planned: Planned, write: &WriteArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let Planned { plan, session, .. } = planned;
    if plan.is_empty() {
        return Ok(ExitStatus::of_plan(&plan, false));
    }
    if !write.yes
        && !terminal.confirm(&format!("Do {} now? Only `yes` is taken:", super::words::steps(plan.steps.len())))
    {
        terminal.say("Nothing was done.");
        return Ok(ExitStatus::Success);
    }
    if let Some(snapshot) = &session.snapshot {
        snapshot.play().map_err(|error| Failure::error(error.to_string()))?;
    }
    let mut limits = Limits::default();
    if let Some(seconds) = write.wait_limit {
        let limit = Duration::from_secs(seconds);
        limits = Limits { certificate: limit, status: limit, ..limits };
    }
    let (stop, stopped) = watch::channel(false);
    let interrupt = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = stop.send(true);
        }
        // The sender lives as long as the run: a closed channel would look like an interruption.
        std::future::pending::<()>().await;
    });
    let plan = Arc::new(plan);
    let lines = Arc::new(Lines::new(terminal.clone(), plan.steps.len()));
    let report = apply(plan.clone(), Arc::new(session.world), session.providers, lines, limits, stopped.clone()).await;
    let interrupted = *stopped.borrow();
    interrupt.abort();
    if let Some(client) = &session.kubernetes {
        for warning in client.warnings() {
            terminal.say(&format!("warning: {}", warning.text));
        }
    }
    summary(&plan, &report, interrupted, terminal);
    Ok(ExitStatus::of_report(&plan, &report, interrupted))
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
            Some(Outcome::Failed(_) | Outcome::Changed(_)) => {
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
