//! The documents of packctl's own world: NebariApp, the environment, Argo CD Applications as far as packctl reads them.

mod application;
mod config;
mod conformance;
mod environment;
mod fields;
mod lease;
pub mod nebariapp;
mod operator;

pub use application::{Application, DirectorySource, HelmSource, NamespaceEntry, Parameter, Tool};
pub use config::{Config, Delivery, Setting};
pub use conformance::{UnknownFields, field_at, refused, unknown};
pub use environment::{Allow, Environment, Gateways, Issuer, IssuerEndpoints, KeycloakSettings, Listeners, ObjectRef};
pub use lease::Lease;
pub use operator::OperatorSettings;
