//! What a world does with a write: one list of cases, `testdata/contract.yaml`, for a snapshot's folder and the real servers.
//!
//! Here the snapshot; `real/contract.rs` runs the same cases on the servers, and holds what each object became against what the
//! snapshot made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use packctl::observed::{FieldSet, Live, ManagedEntry, ReadSet, World};
use packctl::provider::snapshot::Snapshot;
use packctl::provider::{Providers, Verb, Write, WriteError};
use packctl::resource::{Address, FieldPath, Secrets};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::packctl::root;

/// Where cases are run.
pub(crate) struct Ground {
    pub(crate) providers: Providers,
    pub(crate) secrets: Secrets,
    /// A namespace of the ground's own; names of clients begin with it.
    pub(crate) namespace: String,
    pub(crate) realm: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) case: String,
    /// `apiVersion Kind`.
    #[serde(default)]
    object: Option<String>,
    #[serde(default)]
    client: bool,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    pub(crate) loose: bool,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(default)]
    apply: Option<Value>,
    #[serde(default)]
    create: Option<Value>,
    #[serde(default)]
    hand_over: Option<Value>,
    #[serde(default)]
    finalizers: Option<Vec<String>>,
    #[serde(default)]
    delete: bool,
    #[serde(default)]
    by: Option<String>,
    #[serde(default)]
    force: bool,
    #[serde(default)]
    uid: Option<String>,
    #[serde(default)]
    version: Option<String>,
    gives: String,
    #[serde(default)]
    says: Option<String>,
    #[serde(default)]
    conflicts: BTreeMap<String, String>,
    #[serde(default)]
    after: BTreeMap<String, Value>,
    #[serde(default)]
    fields: BTreeMap<String, Option<BTreeSet<String>>>,
    #[serde(default)]
    updaters: Option<BTreeSet<String>>,
    /// Whether the client has a secret; `same`: that of the step before.
    #[serde(default)]
    secret: Option<Value>,
}

/// All cases.
pub(crate) fn cases() -> Vec<Case> {
    let text = fs::read_to_string(root().join("testdata/contract.yaml")).expect("the list of cases");
    serde_yaml::from_str(&text).expect("a list of cases")
}

