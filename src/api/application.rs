//! Argo CD Applications, as far as packctl reads them.
//!
//! One source (a folder or a chart of the repository), the cluster itself as destination, the Namespace that it makes. What
//! means nothing where packctl delivers is said; everything else is refused by name.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::Fields;
use crate::diagnostic::{Diagnostic, Place};
use crate::resource::Address;
use crate::yaml::Document;

/// A deployment of a pack.
#[derive(Clone, Debug)]
pub struct Application {
    /// `metadata.namespace`, else `argocd`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// The document it was read from.
    pub document: Document,
    /// `spec.source.repoURL`.
    pub repo_url: String,
    /// `spec.source.targetRevision`.
    pub target_revision: Option<String>,
    /// `spec.source.path`.
    pub path: String,
    /// How the source is rendered, where the Application says so.
    pub tool: Option<Tool>,
    /// `spec.destination.namespace`.
    pub destination: Option<String>,
    /// The Namespace that is made for it.
    pub namespace_entry: Option<NamespaceEntry>,
    /// Fields that mean nothing where packctl delivers.
    pub notes: Vec<Diagnostic>,
    /// Why it cannot be delivered as it stands.
    pub refused: Vec<Diagnostic>,
}

/// How a source is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Manifests as they are.
    Directory(DirectorySource),
    /// `helm template`.
    Helm(HelmSource),
}

/// `spec.source.directory`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectorySource {
    /// Folders below too.
    pub recurse: bool,
    /// Only files that match this glob.
    pub include: Option<String>,
    /// No files that match this glob.
    pub exclude: Option<String>,
}

/// `spec.source.helm`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HelmSource {
    /// The release's name; default: the Application's.
    pub release_name: Option<String>,
    /// Inline values as YAML: `valuesObject`, else `values`.
    pub values: Option<String>,
    /// Files of values in the repository, later ones win.
    pub value_files: Vec<String>,
    /// Single values, stronger than all others.
    pub parameters: Vec<Parameter>,
}

/// One item of `spec.source.helm.parameters`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The path of the value.
    pub name: String,
    /// The value.
    pub value: String,
    /// Take it as a text, whatever it looks like.
    pub force_string: bool,
}

/// The Namespace of a pack: packctl holds these entries of it and never deletes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceEntry {
    /// Make it if it is not there.
    pub create: bool,
    /// Labels that it gets.
    pub labels: BTreeMap<String, String>,
    /// Annotations that it gets.
    pub annotations: BTreeMap<String, String>,
    /// Where the Application asks for it.
    pub place: Place,
}

const SUPPORTED: &[&str] = &[
    "/apiVersion",
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
    "/metadata/labels/*",
    "/metadata/annotations/*",
    "/spec/source/repoURL",
    "/spec/source/targetRevision",
    "/spec/source/path",
    "/spec/source/directory/recurse",
    "/spec/source/directory/include",
    "/spec/source/directory/exclude",
    "/spec/source/helm/releaseName",
    "/spec/source/helm/values",
    "/spec/source/helm/valuesObject/*",
    "/spec/source/helm/valueFiles/*",
    "/spec/source/helm/parameters/*",
    "/spec/destination/server",
    "/spec/destination/name",
    "/spec/destination/namespace",
    "/spec/syncPolicy/syncOptions/*",
    "/spec/syncPolicy/managedNamespaceMetadata/labels/*",
    "/spec/syncPolicy/managedNamespaceMetadata/annotations/*",
];

/// What orders or allows Argo CD's own work and means nothing where packctl does it.
const WITHOUT_EFFECT: &[&str] =
    &["/metadata/finalizers/*", "/spec/project", "/spec/syncPolicy/automated/*", "/spec/syncPolicy/retry/*"];
const WAVE: &str = "/metadata/annotations/argocd.argoproj.io~1sync-wave";

impl Application {
    /// The namespace of Applications that name none.
    pub const NAMESPACE: &str = "argocd";

    /// Whether a document is an Application, in whatever version.
    pub fn is_one(document: &Document) -> bool {
        document.kind().is_some_and(|(group, _, kind)| group == "argoproj.io" && kind == "Application")
    }

