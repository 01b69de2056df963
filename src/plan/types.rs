//! A plan: the complete decision. `apply` needs nothing else and makes no choice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::Narrowed;
use crate::derive::{ANCHOR_GATEWAY, DeleteRule};
use crate::diagnostic::{Diagnostic, Place};
use crate::diff::{FieldChange, Fingerprint};
use crate::observed::{Seen, TakeOver};
use crate::resource::{Address, AppId, Hand, PackId, Resource};

/// What happens to one object or entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Nothing: live is as we want it.
    None,
    /// It is made.
    Create,
    /// Fields of it change.
    Update,
    /// It is deleted and made anew.
    Replace,
    /// It is deleted.
    Delete,
    /// It exists without our marks and becomes ours.
    Adopt,
    /// Our entry or mark is taken off, the object stays.
    Release,
}

/// Who performs a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// This program.
    Packctl,
    /// A Go operator or controller that is alive; the text says how that was seen.
    Operator(String),
}

/// The change of one object or entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which.
    pub address: Address,
    /// What.
    pub action: Action,
    /// By whom.
    pub actor: Actor,
    /// Fields of an update; for a create none (the body tells).
    pub fields: Vec<FieldChange>,
    /// The desired resource; `None` for deletes.
    pub resource: Option<Arc<Resource>>,
    /// The live object, secrets as placeholders; `None` where there is none.
    pub before: Option<Arc<Value>>,
    /// Why a delete.
    pub rule: Option<DeleteRule>,
    /// The app that it belongs to.
    pub app: Option<AppId>,
    /// The pack that it belongs to.
    pub pack: Option<PackId>,
    /// Ids of its steps, in order.
    pub steps: Vec<usize>,
    /// A sentence that people should read with it ("closes every open connection once").
    pub notes: Vec<String>,
    /// What other field managers lose to us before the first write.
    pub taking: Option<Taking>,
}

impl Change {
    /// Whether it belongs to whoever holds the controller's Lease: all that is derived from an app, and the anchors of Gateways.
    pub fn is_derived(&self) -> bool {
        let of_app = self.app.is_some() && self.address.as_app().is_none();
        let body = self.resource.as_ref().map(|resource| &resource.body.value).or(self.before.as_deref());
        let labels = body.and_then(|body| body.pointer("/metadata/labels"));
        of_app || labels.is_some_and(|labels| labels.get(ANCHOR_GATEWAY).is_some())
    }
}

/// What a change takes from other field managers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taking {
    /// Which fields, from whom.
    pub over: TakeOver,
    /// Nothing shows that it is ours: people must agree.
    pub needs_consent: bool,
}

/// Whether people agree that packctl takes what somebody else made or holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// The plan shows it, and they are asked.
    #[default]
    Asked,
    /// They agreed beforehand: `--adopt`.
    Given,
    /// They cannot be asked and have not agreed: what needs it is blocked.
    Withheld,
}

/// What was answered besides the observed world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// By a server, by dry run.
    pub settled: Settled,
    /// By people.
    pub consent: Consent,
}

/// What a server said, by dry run, about objects in doubt: whether applying would change them.
pub type Settled = BTreeMap<Address, bool>;

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Server-side apply, or a Keycloak write, of this body.
    Apply {
        /// Without uid, resourceVersion and owner; unknowns absent.
        resource: Arc<Resource>,
        /// Take fields that the plan lists as drift.
        force: bool,
    },
    /// Delete the object.
    Delete,
    /// Apply an empty body as our manager: our fields go, the object stays.
    Release {
        /// `group/version`.
        api_version: String,
        /// Which manager.
        hand: Hand,
    },
    /// Take nebari-operator's finalizer off an app: what it stands for is gone.
    Finalize,
    /// Nothing is written; the step only waits.
    Nothing,
}

/// What a step waits for before it acts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// The SecurityPolicy is accepted at its generation, and nobody else's policy took its place.
    PolicyAccepted(Address),
    /// The HTTPRoute is accepted, with resolved references, at its generation, by the listener that it names.
    RouteAccepted(Address),
    /// The listener (entry address) is programmed at the Gateway's generation.
    ListenerProgrammed(Address),
    /// The Certificate is ready at its generation.
    CertificateReady(Address),
    /// The object does not exist any more.
    Gone(Address),
    /// The drain time since the anchor (route address) was made is over: connections from before it are closed.
    Drained(Address),
    /// A request from outside without a session is answered by the login. Statuses never prove what Envoy does.
    Answers(Probe),
}

/// A request over a new connection to a Gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probe {
    /// The listener (entry address) that is asked.
    pub listener: Address,
    /// `https` or `http`.
    pub scheme: &'static str,
    /// The host that is asked for.
    pub host: String,
    /// A path that asks for login.
    pub path: String,
}

impl Until {
    /// What is looked at.
    pub fn address(&self) -> &Address {
        match self {
            Self::PolicyAccepted(address)
            | Self::RouteAccepted(address)
            | Self::ListenerProgrammed(address)
            | Self::CertificateReady(address)
            | Self::Gone(address)
            | Self::Drained(address) => address,
            Self::Answers(probe) => &probe.listener,
        }
    }

    /// In words, for "waits for ...".
    pub fn words(&self) -> &'static str {
        match self {
            Self::PolicyAccepted(_) => "policy accepted",
            Self::RouteAccepted(_) => "route accepted",
            Self::ListenerProgrammed(_) => "listener programmed",
            Self::CertificateReady(_) => "certificate ready",
            Self::Gone(_) => "gone",
            Self::Drained(_) => "old connections drained",
            Self::Answers(_) => "login answering",
        }
    }
}

