//! One step: wait, check the precondition, write, read back.

use std::collections::BTreeSet;
use std::time::SystemTime;

use tokio::time::{Instant, sleep};

use super::{Event, Outcome, Run};
use crate::diff::diff;
use crate::observed::{Observed, ReadSet, World};
use crate::plan::{Act, Health, Probe, Step, Until, answered, endpoint, health};
use crate::provider::{Answer, Write, WriteError, Written};
use crate::resource::{Address, Resource};

/// Why a step stops.
pub(super) enum Stop {
    Failed(String),
    Changed(String),
    Unlocked(String),
    Interrupted,
}

impl From<WriteError> for Stop {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Changed(reason) => Self::Changed(reason),
            WriteError::Unlocked(reason) => Self::Unlocked(reason),
            error @ WriteError::Conflict(_) => Self::Changed(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl Run {
    pub(super) async fn step(&self, id: usize) -> Outcome {
        let step = &self.plan.steps[id];
        match self.run(step).await {
            Ok(outcome) => outcome,
            Err(Stop::Failed(reason)) => Outcome::Failed(reason),
            Err(Stop::Changed(reason)) => Outcome::Changed(reason),
            Err(Stop::Unlocked(reason)) => Outcome::Unlocked(reason),
            Err(Stop::Interrupted) => Outcome::NotStarted,
        }
    }

    async fn run(&self, step: &Step) -> Result<Outcome, Stop> {
        let permit = loop {
            for until in &step.waits {
                self.wait(step, until).await?;
            }
            if step.act == Act::Nothing {
                return Ok(Outcome::Done);
            }
            let permit = self.writes.acquire().await;
            // One wait may take minutes, in which another stops being true: right before the write all of them are.
            if self.all_hold(step).await? {
                break permit;
            }
        };
        if *self.stop.borrow() {
            return Err(Stop::Interrupted);
        }
        self.listener.on(&Event::Writing { step });
        let outcome = match &step.act {
            Act::Apply { resource, force } => self.write(step, resource, *force).await,
            Act::Delete => self.delete(step).await,
            Act::Release { api_version, hand } => self.release(step, api_version, hand).await,
            Act::Finalize => self.finalize(step).await,
            Act::Nothing => Ok(Outcome::Done),
        };
        drop(permit);
        outcome
    }

    async fn all_hold(&self, step: &Step) -> Result<bool, Stop> {
        for until in &step.waits {
            if self.holds(step, until).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Looks at a condition now: nothing when it holds, else why not.
    async fn holds(&self, step: &Step, until: &Until) -> Result<Option<String>, Stop> {
        if matches!(until, Until::Drained(_)) && self.world.seen.snapshot {
            // Nobody is connected to a recorded world.
            return Ok(None);
        }
        let address = until.address();
        let world = self.look(address).await;
        if let Until::Answers(probe) = until {
            return Ok(self.probe(step, probe, world.get(address)).await);
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
        match health(until, world.get(address), i64::try_from(now).unwrap_or(i64::MAX)) {
            Health::Waiting(reason) => Ok(Some(reason)),
            Health::Failed(reason) => Err(Stop::Failed(format!("{} of {}: {reason}", until.words(), address.short()))),
            Health::Ready => {
                // An accepted policy that says something else than the plan's is no protection.
                let live = world.get(address).live();
                let mut wanted = self.bodies(address).peekable();
                if let (Until::PolicyAccepted(_), Some(live), true) = (until, live, wanted.peek().is_some())
                    && wanted.all(|wanted| !diff(wanted, live, None, &self.world.schemas).fields.is_empty())
                {
                    return Err(Stop::Changed(format!("{} is not as this plan wants it; plan again", address.short())));
                }
                Ok(None)
            }
        }
    }

    /// What the plan makes of an object: the body of its change, and those of the steps on the way there.
    fn bodies<'r>(&'r self, address: &'r Address) -> impl Iterator<Item = &'r Resource> {
        let last = self.plan.changes.get(address).and_then(|change| change.resource.as_deref());
        let steps = self.plan.steps.iter().filter(move |step| step.address == *address);
        let written = steps.filter_map(|step| match &step.act {
            Act::Apply { resource, .. } => Some(&**resource),
            _ => None,
        });
        last.into_iter().chain(written)
    }

    /// Asks the Gateway from outside; what cannot be reached from here is said, once a step, and counts as come true.
    async fn probe(&self, step: &Step, probe: &Probe, gateway: Observed<'_>) -> Option<String> {
        let key = probe.listener.entry.as_ref().map(|entry| entry.key.as_str()).unwrap_or_default();
        let of_gateway = probe.listener.object();
        if let Some((reason, told)) = self.unreachable.lock().await.get_mut(&of_gateway) {
            if told.insert(step.id) {
                self.listener.on(&Event::NotProbed { step, reason });
            }
            return None;
        }
        let answer = match gateway.live().and_then(|gateway| endpoint(gateway, key)) {
            Some(at) => self.providers.kubernetes.ask(probe, at).await,
            None => Answer::Unreachable("the status of the Gateway names no address".into()),
        };
        match answer {
            Answer::Status(status) => match answered(status) {
                Health::Ready => None,
                Health::Waiting(reason) | Health::Failed(reason) => Some(reason),
            },
            Answer::Nothing(reason) => Some(reason),
            Answer::Unreachable(reason) => {
                self.listener.on(&Event::NotProbed { step, reason: &reason });
                self.unreachable.lock().await.insert(of_gateway, (reason, BTreeSet::from([step.id])));
                None
            }
        }
    }

    async fn wait(&self, step: &Step, until: &Until) -> Result<(), Stop> {
        let limit = self.limits.of(until);
        let deadline = Instant::now() + limit;
        let mut said = String::new();
        loop {
            let Some(reason) = self.holds(step, until).await? else { return Ok(()) };
            self.guard.check().map_err(Stop::Unlocked)?;
            if said != reason {
                self.listener.on(&Event::Waiting { step, until, reason: &reason });
                said.clone_from(&reason);
            }
            if Instant::now() >= deadline {
                return Err(Stop::Failed(format!(
                    "waited {} s for {} of {}: {reason}",
                    limit.as_secs(),
                    until.words(),
                    until.address().short()
                )));
            }
            let mut stop = self.stop.clone();
            tokio::select! {
                () = sleep(self.limits.poll) => {}
                _ = stop.wait_for(|stop| *stop) => return Err(Stop::Interrupted),
            }
        }
    }

    /// One object, read now.
    pub(super) async fn look(&self, address: &Address) -> World {
        let mut set = ReadSet::default();
        set.object(address.clone());
        self.world.beside(self.providers.read(&set).await)
    }

    /// Every write goes through here, to either side: it is sent only while the locks of the run are held.
    pub(super) async fn put(&self, write: &Write) -> Result<Written, WriteError> {
        self.guard.check().map_err(WriteError::Unlocked)?;
        self.providers.write(write).await
    }
}
