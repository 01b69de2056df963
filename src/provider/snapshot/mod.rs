//! The snapshot provider.
