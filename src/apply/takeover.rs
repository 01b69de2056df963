//! Fields of other managers become ours before the first write of a change.

use std::ops::ControlFlow;

use super::step::Stop;
use super::write::VERSION_MOVES;
use super::{Outcome, Run};
use crate::derive::listener;
use crate::diff::Fingerprint;
use crate::observed::{Live, Observed, TakeOver};
use crate::plan::{Precondition, Step};
use crate::provider::{Verb, Write, WriteError};
use crate::resource::Resource;

impl Run {
    /// What the first write of a change takes; a later one finds it taken.
    pub(super) fn taking(&self, step: &Step) -> Option<&TakeOver> {
        let first = matches!(step.only_if, Precondition::Unchanged { .. } | Precondition::Entry { .. });
        let taking = self.plan.changes.get(&step.address).filter(|_| first)?.taking.as_ref()?;
        Some(&taking.over)
    }

    /// Hands the fields over. The object as it is then; or how the step ended, because somebody else did it.
    ///
    /// Only `managedFields` change: a run that ends right after it has changed no value, and the next one goes on from there.
    pub(super) async fn hand_over(
        &self,
        planned: &Resource,
        over: &TakeOver,
        uid: &str,
        mut seen: Live,
        fingerprint: &Fingerprint,
    ) -> Result<ControlFlow<Outcome, Live>, Stop> {
        let (manager, version) = (planned.hand.manager(), &planned.api_version);
        let done = self.fingerprint(planned, &over.applied_to(&seen, manager, version));
        for _ in 0..VERSION_MOVES {
            let write = Write {
                address: planned.address.object(),
                api_version: version.clone(),
                verb: Verb::HandOver {
                    managed_fields: over.managed_fields(&seen, manager, version),
                    uid: uid.to_owned(),
                    version: seen.version.clone(),
                },
            };
            let error = match self.put(&write).await {
                Ok(written) => return Ok(ControlFlow::Continue(written.live.unwrap_or(seen))),
                Err(error @ (WriteError::Changed(_) | WriteError::OutcomeUnknown(_))) => error,
                Err(error) => return Err(error.into()),
            };
            match self.look(&planned.address).await.get(&planned.address) {
                Observed::Present(live) if live.uid == uid && self.fingerprint(planned, live) == done => {
                    return Ok(ControlFlow::Continue(live.clone()));
                }
                Observed::Present(live) if live.uid == uid && self.fingerprint(planned, live) == *fingerprint => {
                    seen = live.clone();
                }
                Observed::Present(live) => {
                    let outcome = self.settled(planned, live)?;
                    self.remember(live.clone()).await;
                    return Ok(ControlFlow::Break(outcome));
                }
                Observed::Unreadable(reason) => return Err(Stop::Failed(reason.to_owned())),
                _ => return Err(error.into()),
            }
        }
        Err(Stop::Changed(format!("{} kept changing", planned.address.short())))
    }

    /// Hands an entry over to the manager that lets go of it next. It must be as the plan saw it.
    pub(super) async fn take_entry(
        &self,
        step: &Step,
        over: &TakeOver,
        (manager, api_version): (&str, &str),
        uid: &str,
    ) -> Result<(), Stop> {
        let address = &step.address;
        let entry = |live: &Live| {
            let key = address.entry.as_ref().map(|entry| entry.key.as_str()).unwrap_or_default();
            listener(live.value(), key).cloned()
        };
        let planned = self.world.get(address).live().and_then(entry);
        for _ in 0..VERSION_MOVES {
            let world = self.look(address).await;
            let seen = match world.get(address) {
                Observed::Present(live) if live.uid == uid && entry(live) == planned => live,
                Observed::Unreadable(reason) => return Err(Stop::Failed(reason.to_owned())),
                _ => return Err(Stop::Changed(format!("{} is not the one that the plan saw", address.short()))),
            };
            let verb = Verb::HandOver {
                managed_fields: over.managed_fields(seen, manager, api_version),
                uid: uid.to_owned(),
                version: seen.version.clone(),
            };
            let write = Write { address: address.object(), api_version: api_version.to_owned(), verb };
            match self.put(&write).await {
                Ok(_) => return Ok(()),
                Err(WriteError::Changed(_) | WriteError::OutcomeUnknown(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Stop::Changed(format!("{} kept changing", address.short())))
    }
}
