//! Temporary contract.
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::Document;
use std::collections::BTreeMap;
/// P
#[derive(Clone, Debug)]
pub struct Pack {
    /// x
    pub id_namespace: String,
    /// x
    pub name: String,
    /// x
    pub place: Place,
    /// x
    pub destination: Option<String>,
    /// x
    pub namespace: Option<NamespaceEntry>,
    /// x
    pub source: String,
    /// x
    pub version: String,
    /// x
    pub documents: Vec<Document>,
    /// x
    pub notes: Vec<Diagnostic>,
    /// x
    pub failed: Vec<Diagnostic>,
}
/// N
#[derive(Clone, Debug)]
pub struct NamespaceEntry {
    /// x
    pub create: bool,
    /// x
    pub labels: BTreeMap<String, String>,
    /// x
    pub annotations: BTreeMap<String, String>,
    /// x
    pub place: Place,
}
/// S
#[derive(Default)]
pub struct RenderSettings {
    /// x
    pub helm: Option<std::path::PathBuf>,
}
/// r
pub fn render(_l: &crate::load::Loaded, _s: &RenderSettings, _x: &crate::resource::Secrets) -> Vec<Pack> {
    Vec::new()
}