    /// Reads a document that [is one](Self::is_one) and has a name. What cannot be delivered is in `refused`.
    pub fn from_document(document: Document) -> Self {
        let mut fields = Fields::new(&document, "PK0202");
        let mut unsupported = Vec::new();
        let mut without_effect = Vec::new();
        sort_out("", &document.value, &mut unsupported, &mut without_effect);

        let namespace = fields.text("/metadata/namespace").filter(|namespace| !namespace.is_empty());
        let name = document.name().unwrap_or_default().to_owned();
        // Sources of another sort are refused by name below; they lack nothing.
        let other_sort = fields.says_something("/spec/sources") || fields.says_something("/spec/source/chart");
        let required = |fields: &mut Fields<'_>, pointer, help| {
            if other_sort { String::new() } else { required(fields, pointer, help) }
        };
        let repo_url = required(&mut fields, "/spec/source/repoURL", "name the repository");
        let path = required(&mut fields, "/spec/source/path", "name the folder in the repository");
        let target_revision = fields.text("/spec/source/targetRevision");
        let mut notes = Vec::new();
        let tool = tool(&mut fields, &mut unsupported, &mut notes);
        let destination = destination(&mut fields, &mut unsupported);
        let namespace_entry =
            namespace_entry(&mut fields, &mut unsupported, &mut without_effect, &mut notes, destination.as_deref());
        if let Some((_, version, _)) = document.kind()
            && version != "v1alpha1"
        {
            unsupported.push("/apiVersion".into());
        }
        let mut refused = fields.errors;
        refused.extend(unsupported.iter().map(|pointer| not_supported(&document, pointer)));
        if !without_effect.is_empty() {
            let names: Vec<_> = without_effect.iter().map(|pointer| document.path(pointer).to_string()).collect();
            let text = format!("without effect where packctl delivers: {}", names.join(", "));
            notes.push(Diagnostic::warning("PK0206", text).place(Some(document.place(&without_effect[0]))));
        }
        let namespace = namespace.unwrap_or_else(|| Self::NAMESPACE.into());
        let address = Address::namespaced("argoproj.io", "Application", &namespace, &name);
        for finding in refused.iter_mut().chain(&mut notes) {
            finding.object = Some(address.clone());
        }
        Self {
            namespace,
            name,
            repo_url,
            target_revision,
            path,
            tool,
            destination,
            namespace_entry,
            notes,
            refused,
            document,
        }
    }

    /// Its address.
    pub fn address(&self) -> Address {
        Address::namespaced("argoproj.io", "Application", &self.namespace, &self.name)
    }
}

/// Parts fields that are not supported from those without effect. Empty values say nothing.
fn sort_out(pointer: &str, value: &Value, unsupported: &mut Vec<String>, idle: &mut Vec<String>) {
    let known = |list: &[&str]| list.iter().any(|known| known.strip_suffix("/*").unwrap_or(known) == pointer);
    if known(SUPPORTED) {
        return;
    }
    if known(WITHOUT_EFFECT) {
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value.as_str() == Some("default");
        if !empty {
            idle.push(pointer.into());
        }
        return;
    }
    let leads_on = |list: &[&str]| list.iter().any(|known| known.starts_with(&format!("{pointer}/")));
    match value {
        Value::Object(fields) if leads_on(SUPPORTED) || leads_on(WITHOUT_EFFECT) => {
            for (key, below) in fields {
                let pointer = format!("{pointer}/{}", crate::yaml::step(key));
                sort_out(&pointer, below, unsupported, idle);
            }
        }
        Value::Null => {}
        Value::Object(fields) if fields.is_empty() => {}
        Value::Array(items) if items.is_empty() => {}
        _ => unsupported.push(pointer.into()),
    }
}

fn not_supported(document: &Document, pointer: &str) -> Diagnostic {
    let field = document.path(pointer).to_string();
    // Values elsewhere may be secrets.
    let harmless =
        ["/apiVersion", "/spec/destination/", "/spec/syncPolicy/syncOptions/", "/spec/source/helm/valueFiles/"];
    let shown = document.text(pointer).filter(|_| harmless.iter().any(|prefix| pointer.starts_with(prefix)));
    let shown = shown.map(|text| format!(" `{text}`")).unwrap_or_default();
    Diagnostic::error("PK0201", format!("`{field}`{shown} is not supported yet"))
        .field(field)
        .place(Some(document.place(pointer)))
        .help("remove the field, or leave this Application out of the input")
}

fn required(fields: &mut Fields<'_>, pointer: &str, help: &str) -> String {
    let before = fields.errors.len();
    let text = fields.text(pointer).filter(|text| !text.is_empty());
    if text.is_none() && fields.errors.len() == before {
        fields.wrong(pointer, "is missing".into(), help);
    }
    text.unwrap_or_default()
}

fn tool(fields: &mut Fields<'_>, unsupported: &mut Vec<String>, notes: &mut Vec<Diagnostic>) -> Option<Tool> {
    let directory = fields.says_something("/spec/source/directory").then(|| DirectorySource {
        recurse: fields.flag("/spec/source/directory/recurse"),
        include: fields.text("/spec/source/directory/include").filter(|glob| !glob.is_empty()),
        exclude: fields.text("/spec/source/directory/exclude").filter(|glob| !glob.is_empty()),
    });
    let helm = fields.says_something("/spec/source/helm").then(|| helm(fields, unsupported, notes));
    match (directory, helm) {
        (Some(_), Some(_)) => {
            fields.wrong("/spec/source/helm", "stands beside `spec.source.directory`".into(), "keep one of the two");
            None
        }
        (Some(directory), None) => Some(Tool::Directory(directory)),
        (None, Some(helm)) => Some(Tool::Helm(helm)),
        (None, None) => None,
    }
}

