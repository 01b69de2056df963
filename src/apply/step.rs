//! One step: wait, check the precondition, write, read back.

use std::collections::BTreeSet;
use std::time::SystemTime;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Event, Outcome, Run};
use crate::diff::{Fingerprint, diff, wire_body};
use crate::observed::{Live, Observed, ReadSet, World};
use crate::plan::{Act, Health, Precondition, Probe, Step, Until, answered, endpoint, health};
use crate::provider::{Answer, Verb, Write, WriteError, Written};
use crate::resource::{Address, Hand, Resource, SecretId, Unknown};

/// How often a write is tried again when only the object's version moved.
const VERSION_MOVES: usize = 8;

/// Why a step stops.
enum Stop {
    Failed(String),
    Changed(String),
    Interrupted,
}

impl From<WriteError> for Stop {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Changed(reason) => Self::Changed(reason),
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
        let last = self.plan.changes.get(address).and_then(|change| change.resource.as_ref());
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
    async fn look(&self, address: &Address) -> World {
        let mut set = ReadSet::default();
        set.object(address.clone());
        self.world.beside(self.providers.read(&set).await)
    }

    async fn write(&self, step: &Step, resource: &Resource, force: bool) -> Result<Outcome, Stop> {
        let planned = resource;
        let resource = &self.resolved(planned).await?;
        let body = wire_body(resource, self.owner_uid(resource).await?.as_deref());
        match &step.only_if {
            Precondition::Absent => self.create(resource, body).await,
            Precondition::Unchanged { uid, fingerprint } => {
                let seen = self.world.get(&resource.address).live().cloned();
                self.update(resource, body, force, uid, seen, &|live| self.same(planned, live, fingerprint)).await
            }
            Precondition::Entry { uid, fingerprint } => {
                // The object is shared and moves often; what must be unchanged is our entry alone.
                let world = self.look(&resource.address).await;
                let live = match world.get(&resource.address) {
                    Observed::Present(live) => live,
                    Observed::Unreadable(reason) => return Err(Stop::Failed(reason.to_owned())),
                    _ => return Err(Stop::Changed(format!("{} is gone", resource.address.object().short()))),
                };
                if live.uid != *uid || !self.same(planned, live, fingerprint) {
                    return self.settled(resource, live);
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

    fn same(&self, resource: &Resource, live: &Live, fingerprint: &Fingerprint) -> bool {
        let owner =
            resource.owner.as_ref().and_then(|owner| self.world.get(owner).live()).map(|owner| owner.uid.clone());
        diff(resource, live, owner.as_deref(), &self.world.schemas).fingerprint == *fingerprint
    }

    /// An object that is not as the plan saw it is fine if it is as the plan wants it: an earlier run was here.
    fn settled(&self, resource: &Resource, live: &Live) -> Result<Outcome, Stop> {
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
        self.providers.write(&write).await.map(|_| ()).map_err(Stop::from)
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
                _ => return Err(Stop::Changed(format!("{} is gone", resource.address.short()))),
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
                        _ => return Err(Stop::Changed(format!("{} is gone", resource.address.short()))),
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
        let written = self.providers.write(&write).await?;
        if let Some(live) = &written.live {
            self.remember(live.clone()).await;
        }
        Ok(written)
    }

    async fn remember(&self, live: Live) {
        self.written.lock().await.insert(live.address.object(), live);
    }

    async fn delete(&self, step: &Step) -> Result<Outcome, Stop> {
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
            match self.providers.write(&write).await {
                Ok(_) => return Ok(Outcome::Done),
                Err(WriteError::NotFound(_)) => return Ok(Outcome::AlreadyDone),
                Err(WriteError::Changed(_) | WriteError::OutcomeUnknown(_)) => {
                    match self.look(&step.address).await.get(&step.address) {
                        Observed::Absent => return Ok(Outcome::AlreadyDone),
                        Observed::Leaving(live) if live.uid == *uid => return Ok(Outcome::AlreadyDone),
                        Observed::Present(live) if live.uid == *uid && still_ours(live) => seen = live.clone(),
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

    async fn release(&self, step: &Step, api_version: &str, hand: &Hand) -> Result<Outcome, Stop> {
        let Precondition::Owned { uid } = &step.only_if else {
            return Err(Stop::Failed("the plan gives no precondition for this write".into()));
        };
        let write = release_write(&step.address, api_version, hand, uid);
        let written = match self.providers.write(&write).await {
            // An empty apply can be repeated.
            Err(WriteError::OutcomeUnknown(_)) => self.providers.write(&write).await,
            answer => answer,
        };
        let live = written.map_err(Stop::from)?.live;
        let key = step.address.entry.as_ref().map(|entry| entry.key.as_str());
        let listeners = live.as_ref().and_then(|live| live.value().pointer("/spec/listeners")?.as_array());
        if listeners.into_iter().flatten().any(|found| found.get("name").and_then(Value::as_str) == key) {
            let name = step.address.short();
            return Err(Stop::Changed(format!("{name} is still there: another field manager holds it too")));
        }
        Ok(Outcome::Done)
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

fn still_ours(live: &Live) -> bool {
    live.applied_by(Hand::MANAGER).is_some() || owner(live).is_some()
}

/// The owner attribute of a Keycloak client.
fn owner(live: &Live) -> Option<&str> {
    live.value().get("attributes")?.get(Hand::OWNER)?.as_str()
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

fn release_write(address: &Address, api_version: &str, hand: &Hand, uid: &str) -> Write {
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

fn set(body: &mut Value, path: &crate::resource::FieldPath, value: Value) {
    let mut target = body;
    for step in &path.0 {
        let crate::resource::PathStep::Field(name) = step else { return };
        let Some(map) = target.as_object_mut() else { return };
        target = map.entry(name.clone()).or_insert_with(|| json!({}));
    }
    *target = value;
}
