//! Reading a snapshot's folder. Every broken file is an error of its own, with its line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::complete::complete;
use super::contents::Contents;
use super::coverage::Gaps;
use super::folder::{BROKEN, Folder, MISPLACED, MISSING, NOT_SECRET, UNSERVED};
use super::store::Store;
use super::{Snapshot, State, layout, secrets};
use crate::diagnostic::Diagnostic;
use crate::observed::{KindInfo, Kinds};
use crate::resource::{Address, Secrets};
use crate::schema::Schemas;

/// `version.json`. The user and the time are not in it: two recordings of one world are the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    /// Version of the packctl that recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) packctl: Option<String>,
    /// The API server's URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) server: Option<String>,
    /// The API server's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kubernetes: Option<String>,
}

/// One line of `apis.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Api {
    pub(super) group: String,
    pub(super) kind: String,
    pub(super) version: String,
    pub(super) plural: String,
    pub(super) namespaced: bool,
}

pub(super) fn open(dir: &Path, shown: &str, secrets: &Secrets) -> Result<Snapshot, Vec<Diagnostic>> {
    let mut folder = Folder::new(dir, shown, secrets);
    let about = folder.json::<About>(layout::VERSION).unwrap_or_default();
    let kinds = folder.json::<Vec<Api>>(layout::APIS).map_or_else(Kinds::platform, |apis| {
        let info = |api: &Api| KindInfo {
            version: api.version.clone(),
            plural: api.plural.clone(),
            namespaced: api.namespaced,
        };
        Kinds(apis.iter().map(|api| ((api.group.clone(), api.kind.clone()), info(api))).collect())
    });
    folder.top();
    let gaps = folder.gaps();
    let environment = folder.text(layout::ENVIRONMENT).map(|(file, text)| (file.to_string(), text));
    let crds = folder.crds();
    let mut objects = BTreeMap::new();
    folder.kubernetes(&kinds, &mut objects);
    let realms = folder.keycloak(&mut objects);
    if !folder.errors.is_empty() {
        folder.errors.sort();
        return Err(folder.errors);
    }
    let mut schemas = Schemas::default();
    crds.iter().for_each(|crd| schemas.add_crd(crd));
    let objects = complete(objects, &kinds, &schemas);
    let store = Store::new(dir, shown, folder.files, folder.written);
    let contents = Contents { kinds: kinds.clone(), gaps, realms, objects };
    Ok(Snapshot {
        shown: shown.into(),
        about,
        kinds,
        schemas,
        environment,
        crds,
        secrets: secrets.clone(),
        clock: jiff::Timestamp::now,
        state: Arc::new(Mutex::new(State { contents, store })),
    })
}

type Objects = BTreeMap<Address, Value>;

