//! packctl
pub mod api;
pub mod diagnostic;
pub mod load;
pub mod observed;
pub mod provider;
pub mod render;
pub mod resource;
pub mod schema;
pub mod yaml;
