//! The Leases of a run that writes: `packctl-apply`, and the controller's where objects are written that are derived from apps.

use std::hash::{BuildHasher as _, RandomState};

use tokio::sync::watch;

use super::args::WorldArgs;
use super::session::Session;
use super::settings;
use super::terminal::Terminal;
use crate::api::Lease;
use crate::lease::{Busy, Guard, Held, Lock, Taking, Terms};
use crate::observed::World;
use crate::plan::Plan;
use crate::present::visible;
use crate::resource::Address;

/// What a run holds.
#[derive(Default)]
pub(super) struct Locks {
    /// Asked before every write.
    pub(super) guard: Guard,
    held: Vec<Held>,
    derived: bool,
    /// Somebody held a Lease since the world was read, so it may have changed.
    pub(super) moved: bool,
}

impl Locks {
    /// Takes what the plan needs. A snapshot has no Leases.
    ///
    /// # Errors
    /// Who holds one of them.
    pub(super) async fn take(
        plan: &Plan,
        session: &Session,
        args: &WorldArgs,
        stop: &mut watch::Receiver<bool>,
        terminal: &Terminal,
    ) -> Result<Self, Busy> {
        let mut locks = Self { derived: plan.writes_derived(), ..Self::default() };
        if session.kubernetes.is_none() {
            return Ok(locks);
        }
        let identity = identity(&session.world);
        let names = [Some(Lease::APPLY), locks.derived.then_some(Lease::CONTROLLER)];
        let mut wanted = Vec::new();
        for name in names.into_iter().flatten() {
            let address = Lease::address(&args.controller_namespace, name);
            let mut lock = Lock::new(session.providers.clone(), address.clone(), &identity, Terms::default());
            // A holder that is gone is watched for both at once.
            lock.observe().await;
            wanted.push((address, lock));
        }
        for (address, lock) in wanted {
            let name = address.short();
            let waits = |holder: &str| terminal.say(&format!("{name} is held by {}; waiting", visible(holder)));
            match lock.take(&locks.guard, stop, &waits).await {
                Ok(Taking::Held(held)) => {
                    locks.moved |= held.found.as_deref() != version(&session.world, &address);
                    locks.held.push(held);
                }
                Ok(Taking::Without(reason)) => {
                    terminal.say(&format!(
                        "warning: no lock, {name} cannot be taken: {reason}; what each write expects to find still keeps two \
                         runs apart"
                    ));
                    // Without the first there is no right, or no place, for the second.
                    break;
                }
                Err(busy) => {
                    locks.release().await;
                    return Err(busy);
                }
            }
        }
        Ok(locks)
    }

    /// Whether the controller's Lease was asked for.
    pub(super) fn holds_derived(&self) -> bool {
        self.derived
    }

    pub(super) async fn release(self) {
        for held in self.held {
            held.release().await;
        }
    }
}

/// The version of a Lease when the world was read.
fn version<'w>(world: &'w World, address: &Address) -> Option<&'w str> {
    world.get(address).live().map(|live| live.version.as_str())
}

/// Who writes, for people who wait.
fn identity(world: &World) -> String {
    let user = world.seen.user.as_deref().unwrap_or("somebody");
    let machine = settings::machine().filter(|name| !name.is_empty());
    let machine = machine.map(|name| format!(" on {name}")).unwrap_or_default();
    let random = RandomState::new().hash_one(std::process::id());
    format!("{}{user}{machine}, process {} {random:016x}", Lease::RUN, std::process::id())
}