impl Folder<'_> {
    fn top(&mut self) {
        let names = self.names("");
        for name in names.iter().filter(|name| !layout::ENTRIES.contains(&name.as_str()) && *name != "README.md") {
            let help = format!("a snapshot's folder holds {}", layout::ENTRIES.join(", "));
            self.error_with_help(MISPLACED, self.start(name), format!("a snapshot has no `{name}`"), &help);
        }
        let world = [layout::VERSION, layout::KUBERNETES, layout::KEYCLOAK];
        if self.errors.is_empty() && !names.iter().any(|name| world.contains(&name.as_str())) {
            let help = "name a folder that `packctl snapshot --out` wrote, or begin one with a `version.json` of `{}`";
            self.error_with_help(MISSING, self.start(""), "the folder holds no snapshot", help);
        }
    }

    fn gaps(&mut self) -> Gaps {
        let Some(value) = self.json::<Value>(layout::COVERAGE) else { return Gaps::default() };
        Gaps::read(&value).unwrap_or_else(|message| {
            self.error(BROKEN, self.start(layout::COVERAGE), message);
            Gaps::default()
        })
    }

    fn crds(&mut self) -> Vec<Value> {
        let mut crds = Vec::new();
        for name in self.names(layout::CRDS) {
            let relative = format!("{}/{name}", layout::CRDS);
            let Some((text, value)) = self.value(&relative) else { continue };
            if value.get("kind").and_then(Value::as_str) == Some("CustomResourceDefinition") {
                crds.push(value);
            } else {
                self.error(BROKEN, self.place(&relative, &text, "/kind"), "not a CustomResourceDefinition");
            }
        }
        crds
    }

    fn kubernetes(&mut self, kinds: &Kinds, objects: &mut Objects) {
        for group_folder in self.folders(layout::KUBERNETES) {
            for kind_folder in self.folders(&group_folder) {
                let (Some(group), Some(kind)) = (last(&group_folder), last(&kind_folder)) else { continue };
                let group = if group == layout::CORE { String::new() } else { group };
                let Some(info) = kinds.get(&group, &kind) else {
                    let message = format!("the snapshot serves no kind {kind} in the group {group:?}");
                    let help = "list every kind of the cluster in apis.json, or take the folder out";
                    self.error_with_help(UNSERVED, self.start(&kind_folder), message, help);
                    continue;
                };
                for folder in self.folders(&kind_folder) {
                    for name in self.names(&folder) {
                        self.object(&format!("{folder}/{name}"), (&group, &kind, info), objects);
                    }
                }
            }
        }
    }

    fn object(&mut self, relative: &str, (group, kind, info): (&str, &str, &KindInfo), objects: &mut Objects) {
        let mut parts = relative.rsplit('/');
        let (file, folder) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let Some((stem, "yaml" | "yml" | "json")) = file.rsplit_once('.') else {
            self.error(MISPLACED, self.start(relative), "neither .yaml nor .json");
            return;
        };
        let Some((text, value)) = self.value(relative) else { return };
        let read = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (name, namespace) = (read("/metadata/name"), read("/metadata/namespace"));
        let version = if group.is_empty() { info.version.clone() } else { format!("{group}/{}", info.version) };
        let mut expected = Vec::new();
        for (pointer, wanted) in [("/apiVersion", version.as_str()), ("/kind", kind)] {
            if read(pointer) != wanted {
                expected.push((pointer, format!("`{wanted}`")));
            }
        }
        if !layout::means(stem, &name) {
            expected.push(("/metadata/name", format!("that of the file, `{}`", shown(stem))));
        }
        match (info.namespaced, folder == layout::CLUSTER) {
            (true, true) => {
                let message = format!("a {kind} is in a namespace: its file belongs in the folder of that name");
                self.error(MISPLACED, self.place(relative, &text, "/metadata/namespace"), message);
                return;
            }
            (false, false) => {
                let message = format!("a {kind} is in no namespace: its file belongs in `{}`", layout::CLUSTER);
                self.error(MISPLACED, self.place(relative, &text, "/kind"), message);
                return;
            }
            (true, false) if !layout::means(folder, &namespace) => {
                expected.push(("/metadata/namespace", format!("that of the folder, `{}`", shown(folder))));
            }
            (false, true) if !namespace.is_empty() => {
                expected.push(("/metadata/namespace", format!("absent: a {kind} is in none")));
            }
            (true, false) | (false, true) => {}
        }
        if !expected.is_empty() {
            for (pointer, expected) in expected {
                self.disagrees(relative, &text, &value, pointer, &expected);
            }
            return;
        }
        let address = if info.namespaced {
            Address::namespaced(group, kind, &namespace, &name)
        } else {
            Address::cluster_scoped(group, kind, &name)
        };
        self.keep(relative, &text, address, value, objects);
    }

    /// A field that says something else than the file's path.
    fn disagrees(&mut self, relative: &str, text: &str, value: &Value, pointer: &str, expected: &str) {
        let key = pointer.rsplit('/').next().unwrap_or_default();
        let found = match value.pointer(pointer).and_then(Value::as_str) {
            Some(found) => format!("is `{found}`"),
            None => "is missing".into(),
        };
        let place = self.place(relative, text, pointer);
        self.error(MISPLACED, place, format!("`{key}` {found}, must be {expected}"));
    }

    fn keycloak(&mut self, objects: &mut Objects) -> BTreeSet<String> {
        let mut realms = BTreeSet::new();
        for realm_folder in self.folders(layout::KEYCLOAK) {
            let Some(realm) = last(&realm_folder) else { continue };
            for folder in self.folders(&realm_folder) {
                if !folder.ends_with(&format!("/{}", layout::CLIENTS)) {
                    self.error(
                        MISPLACED,
                        self.start(&folder),
                        "snapshots hold a realm's clients and nothing else of it",
                    );
                    continue;
                }
                for name in self.names(&folder) {
                    self.client(&format!("{folder}/{name}"), &realm, objects);
                }
            }
            realms.insert(realm);
        }
        realms
    }

    fn client(&mut self, relative: &str, realm: &str, objects: &mut Objects) {
        let file = relative.rsplit('/').next().unwrap_or_default();
        let Some(stem) = file.strip_suffix(".json") else {
            self.error(MISPLACED, self.start(relative), "not .json");
            return;
        };
        let Some((text, value)) = self.value(relative) else { return };
        let id = value.get("clientId").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !layout::means(stem, &id) {
            let expected = format!("that of the file, `{}`", shown(stem));
            self.disagrees(relative, &text, &value, "/clientId", &expected);
            return;
        }
        self.keep(relative, &text, Address::client(realm, &id), value, objects);
    }

    fn keep(&mut self, relative: &str, text: &str, address: Address, mut value: Value, objects: &mut Objects) {
        for (pointer, wrong) in secrets::take_in(&address, &mut value, self.secrets, &mut self.written) {
            let key = pointer.rsplit('/').next().unwrap_or_default();
            self.error(NOT_SECRET, self.place(relative, text, &pointer), format!("`{key}` {wrong}"));
        }
        self.files.insert(address.clone(), relative.into());
        if objects.insert(address.clone(), value).is_some() {
            self.error(MISPLACED, self.start(relative), format!("{address} stands in two files"));
        }
    }
}

fn last(folder: &str) -> Option<String> {
    layout::decode(folder.rsplit('/').next()?)
}

fn shown(stem: &str) -> String {
    layout::decode(stem).unwrap_or_else(|| stem.into())
}
