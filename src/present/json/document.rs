//! The document: what stands in the JSON of a plan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place};
use crate::present::Totals;
use crate::resource::Address;

/// A plan as programs read it. Keys that a reader does not know are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanDocument {
    /// `1.0`: minor versions only add, another major version must be refused.
    pub format_version: String,
    /// The program that wrote it.
    pub packctl_version: String,
    /// The cluster's name.
    pub cluster: String,
    /// Who answered, and how much was read.
    pub seen: Seen,
    /// What the plan is about, where that is not simply what the named files ask for.
    #[serde(default)]
    pub scope: ScopeEntry,
    /// Every object that the inputs want or make go, in address order.
    pub resource_changes: Vec<ResourceChange>,
    /// Objects that somebody else changed: `before` is what is declared, `after` what stands there.
    pub resource_drift: Vec<ResourceChange>,
    /// Errors and warnings.
    pub checks: Vec<Diagnostic>,
    /// There is something to apply.
    pub applyable: bool,
    /// Everything that the inputs want was read and planned.
    pub complete: bool,
    /// There are errors.
    pub errored: bool,
    /// The steps, in an order that is safe to walk one by one.
    pub steps: Vec<StepEntry>,
    /// Packs of the input.
    pub packs: Vec<PackEntry>,
    /// What opens and closes for people outside.
    pub openings: Vec<OpeningEntry>,
    /// What could not be read.
    pub unreadable: Vec<UnreadableEntry>,
    /// Objects that could not be planned, and why.
    pub blocked: BTreeMap<Address, String>,
    /// What stays behind on purpose, and why.
    pub kept: BTreeMap<Address, String>,
    /// Apps that are left to nebari-operator, which says that they are ready, and how it was seen.
    #[serde(default)]
    pub left: BTreeMap<String, String>,
    /// Apps (`-` for objects without one) and the digest of their plans.
    pub digests: BTreeMap<String, String>,
    /// The counts of the text's last line.
    pub totals: Totals,
}

/// What a plan is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeEntry {
    /// No input was named: the NebariApps of the cluster are the input.
    pub live_apps: bool,
    /// What `--target` named; empty for everything.
    pub targets: Vec<String>,
    /// What `--exclude` named.
    pub excludes: Vec<String>,
    /// The apps, packs and objects that were left out, with the number of their objects.
    pub left_out: BTreeMap<String, usize>,
}

/// Who answered, and how much was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// `https://10.0.0.1:6443`, or a snapshot's folder.
    pub server: String,
    /// The user, if known.
    pub user: Option<String>,
    /// The world is a recorded one.
    pub snapshot: bool,
    /// Kubernetes objects read.
    pub objects: usize,
    /// Kubernetes kinds read.
    pub kinds: usize,
    /// The realm, if Keycloak was read.
    pub realm: Option<RealmEntry>,
}

/// What was read of a realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealmEntry {
    /// Its name.
    pub name: String,
    /// Clients read.
    pub clients: usize,
}

/// One object or entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceChange {
    /// As people type it and programs join on it.
    pub address: Address,
    /// Always `managed`.
    pub mode: String,
    /// `kubernetes/HTTPRoute`, `keycloak/client`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// `listeners[name=tls-dash]` when the address means one entry.
    pub index: Option<String>,
    /// The object's namespace; in Keycloak none.
    pub namespace: Option<String>,
    /// `kubernetes`, `keycloak`.
    pub provider_name: String,
    /// What changes.
    pub change: ChangeValues,
    /// Terraform's reason for a delete or replace.
    pub action_reason: Option<String>,
    /// What Terraform has no word for.
    pub packctl: ChangeDetail,
}

/// Values before and after. Secrets are `packctl-secret:N`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeValues {
    /// `["no-op"]`, `["create"]`, `["update"]`, `["delete", "create"]`, `["delete"]`, `["forget"]`.
    pub actions: Vec<String>,
    /// The live object without what the server keeps; of a shared object the entry alone.
    pub before: Value,
    /// The object afterwards, as far as known.
    pub after: Value,
    /// `true` where `after` is known only at the write.
    pub after_unknown: Value,
    /// `true` where `before` is secret.
    pub before_sensitive: Value,
    /// `true` where `after` is secret.
    pub after_sensitive: Value,
    /// The fields that force a replace.
    pub replace_paths: Vec<Vec<Value>>,
    /// Present for an adoption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importing: Option<Importing>,
}

/// The live object that becomes ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Importing {
    /// Its address.
    pub id: Address,
}

