//! What was seen of the world, and how completely.
//!
//! Absence and "could not read" are different answers ([`Observed`]): nothing is deleted, created or called in sync because
//! of something that was not read.

mod decode;
mod field_set;
mod kinds;
mod live;
mod managed;
mod takeover;
mod world;

pub use kinds::{KindInfo, Kinds};
pub use live::Live;
pub use managed::{FieldSet, ManagedEntry, Operation};
pub use takeover::{TakeOver, Taken};
pub use world::{Coverage, ListOf, Observed, ReadSet, Reading, Seen, World};
