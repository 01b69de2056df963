//! A pack's own objects, its namespace and its record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::desired::{Desired, PackInfo};
use crate::api::{UnknownFields, unknown};
use crate::diagnostic::{Diagnostic, Severity};
use crate::observed::World;
use crate::render::Pack;
use crate::resource::{Address, Cause, FieldPath, Hand, PackId, Resource};
use crate::yaml::Document;

/// Key of the record: the kinds that the pack may have objects of, a line `GROUP/KIND` each.
pub(crate) const KINDS: &str = "kinds";

/// The kinds of a record, as (group, kind).
pub(crate) fn recorded_kinds(record: &Value) -> BTreeSet<(String, String)> {
    let text = record.pointer("/data/kinds").and_then(Value::as_str).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.rsplit_once('/'))
        .map(|(group, kind)| (if group == "core" { String::new() } else { group.to_owned() }, kind.to_owned()))
        .collect()
}

/// The text of a record's kinds.
pub(crate) fn kinds_text(kinds: &BTreeSet<(String, String)>) -> String {
    kinds.iter().map(|(group, kind)| format!("{}/{kind}\n", if group.is_empty() { "core" } else { group })).collect()
}

/// Adds a pack: its Namespace entry, its record, and its objects with the pack's marks. Returns its documents of NebariApps.
pub(super) fn add<'p>(
    pack: &'p Pack,
    cluster: &str,
    unknown_fields: UnknownFields,
    world: &World,
    desired: &mut Desired,
) -> Vec<(&'p Document, Address)> {
    let id = PackId { cluster: cluster.into(), namespace: pack.id_namespace.clone(), name: pack.name.clone() };
    if let Some(finding) = other_source(&id, pack, world) {
        desired.diagnostics.push(finding);
        return Vec::new();
    }
    let errors = desired.errors();
    let mut apps = Vec::new();
    let mut kinds = BTreeSet::new();
    let mut objects = 0;
    for document in &pack.documents {
        let found = object(document, pack.destination.as_deref(), unknown_fields, world, desired);
        let Some((address, mut resource)) = found else { continue };
        kinds.insert((address.group.clone(), address.kind.clone()));
        objects += 1;
        resource.pack = Some(id.clone());
        mark(&mut resource.body.value, &id);
        if address.as_app().is_some() {
            apps.push((document, address.clone()));
        }
        want(resource, document, desired);
    }
    let Some(namespace) = home(pack, world) else {
        desired.diagnostics.push(
            Diagnostic::error(
                "PK0301",
                format!("pack {}/{} names no namespace and none of its objects does", id.namespace, id.name),
            )
            .place(Some(pack.place.clone()))
            .help("set `spec.destination.namespace` of the Application, or `metadata.namespace` of an object"),
        );
        return Vec::new();
    };
    let address = Address::namespaced("", "ConfigMap", &namespace, &id.record_name());
    let recorded = world.get(&address).live().map(|live| recorded_kinds(live.value())).unwrap_or_default();
    // What could not be read may still be there, and only the record leads back to it.
    kinds.extend(recorded.into_iter().filter(|(group, kind)| world.gap_of_kind(group, kind, PackId::MARK).is_some()));
    if desired.errors() > errors {
        // What was not understood may stand for kinds that the record has; nothing is forgotten because of a mistake.
        kinds.extend(world.get(&address).live().map(|live| recorded_kinds(live.value())).unwrap_or_default());
    }
    let record = record(&id, pack, &namespace, &kinds);
    let live = world.get(&record.address).live();
    let info = PackInfo {
        place: Some(pack.place.clone()),
        before: live.and_then(|live| live.text("/data/version")).map(str::to_owned),
        after: Some(pack.version.clone()),
        objects,
        namespace: namespace.clone(),
    };
    if let Some(entry) = &pack.namespace {
        let address = Address::cluster_scoped("", "Namespace", &namespace)
            .with_entry("metadata", &format!("{}/{}", id.namespace, id.name));
        let resource = Resource {
            address: address.clone(),
            api_version: "v1".into(),
            body: json!({"metadata": {"labels": entry.labels, "annotations": entry.annotations}}).into(),
            owner: None,
            hand: Hand::entry(&id.to_string(), "namespace"),
            app: None,
            pack: Some(id.clone()),
            causes: BTreeMap::from([(FieldPath::default(), Cause::Input(entry.place.clone()))]),
        };
        desired.wanted.insert(address, Arc::new(resource));
    }
    desired.wanted.insert(record.address.clone(), Arc::new(record));
    desired.packs.insert(id, info);
    apps
}

/// The namespace of a pack's record: its destination, else that of its first object.
fn home(pack: &Pack, world: &World) -> Option<String> {
    let first = || pack.documents.iter().find_map(|document| document.address(None, &world.kinds)?.namespace);
    pack.destination.clone().or_else(first)
}

/// Where a pack's record is, or will be.
pub(crate) fn record_address(pack: &Pack, cluster: &str, world: &World) -> Option<Address> {
    let id = PackId { cluster: cluster.into(), namespace: pack.id_namespace.clone(), name: pack.name.clone() };
    Some(Address::namespaced("", "ConfigMap", &home(pack, world)?, &id.record_name()))
}

