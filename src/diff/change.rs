//! What a comparison says.

use serde_json::Value;

use super::conflict::Conflict;
use crate::observed::Operation;
use crate::resource::{FieldPath, SecretId};

/// Who changed a field that we declare.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A field manager.
    Manager {
        /// Its name.
        name: String,
        /// `Apply` or `Update`.
        operation: &'static str,
        /// When its entry last changed, RFC 3339.
        time: Option<String>,
    },
    /// Nobody can tell: the field was removed, or the side keeps no record of managers.
    Unknown,
}

impl Who {
    /// A field manager, as `managedFields` knows it.
    pub fn manager(name: &str, operation: Operation, time: Option<&str>) -> Self {
        let operation = match operation {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        };
        Self::Manager { name: name.into(), operation, time: time.map(str::to_owned) }
    }

    /// The manager's name, or `unknown`.
    pub fn name(&self) -> &str {
        match self {
            Self::Manager { name, .. } => name,
            Self::Unknown => "unknown",
        }
    }
}

/// What kind of difference a field is (design: "The plan tells the truth", 2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The input moved.
    Pending,
    /// Somebody changed what we had applied.
    Drift(Who),
    /// The object was never applied by us, and this field has another value.
    Foreign(Who),
    /// We no longer declare it, but it stays because somebody else owns it too.
    Stuck(Who),
    /// Only the server can tell.
    Doubt(&'static str),
}

/// One field that applying would change.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// The field.
    pub path: FieldPath,
    /// The live value; `None` when absent. Secrets are placeholders.
    pub before: Option<Value>,
    /// The value afterwards; `None` when removed or known only after the write. Where a field that we drop falls back to a
    /// default, it is that default.
    pub after: Option<Value>,
    /// `after` is known only at the write.
    pub unknown: bool,
    /// Why it differs.
    pub class: Class,
    /// Every other manager that owns the field, latest first, whatever its class: a *pending* field has holders where somebody
    /// else applied the same value as we did. What a write conflicts with is told by [`Difference::conflicts`].
    pub holders: Vec<Who>,
}

/// What the comparison looked at: the precondition of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint {
    /// 128 bits over paths, live values, managers and marks. Secret values count as the word `secret`.
    pub hash: u128,
    /// The secrets that were looked at, in path order. They are compared within a run and never leave it.
    pub secrets: Vec<SecretId>,
}

impl Fingerprint {
    pub(super) fn of(digest: &[u8], secrets: Vec<SecretId>) -> Self {
        let hash = digest.iter().take(16).fold(0_u128, |sum, byte| (sum << 8) | u128::from(*byte));
        Self { hash, secrets }
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.hash)
    }
}

/// The comparison of one desired resource with one live object.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Every field that applying would change, in path order. Empty: nothing is sent.
    pub fields: Vec<FieldChange>,
    /// What the server would refuse the write for if it came without force, in path order. Empty where nothing is sent.
    ///
    /// Not each of them is a field of `fields`: the server compares spellings, so a quantity or an atomic list that means the
    /// same as the live one is a conflict too when somebody else owns it. Not each field with holders is one: what is only
    /// removed conflicts with nobody.
    pub conflicts: Vec<Conflict>,
    /// Our Apply entry (Keycloak: our owner attribute) is on the object.
    pub ours: bool,
    /// What the comparison looked at.
    pub fingerprint: Fingerprint,
}

impl Difference {
    /// Whether a write needs force: a field that somebody else manages is set back.
    pub fn needs_force(&self) -> bool {
        self.fields.iter().any(|field| matches!(&field.class, Class::Drift(Who::Manager { .. })))
    }
}