/// What packctl adds to each change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeDetail {
    /// `none`, `create`, `update`, `replace`, `delete`, `adopt`, `release`.
    pub action: String,
    /// `packctl`, `operator`.
    pub actor: String,
    /// How the operator was seen.
    pub actor_seen: Option<String>,
    /// `namespace/name` of the app.
    pub app: Option<String>,
    /// `cluster/namespace/name` of the pack.
    pub pack: Option<String>,
    /// Ids of its steps.
    pub steps: Vec<usize>,
    /// What must still be true, for each of its steps.
    pub preconditions: Vec<PreconditionEntry>,
    /// Whose it is; absent for deletes.
    pub ownership: Option<Ownership>,
    /// Who changed what we had applied.
    pub drift_by: Vec<DriftEntry>,
    /// Every field that changes.
    pub fields: Vec<FieldEntry>,
    /// Why fields have the values they have, back to the input.
    pub cause: Vec<CauseEntry>,
    /// Why it is deleted: `left-pack`, `app-left-pack`, `not-wanted`, `destroyed`.
    pub rule: Option<String>,
    /// Sentences that people should read with it.
    pub notes: Vec<String>,
}

/// Whose an object or entry is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The field manager that writes.
    pub manager: String,
    /// How it is held.
    pub hand: HandEntry,
    /// The object that becomes its controller.
    pub owner: Option<Address>,
}

/// How an object is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandEntry {
    /// The whole object.
    Whole,
    /// One entry of a shared object.
    Entry,
    /// By a record in its attributes.
    Record,
}

/// A field that somebody else changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftEntry {
    /// The field.
    pub path: String,
    /// The field manager, `unknown` where nobody can tell.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: Option<String>,
    /// RFC 3339.
    pub time: Option<String>,
}

/// A field that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldEntry {
    /// The field.
    pub path: String,
    /// The live value, `null` when absent.
    pub before: Option<Value>,
    /// The value afterwards, `null` when removed or unknown.
    pub after: Option<Value>,
    /// `after` is known only at the write.
    pub unknown: bool,
    /// `pending`, `drift`, `foreign`, `stuck`, `doubt`.
    pub class: String,
    /// Whose value it is, unless the input moved.
    pub manager: Option<String>,
    /// Why it is in doubt.
    pub why: Option<String>,
}

/// Why a field has its value. The nearest path above a field holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseEntry {
    /// The field; empty for the whole object.
    pub path: String,
    /// `input`, `app`, `environment`, `rule`.
    pub from: String,
    /// The field of the NebariApp, the key of the environment, or the rule in words.
    pub what: Option<String>,
    /// The input file.
    pub file: Option<String>,
    /// Line in it, from 1.
    pub line: Option<u32>,
    /// Column in it, from 1.
    pub column: Option<u32>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEntry {
    /// Its number in this list, from 0.
    pub id: usize,
    /// The number that people see.
    pub wave: usize,
    /// `create`, `close`, `open`, ...
    pub title: String,
    /// The change that it belongs to.
    pub address: Address,
    /// `apply`, `delete`, `release`, `nothing`.
    pub act: String,
    /// Fields that somebody else changed are taken back.
    pub force: bool,
    /// What it waits for before it acts.
    pub waits: Vec<WaitEntry>,
    /// Earlier steps, and why they come first.
    pub after: BTreeMap<usize, String>,
    /// What must still be true.
    pub only_if: PreconditionEntry,
}

/// Something that a step waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitEntry {
    /// `policy accepted`, `listener programmed`, ...
    pub until: String,
    /// What is looked at.
    pub address: Address,
}

/// What must still be true at the moment of a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum PreconditionEntry {
    /// The object must not exist.
    Absent,
    /// The object is this one and as the plan saw it.
    Unchanged {
        /// Its uid.
        uid: String,
        /// Of what the comparison looked at.
        fingerprint: String,
    },
    /// The entry is as the plan saw it.
    Entry {
        /// Of the object that holds it.
        uid: String,
        /// Of the entry.
        fingerprint: String,
    },
    /// The object is this one and still carries our marks.
    Owned {
        /// Its uid.
        uid: String,
    },
    /// The object is as an earlier step left it.
    After {
        /// That step.
        step: usize,
    },
    /// Nothing is written.
    Nothing,
}

/// A pack of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackEntry {
    /// `cluster/namespace/name`.
    pub id: String,
    /// Where it is declared.
    pub place: Option<Place>,
    /// Version in the record, `null` when new.
    pub before: Option<String>,
    /// Version in the input.
    pub after: Option<String>,
    /// Number of objects that it brings.
    pub objects: usize,
}

/// Something that opens or closes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningEntry {
    /// `namespace/name` of the app.
    pub app: String,
    /// `opens`, `closes`.
    pub verb: String,
    /// `https://dash.example.com`.
    pub url: String,
    /// Who can reach it.
    pub audience: String,
    /// The NebariApp's place.
    pub place: Option<Place>,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableEntry {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}