/// What must still be true at the moment of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The object must not exist.
    Absent,
    /// The object is this one, and what the comparison looked at is unchanged.
    Unchanged {
        /// `metadata.uid`, or Keycloak's id.
        uid: String,
        /// As the plan saw it.
        fingerprint: Fingerprint,
    },
    /// The object that holds the entry is this one, and the entry is unchanged.
    Entry {
        /// `metadata.uid` of the object that holds it.
        uid: String,
        /// Of the entry, as the plan saw it.
        fingerprint: Fingerprint,
    },
    /// The object is this one and still carries our marks.
    Owned {
        /// `metadata.uid`, or Keycloak's id.
        uid: String,
    },
    /// An earlier step of this plan wrote the object: it must be as that step left it.
    After(usize),
    /// Nothing is written.
    Nothing,
}

/// One step. Steps are ordered: `after` names earlier ids only.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Position in [`Plan::steps`].
    pub id: usize,
    /// The change that it belongs to.
    pub address: Address,
    /// In a word or two: `create`, `close`, `open`, `delete`, `record`, ...
    pub title: &'static str,
    /// What it does.
    pub act: Act,
    /// What it waits for before acting.
    pub waits: Vec<Until>,
    /// Steps that must be done before, and why.
    pub after: BTreeMap<usize, &'static str>,
    /// What must still be true.
    pub only_if: Precondition,
    /// The number that people see: 1 + the longest way to it.
    pub wave: usize,
}

/// A pack as the plan shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackSummary {
    /// Which.
    pub id: PackId,
    /// Where it is declared.
    pub place: Option<Place>,
    /// Version in the record, `None` when new.
    pub before: Option<String>,
    /// Version in the input.
    pub after: Option<String>,
    /// Number of objects that the pack brings.
    pub objects: usize,
}

/// Something that opens, moves or closes for people outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opening {
    /// The app.
    pub app: AppId,
    /// `opens`, `closes`.
    pub verb: &'static str,
    /// `https://dash.example.com`.
    pub url: String,
    /// Who can reach it: "anyone", "anyone who can log in to realm nebari".
    pub audience: String,
    /// The NebariApp's place.
    pub place: Option<Place>,
}

/// What a plan is about, where that is not simply what the named files ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// No input was named: the NebariApps of the cluster are the input.
    pub live_apps: bool,
    /// `--target` or `--exclude` left something out.
    pub narrowed: Option<Narrowed>,
}

/// A plan over one cluster and its realm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The cluster's name.
    pub cluster: String,
    /// Who answered.
    pub seen: Seen,
    /// What it is about.
    pub scope: Scope,
    /// Number of objects and kinds read on the Kubernetes side.
    pub read: (usize, usize),
    /// Realm and number of clients read, if Keycloak was.
    pub realm: Option<(String, usize)>,
    /// What could not be read: what, and why.
    pub unreadable: Vec<(String, String)>,
    /// Every object that the inputs want or make go, in address order; `Action::None` included.
    pub changes: BTreeMap<Address, Change>,
    /// The steps, in an order that is safe to walk one by one.
    pub steps: Vec<Step>,
    /// Packs of the input.
    pub packs: BTreeMap<PackId, PackSummary>,
    /// Apps of the input, with the place of each.
    pub apps: BTreeMap<AppId, Option<Place>>,
    /// What opens and closes.
    pub openings: Vec<Opening>,
    /// Errors and warnings, sorted. An error's app or pack is not planned.
    pub diagnostics: Vec<Diagnostic>,
    /// Objects that could not be planned because of something unreadable or unknown.
    pub blocked: BTreeMap<Address, String>,
    /// Those of [`Plan::blocked`] that are so only because of another one, which they need.
    pub blocked_by: BTreeMap<Address, Address>,
    /// What stays behind on purpose after a delete: which, and why.
    pub kept: BTreeMap<Address, String>,
    /// Apps that are left to nebari-operator, which says that they are ready: nothing is planned of them. How it was seen.
    pub left: BTreeMap<AppId, String>,
    /// Apps (and `-` for objects without one) by the digest of their actions, bodies, order and fingerprints.
    pub digests: BTreeMap<String, String>,
}

impl Plan {
    /// Whether applying would send nothing.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether it writes anything that the controller writes too: what is derived from apps, and the anchors.
    pub fn writes_derived(&self) -> bool {
        let acting = self.changes.values().filter(|change| !change.steps.is_empty());
        acting.into_iter().any(|change| change.is_derived())
    }

    /// The changes that people must agree to, and the field managers that lose by them.
    pub fn needing_consent(&self) -> impl Iterator<Item = (&Change, &TakeOver)> {
        let taking = self.changes.values().filter(|change| !change.steps.is_empty());
        taking.filter_map(|change| {
            let taking = change.taking.as_ref().filter(|taking| taking.needs_consent)?;
            Some((change, &taking.over))
        })
    }

    /// The apps that an error stops.
    pub fn stopped(&self) -> BTreeSet<&AppId> {
        use crate::diagnostic::Severity;
        self.diagnostics
            .iter()
            .filter(|found| found.severity == Severity::Error)
            .filter_map(|found| found.app.as_ref())
            .collect()
    }
}
