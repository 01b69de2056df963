//! What was seen of the world, and how completely.
//!
//! Absence and "could not read" are different answers ([`Observed`]): nothing is deleted, created or called in sync because
//! of something that was not read.

mod field_set;
mod kinds;
mod live;
mod managed;
mod world;

pub use kinds::{KindInfo, Kinds};
pub use live::Live;
pub use managed::{FieldSet, ManagedEntry, Operation};
pub use world::{Coverage, ListOf, Observed, ReadSet, Reading, Seen, World};