#[tokio::test]
async fn a_snapshot_does_with_writes_what_the_cases_say() {
    let dir = tempfile::tempdir().expect("a folder");
    let ground = snapshot(dir.path(), "team", "nebari");
    let mut wrong = Vec::new();
    for (number, case) in cases().iter().enumerate() {
        if let Err(why) = run(&ground, case, number).await {
            wrong.push(format!("{}\n  {why}", case.case));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases().len(), wrong.join("\n"));
    // What was written is a snapshot that reads back as it was in memory.
    let again = Snapshot::open(dir.path(), "world", Secrets::default()).expect("a snapshot");
    let read = |providers: Providers| async move { providers.read(&everything()).await.objects.len() };
    let again = Arc::new(again);
    let again = Providers { kubernetes: again.clone(), keycloak: Ok(again) };
    assert_eq!(read(again).await, read(ground.providers).await);
}

fn everything() -> ReadSet {
    let mut set = ReadSet::default();
    set.list("", "ConfigMap").list("", "Secret").list("apps", "Deployment");
    set.list("gateway.networking.k8s.io", "HTTPRoute").list("gateway.networking.k8s.io", "Gateway").clients("nebari");
    set
}

/// A snapshot of a namespace and an empty realm.
pub(crate) fn snapshot(dir: &Path, namespace: &str, realm: &str) -> Ground {
    let put = |file: &str, text: &str| {
        let path = dir.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        fs::write(path, text).expect("it can be written");
    };
    put("version.json", "{}");
    put(
        &format!("kubernetes/core/Namespace/_cluster/{namespace}.yaml"),
        &format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n"),
    );
    put(&format!("keycloak/{realm}/clients/realm-management.json"), r#"{"clientId": "realm-management"}"#);
    let secrets = Secrets::default();
    let world = Arc::new(Snapshot::open(dir, "world", secrets.clone()).expect("a snapshot"));
    let providers = Providers { kubernetes: world.clone(), keycloak: Ok(world) };
    Ground { providers, secrets, namespace: namespace.into(), realm: realm.into() }
}

/// Runs a case; gives the object after each step, without what each world makes up. The error says what was not as expected.
pub(crate) async fn run(ground: &Ground, case: &Case, number: usize) -> Result<Vec<String>, String> {
    let namespace = case.namespace.as_deref().unwrap_or(&ground.namespace);
    let (api_version, address) = match &case.object {
        Some(object) => {
            let (api_version, kind) = object.split_once(' ').expect("apiVersion Kind");
            let group = api_version.split_once('/').map_or("", |(group, _)| group);
            (api_version, Address::namespaced(group, kind, namespace, &format!("case-{number}")))
        }
        None => {
            assert!(case.client, "{}: neither an object nor a client", case.case);
            ("keycloak", Address::client(&ground.realm, &format!("{}-case-{number}", ground.namespace)))
        }
    };
    let home = ground.look(&Address::cluster_scoped("", "Namespace", &ground.namespace)).await;
    let home_uid = home.map(|home| home.uid).unwrap_or_default();
    let mut first = None;
    let mut before = ground.look(&address).await;
    let mut told = Vec::new();
    for (position, step) in case.steps.iter().enumerate() {
        let verb = ground.verb(&address, api_version, step, before.as_ref(), first.as_deref(), &home_uid);
        let write = Write { address: address.clone(), api_version: api_version.into(), verb };
        let result = ground.providers.write(&write).await;
        let after = ground.look(&address).await;
        let wrong = |what: String| format!("step {}: {what}", position + 1);
        let (gave, why) = outcome(&result, before.as_ref(), after.as_ref());
        if gave != step.gives {
            return Err(wrong(format!("it gives {gave} instead of {}: {why}", step.gives)));
        }
        let says = step.says.as_ref().map(|says| says.replace("NAME", &address.name));
        if let Some(says) = says.filter(|says| !why.contains(says.as_str())) {
            return Err(wrong(format!("it does not say {says:?}: {why}")));
        }
        let conflicts = conflicts(&result);
        if conflicts != step.conflicts {
            return Err(wrong(format!("conflicts {conflicts:?} instead of {:?}", step.conflicts)));
        }
        step.check(before.as_ref(), after.as_ref(), &home_uid).map_err(wrong)?;
        first = first.or_else(|| after.as_ref().map(|live| live.version.clone()));
        let text = comparable(after.as_ref()).to_string();
        let known = [(home_uid.as_str(), "NAMESPACE-UID"), (&ground.namespace, "NAMESPACE")];
        told.push(known.iter().fold(text, |text, (from, to)| text.replace(from, to)));
        before = after;
    }
    Ok(told)
}

impl Ground {
    async fn look(&self, address: &Address) -> Option<Live> {
        let mut set = ReadSet::default();
        set.object(address.clone());
        let mut world = World::default();
        world.absorb(self.providers.read(&set).await);
        world.get(address).live().cloned()
    }

    fn verb(
        &self,
        address: &Address,
        api_version: &str,
        step: &Step,
        before: Option<&Live>,
        first: Option<&str>,
        home_uid: &str,
    ) -> Verb {
        let uid = step.uid.as_deref().map(|uid| match (uid, before) {
            ("live", Some(live)) => live.uid.clone(),
            (text, _) => text.to_owned(),
        });
        let version = step.version.as_deref().map(|version| match (version, before, first) {
            ("live", Some(live), _) => live.version.clone(),
            ("first", _, Some(first)) => first.to_owned(),
            (text, ..) => text.to_owned(),
        });
        if step.delete {
            return Verb::Delete { uid: uid.unwrap_or_default(), version: version.unwrap_or_default() };
        }
        let expected = || {
            let live = |given: &Option<String>, live: fn(&Live) -> String| given.clone().or_else(|| before.map(live));
            let (uid, version) = (live(&uid, |live| live.uid.clone()), live(&version, |live| live.version.clone()));
            (uid.unwrap_or_default(), version.unwrap_or_default())
        };
        if let Some(managed_fields) = step.hand_over.clone() {
            let (uid, version) = expected();
            return Verb::HandOver { managed_fields, uid, version };
        }
        if let Some(finalizers) = step.finalizers.clone() {
            let (uid, version) = expected();
            return Verb::Finalizers { finalizers, uid, version };
        }
        let body = step.apply.as_ref().or(step.create.as_ref());
        let mut body = body.cloned().expect("a step applies, creates, hands over or deletes");
        self.fill_in(&mut body, home_uid);
        if !address.is_keycloak() {
            body["apiVersion"] = api_version.into();
            body["kind"] = address.kind.as_str().into();
            if body.get("metadata").is_none() {
                body["metadata"] = json!({});
            }
            body["metadata"]["name"] = address.name.as_str().into();
            body["metadata"]["namespace"] = address.namespace.as_deref().into();
        }
        let manager = step.by.clone().unwrap_or_else(|| "one".into());
        match step.create {
            Some(_) => Verb::Create { body, manager },
            None => Verb::Apply { body, manager, force: step.force, uid, version },
        }
    }

    /// Puts what a case cannot know in its place.
    fn fill_in(&self, value: &mut Value, home_uid: &str) {
        match value {
            Value::String(text) if text.ends_with("SECRET") => {
                *text = self.secrets.intern(format!("canary of {text}").as_bytes()).placeholder();
            }
            Value::String(text) if text == "NAMESPACE-UID" => *text = home_uid.to_owned(),
            Value::String(text) if text == "NAMESPACE" => text.clone_from(&self.namespace),
            Value::Array(items) => items.iter_mut().for_each(|item| self.fill_in(item, home_uid)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.fill_in(value, home_uid)),
            _ => {}
        }
    }
}

fn outcome(
    result: &Result<packctl::provider::Written, WriteError>,
    before: Option<&Live>,
    after: Option<&Live>,
) -> (&'static str, String) {
    match result {
        Ok(written) => {
            let gives = match (&written.live, before, after) {
                (Some(_), ..) if written.created => "created",
                (None, _, Some(after)) if after.leaving => "leaving",
                (None, ..) => "gone",
                (_, Some(before), Some(after)) if same(before, after) => "unchanged",
                _ => "updated",
            };
            (gives, String::new())
        }
        Err(error) => {
            let gives = match error {
                WriteError::Conflict(_) => "conflict",
                WriteError::Changed(_) => "changed",
                WriteError::NotFound(_) => "not found",
                WriteError::Forbidden(_) => "forbidden",
                WriteError::Rejected(_) => "rejected",
                WriteError::Unavailable(_) => "unavailable",
                WriteError::Unlocked(_) => "unlocked",
                WriteError::OutcomeUnknown(_) => "unknown",
            };
            (gives, error.to_string())
        }
    }
}

fn same(before: &Live, after: &Live) -> bool {
    if before.address.is_keycloak() {
        comparable(Some(before)) == comparable(Some(after))
    } else {
        before.version == after.version
    }
}

fn conflicts(result: &Result<packctl::provider::Written, WriteError>) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    if let Err(WriteError::Conflict(conflicts)) = result {
        for conflict in conflicts {
            found.entry(conflict.field.clone()).or_default().insert(&conflict.manager);
        }
    }
    found.into_iter().map(|(field, managers)| (field, managers.into_iter().collect::<Vec<_>>().join(", "))).collect()
}

impl Step {
    fn check(&self, before: Option<&Live>, after: Option<&Live>, home_uid: &str) -> Result<(), String> {
        for (pointer, expected) in &self.after {
            let found = after.and_then(|live| live.value().pointer(pointer)).unwrap_or(&Value::Null);
            if as_set(pointer, found) != as_set(pointer, expected) {
                return Err(format!("{pointer} is {found} instead of {expected}"));
            }
        }
        let entries = after.map(managed).unwrap_or_default();
        for (manager, expected) in &self.fields {
            let entry = entries.iter().find(|entry| entry.manager == *manager && entry.is_apply());
            let found = entry.map(|entry| worded(&entry.fields));
            let replaced = |field: &String| field.replace("NAMESPACE-UID", home_uid);
            let expected = expected.as_ref().map(|fields| fields.iter().map(replaced).collect());
            if found != expected {
                return Err(format!("{manager} has {found:?} instead of {expected:?}"));
            }
        }
        if let Some(expected) = &self.updaters {
            let updaters = entries.iter().filter(|entry| !entry.is_apply());
            let found: BTreeSet<String> = updaters.map(|entry| entry.manager.clone()).collect();
            if found != *expected {
                return Err(format!("updaters are {found:?} instead of {expected:?}"));
            }
        }
        let secret = |live: Option<&Live>| live.and_then(|live| live.text("/secret")).map(str::to_owned);
        match &self.secret {
            Some(Value::Bool(wanted)) if secret(after).is_some() != *wanted => {
                Err(format!("its secret is there: {}", !wanted))
            }
            Some(Value::String(_)) if secret(after) != secret(before) => Err("its secret is another one".into()),
            _ => Ok(()),
        }
    }
}

/// Lists that have no order on the real server.
fn as_set(pointer: &str, value: &Value) -> Value {
    let is_set = ["/redirectUris", "/webOrigins", "/defaultClientScopes", "/optionalClientScopes"].contains(&pointer);
    match value {
        Value::Array(items) if is_set => {
            items.iter().map(Value::to_string).collect::<BTreeSet<_>>().into_iter().collect()
        }
        other => other.clone(),
    }
}

fn managed(live: &Live) -> Vec<ManagedEntry> {
    let object: Value = serde_json::from_str(live.raw()).unwrap_or_default();
    let entries = object.pointer("/metadata/managedFields").cloned().unwrap_or_else(|| json!([]));
    serde_json::from_value(entries).expect("managedFields")
}

/// The fields of a set, as the API server words them.
fn worded(fields: &FieldSet) -> BTreeSet<String> {
    fields.members().iter().map(FieldPath::worded).collect()
}

/// An object without what each world makes up: ids, versions, times, secrets, statuses.
fn comparable(live: Option<&Live>) -> Value {
    let Some(live) = live else { return Value::Null };
    let mut object: Value = serde_json::from_str(live.raw()).unwrap_or_default();
    let fields = object.as_object_mut().expect("an object");
    // The kinds of Go have fields that are always written.
    fields.retain(|name, value| name != "status" && !value.is_null());
    if live.address.is_keycloak() {
        for made_up in ["id", "secret", "access", "registrationAccessToken"] {
            fields.remove(made_up);
        }
        if let Some(attributes) = fields.get_mut("attributes").and_then(Value::as_object_mut) {
            attributes.remove("client.secret.creation.time");
        }
        for mapper in fields.get_mut("protocolMappers").and_then(Value::as_array_mut).into_iter().flatten() {
            mapper.as_object_mut().expect("a mapper").remove("id");
        }
        for list in ["redirectUris", "webOrigins", "defaultClientScopes", "optionalClientScopes"] {
            if let Some(value) = fields.get_mut(list) {
                *value = as_set(&format!("/{list}"), value);
            }
        }
        return object;
    }
    let metadata = fields.get_mut("metadata").and_then(Value::as_object_mut).expect("metadata");
    for made_up in ["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp"] {
        if let Some(value) = metadata.get_mut(made_up) {
            *value = "made up".into();
        }
    }
    if let Some(entries) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) {
        // In the order of their times otherwise, which are seconds.
        entries.sort_by_key(|entry| (entry["operation"].to_string(), entry["manager"].to_string()));
        entries.retain(|entry| entry["subresource"].is_null());
        for entry in entries {
            entry.as_object_mut().expect("an entry").remove("time");
        }
    }
    object
}
