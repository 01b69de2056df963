//! packctl
pub mod api;
pub mod diagnostic;
pub mod diff;
pub mod observed;
pub mod plan;
pub mod present;
pub mod provider;
pub mod resource;
pub mod schema;
