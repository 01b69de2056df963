//! Structural schemas of kinds: defaults, list keys, atomic lists.

/// The schemas of a cluster's kinds.
#[derive(Clone, Debug, Default)]
pub struct Schemas;
