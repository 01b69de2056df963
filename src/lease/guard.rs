//! What is asked before every write.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Whether the Leases of a run are still held. Cloning is cheap; all clones are one guard.
///
/// It answers from a deadline of the monotonic clock, so it needs no request and no clock of others. That clock stands still
/// while a laptop sleeps, so the wall clock is asked too.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    leases: Arc<Mutex<Vec<Held>>>,
}

#[derive(Debug)]
struct Held {
    name: String,
    until: (Instant, SystemTime),
    lost: Option<String>,
}

/// One Lease of a guard, as who renews it sees it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    guard: Guard,
    index: usize,
}

impl Guard {
    /// The guard of a world without Leases: nobody else writes there.
    pub fn unlocked() -> Self {
        Self::default()
    }

    /// Says no, and why, when a Lease is lost or was not renewed in time.
    ///
    /// # Errors
    /// The reason, complete.
    pub fn check(&self) -> Result<(), String> {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        for held in leases.iter() {
            if let Some(reason) = &held.lost {
                return Err(format!("Lease {} is lost: {reason}", held.name));
            }
            if now >= held.until.0 || wall >= held.until.1 {
                return Err(format!("Lease {} could not be renewed in time", held.name));
            }
        }
        Ok(())
    }

    pub(super) fn add(&self, name: String, good_for: Duration) -> Entry {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.push(Held { name, until: (Instant::now() + good_for, SystemTime::now() + good_for), lost: None });
        Entry { guard: self.clone(), index: leases.len() - 1 }
    }
}

impl Entry {
    /// The Lease was renewed by a request that was sent at `sent`.
    pub(super) fn renewed(&self, sent: (Instant, SystemTime), good_for: Duration) {
        self.change(|held| held.until = (sent.0 + good_for, sent.1 + good_for));
    }

    pub(super) fn lost(&self, reason: &str) {
        self.change(|held| held.lost = Some(reason.to_owned()));
    }

    fn change(&self, change: impl FnOnce(&mut Held)) {
        let mut leases = self.guard.leases.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = leases.get_mut(self.index) {
            change(held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_says_no_when_any_lease_is_lost_or_too_old() {
        let guard = Guard::unlocked();
        assert_eq!(guard.check(), Ok(()));
        let one = guard.add("a/one".into(), Duration::from_secs(10));
        let two = guard.add("a/two".into(), Duration::from_secs(10));
        assert_eq!(guard.check(), Ok(()));
        let now = (Instant::now(), SystemTime::now());
        two.renewed(now, Duration::ZERO);
        assert_eq!(guard.check(), Err("Lease a/two could not be renewed in time".into()));
        two.renewed(now, Duration::from_secs(10));
        assert_eq!(guard.check(), Ok(()));
        // The monotonic clock stood still while the machine slept.
        one.renewed((now.0, now.1 - Duration::from_secs(3600)), Duration::from_secs(10));
        assert_eq!(guard.check(), Err("Lease a/one could not be renewed in time".into()));
        one.renewed(now, Duration::from_secs(10));
        one.lost("bob has it");
        assert_eq!(guard.check(), Err("Lease a/one is lost: bob has it".into()));
    }
}
