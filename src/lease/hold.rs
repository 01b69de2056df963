//! Taking, renewing and releasing one Lease.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::Terms;
use super::guard::{Entry, Guard};
use crate::api::Lease;
use crate::observed::{Live, Observed, ReadSet, World};
use crate::provider::{Providers, Verb, Write, WriteError};
use crate::resource::{Address, Hand};

/// A Lease that is wanted.
pub struct Lock {
    providers: Arc<Providers>,
    address: Address,
    identity: String,
    terms: Terms,
    /// The version that somebody else holds, and since when it was seen to be so.
    theirs: Option<(String, Instant)>,
}

/// How the taking of a Lease ended.
pub enum Taking {
    /// It is ours until it is released or lost.
    Held(Held),
    /// It cannot be taken, and nobody else can be seen to hold it: why.
    Without(String),
}

/// Somebody else holds the Lease and renews it, or the wait was interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    /// `namespace/name` of the Lease.
    pub lease: String,
    /// Who holds it, in his own words.
    pub holder: String,
}

/// A Lease that is held, and renewed until it is released or dropped.
pub struct Held {
    /// The version right before it became ours; `None` when it did not exist.
    pub found: Option<String>,
    stop: watch::Sender<bool>,
    renewing: JoinHandle<()>,
}

/// What one look at a Lease says.
enum Look {
    Absent,
    Free(Live, Lease),
    Theirs(Live, Lease),
    Without(String),
}

impl Lock {
    /// A Lease that `identity` wants.
    pub fn new(providers: Arc<Providers>, address: Address, identity: &str, terms: Terms) -> Self {
        Self { providers, address, identity: identity.to_owned(), terms, theirs: None }
    }

    /// Looks at it now, so that the time that is spent on something else counts as watching it.
    pub async fn observe(&mut self) {
        let _ = self.look().await;
    }

    /// Takes it, waiting for a holder as long as the terms say. `waits` is told whom for.
    ///
    /// # Errors
    /// [`Busy`] when the holder is alive, or `stop` turned true.
    pub async fn take(
        mut self,
        guard: &Guard,
        stop: &mut watch::Receiver<bool>,
        waits: &(dyn Fn(&str) + Sync),
    ) -> Result<Taking, Busy> {
        let began = Instant::now();
        let mut said = None;
        loop {
            let (found, lease) = match self.look().await {
                Look::Without(reason) => return Ok(Taking::Without(reason)),
                Look::Absent => (None, Lease::default()),
                Look::Free(live, lease) => (Some(live), lease),
                Look::Theirs(live, lease) if self.is_left(&live, &lease) => (Some(live), lease),
                Look::Theirs(_, lease) => {
                    let holder = lease.holder.unwrap_or_default();
                    if began.elapsed() >= self.terms.patience || *stop.borrow() {
                        return Err(Busy { lease: name(&self.address), holder });
                    }
                    if said.as_ref() != Some(&holder) {
                        waits(&holder);
                        said = Some(holder);
                    }
                    tokio::select! {
                        () = sleep(self.terms.retry) => {}
                        _ = stop.wait_for(|stop| *stop) => {}
                    }
                    continue;
                }
            };
            let now = Timestamp::now();
            let passes = i64::from(found.is_some() && lease.holder.as_deref() != Some(&self.identity));
            let ours = Lease {
                holder: Some(self.identity.clone()),
                seconds: i64::try_from(self.terms.duration.as_secs()).unwrap_or(15),
                acquired: Some(now),
                renewed: Some(now),
                transitions: lease.transitions + passes,
            };
            let sent = (Instant::now(), SystemTime::now());
            match write(&self.providers, &self.address, found.as_ref(), &ours).await {
                Ok(live) => return Ok(Taking::Held(self.hold(guard, found, live, ours, sent))),
                // Somebody was faster, or the answer was lost: the next look tells.
                Err(WriteError::Changed(_) | WriteError::Conflict(_) | WriteError::OutcomeUnknown(_)) => {}
                Err(error) => return Ok(Taking::Without(error.to_string())),
            }
        }
    }

    async fn look(&mut self) -> Look {
        let world = read(&self.providers, &self.address).await;
        match world.get(&self.address) {
            Observed::Unreadable(reason) => Look::Without(reason.to_owned()),
            Observed::Absent => Look::Absent,
            Observed::Present(live) | Observed::Leaving(live) => {
                let lease = Lease::parse(live.value());
                if lease.holder.as_ref().is_none_or(|holder| *holder == self.identity) {
                    return Look::Free(live.clone(), lease);
                }
                if self.theirs.as_ref().is_none_or(|(version, _)| *version != live.version) {
                    self.theirs = Some((live.version.clone(), Instant::now()));
                }
                Look::Theirs(live.clone(), lease)
            }
        }
    }

