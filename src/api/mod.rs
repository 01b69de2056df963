//! The documents of packctl's own world: NebariApp, the environment, Argo CD Applications as far as packctl reads them.

mod application;
mod config;
mod environment;
mod fields;

pub use application::{Application, DirectorySource, HelmSource, NamespaceEntry, Parameter, Tool};
pub use config::{Config, Delivery, Setting};
pub use environment::{Allow, Environment, Gateways, Issuer, KeycloakSettings, Listeners, ObjectRef};
