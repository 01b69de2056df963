//! The port to the observed world, and its three adapters.
//!
//! A provider reads sets of objects and performs single writes. It decides nothing: bodies, preconditions and order come
//! from the plan.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;

use crate::observed::{Live, ReadSet, Reading};
use crate::plan::Probe;
use crate::resource::Address;

pub mod keycloak;
pub mod kubernetes;
mod outside;
pub mod snapshot;

/// One side of the observed world.
pub trait Provider: Send + Sync {
    /// Reads what is asked for. Never fails as a whole: what cannot be read carries its reason.
    fn read<'a>(&'a self, set: &'a ReadSet) -> BoxFuture<'a, Reading>;

    /// Performs one write.
    fn write<'a>(&'a self, write: &'a Write) -> BoxFuture<'a, Result<Written, WriteError>>;

    /// Asks a Gateway from outside. A side without a network reaches none.
    fn ask<'a>(&'a self, _: &'a Probe, _: (&'a str, u16)) -> BoxFuture<'a, Answer> {
        Box::pin(std::future::ready(Answer::Unreachable("nothing can be asked from here".into())))
    }
}

/// What came back from a Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An HTTP status.
    Status(u16),
    /// It can be reached, and gave no HTTP answer.
    Nothing(String),
    /// It cannot be reached from here.
    Unreachable(String),
}

/// The providers of one run.
pub struct Providers {
    /// The Kubernetes side.
    pub kubernetes: Arc<dyn Provider>,
    /// The Keycloak side, or why it is not there.
    pub keycloak: Result<Arc<dyn Provider>, String>,
}

impl Providers {
    /// Reads both sides at once. A Keycloak that is not there makes its lists unreadable.
    pub async fn read(&self, set: &ReadSet) -> Reading {
        let (realm, cluster): (ReadSet, ReadSet) = set.split();
        let keycloak = async {
            match &self.keycloak {
                _ if realm.is_empty() => Reading::default(),
                Ok(provider) => provider.read(&realm).await,
                Err(reason) => Reading::unreadable(&realm, reason),
            }
        };
        let kubernetes =
            async { if cluster.is_empty() { Reading::default() } else { self.kubernetes.read(&cluster).await } };
        let (mut reading, other) = futures::join!(kubernetes, keycloak);
        reading.absorb(other);
        reading
    }

    /// Writes to the side that the address names.
    ///
    /// # Errors
    /// As the provider says; a side that is not there is unavailable.
    pub async fn write(&self, write: &Write) -> Result<Written, WriteError> {
        match (write.address.is_keycloak(), &self.keycloak) {
            (false, _) => self.kubernetes.write(write).await,
            (true, Ok(provider)) => provider.write(write).await,
            (true, Err(reason)) => Err(WriteError::Unavailable(reason.clone())),
        }
    }
}

/// One write, complete: a provider makes no choice.
#[derive(Clone, Debug)]
pub struct Write {
    /// The object, without an entry.
    pub address: Address,
    /// `group/version`; `keycloak` for Keycloak.
    pub api_version: String,
    /// What to do.
    pub verb: Verb,
}

/// The verbs that plans use.
#[derive(Clone, Debug)]
pub enum Verb {
    /// Server-side apply; in Keycloak POST of a new client, or PUT of the owned fields (`uid` set).
    Apply {
        /// The fields that we declare, with `apiVersion`, `kind`, `metadata`; secret values as placeholders.
        body: Value,
        /// The field manager.
        manager: String,
        /// Take fields from other managers; only where the plan lists each of them.
        force: bool,
        /// The object must still be this one.
        uid: Option<String>,
        /// The object must still have this resourceVersion.
        version: Option<String>,
    },
    /// Make an object that does not exist. Not in Keycloak.
    Create {
        /// The whole object.
        body: Value,
        /// The field manager.
        manager: String,
    },
    /// Replace `metadata.managedFields`, and nothing else. Not in Keycloak.
    HandOver {
        /// The list as it will be.
        managed_fields: Value,
        /// The object must still be this one.
        uid: String,
        /// The object must still have this resourceVersion.
        version: String,
    },
    /// Replace `metadata.finalizers`, and nothing else. Not in Keycloak.
    Finalizers {
        /// The list as it will be.
        finalizers: Vec<String>,
        /// The object must still be this one.
        uid: String,
        /// The object must still have this resourceVersion.
        version: String,
    },
    /// Delete this very object.
    Delete {
        /// Precondition.
        uid: String,
        /// Precondition; empty in Keycloak.
        version: String,
    },
}

/// A write that happened.
#[derive(Clone, Debug)]
pub struct Written {
    /// The server says that the object is new (201).
    pub created: bool,
    /// The object as the server has it now; `None` after a delete.
    pub live: Option<Live>,
}

/// Why a write did not happen, or is not known to have happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Other field managers own fields with other values.
    #[error("conflict: {}", conflicts(.0))]
    Conflict(Vec<FieldConflict>),
    /// The object is not what the plan saw: other uid or resourceVersion, or already there.
    #[error("the object changed since it was read: {0}")]
    Changed(String),
    /// The object is gone, or its namespace is.
    #[error("not found: {0}")]
    NotFound(String),
    /// Not allowed.
    #[error("forbidden: {0}")]
    Forbidden(String),
    /// The server refuses the content: schema, admission, immutable field.
    #[error("rejected: {0}")]
    Rejected(String),
    /// The request did not reach the server, or the server was not able to serve it: nothing happened.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Nothing was sent: the lock of this run is not held any more.
    #[error("not written: {0}")]
    Unlocked(String),
    /// The answer was lost: it may have happened.
    #[error("the answer was lost, the write may have happened: {0}")]
    OutcomeUnknown(String),
}

/// One conflicting field of a server-side apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldConflict {
    /// The field as the server writes it.
    pub field: String,
    /// The manager as the server names it.
    pub manager: String,
}

impl fmt::Display for FieldConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is managed by {}", self.field, self.manager)
    }
}

fn conflicts(fields: &[FieldConflict]) -> String {
    fields.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The innermost cause: reqwest's own text says no more than that sending failed.
fn cause(error: &reqwest::Error) -> String {
    use std::error::Error as _;
    let mut innermost = error.source();
    while let Some(source) = innermost.and_then(std::error::Error::source) {
        innermost = Some(source);
    }
    innermost.map_or_else(|| "the request could not be sent".to_owned(), ToString::to_string)
}
