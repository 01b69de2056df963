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

/// A value without the fields that are `null`, which in our documents means absent.
pub(crate) fn without_nulls(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect::<Vec<_>>().into(),
        other => other,
    }
}