    /// Whether a Lease of somebody else did not change for as long as it is good for.
    fn is_left(&self, live: &Live, lease: &Lease) -> bool {
        let duration = std::time::Duration::from_secs(u64::try_from(lease.seconds).unwrap_or(0));
        self.theirs.as_ref().is_some_and(|(version, since)| *version == live.version && since.elapsed() >= duration)
    }

    fn hold(&self, guard: &Guard, found: Option<Live>, live: Live, lease: Lease, sent: (Instant, SystemTime)) -> Held {
        let entry = guard.add(name(&self.address), self.terms.relied_on);
        entry.renewed(sent, self.terms.relied_on);
        let (stop, stopped) = watch::channel(false);
        let renewer = Renewer { providers: self.providers.clone(), live, lease, terms: self.terms, entry };
        Held { found: found.map(|live| live.version), stop, renewing: tokio::spawn(renewer.run(stopped)) }
    }
}

impl Held {
    /// Gives the Lease back, so that the next one need not wait. What goes wrong is no harm: it ends by itself.
    pub async fn release(mut self) {
        let _ = self.stop.send(true);
        let _ = (&mut self.renewing).await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

struct Renewer {
    providers: Arc<Providers>,
    live: Live,
    lease: Lease,
    terms: Terms,
    entry: Entry,
}

impl Renewer {
    async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut pause = self.terms.renewal;
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            pause = match self.renew().await {
                Ok(true) => self.terms.renewal,
                Ok(false) => self.terms.retry,
                Err(reason) => return self.entry.lost(&reason),
            };
        }
        let free = Lease { holder: None, seconds: 1, renewed: Some(Timestamp::now()), ..self.lease.clone() };
        let freed = write(&self.providers, &self.live.address, Some(&self.live), &free);
        let _ = timeout(self.terms.relied_on, freed).await;
    }

    /// Whether it worked; the error says that the Lease is somebody else's now.
    async fn renew(&mut self) -> Result<bool, String> {
        let lease = Lease { renewed: Some(Timestamp::now()), ..self.lease.clone() };
        let sent = (Instant::now(), SystemTime::now());
        let written = write(&self.providers, &self.live.address, Some(&self.live), &lease);
        match timeout(self.terms.relied_on, written).await {
            Ok(Ok(live)) => {
                self.live = live;
                self.entry.renewed(sent, self.terms.relied_on);
                Ok(true)
            }
            // It may be somebody else's now; else the deadline of the guard decides.
            Ok(Err(_)) | Err(_) => self.look().await,
        }
    }

    /// A renewal that did not work: whose is the Lease now?
    async fn look(&mut self) -> Result<bool, String> {
        let address = &self.live.address;
        let Ok(world) = timeout(self.terms.relied_on, read(&self.providers, address)).await else { return Ok(false) };
        match world.get(address) {
            Observed::Present(live) => {
                let now = Lease::parse(live.value());
                match now.holder {
                    Some(holder) if Some(&holder) == self.lease.holder.as_ref() => {
                        self.live = live.clone();
                        Ok(false)
                    }
                    Some(holder) => Err(format!("{holder} has it")),
                    None => Err("somebody released it".into()),
                }
            }
            Observed::Absent | Observed::Leaving(_) => Err("it was deleted".into()),
            Observed::Unreadable(_) => Ok(false),
        }
    }
}

fn name(address: &Address) -> String {
    format!("{}/{}", address.namespace.as_deref().unwrap_or_default(), address.name)
}

async fn read(providers: &Providers, address: &Address) -> World {
    let mut set = ReadSet::default();
    set.object(address.clone());
    let mut world = World::default();
    world.absorb(providers.read(&set).await);
    world
}

/// Makes the Lease, or changes the one that was found; nothing happens when it is not as it was found.
async fn write(
    providers: &Providers,
    address: &Address,
    found: Option<&Live>,
    lease: &Lease,
) -> Result<Live, WriteError> {
    let body: Value = json!({
        "apiVersion": Lease::API_VERSION,
        "kind": "Lease",
        "metadata": {"name": address.name, "namespace": address.namespace},
        "spec": lease.spec(),
    });
    let manager = Hand::MANAGER.to_owned();
    let verb = match found {
        None => Verb::Create { body, manager },
        Some(live) => {
            let (uid, version) = (Some(live.uid.clone()), Some(live.version.clone()));
            Verb::Apply { body, manager, force: true, uid, version }
        }
    };
    let write = Write { address: address.clone(), api_version: Lease::API_VERSION.into(), verb };
    let written = providers.write(&write).await?;
    written.live.ok_or_else(|| WriteError::OutcomeUnknown("the Lease did not come back".into()))
}
