//! Stage 6: desired against observed, on the fields that we own.
mod change;

pub use change::{Class, Difference, FieldChange, Fingerprint, Who};
