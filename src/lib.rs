//! packctl
pub mod api;
pub mod apply;
pub mod check;
pub mod derive;
pub mod diagnostic;
pub mod diff;
pub mod graph;
pub mod observed;
pub mod plan;
pub mod provider;
pub mod render;
pub mod resource;
pub mod schema;
pub mod yaml;
