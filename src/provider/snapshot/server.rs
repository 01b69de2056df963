//! What an API server makes of one write: preconditions, merge, defaults, checks, and what it sets itself.
//!
//! Pure. Admission, garbage collection and other versions than the served one are not played.

use serde_json::{Map, Value, json};

use super::identity::versioned;
use super::invalid::{invalid, nulls};
use super::merge::{self, Refused, Writer};
use crate::observed::KindInfo;
use crate::provider::{FieldConflict, WriteError};
use crate::resource::{Address, Hand};
use crate::schema::{Schema, Typing, stored};

/// The server, as far as one kind is concerned.
#[derive(Clone, Copy)]
pub(super) struct Server<'s> {
    /// How the kind is served.
    pub(super) info: &'s KindInfo,
    /// What is known of its fields.
    pub(super) schema: Option<&'s Schema>,
    /// RFC 3339, in seconds.
    pub(super) now: &'s str,
}

/// A server-side apply.
pub(super) struct Apply<'a> {
    pub(super) body: &'a Value,
    pub(super) manager: &'a str,
    pub(super) force: bool,
    pub(super) uid: Option<&'a str>,
    pub(super) version: Option<&'a str>,
}

/// What is stored after a write.
#[derive(Debug, PartialEq)]
pub(super) enum Stored {
    /// This.
    Object(Value),
    /// Nothing any more; this was the last state.
    Gone(Value),
}

impl Stored {
    pub(super) fn object(&self) -> &Value {
        match self {
            Self::Object(object) | Self::Gone(object) => object,
        }
    }
}

