//! What the inputs want, and what they make go.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::app::{App, Ground};
use crate::diagnostic::{Diagnostic, Place};
use crate::observed::TakeOver;
use crate::resource::{Address, AppId, Hand, PackId, Resource};

/// Why an object is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeleteRule {
    /// It is no longer in its pack, which is in the input.
    LeftPack,
    /// Its NebariApp is no longer in its pack.
    AppLeftPack,
    /// The app no longer asks for it.
    NotWanted,
    /// `destroy` names it.
    Destroyed,
}

impl DeleteRule {
    /// In words, for "because ...".
    pub fn reason(self) -> &'static str {
        match self {
            Self::LeftPack => "no longer in its pack",
            Self::AppLeftPack => "its NebariApp is no longer in the pack",
            Self::NotWanted => "the app no longer asks for it",
            Self::Destroyed => "destroy",
        }
    }
}

/// An object or entry that goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwanted {
    /// Why.
    pub rule: DeleteRule,
    /// How we hold it.
    pub hand: Hand,
    /// The app that it belongs to.
    pub app: Option<AppId>,
    /// The pack that it belongs to.
    pub pack: Option<PackId>,
    /// It does not carry our marks: nebari-operator made it for the app.
    pub left: Option<Left>,
}

/// What nebari-operator made for an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// What shows that it is the app's.
    pub evidence: &'static str,
    /// What must pass to us before we can let it go: of an entry all of its fields, of a whole object nothing.
    pub over: TakeOver,
}

/// A pack of the input, as far as the plan speaks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackInfo {
    /// Where it is declared.
    pub place: Option<Place>,
    /// Version in the live record, `None` when there is none.
    pub before: Option<String>,
    /// Version in the input.
    pub after: Option<String>,
    /// Number of objects that it brings.
    pub objects: usize,
    /// The namespace of its record.
    pub namespace: String,
}

/// Everything that the inputs ask for.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    /// Objects and entries that must be as they are here.
    pub wanted: BTreeMap<Address, Arc<Resource>>,
    /// Objects and entries that go.
    pub unwanted: BTreeMap<Address, Unwanted>,
    /// What cannot be decided, and why: an app's address stands for all that is derived from it.
    pub blocked: BTreeMap<Address, String>,
    /// Objects that a rule refuses, with its code; what needs them is blocked.
    pub refused: BTreeMap<Address, String>,
    /// What stays behind on purpose, and why.
    pub kept: BTreeMap<Address, String>,
    /// The apps of the input, as they will be.
    pub apps: BTreeMap<AppId, App>,
    /// What the environment says for each app that could be derived.
    pub grounds: BTreeMap<AppId, Ground>,
    /// The packs of the input that could be rendered.
    pub packs: BTreeMap<PackId, PackInfo>,
    /// Findings of the derivation.
    pub diagnostics: Vec<Diagnostic>,
}
