//! Desired resources.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Address, AppId, FieldPath, PackId};
use crate::diagnostic::Place;

/// What cannot be known before a write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unknown {
    /// The secret of a Keycloak client that does not exist yet.
    SecretOf(Address),
}

/// A desired object: what we would send, without server-side metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// The fields that we declare; secret values are placeholders (see [`super::Secrets`]).
    pub value: Value,
    /// Fields filled in at the write, by path. They are absent from `value`.
    pub unknown: BTreeMap<FieldPath, Unknown>,
}

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        Self { value, unknown: BTreeMap::new() }
    }
}

/// How packctl holds an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hand {
    /// The whole object, as field manager `packctl`.
    Whole,
    /// One entry of a shared object, as a field manager of its own.
    Entry {
        /// `packctl-` and 40 hex digits of sha256(`namespace/name/purpose`).
        manager: String,
    },
    /// A Keycloak object, owned by its record attribute.
    Record,
}

impl Hand {
    /// Field manager of objects that packctl makes whole.
    pub const MANAGER: &str = "packctl";
    /// Annotation with the hash of the paths that we declared, without values.
    pub const DECLARED: &str = "packctl.nebari.dev/declared";

    /// Attribute of a Keycloak client: `cluster/namespace/name` of the app that it belongs to.
    pub const OWNER: &str = "packctl.owner";
    /// Attribute of a Keycloak client: what we declared, as compact JSON.
    pub const APPLIED: &str = "packctl.applied";

    /// The owner attribute of a Keycloak client.
    pub fn owner_of(client: &Value) -> Option<&str> {
        client.get("attributes")?.get(Self::OWNER)?.as_str()
    }

    /// The hand for one entry that an app (or pack) holds for a purpose.
    pub fn entry(owner: &str, purpose: &str) -> Self {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(format!("{owner}/{purpose}"));
        Self::Entry { manager: format!("packctl-{}", super::identity::hex(&digest, 40)) }
    }

    /// The field manager that writes with this hand.
    pub fn manager(&self) -> &str {
        match self {
            Self::Whole | Self::Record => Self::MANAGER,
            Self::Entry { manager } => manager,
        }
    }
}

/// Where a desired value comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A place in an input file.
    Input(Place),
    /// A field of the NebariApp, with its place when the app is an input.
    App {
        /// `spec.hostname`.
        field: String,
        /// The place of that field.
        place: Option<Place>,
    },
    /// A key of the cluster's environment.
    Environment(String),
    /// A rule of packctl, in a few words.
    Rule(&'static str),
}

/// One desired object or entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// What it is called.
    pub address: Address,
    /// `group/version`, as in the wire's `apiVersion`; `keycloak` for Keycloak.
    pub api_version: String,
    /// The fields that we declare.
    pub body: Body,
    /// The object that becomes the controller ownerReference once its uid is known.
    pub owner: Option<Address>,
    /// How we hold it.
    pub hand: Hand,
    /// The app that it is derived from; for a NebariApp itself, that app.
    pub app: Option<AppId>,
    /// The pack that it is delivered with.
    pub pack: Option<PackId>,
    /// Why fields have the values they have; the nearest ancestor's cause holds.
    pub causes: BTreeMap<FieldPath, Cause>,
}

impl Resource {
    /// The cause of a field: its own or that of the nearest ancestor that has one.
    pub fn cause(&self, path: &FieldPath) -> Option<&Cause> {
        (0..=path.0.len()).rev().find_map(|length| self.causes.get(&FieldPath(path.0[..length].to_vec())))
    }

    /// The place in the input that this resource comes from, if it has one.
    pub fn place(&self) -> Option<&Place> {
        match self.cause(&FieldPath::default())? {
            Cause::Input(place) | Cause::App { place: Some(place), .. } => Some(place),
            _ => None,
        }
    }
}