impl Server<'_> {
    /// Applies; the object comes back as it was where nothing changed.
    pub(super) fn apply(
        &self,
        address: &Address,
        live: Option<&Value>,
        apply: &Apply<'_>,
    ) -> Result<Stored, WriteError> {
        let api_version = self.api_version(address);
        let writer = Writer { manager: apply.manager, api_version: &api_version, subresource: "", now: self.now };
        let mut body = apply.body.clone();
        for (field, expected) in [("uid", apply.uid), ("resourceVersion", apply.version)] {
            if let (Some(expected), Some(metadata)) = (expected, body["metadata"].as_object_mut()) {
                metadata.insert(field.into(), expected.into());
            }
        }
        let merged = merge::apply(live, &body, writer, apply.force, Typing::of_object(self.schema));
        let merged = merged.map_err(|refused| self.refusal(address, refused))?;
        self.refuse(address, &self.schema.map(|schema| nulls(&merged, schema)).unwrap_or_default())?;
        let Some(live) = live else {
            if let Some(uid) = apply.uid {
                let message =
                    format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
                return Err(WriteError::Changed(self.cannot(address, &message)));
            }
            return self.created(address, merged).map(Stored::Object);
        };
        self.expect_uid(address, live, apply.uid)?;
        self.expect_version(address, live, apply.version)?;
        self.updated(address, live, merged)
    }

    /// Deletes; with finalizers the object stays, marked.
    pub(super) fn delete(
        &self,
        address: &Address,
        live: &Value,
        uid: &str,
        version: &str,
    ) -> Result<Stored, WriteError> {
        let is = |field: &str| live["metadata"][field].as_str().unwrap_or_default();
        for (what, field, expected) in [("UID", "uid", uid), ("ResourceVersion", "resourceVersion", version)] {
            if is(field) != expected {
                let message = format!(
                    "Precondition failed: {what} in precondition: {expected}, {what} in object meta: {}",
                    is(field)
                );
                return Err(WriteError::Changed(self.cannot(address, &message)));
            }
        }
        if finalizers(live).is_empty() {
            return Ok(Stored::Gone(live.clone()));
        }
        let mut object = live.clone();
        if let Some(metadata) = object["metadata"].as_object_mut().filter(|it| !it.contains_key("deletionTimestamp")) {
            metadata.insert("deletionTimestamp".into(), self.now.into());
            metadata.insert("deletionGracePeriodSeconds".into(), 0.into());
            if let Some(generation) = metadata.get("generation").and_then(Value::as_i64) {
                metadata.insert("generation".into(), (generation + 1).into());
            }
            versioned(&mut object);
        }
        Ok(Stored::Object(object))
    }

    /// Replaces `managedFields` by a patch.
    pub(super) fn hand_over(
        &self,
        address: &Address,
        live: &Value,
        managed_fields: &Value,
        uid: &str,
        version: &str,
    ) -> Result<Stored, WriteError> {
        self.expect_uid(address, live, Some(uid))?;
        self.expect_version(address, live, Some(version))?;
        self.updated(address, live, merge::handed_over(live, managed_fields, Typing::of_object(self.schema)))
    }

    /// Replaces `finalizers` by a patch.
    pub(super) fn put_finalizers(
        &self,
        address: &Address,
        live: &Value,
        finalizers: &[String],
        uid: &str,
        version: &str,
    ) -> Result<Stored, WriteError> {
        self.expect_uid(address, live, Some(uid))?;
        self.expect_version(address, live, Some(version))?;
        let mut object = live.clone();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            let list = Value::from(finalizers);
            put(metadata, "finalizers", (!finalizers.is_empty()).then_some(&list));
        }
        let api_version = self.api_version(address);
        let writer = Writer { manager: Hand::MANAGER, api_version: &api_version, subresource: "", now: self.now };
        self.updated(address, live, merge::update(Some(live), &object, writer, Typing::of_object(self.schema)))
    }

    /// Makes an object by a plain create.
    pub(super) fn create(&self, address: &Address, object: &Value, manager: &str) -> Result<Value, WriteError> {
        let api_version = self.api_version(address);
        let writer = Writer { manager, api_version: &api_version, subresource: "", now: self.now };
        self.created(address, merge::update(None, object, writer, Typing::of_object(self.schema)))
    }

    /// Puts a status, as a controller does; the object comes back as it was where it had it already.
    pub(super) fn put_status(&self, address: &Address, live: &Value, status: &Value, manager: &str) -> Value {
        let mut object = live.clone();
        object["status"] = status.clone();
        if object == *live {
            return object;
        }
        let api_version = self.api_version(address);
        let writer = Writer { manager, api_version: &api_version, subresource: "status", now: self.now };
        let mut object = merge::update(Some(live), &object, writer, Typing::of_object(self.schema));
        versioned(&mut object);
        object
    }

    fn created(&self, address: &Address, merged: Value) -> Result<Value, WriteError> {
        let mut object = stored(&merged, self.schema);
        let Some(fields) = object.as_object_mut() else {
            return Err(WriteError::Rejected(format!("{address}: the body is no object")));
        };
        fields.remove("status");
        let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) else {
            return Err(WriteError::Rejected(format!("{address}: the body has no metadata")));
        };
        metadata.insert("creationTimestamp".into(), self.now.into());
        if self.has_generation(address) {
            metadata.insert("generation".into(), 1.into());
        }
        if (address.group.as_str(), address.kind.as_str()) == ("", "Namespace") {
            // What the server makes of every Namespace.
            if let Some(labels) = metadata.entry("labels").or_insert_with(|| json!({})).as_object_mut() {
                labels.insert("kubernetes.io/metadata.name".into(), address.name.as_str().into());
            }
            fields.insert("spec".into(), json!({"finalizers": ["kubernetes"]}));
            fields.insert("status".into(), json!({"phase": "Active"}));
        }
        self.check(address, &object, None)?;
        Ok(object)
    }

    fn updated(&self, address: &Address, live: &Value, merged: Value) -> Result<Stored, WriteError> {
        let mut object = stored(&merged, self.schema);
        let Some(fields) = object.as_object_mut() else {
            return Err(WriteError::Rejected(format!("{address}: the body is no object")));
        };
        put(fields, "status", live.get("status"));
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in SERVERS {
                put(metadata, field, live["metadata"].get(field));
            }
        }
        let leaving = live["metadata"].get("deletionTimestamp").is_some();
        let is_new = |finalizer: &&Value| !finalizers(live).contains(*finalizer);
        if leaving && let Some(new) = finalizers(&object).iter().find(is_new) {
            let message = format!(
                "{} {:?} is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being \
                 deleted, found new finalizers {new}",
                self.named(address),
                address.name
            );
            return Err(WriteError::Rejected(message));
        }
        if without_times(&object) == without_times(live) {
            return Ok(Stored::Object(live.clone()));
        }
        self.check(address, &object, Some(live))?;
        if self.has_generation(address) && content(&object) != content(live) {
            let generation = live["metadata"]["generation"].as_i64().unwrap_or(0);
            object["metadata"]["generation"] = (generation + 1).into();
        }
        versioned(&mut object);
        let gone = leaving && finalizers(&object).is_empty();
        Ok(if gone { Stored::Gone(object) } else { Stored::Object(object) })
    }

    /// Refuses what the schema does not allow.
    fn check(&self, address: &Address, object: &Value, before: Option<&Value>) -> Result<(), WriteError> {
        self.refuse(address, &self.schema.map(|schema| invalid(object, before, schema)).unwrap_or_default())
    }

    fn refuse(&self, address: &Address, found: &[String]) -> Result<(), WriteError> {
        let why = match found {
            [] => return Ok(()),
            [only] => only.clone(),
            all => format!("[{}]", all.join(", ")),
        };
        Err(WriteError::Rejected(format!("{} {:?} is invalid: {why}", self.named(address), address.name)))
    }

    fn expect_uid(&self, address: &Address, live: &Value, expected: Option<&str>) -> Result<(), WriteError> {
        match expected {
            Some(expected) if live["metadata"]["uid"] != expected => {
                let message = format!(
                    "{} {:?} is invalid: metadata.uid: Invalid value: {expected:?}: field is immutable",
                    self.named(address),
                    address.name
                );
                Err(WriteError::Changed(message))
            }
            _ => Ok(()),
        }
    }

    fn expect_version(&self, address: &Address, live: &Value, expected: Option<&str>) -> Result<(), WriteError> {
        match expected {
            Some(expected) if live["metadata"]["resourceVersion"] != expected => {
                let message =
                    "the object has been modified; please apply your changes to the latest version and try again";
                Err(WriteError::Changed(self.cannot(address, message)))
            }
            _ => Ok(()),
        }
    }

    fn refusal(&self, address: &Address, refused: Refused) -> WriteError {
        match refused {
            Refused::Conflict(conflicts) => WriteError::Conflict(
                conflicts
                    .into_iter()
                    .map(|conflict| FieldConflict { field: conflict.field(), manager: conflict.manager })
                    .collect(),
            ),
            Refused::Untyped(why) => {
                let namespace = address.namespace.as_deref().unwrap_or_default();
                let (api_version, kind, name) = (self.api_version(address), &address.kind, &address.name);
                WriteError::Rejected(format!(
                    "failed to create typed patch object ({namespace}/{name}; {api_version}, Kind={kind}): {why}"
                ))
            }
        }
    }

    pub(super) fn api_version(&self, address: &Address) -> String {
        let version = &self.info.version;
        if address.group.is_empty() { version.clone() } else { format!("{}/{version}", address.group) }
    }

    /// `Kind.group`, as the server says whose object is invalid.
    fn named(&self, address: &Address) -> String {
        if address.group.is_empty() { address.kind.clone() } else { format!("{}.{}", address.kind, address.group) }
    }

    fn cannot(&self, address: &Address, why: &str) -> String {
        format!("Operation cannot be fulfilled on {} {:?}: {why}", self.resource(address), address.name)
    }

    pub(super) fn exists(&self, address: &Address) -> String {
        format!("{} {:?} already exists", self.resource(address), address.name)
    }

    pub(super) fn not_found(&self, address: &Address) -> String {
        format!("{} {:?} not found", self.resource(address), address.name)
    }

    /// `plural.group`, as the server says which object it means.
    fn resource(&self, address: &Address) -> String {
        let plural = &self.info.plural;
        if address.group.is_empty() { plural.clone() } else { format!("{plural}.{}", address.group) }
    }

    fn has_generation(&self, address: &Address) -> bool {
        let is_custom = self.schema.is_none_or(Schema::knows_defaults);
        is_custom
            || COUNTED.iter().any(|(group, kinds)| *group == address.group && kinds.contains(&address.kind.as_str()))
    }
}

