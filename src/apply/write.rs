//! One write: its precondition, the request, and what its answer means.

use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::delete::release_write;
use super::step::Stop;
use super::{Outcome, Run};
use crate::diff::{Fingerprint, diff, wire_body};
use crate::observed::{Live, Observed};
use crate::plan::{Act, Precondition, Step};
use crate::provider::{Verb, Write, WriteError, Written};
use crate::resource::{Address, Hand, Resource, SecretId, Unknown};

/// How often a write is tried again when only the object's version moved.
pub(super) const VERSION_MOVES: usize = 8;

impl Run {
    pub(super) async fn write(&self, step: &Step, resource: &Resource, force: bool) -> Result<Outcome, Stop> {
        let planned = resource;
        let resource = &self.resolved(planned).await?;
        let body = wire_body(resource, self.owner_uid(resource).await?.as_deref());
        match &step.only_if {
            Precondition::Absent => self.create(resource, body).await,
            Precondition::Unchanged { uid, fingerprint } => {
                let seen = self.world.get(&resource.address).live().cloned();
                let Some(over) = self.taking(step) else {
                    let unchanged = |live: &Live| self.fingerprint(planned, live) == *fingerprint;
                    return self.update(resource, body, force, uid, seen, &unchanged).await;
                };
                let Some(seen) = seen else { return Err(gone(resource)) };
                match self.hand_over(planned, over, uid, seen, fingerprint).await? {
                    ControlFlow::Break(outcome) => Ok(outcome),
                    ControlFlow::Continue(seen) => {
                        let left = self.fingerprint(planned, &seen);
                        let unchanged = |live: &Live| self.fingerprint(planned, live) == left;
                        self.update(resource, body, force, uid, Some(seen), &unchanged).await
                    }
                }
            }
            Precondition::Entry { uid, fingerprint } => {
                // The object is shared and moves often; what must be unchanged is our entry alone.
                let world = self.look(&resource.address).await;
                let live = match world.get(&resource.address) {
                    Observed::Present(live) => live,
                    Observed::Unreadable(reason) => return Err(Stop::Failed(reason.to_owned())),
                    _ => return Err(gone(resource)),
                };
                if live.uid != *uid || self.fingerprint(planned, live) != *fingerprint {
                    return self.settled(resource, live);
                }
                if let Some(over) = self.taking(step)
                    && let ControlFlow::Break(outcome) =
                        self.hand_over(planned, over, uid, live.clone(), fingerprint).await?
                {
                    return Ok(outcome);
                }
                match self.send(resource, body, force, Some(uid.clone()), None).await {
                    Ok(_) => Ok(Outcome::Done),
                    Err(error @ (WriteError::Changed(_) | WriteError::OutcomeUnknown(_))) => {
                        self.after_lost_answer(resource, error).await
                    }
                    Err(error) => Err(error.into()),
                }
            }
            Precondition::After(before) => {
                let seen = self.written.lock().await.get(&resource.address.object()).cloned();
                let Some(seen) = seen else { return Err(Stop::Failed("the step before left no object".into())) };
                let left = self.left_by(*before);
                let uid = seen.uid.clone();
                let unchanged =
                    |live: &Live| left.is_none_or(|left| diff(left, live, None, &self.world.schemas).fields.is_empty());
                self.update(resource, body, force, &uid, Some(seen), &unchanged).await
            }
            Precondition::Owned { .. } | Precondition::Nothing => {
                Err(Stop::Failed("the plan gives no precondition for this write".into()))
            }
        }
    }

    fn left_by(&self, step: usize) -> Option<&Resource> {
        match &self.plan.steps.get(step)?.act {
            Act::Apply { resource, .. } => Some(resource),
            _ => None,
        }
    }

