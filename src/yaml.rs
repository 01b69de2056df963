//! Temporary contract.
use crate::diagnostic::Place;
use crate::observed::Kinds;
use crate::resource::Address;
use serde_json::Value;
use std::sync::Arc;
/// D
#[derive(Clone, Debug)]
pub struct Document {
    /// v
    pub value: Value,
    /// f
    pub file: Arc<str>,
}
impl Document {
    /// p
    pub fn place(&self, _pointer: &str) -> Place {
        Place { file: self.file.clone(), line: 1, column: 1 }
    }
    /// a
    pub fn address(&self, ns: Option<&str>, kinds: &Kinds) -> Option<Address> {
        let text = |p: &str| self.value.pointer(p).and_then(Value::as_str);
        let (g, _v) = text("/apiVersion")?.split_once('/').unwrap_or(("", text("/apiVersion")?));
        let kind = text("/kind")?;
        let name = text("/metadata/name")?;
        if kinds.get(g, kind)?.namespaced {
            Some(Address::namespaced(g, kind, text("/metadata/namespace").or(ns)?, name))
        } else {
            Some(Address::cluster_scoped(g, kind, name))
        }
    }
}
