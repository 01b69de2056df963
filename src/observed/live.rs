//! One live object, decoded on demand.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::decode::{managed_fields, without_managed_fields};
use super::{FieldSet, ManagedEntry};
use crate::resource::Address;

/// An object as a provider returned it. Secret values are placeholders.
#[derive(Clone, Debug)]
pub struct Live {
    /// Which object.
    pub address: Address,
    /// `metadata.uid`; Keycloak's internal id.
    pub uid: String,
    /// `metadata.resourceVersion`; empty in Keycloak, which has none.
    pub version: String,
    /// `metadata.deletionTimestamp` is set.
    pub leaving: bool,
    raw: Arc<str>,
    value: Arc<OnceLock<Arc<Value>>>,
    managed: Arc<OnceLock<Vec<ManagedEntry>>>,
}

impl Live {
    /// Wraps an object's JSON text. Kubernetes lists omit `apiVersion` and `kind` of items; they may be missing here.
    pub fn from_raw(address: Address, uid: String, version: String, leaving: bool, raw: Arc<str>) -> Self {
        Self { address, uid, version, leaving, raw, value: Arc::default(), managed: Arc::default() }
    }

    /// Wraps a decoded object; uid, version and deletion are read from `metadata` (Keycloak: `id`).
    pub fn from_value(address: Address, value: Value) -> Self {
        let text = |pointer| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let uid = if address.is_keycloak() { text("/id") } else { text("/metadata/uid") };
        let version = text("/metadata/resourceVersion");
        let leaving = value.pointer("/metadata/deletionTimestamp").is_some();
        let raw = value.to_string().into();
        Self::from_raw(address, uid, version, leaving, raw)
    }

    /// The object's JSON text.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The decoded object without its managedFields, which are a third of it and nobody's to show; `null` if the server sent
    /// something that is no JSON.
    pub fn value(&self) -> &Value {
        self.shared()
    }

    /// [`Live::value`], to be kept.
    pub fn shared(&self) -> &Arc<Value> {
        self.value.get_or_init(|| Arc::new(without_managed_fields(&self.raw)))
    }

    /// The decoded object as it came, managedFields too; decoded anew each time.
    pub fn whole(&self) -> Value {
        serde_json::from_str(&self.raw).unwrap_or(Value::Null)
    }

    /// Who manages which fields.
    pub fn managed(&self) -> &[ManagedEntry] {
        self.managed.get_or_init(|| managed_fields(&self.raw))
    }

    /// The fields that `manager` applied, if it ever applied this object.
    pub fn applied_by(&self, manager: &str) -> Option<&FieldSet> {
        self.managed()
            .iter()
            .find(|entry| entry.manager == manager && entry.is_apply() && entry.subresource.is_empty())
            .map(|entry| &entry.fields)
    }

    /// A string at a JSON pointer.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.value().pointer(pointer)?.as_str()
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.value().get("metadata")?.get("labels")?.get(key)?.as_str()
    }

    /// The value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.value().get("metadata")?.get("annotations")?.get(key)?.as_str()
    }

    /// `metadata.generation`, 0 where the kind has none.
    pub fn generation(&self) -> i64 {
        self.value().pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0)
    }

    /// The ownerReference that is marked as controller: its kind, name and uid.
    pub fn controller(&self) -> Option<(&str, &str, &str)> {
        let owners = self.value().pointer("/metadata/ownerReferences")?.as_array()?;
        let owner = owners.iter().find(|owner| owner.get("controller") == Some(&Value::Bool(true)))?;
        let text = |key| owner.get(key).and_then(Value::as_str).unwrap_or_default();
        Some((text("kind"), text("name"), text("uid")))
    }
}
