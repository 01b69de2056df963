//! Leases: who may write, one at a time.
//!
//! The algorithm is client-go's leader election (`tools/leaderelection`): every change of a Lease is a compare-and-swap on its
//! resourceVersion, and a holder is taken for gone when his Lease did not change for its whole duration *as seen from here*,
//! because clocks differ. It is written on the port of the providers, so a world without Leases has none, and what is sent is
//! seen, masked and limited as every other request is.

mod guard;
mod hold;

pub use guard::Guard;
pub use hold::{Busy, Held, Lock, Taking};

use std::time::Duration;

/// How a Lease is held.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long a renewal is good for: what the Lease says.
    pub duration: Duration,
    /// How long the holder itself relies on a renewal; the rest is for requests on their way.
    pub relied_on: Duration,
    /// Between two renewals.
    pub renewal: Duration,
    /// Between two looks at a Lease that somebody else holds, and two tries to renew.
    pub retry: Duration,
    /// How long to wait for a holder that is alive. Longer than the duration, else a dead one's Lease could never be taken.
    pub patience: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            relied_on: Duration::from_secs(10),
            renewal: Duration::from_secs(4),
            retry: Duration::from_secs(1),
            patience: Duration::from_secs(20),
        }
    }
}
