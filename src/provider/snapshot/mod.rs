//! A world as a folder of plain YAML and JSON that one can read, diff and commit.
//!
//! ```text
//! kubernetes/GROUP/KIND/NAMESPACE/NAME.yaml     `core` for the empty group, `_cluster` for cluster-scoped objects
//! keycloak/REALM/clients/CLIENT.json            names percent-encoded where a file name needs it
//! environment.yaml                              the environment of the cluster
//! version.json                                  who was recorded, by which packctl
//! apis.json                                     the kinds that the cluster serves; absent: those of the platform
//! coverage.json                                 what could not be read; absent: everything was
//! crds/                                         CustomResourceDefinitions, for their schemas
//! ```
//!
//! Written by hand, objects need neither uid nor managedFields: see `complete` and `managed`. Secret values are
//! `packctl-secret:NUMBER`; a real value is taken in like a server's.
//!
//! A write does to the folder what the real servers would do (`merge`, `server`, `invalid`, `clients`), and what cert-manager and
//! Envoy Gateway would do next (`played`); then the files are replaced (`store`).

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::{BoxFuture, FutureExt as _};
use jiff::Timestamp;
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::observed::{Kinds, ReadSet, Reading, Seen};
use crate::provider::{Provider, Write, WriteError, Written};
use crate::resource::Secrets;
use crate::schema::Schemas;

mod clients;
mod complete;
mod contents;
mod coverage;
mod folder;
mod identity;
mod invalid;
mod layout;
mod managed;
pub mod merge;
mod open;
mod perform;
mod played;
mod record;
mod secrets;
mod server;
mod store;

#[cfg(test)]
mod tests;

use contents::Contents;
use store::Store;

pub use record::{Extras, record};
pub use store::Claim;

/// A recorded or hand-written world, in memory and in its folder. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    shown: String,
    about: open::About,
    kinds: Kinds,
    schemas: Schemas,
    environment: Option<(String, String)>,
    crds: Vec<Value>,
    secrets: Secrets,
    clock: fn() -> Timestamp,
    state: Arc<Mutex<State>>,
}

/// What changes.
#[derive(Debug)]
struct State {
    contents: Contents,
    store: Store,
}

impl Snapshot {
    /// Reads a folder, which messages call `shown`. Every broken file is an error of its own.
    pub fn open(dir: &Path, shown: &str, secrets: Secrets) -> Result<Self, Vec<Diagnostic>> {
        open::open(dir, shown, &secrets)
    }

    /// The same world, in which it is always this time.
    pub fn with_clock(self, clock: fn() -> Timestamp) -> Self {
        Self { clock, ..self }
    }

    /// Who answers: the folder.
    pub fn seen(&self) -> Seen {
        Seen { server: self.shown.clone(), snapshot: true, ..Seen::default() }
    }

    /// The server that was recorded, if one was.
    pub fn recorded_server(&self) -> Option<&str> {
        self.about.server.as_deref()
    }

    /// The Kubernetes version that was recorded, if one was.
    pub fn kubernetes_version(&self) -> Option<&str> {
        self.about.kubernetes.as_deref()
    }

    /// The kinds that the world serves.
    pub fn kinds(&self) -> Kinds {
        self.kinds.clone()
    }

    /// File and text of `environment.yaml`.
    pub fn environment_text(&self) -> Option<(String, String)> {
        self.environment.clone()
    }

    /// The CustomResourceDefinitions of `crds/`, in the order of their names.
    pub fn crds(&self) -> Vec<Value> {
        self.crds.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A write changes the state as its last act, so a panic leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reading(&self, set: &ReadSet) -> Reading {
        self.state().contents.reading(set)
    }
}

impl Provider for Snapshot {
    fn read<'a>(&'a self, set: &'a ReadSet) -> BoxFuture<'a, Reading> {
        std::future::ready(self.reading(set)).boxed()
    }

    fn write<'a>(&'a self, write: &'a Write) -> BoxFuture<'a, Result<Written, WriteError>> {
        std::future::ready(self.perform(write)).boxed()
    }
}