/// A pack is its name; the same name from another source would delete the first one's objects.
fn other_source(id: &PackId, pack: &Pack, world: &World) -> Option<Diagnostic> {
    let name = id.record_name();
    let record = world.of_kind("", "ConfigMap").find(|live| live.address.name == name)?;
    let source = record.text("/data/source").filter(|source| *source != pack.source)?;
    let message =
        format!("pack {}/{} was delivered from {source}, the input says {}", id.namespace, id.name, pack.source);
    Some(
        Diagnostic::error("PK0312", message)
            .object(&record.address)
            .place(Some(pack.place.clone()))
            .help("give the new pack another name, or `packctl destroy` the old one first"),
    )
}

/// A manifest as a desired resource; what cannot be one is a finding.
pub(super) fn object(
    document: &Document,
    default_namespace: Option<&str>,
    unknown_fields: UnknownFields,
    world: &World,
    desired: &mut Desired,
) -> Option<(Address, Resource)> {
    let text = |pointer: &str| document.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("/apiVersion"), text("/kind"));
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let finding = match world.kinds.get(group, kind) {
        _ if kind.is_empty() || api_version.is_empty() || text("/metadata/name").is_empty() => {
            Diagnostic::error("PK0302", "not a Kubernetes object: `apiVersion`, `kind` and `metadata.name` are needed")
                .help("complete the manifest, or keep files that are no manifests out of the folder")
        }
        None => Diagnostic::error("PK0303", format!("the cluster does not know the kind {kind} of `{api_version}`"))
            .help("install the CustomResourceDefinition first, or correct `apiVersion` and `kind`"),
        Some(info) if info.version != version => Diagnostic::error(
            "PK0304",
            format!("the cluster serves {kind} as `{}`, the manifest says `{version}`", info.version),
        )
        .help("other versions of a kind are not supported yet; write the served one"),
        Some(info) if info.namespaced && default_namespace.is_none() && text("/metadata/namespace").is_empty() => {
            Diagnostic::error("PK0305", format!("{kind}/{} names no namespace", text("/metadata/name")))
                .help("set `metadata.namespace`")
        }
        Some(_) => {
            let address = document.address(default_namespace, &world.kinds)?;
            let mut body = declared(document, &address);
            if let Some(schema) = world.schemas.get(group, kind) {
                let (findings, pointers) = unknown(document, &address.short(), schema, unknown_fields);
                let refused = findings.iter().any(|found| found.severity == Severity::Error);
                desired.diagnostics.extend(findings.into_iter().map(|found| Diagnostic {
                    object: Some(address.clone()),
                    app: address.as_app(),
                    ..found
                }));
                // An error stops an app as a whole, by its name; another object is not wanted at all.
                if refused && address.as_app().is_none() {
                    return None;
                }
                pointers.iter().for_each(|pointer| crate::schema::remove(&mut body, pointer));
            }
            let causes = BTreeMap::from([(FieldPath::default(), Cause::Input(document.place("")))]);
            let app = address.as_app();
            let resource = Resource {
                address: address.clone(),
                api_version: api_version.into(),
                body: body.into(),
                owner: None,
                hand: Hand::Whole,
                app,
                pack: None,
                causes,
            };
            return Some((address, resource));
        }
    };
    desired.diagnostics.push(finding.place(Some(document.place("/kind"))));
    None
}

/// What a manifest asks for: nothing that the control plane writes.
fn declared(document: &Document, address: &Address) -> Value {
    let mut value = document.value.clone();
    let aggregated = address.kind == "ClusterRole" && value.get("aggregationRule").is_some_and(|rule| !rule.is_null());
    if let Some(body) = value.as_object_mut() {
        body.remove("status");
        if aggregated {
            // The control plane overwrites them with the sum of the selected roles.
            body.remove("rules");
        }
    }
    value
}

/// Adds a manifest's resource; an address that two manifests claim is a finding at both.
pub(super) fn want(resource: Resource, document: &Document, desired: &mut Desired) {
    let address = resource.address.clone();
    if let Some(first) = desired.wanted.get(&address) {
        let mut finding = Diagnostic::error("PK0306", format!("{} is declared twice in the inputs", address.short()))
            .object(&address)
            .place(Some(document.place("/metadata")))
            .help(match first.place() {
                Some(place) => format!("the other one is at {place}; keep one of them"),
                None => "keep one of them".into(),
            });
        finding.app = address.as_app();
        desired.diagnostics.push(finding);
        return;
    }
    desired.wanted.insert(address, Arc::new(resource));
}

fn mark(body: &mut Value, id: &PackId) {
    let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    for (map, value) in [("labels", id.hash()), ("annotations", id.to_string())] {
        let map = metadata.entry(map).or_insert_with(|| json!({}));
        if map.is_null() {
            *map = json!({});
        }
        map[PackId::MARK] = json!(value);
    }
}

fn record(id: &PackId, pack: &Pack, namespace: &str, kinds: &BTreeSet<(String, String)>) -> Resource {
    let mut body = json!({
        "metadata": {"labels": {"app.kubernetes.io/managed-by": "packctl"}},
        "data": {
            "identity": id.to_string(),
            "source": pack.source,
            "version": pack.version,
            KINDS: kinds_text(kinds),
        },
    });
    mark(&mut body, id);
    Resource {
        address: Address::namespaced("", "ConfigMap", namespace, &id.record_name()),
        api_version: "v1".into(),
        body: body.into(),
        owner: None,
        hand: Hand::Whole,
        app: None,
        pack: Some(id.clone()),
        causes: BTreeMap::from([(FieldPath::default(), Cause::Input(pack.place.clone()))]),
    }
}
