//! The provider of the Kubernetes API.
//!
//! Reading: one LIST per kind in pages, all kinds in parallel, sliced without decoding ([`Live`] decodes on demand). Writing:
//! server-side apply and delete with preconditions, each answer mapped to one [`WriteError`]. Nothing is decided here.
//!
//! Values of Secrets never leave this module: they are interned as they arrive and filled in as they are sent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;

use super::{Answer, Provider, Verb, Write, WriteError, Written};
use crate::observed::{KindInfo, Kinds, Live, ReadSet, Reading, Seen};
use crate::plan::Probe;
use crate::resource::{Address, Secrets};

mod conceal;
mod connect;
mod discovery;
mod openapi;
mod read;
mod text;
mod url;
mod wire;
mod write;

#[cfg(test)]
mod fake;

pub use connect::{ConnectError, Settings};
pub use discovery::Discovered;
pub use wire::Warning;

use wire::{Call, Wire};

/// One cluster, as one user sees it. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct Kubernetes {
    wire: Arc<Wire>,
    kinds: Arc<Kinds>,
    /// Groups whose API server did not answer at discovery: their kinds are unreadable, not absent.
    silent: Arc<Mutex<BTreeSet<String>>>,
    /// Where schemas are kept.
    cache: Option<PathBuf>,
    seen: Seen,
}

impl Kubernetes {
    /// Reads the kubeconfig (or the pod's service account) and builds the client. Sends nothing to the server; a credential
    /// plugin that the kubeconfig names is run.
    pub async fn connect(settings: &Settings, secrets: Secrets) -> Result<Self, ConnectError> {
        let (wire, seen) = connect::connect(settings, secrets).await?;
        Ok(Self { cache: settings.cache.clone(), ..Self::new(wire, seen) })
    }

    fn new(wire: Wire, seen: Seen) -> Self {
        Self { wire: Arc::new(wire), kinds: Arc::default(), silent: Arc::default(), cache: None, seen }
    }

    /// The server's URL, and the user as kubeconfig or `--as` name it.
    pub fn seen(&self) -> Seen {
        self.seen.clone()
    }

    /// Asks which kinds the cluster serves, each in the version that the server prefers: two requests. Who may not know it is
    /// told the platform's kinds, and why.
    ///
    /// # Errors
    /// In words, when the server does not answer, or not as Kubernetes does.
    pub async fn discover(&self) -> Result<Discovered, String> {
        let found = discovery::discover(&self.wire).await?;
        self.silent.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&found.silent);
        Ok(found)
    }

    /// The schemas of kinds (group, kind) as the cluster publishes them, in the form of a CRD's `openAPIV3Schema` without
    /// descriptions: one request, and one for each group that is not in the cache. `Ok(None)` where none is published.
    pub async fn schemas(
        &self,
        kinds: &BTreeSet<(String, String)>,
    ) -> BTreeMap<(String, String), Result<Option<Value>, String>> {
        match openapi::index(&self.wire).await {
            Ok(index) => openapi::schemas(self, &index, kinds).await,
            Err(reason) => kinds.iter().map(|kind| (kind.clone(), Err(reason.clone()))).collect(),
        }
    }

    /// The same cluster, with the kinds that reads and writes may use.
    pub fn with_kinds(self, kinds: Kinds) -> Self {
        Self { kinds: Arc::new(kinds), ..self }
    }

    /// The server's version, `v1.34.4`.
    pub async fn version(&self) -> Result<String, String> {
        let answer = self.wire.patiently(&Call::get("/version".into()), &AtomicUsize::new(0)).await;
        let answer = answer.map_err(|failure| failure.to_string())?;
        let version: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        let text = version.get("gitVersion").and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| format!("{} does not say its version", self.seen.server))
    }

    /// The CustomResourceDefinition of a resource; `None` when there is none.
    pub async fn crd(&self, group: &str, plural: &str) -> Result<Option<Value>, String> {
        let name = url::segment(&format!("{plural}.{group}"))?;
        let call = Call::get(format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"));
        match self.wire.patiently(&call, &AtomicUsize::new(0)).await {
            Ok(answer) => serde_json::from_str(&answer.text)
                .map(Some)
                .map_err(|_| format!("{} sent a definition of {plural}.{group} that is no JSON", self.seen.server)),
            Err(failure) if failure.is_absence() => Ok(None),
            Err(failure) => Err(failure.to_string()),
        }
    }

    /// Asks the server what an apply would do, without doing it.
    pub async fn dry_run(&self, write: &Write) -> Result<Live, WriteError> {
        write::dry_run(self, write).await
    }

    /// The `Warning:` headers of all answers since the last call, each once, in order.
    pub fn warnings(&self) -> Vec<Warning> {
        self.wire.warnings()
    }

    /// How a kind is served: `Ok(None)` when the cluster does not know it, `Err` when that cannot be said.
    fn kind(&self, group: &str, kind: &str) -> Result<Option<&KindInfo>, String> {
        if let Some(info) = self.kinds.get(group, kind) {
            return Ok(Some(info));
        }
        if self.silent.lock().unwrap_or_else(PoisonError::into_inner).contains(group) {
            return Err(format!("the API server behind {group} does not answer"));
        }
        Ok(None)
    }

    /// Wraps one object's text, with the values of a Secret concealed.
    fn live(&self, address: Address, text: &str) -> Result<Live, String> {
        read::live(address, text, &self.wire.secrets)
    }
}

impl Provider for Kubernetes {
    fn read<'a>(&'a self, set: &'a ReadSet) -> BoxFuture<'a, Reading> {
        read::read(self, set).boxed()
    }

    fn write<'a>(&'a self, write: &'a Write) -> BoxFuture<'a, Result<Written, WriteError>> {
        write::write(self, write).boxed()
    }

    fn ask<'a>(&'a self, probe: &'a Probe, at: (&'a str, u16)) -> BoxFuture<'a, Answer> {
        super::outside::ask(probe, at).boxed()
    }
}