    pub(super) fn fingerprint(&self, resource: &Resource, live: &Live) -> Fingerprint {
        let owner = resource.owner.as_ref().and_then(|owner| self.world.get(owner).live());
        diff(resource, live, owner.map(|owner| owner.uid.as_str()), &self.world.schemas).fingerprint
    }

    /// An object that is not as the plan saw it is fine if it is as the plan wants it: an earlier run was here.
    pub(super) fn settled(&self, resource: &Resource, live: &Live) -> Result<Outcome, Stop> {
        let difference = diff(resource, live, None, &self.world.schemas);
        if difference.ours && difference.fields.is_empty() {
            return Ok(Outcome::AlreadyDone);
        }
        Err(Stop::Changed(format!("{} changed since it was read; plan again", resource.address.short())))
    }

    async fn create(&self, resource: &Resource, body: Value) -> Result<Outcome, Stop> {
        match self.send(resource, body.clone(), false, None, None).await {
            Ok(written) if written.created => self.stuck(resource, written),
            Ok(Written { live: Some(live), .. }) => {
                // 200: it was there. A retried create answers so too; only then everything on it is ours.
                let strangers: Vec<&str> = live
                    .managed()
                    .iter()
                    .filter(|entry| entry.subresource.is_empty() && entry.manager != resource.hand.manager())
                    .map(|entry| entry.manager.as_str())
                    .collect();
                if strangers.is_empty() || matches!(resource.hand, Hand::Entry { .. }) {
                    return Ok(Outcome::AlreadyDone);
                }
                let who = strangers.join(", ");
                self.take_back(resource, &live).await?;
                Err(Stop::Changed(format!(
                    "{} was made by {who} in the meantime; our fields were taken back",
                    resource.address.short()
                )))
            }
            Ok(Written { live: None, .. }) => Ok(Outcome::Done),
            Err(error @ (WriteError::Changed(_) | WriteError::OutcomeUnknown(_))) => {
                self.after_lost_answer(resource, error).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A write whose answer was lost, or that came too late: what is there now tells whether it happened.
    async fn after_lost_answer(&self, resource: &Resource, error: WriteError) -> Result<Outcome, Stop> {
        let world = self.look(&resource.address).await;
        match world.get(&resource.address) {
            Observed::Present(live) => {
                let outcome = self.settled(resource, live)?;
                self.remember(live.clone()).await;
                Ok(outcome)
            }
            Observed::Absent => Err(Stop::Failed(format!("{error}; it is not there now, so a new run makes it"))),
            _ => Err(error.into()),
        }
    }

    /// The resource with what was unknown when it was planned.
    async fn resolved(&self, resource: &Resource) -> Result<Resource, Stop> {
        let mut resolved = resource.clone();
        for (path, unknown) in std::mem::take(&mut resolved.body.unknown) {
            let Unknown::SecretOf(client) = &unknown;
            set(&mut resolved.body.value, &path, json!(self.secret_of(client).await?));
        }
        Ok(resolved)
    }

    async fn take_back(&self, resource: &Resource, live: &Live) -> Result<(), Stop> {
        let write = release_write(&resource.address, &resource.api_version, &resource.hand, &live.uid);
        self.put(&write).await.map(|_| ()).map_err(Stop::from)
    }

    /// Writes with uid and version. Where only the version moved, reads again and goes on; `unchanged` decides.
    async fn update(
        &self,
        resource: &Resource,
        body: Value,
        force: bool,
        uid: &str,
        seen: Option<Live>,
        unchanged: &(dyn Fn(&Live) -> bool + Sync),
    ) -> Result<Outcome, Stop> {
        let Some(mut seen) = seen else { return Err(Stop::Changed("it was not there when the plan was made".into())) };
        if resource.hand == Hand::Record {
            // Keycloak has no versions: what was read is compared right before the write, and after it.
            seen = match self.look(&resource.address).await.get(&resource.address) {
                Observed::Present(live) => live.clone(),
                Observed::Unreadable(reason) => return Err(Stop::Failed(reason.to_owned())),
                _ => return Err(gone(resource)),
            };
            if seen.uid != uid || !unchanged(&seen) {
                return self.settled(resource, &seen);
            }
        }
        for _ in 0..VERSION_MOVES {
            match self.send(resource, body.clone(), force, Some(uid.to_owned()), Some(seen.version.clone())).await {
                Ok(written) => return self.stuck(resource, written),
                Err(WriteError::Changed(_) | WriteError::OutcomeUnknown(_)) => {
                    let world = self.look(&resource.address).await;
                    match world.get(&resource.address) {
                        Observed::Present(live) if live.uid == uid && unchanged(live) => seen = live.clone(),
                        Observed::Present(live) => {
                            let outcome = self.settled(resource, live)?;
                            self.remember(live.clone()).await;
                            return Ok(outcome);
                        }
                        Observed::Unreadable(reason) => return Err(Stop::Failed(reason.to_owned())),
                        _ => return Err(gone(resource)),
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Stop::Changed(format!("{} kept changing", resource.address.short())))
    }

    /// A client policy of the realm may store other values than it was sent.
    fn stuck(&self, resource: &Resource, written: Written) -> Result<Outcome, Stop> {
        if let (Hand::Record, Some(live)) = (&resource.hand, &written.live) {
            let left: Vec<String> = diff(resource, live, None, &self.world.schemas)
                .fields
                .iter()
                .map(|field| field.path.to_string())
                .collect();
            if !left.is_empty() {
                return Err(Stop::Failed(format!(
                    "Keycloak did not keep what was sent: {} (a client policy?)",
                    left.join(", ")
                )));
            }
        }
        Ok(Outcome::Done)
    }

    async fn send(
        &self,
        resource: &Resource,
        body: Value,
        force: bool,
        uid: Option<String>,
        version: Option<String>,
    ) -> Result<Written, WriteError> {
        let manager = resource.hand.manager().to_owned();
        let write = Write {
            address: resource.address.object(),
            api_version: resource.api_version.clone(),
            verb: Verb::Apply { body, manager, force, uid, version },
        };
        let written = self.put(&write).await?;
        if let Some(live) = &written.live {
            self.remember(live.clone()).await;
        }
        Ok(written)
    }

    pub(super) async fn remember(&self, live: Live) {
        self.written.lock().await.insert(live.address.object(), live);
    }

    async fn owner_uid(&self, resource: &Resource) -> Result<Option<String>, Stop> {
        let Some(owner) = &resource.owner else { return Ok(None) };
        if let Some(live) = self.written.lock().await.get(owner) {
            return Ok(Some(live.uid.clone()));
        }
        match self.world.get(owner).live() {
            Some(live) => Ok(Some(live.uid.clone())),
            None => Err(Stop::Failed(format!("{} is not there to own it", owner.short()))),
        }
    }

    /// The placeholder of a client's secret, as this run left or found the client.
    async fn secret_of(&self, client: &Address) -> Result<String, Stop> {
        let written = self.written.lock().await.get(client).cloned();
        let live = written.or_else(|| self.world.get(client).live().cloned());
        let text = live
            .as_ref()
            .and_then(|live| live.text("/secret"))
            .filter(|text| SecretId::from_placeholder(text).is_some());
        text.map(str::to_owned)
            .ok_or_else(|| Stop::Failed(format!("{} has no secret that could be read", client.short())))
    }
}

fn gone(resource: &Resource) -> Stop {
    Stop::Changed(format!("{} is gone", resource.address.object().short()))
}

fn set(body: &mut Value, path: &crate::resource::FieldPath, value: Value) {
    let mut target = body;
    for step in &path.0 {
        let crate::resource::PathStep::Field(name) = step else { return };
        let Some(map) = target.as_object_mut() else { return };
        target = map.entry(name.clone()).or_insert_with(|| json!({}));
    }
    *target = value;
}