fn helm(fields: &mut Fields<'_>, unsupported: &mut Vec<String>, notes: &mut Vec<Diagnostic>) -> HelmSource {
    const VALUES: &str = "/spec/source/helm/values";
    const OBJECT: &str = "/spec/source/helm/valuesObject";
    let text = fields.text(VALUES).filter(|text| !text.is_empty());
    let object = fields.says_something(OBJECT).then(|| fields.keys(OBJECT));
    if text.is_some() && object.is_some() {
        let note = "`spec.source.helm.values` is ignored because `valuesObject` is there";
        notes.push(
            Diagnostic::warning("PK0206", note).field("spec.source.helm.values").place(Some(fields.place(VALUES))),
        );
    }
    let values = match object {
        Some(_) => fields.get(OBJECT).map(Value::to_string),
        None => text,
    };
    let mut value_files = Vec::new();
    for pointer in fields.items("/spec/source/helm/valueFiles") {
        let Some(file) = fields.text(&pointer) else { continue };
        // `$` begins a variable or another source, `*` a pattern, `scheme://` a download.
        if file.contains(['$', '*', '?', '[', '{']) || file.contains("://") {
            unsupported.push(pointer);
        } else {
            value_files.push(file);
        }
    }
    let mut parameters = Vec::new();
    for pointer in fields.items("/spec/source/helm/parameters") {
        for (key, below) in fields.keys(&pointer) {
            if !["name", "value", "forceString"].contains(&key.as_str()) {
                unsupported.push(below);
            }
        }
        let name = required(fields, &format!("{pointer}/name"), "name the value's path");
        let value = fields.text(&format!("{pointer}/value")).unwrap_or_default();
        let force_string = fields.flag(&format!("{pointer}/forceString"));
        if value.contains('$') {
            unsupported.push(format!("{pointer}/value"));
        }
        parameters.push(Parameter { name, value, force_string });
    }
    let release_name = fields.text("/spec/source/helm/releaseName").filter(|name| !name.is_empty());
    HelmSource { release_name, values, value_files, parameters }
}

fn destination(fields: &mut Fields<'_>, unsupported: &mut Vec<String>) -> Option<String> {
    let (server, name) = (fields.text("/spec/destination/server"), fields.text("/spec/destination/name"));
    let (server, name) = (server.filter(|text| !text.is_empty()), name.filter(|text| !text.is_empty()));
    if server.is_some() && name.is_some() {
        fields.wrong("/spec/destination", "names a server and a cluster".into(), "keep one of `server` and `name`");
    }
    if server.is_none() && name.is_none() {
        let help = "write `server: https://kubernetes.default.svc`";
        fields.wrong("/spec/destination", "names no cluster".into(), help);
    }
    if server.is_some_and(|server| server.trim_end_matches('/') != "https://kubernetes.default.svc") {
        unsupported.push("/spec/destination/server".into());
    }
    if name.is_some_and(|name| name != "in-cluster") {
        unsupported.push("/spec/destination/name".into());
    }
    fields.text("/spec/destination/namespace").filter(|namespace| !namespace.is_empty())
}

fn namespace_entry(
    fields: &mut Fields<'_>,
    unsupported: &mut Vec<String>,
    without_effect: &mut Vec<String>,
    notes: &mut Vec<Diagnostic>,
    destination: Option<&str>,
) -> Option<NamespaceEntry> {
    const OPTIONS: &str = "/spec/syncPolicy/syncOptions";
    const METADATA: &str = "/spec/syncPolicy/managedNamespaceMetadata";
    let mut create = None;
    for pointer in fields.items(OPTIONS) {
        match fields.text(&pointer).as_deref() {
            Some("CreateNamespace=true") => create = Some(pointer),
            Some("CreateNamespace=false") => create = None,
            Some("ServerSideApply=true" | "ServerSideApply=false") => without_effect.push(pointer),
            Some(_) => unsupported.push(pointer),
            None => {}
        }
    }
    if fields.says_something(WAVE) {
        without_effect.push(WAVE.into());
    }
    let labels = fields.texts(&format!("{METADATA}/labels"));
    let annotations = fields.texts(&format!("{METADATA}/annotations"));
    let Some(pointer) = create else {
        if !labels.is_empty() || !annotations.is_empty() {
            let text = "`spec.syncPolicy.managedNamespaceMetadata` has no effect without `CreateNamespace=true`";
            let note = Diagnostic::warning("PK0206", text).field("spec.syncPolicy.managedNamespaceMetadata");
            notes.push(note.place(Some(fields.place(METADATA))).help("add `CreateNamespace=true` to `syncOptions`"));
        }
        return None;
    };
    if destination.is_none() {
        let help = "name the namespace that `CreateNamespace=true` makes";
        fields.wrong("/spec/destination/namespace", "is missing".into(), help);
    }
    Some(NamespaceEntry { create: true, labels, annotations, place: fields.place(&pointer) })
}
