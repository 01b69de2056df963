//! Deleting an object, and letting go of an entry.

use serde_json::{Value, json};

use super::step::Stop;
use super::write::VERSION_MOVES;
use super::{Outcome, Run};
use crate::derive::{FINALIZER, listener};
use crate::observed::{Live, Observed, World};
use crate::plan::{Precondition, Step};
use crate::provider::{Verb, Write, WriteError};
use crate::resource::{Address, Entry, Hand};

impl Run {
    pub(super) async fn delete(&self, step: &Step) -> Result<Outcome, Stop> {
        let Precondition::Owned { uid } = &step.only_if else {
            return Err(Stop::Failed("the plan gives no precondition for this delete".into()));
        };
        let Some(mut seen) = self.world.get(&step.address).live().cloned() else { return Ok(Outcome::AlreadyDone) };
        if step.address.is_keycloak() {
            // No versions there: who owns it is looked at right before.
            match self.look(&step.address).await.get(&step.address) {
                Observed::Absent => return Ok(Outcome::AlreadyDone),
                Observed::Present(live) if live.uid == *uid && owner(live) == owner(&seen) => {}
                Observed::Unreadable(reason) => return Err(Stop::Failed(reason.to_owned())),
                _ => {
                    let name = step.address.short();
                    return Err(Stop::Changed(format!("{name} is not the one that the plan saw")));
                }
            }
        }
        for _ in 0..VERSION_MOVES {
            let verb = Verb::Delete { uid: uid.clone(), version: seen.version.clone() };
            let write = Write { address: step.address.clone(), api_version: api_version_of(&seen, &self.world), verb };
            match self.put(&write).await {
                Ok(_) => return Ok(Outcome::Done),
                Err(WriteError::NotFound(_)) => return Ok(Outcome::AlreadyDone),
                Err(WriteError::Changed(_) | WriteError::OutcomeUnknown(_)) => {
                    match self.look(&step.address).await.get(&step.address) {
                        Observed::Absent => return Ok(Outcome::AlreadyDone),
                        Observed::Leaving(live) if live.uid == *uid => return Ok(Outcome::AlreadyDone),
                        Observed::Present(live) if live.uid == *uid && is_same(live, &seen) => seen = live.clone(),
                        Observed::Unreadable(reason) => return Err(Stop::Failed(reason.to_owned())),
                        _ => {
                            return Err(Stop::Changed(format!(
                                "{} is not the one that the plan saw",
                                step.address.short()
                            )));
                        }
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Stop::Changed(format!("{} kept changing", step.address.short())))
    }

    /// Takes nebari-operator's finalizer off an app.
    pub(super) async fn finalize(&self, step: &Step) -> Result<Outcome, Stop> {
        let Precondition::Owned { uid } = &step.only_if else {
            return Err(Stop::Failed("the plan gives no precondition for this write".into()));
        };
        for _ in 0..VERSION_MOVES {
            let world = self.look(&step.address).await;
            let seen = match world.get(&step.address) {
                Observed::Absent => return Ok(Outcome::AlreadyDone),
                Observed::Present(live) | Observed::Leaving(live) if live.uid == *uid => live,
                Observed::Unreadable(reason) => return Err(Stop::Failed(reason.to_owned())),
                _ => return Err(Stop::Changed(format!("{} is not the one that the plan saw", step.address.short()))),
            };
            let found = seen.value().pointer("/metadata/finalizers").and_then(Value::as_array);
            let texts = found.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
            let (ours, finalizers): (Vec<String>, Vec<String>) = texts.partition(|name| name == FINALIZER);
            if ours.is_empty() {
                return Ok(Outcome::AlreadyDone);
            }
            let verb = Verb::Finalizers { finalizers, uid: uid.clone(), version: seen.version.clone() };
            let write = Write { address: step.address.clone(), api_version: api_version_of(seen, &self.world), verb };
            match self.put(&write).await {
                Ok(_) => return Ok(Outcome::Done),
                Err(WriteError::NotFound(_)) => return Ok(Outcome::AlreadyDone),
                Err(WriteError::Changed(_) | WriteError::OutcomeUnknown(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Stop::Changed(format!("{} kept changing", step.address.short())))
    }

    pub(super) async fn release(&self, step: &Step, api_version: &str, hand: &Hand) -> Result<Outcome, Stop> {
        let Precondition::Owned { uid } = &step.only_if else {
            return Err(Stop::Failed("the plan gives no precondition for this write".into()));
        };
        if let Some(taking) = self.plan.changes.get(&step.address).and_then(|change| change.taking.as_ref()) {
            self.take_entry(step, &taking.over, (hand.manager(), api_version), uid).await?;
        }
        let write = release_write(&step.address, api_version, hand, uid);
        let written = match self.put(&write).await {
            // An empty apply can be repeated.
            Err(WriteError::OutcomeUnknown(_)) => self.put(&write).await,
            answer => answer,
        };
        let live = written.map_err(Stop::from)?.live;
        let still = |entry: &Entry, live: &Live| listener(live.value(), &entry.key).is_some();
        if step.address.entry.as_ref().zip(live.as_ref()).is_some_and(|(entry, live)| still(entry, live)) {
            let name = step.address.short();
            return Err(Stop::Changed(format!("{name} is still there: another field manager holds it too")));
        }
        Ok(Outcome::Done)
    }
}

/// Whether an object may still go as the plan says: it carries our marks, or, where it never did, only its status moved.
fn is_same(live: &Live, seen: &Live) -> bool {
    let still_ours = |live: &Live| live.applied_by(Hand::MANAGER).is_some() || owner(live).is_some();
    if still_ours(seen) { still_ours(live) } else { without_status(live) == without_status(seen) }
}

fn without_status(live: &Live) -> Value {
    let mut value = live.value().clone();
    if let Some(object) = value.as_object_mut() {
        object.remove("status");
    }
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("resourceVersion");
    }
    value
}

/// The owner attribute of a Keycloak client.
fn owner(live: &Live) -> Option<&str> {
    Hand::owner_of(live.value())
}

fn api_version_of(live: &Live, world: &World) -> String {
    let address = &live.address;
    match world.kinds.get(&address.group, &address.kind) {
        _ if address.is_keycloak() => "keycloak".into(),
        Some(info) if address.group.is_empty() => info.version.clone(),
        Some(info) => format!("{}/{}", address.group, info.version),
        None => "v1".into(),
    }
}

pub(super) fn release_write(address: &Address, api_version: &str, hand: &Hand, uid: &str) -> Write {
    let mut metadata = json!({"name": address.name});
    if let Some(namespace) = &address.namespace {
        metadata["namespace"] = json!(namespace);
    }
    let body = json!({"apiVersion": api_version, "kind": address.kind, "metadata": metadata});
    let manager = hand.manager().to_owned();
    Write {
        address: address.object(),
        api_version: api_version.to_owned(),
        verb: Verb::Apply { body, manager, force: false, uid: Some(uid.to_owned()), version: None },
    }
}
