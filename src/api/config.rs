//! `packctl.yaml`: what a repository says about itself.
//!
//! A pull request can write this file, so it names folders, packs and delivery and nothing that grants access: endpoints,
//! credentials and limits are trusted settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::fields::Fields;
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::Document;

/// Who writes the objects of an Application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Delivery {
    /// packctl.
    Direct,
    /// Argo CD.
    #[default]
    Argocd,
}

/// A value of `packctl.yaml` and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub place: Place,
}

/// `packctl.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The file, `None` where there is none.
    pub file: Option<Arc<str>>,
    /// Folders by normalized repository URL.
    pub repositories: BTreeMap<String, Setting<String>>,
    /// `delivery.default`.
    pub delivery_default: Option<Delivery>,
    /// Delivery by `NS/NAME` of an Application.
    pub delivery: BTreeMap<String, Setting<Delivery>>,
    /// Folders of packs by name.
    pub packs: BTreeMap<String, Setting<String>>,
    /// Names of clusters; nothing reads them yet.
    pub clusters: Option<Value>,
    /// How things are shown; nothing reads it yet.
    pub display: Option<Value>,
}

const KEYS: &str = "`repositories`, `delivery`, `packs`, `clusters`, `sensitive`, `display`";
/// Keys of the environment of a cluster, which people try here first.
const ENVIRONMENT: &[&str] =
    &["cluster", "issuer", "gateways", "listeners", "keycloak", "issuers", "allow", "environment"];
/// Trusted settings, which a pull request must not choose.
const TRUSTED: &[&str] = &[
    "kubeconfig",
    "context",
    "server",
    "token",
    "user",
    "as",
    "endpoint",
    "endpoints",
    "credentials",
    "password",
    "username",
    "keycloakEndpoint",
    "keycloak-endpoint",
    "snapshot",
    "settings",
    "budgets",
    "limits",
    "helm",
    "insecure",
];

impl Config {
    /// The file's name.
    pub const FILE: &str = "packctl.yaml";
    /// The code of a credential in the file: its text must not be shown.
    pub const CREDENTIAL: &str = "PK0119";

    /// Reads the file's documents; everything that is wrong is named.
    pub fn from_documents(file: &Arc<str>, documents: &[Document]) -> (Self, Vec<Diagnostic>) {
        let empty = Document::from_value(file, Value::Object(serde_json::Map::new()));
        let document = documents.first().unwrap_or(&empty);
        let mut fields = Fields::new(document, "PK0111");
        let mut config = Self { file: Some(file.clone()), ..Self::default() };
        let mut findings = Vec::new();
        if let Some(second) = documents.get(1) {
            let error = Diagnostic::error("PK0111", "the file holds more than one document");
            findings.push(error.place(Some(second.place(""))).help("keep one"));
        }
        for (key, pointer) in fields.keys("") {
            match key.as_str() {
                "repositories" => {
                    let carried = credentials(&mut fields, &pointer);
                    // No other finding may repeat them.
                    if carried.is_empty() {
                        config.repositories = folders(&mut fields, &pointer, normalized_url);
                    }
                    findings.extend(carried);
                }
                "packs" => config.packs = folders(&mut fields, &pointer, str::to_owned),
                "delivery" => config.read_delivery(&mut fields, &pointer),
                "clusters" => config.clusters = fields.get(&pointer).cloned(),
                "display" => config.display = fields.get(&pointer).cloned(),
                // Accepting it without masking anything would be a promise that is not kept.
                "sensitive" if fields.says_something(&pointer) => {
                    let help = "remove it; values of Secrets are never shown";
                    fields.wrong(&pointer, "is not supported yet: nothing more would be masked".into(), help);
                }
                "sensitive" => {}
                _ => findings.push(stranger(document, &key, &pointer)),
            }
        }
        for key in ["clusters", "display"] {
            let pointer = format!("/{key}");
            if fields.says_something(&pointer) {
                let note = Diagnostic::warning("PK0111", format!("`{key}` has no effect yet"));
                findings.push(note.field(key).place(Some(fields.place(&pointer))));
            }
        }
        for (name, pack) in &config.packs {
            if !is_name(name) {
                let error = Diagnostic::error("PK0111", format!("`{name}` is no name for a pack"));
                let help = "use lower-case letters, digits, `-` and `.`";
                findings.push(error.place(Some(pack.place.clone())).help(help));
            }
        }
        config.packs.retain(|name, _| is_name(name));
        findings.extend(fields.errors);
        (config, findings)
    }

