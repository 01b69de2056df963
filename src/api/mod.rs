//! The documents of packctl's own world: NebariApp, the environment, Argo CD Applications as far as packctl reads them.

mod environment;
mod nebariapp;

pub use environment::{Allow, Environment, Gateways, Issuer, KeycloakSettings, Listeners, ObjectRef};
pub use nebariapp::{FieldError, NebariApp};
