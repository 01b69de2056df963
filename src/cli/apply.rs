//! `packctl apply` and the walking half of `packctl destroy`.

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

/// Refuses what cannot end well before anything is read.
pub(super) fn may_write(world: &WorldArgs, write: &WriteArgs, terminal: &Terminal) -> Result<(), Failure> {
    if world.snapshot.is_some() {
        return Err(Failure::usage("a snapshot is read only; writing to one is not supported yet")
            .help("leave --snapshot out to write to a cluster"));
    }
    if !write.yes && !terminal.can_ask() {
        return Err(Failure::usage("there is no terminal to ask on").help("add --yes to apply without being asked"));
    }
    Ok(())
}

pub(super) async fn run(args: ApplyArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    may_write(&args.world, &args.write, terminal)?;
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

fn summary(plan: &Plan, report: &Report, interrupted: bool, terminal: &Terminal) {
    let total = plan.steps.len();
    let head = if report.is_complete() {
        format!("Done: {}.", super::words::steps(total))
    } else if interrupted {
        format!("Interrupted: {} of {} done.", report.done(), super::words::steps(total))
    } else {
        format!("Not finished: {} of {} done.", report.done(), super::words::steps(total))
    };
    terminal.say(&head);
    if report.is_complete() {
        return;
    }
    for (id, outcome) in &report.outcomes {
        let Some(step) = plan.steps.get(*id) else { continue };
        let why = match outcome {
            Outcome::Done | Outcome::AlreadyDone => continue,
            Outcome::Failed(reason) => format!("failed: {reason}"),
            Outcome::Changed(reason) => format!("stopped: {reason}"),
            Outcome::Skipped(address) => format!("not done: {} was not done", address.short()),
            Outcome::NotStarted => "not done".into(),
        };
        terminal.say(&format!("  {} {}  {why}", step.title, step.address.short()));
    }
    terminal.say("What is done stays; the same command again does the rest.");
}