    /// The delivery of an Application.
    pub fn delivery_of(&self, namespace: &str, name: &str) -> Delivery {
        let own = self.delivery.get(&format!("{namespace}/{name}")).map(|setting| setting.value);
        own.or(self.delivery_default).unwrap_or_default()
    }

    /// The folder that stands for a repository.
    pub fn folder_of(&self, repo_url: &str) -> Option<&Setting<String>> {
        self.repositories.get(&normalized_url(repo_url))
    }

    fn read_delivery(&mut self, fields: &mut Fields<'_>, pointer: &str) {
        for (key, pointer) in fields.keys(pointer) {
            let delivery = match fields.text(&pointer).as_deref() {
                Some("direct") => Delivery::Direct,
                Some("argocd") => Delivery::Argocd,
                Some(_) => {
                    fields.wrong(&pointer, "must be `direct` or `argocd`".into(), "write one of the two");
                    continue;
                }
                None => continue,
            };
            if key == "default" {
                self.delivery_default = Some(delivery);
            } else if key.split('/').filter(|part| is_name(part)).count() == 2 && key.matches('/').count() == 1 {
                let setting = Setting { value: delivery, place: fields.place(&pointer) };
                self.delivery.insert(key, setting);
            } else {
                let what = "names no Application".into();
                fields.wrong(&pointer, what, "write `NAMESPACE/NAME` of the Application, or `default`");
            }
        }
    }
}

fn folders(fields: &mut Fields<'_>, pointer: &str, key_of: fn(&str) -> String) -> BTreeMap<String, Setting<String>> {
    let mut folders = BTreeMap::new();
    for (key, below) in fields.keys(pointer) {
        let Some(folder) = fields.text(&below) else { continue };
        let setting = Setting { value: folder, place: fields.place(&below) };
        if folders.insert(key_of(&key), setting).is_some() {
            fields.wrong(&below, "names a repository that is there already".into(), "keep one of the two");
        }
    }
    folders
}

/// Repositories whose URL carries a password or token. Neither is repeated.
fn credentials(fields: &mut Fields<'_>, pointer: &str) -> Vec<Diagnostic> {
    let keys = fields.keys(pointer);
    keys.into_iter()
        .filter(|(url, _)| has_credentials(url))
        .map(|(_, below)| {
            let error = Diagnostic::error(Config::CREDENTIAL, "the URL of a repository carries a credential");
            let help = "remove it and rotate it: everybody who can read the repository has seen it";
            error.field("repositories").place(Some(fields.place(&below))).help(help)
        })
        .collect()
}

/// Whether somebody's password or token stands before the host; `git@host` names a user that everybody has.
fn has_credentials(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':') || scheme.to_lowercase().starts_with("http"))
}

fn stranger(document: &Document, key: &str, pointer: &str) -> Diagnostic {
    let (code, message, help) = if ENVIRONMENT.contains(&key) {
        let help = "it belongs to the environment of the cluster: ConfigMap packctl-environment, or --environment FILE";
        let reached = "; how packctl itself reaches Keycloak: --keycloak-endpoint, --keycloak-username";
        let help = format!("{help}{}", if key == "keycloak" { reached } else { "" });
        ("PK0112", format!("`{key}` is no setting of packctl.yaml"), help)
    } else if TRUSTED.contains(&key) {
        let help = "a pull request could write it here; it belongs to a flag, an environment variable, --settings FILE or \
                    your own configuration folder";
        ("PK0112", format!("`{key}` is a trusted setting, not one of packctl.yaml"), help.to_owned())
    } else {
        let help = format!("the keys are {KEYS}; endpoints, credentials and limits belong to flags or --settings FILE");
        ("PK0110", format!("unknown key `{key}`"), help)
    };
    Diagnostic::error(code, message).field(key).place(Some(document.place(pointer))).help(help)
}

/// Whether a text is a name of Kubernetes (a DNS subdomain).
fn is_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            let bytes = label.as_bytes();
            let ends = |byte: Option<&u8>| byte.is_some_and(|byte| inner(*byte));
            ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(|byte| inner(*byte) || *byte == b'-')
        })
}

/// URLs that mean one repository are one text, as Argo CD compares them.
fn normalized_url(url: &str) -> String {
    let url = url.trim().to_lowercase();
    let url = match url.split_once(':') {
        // `git@host:path` is ssh.
        Some((host, path)) if host.contains('@') && !path.starts_with("//") => format!("ssh://{host}/{path}"),
        _ => url,
    };
    let url = url.trim_end_matches('/');
    url.strip_suffix(".git").unwrap_or(url).trim_start_matches("ssh://").to_owned()
}