/// Fields of `metadata` that a server sets itself, whatever a body says.
const SERVERS: [&str; 7] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];

/// Built-in kinds that have a generation (k8s.io/kubernetes 1.34, `pkg/registry/*/strategy.go`).
const COUNTED: [(&str, &[&str]); 7] = [
    ("", &["Pod"]),
    ("apps", &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("batch", &["CronJob", "Job"]),
    ("networking.k8s.io", &["Ingress", "IngressClass", "NetworkPolicy"]),
    ("policy", &["PodDisruptionBudget"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    ("admissionregistration.k8s.io", &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]),
];

fn put(map: &mut Map<String, Value>, field: &str, value: Option<&Value>) {
    match value {
        Some(value) => map.insert(field.into(), value.clone()),
        None => map.remove(field),
    };
}

fn finalizers(object: &Value) -> &[Value] {
    object.pointer("/metadata/finalizers").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Everything that counts for the generation.
fn content(object: &Value) -> Map<String, Value> {
    let fields = object.as_object().into_iter().flatten();
    let counts = |(name, _): &(&String, &Value)| !["metadata", "status"].contains(&name.as_str());
    fields.filter(counts).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The object without the times of its managedFields: alone they are no change.
fn without_times(object: &Value) -> Value {
    let mut object = object.clone();
    let entries = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
        entry.remove("time");
    }
    object
}
