//! A world as objects by address, in which only packctl writes: what the servers would hold after each of its writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use futures::executor::block_on;
use packctl::api::{Environment, UnknownFields};
use packctl::check::check;
use packctl::derive::{Inputs, derive};
use packctl::diff::wire_body;
use packctl::graph;
use packctl::observe;
use packctl::observed::World;
use packctl::plan::{Act, Answers, Plan, Step, plan};
use packctl::provider::Providers;
use packctl::provider::snapshot::Snapshot;
use packctl::resource::{Address, Hand, Resource, Secrets, Side, Unknown};
use packctl::yaml::{self, Document};
use serde_json::{Value, json};

use super::shape::Shape;

/// What the client gets from Keycloak where nobody gives it a secret.
const GENERATED: &str = "packctl-secret:900";

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Model(BTreeMap<Address, Arc<Value>>);

impl Model {
    /// Gateways, namespaces, Services, Secrets of others, a realm: no app.
    pub(crate) fn ground() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/scenarios");
        let folder = tempfile::tempdir().expect("a folder can be made");
        for ground in ["_ground/world", "_shapes/world"] {
            crate::scenarios::copy(&root.join(ground), folder.path());
        }
        let snapshot = Snapshot::open(folder.path(), "ground", Secrets::default()).expect("a snapshot");
        let (file, text) = snapshot.environment_text().expect("an environment");
        let environment = yaml::read_typed(&file.into(), &text).expect("an environment");
        let world = seen(&snapshot, &environment, &[]);
        let plain = |live: &packctl::observed::Live| {
            let mut value = live.value().clone();
            for made in ["uid", "resourceVersion", "generation", "managedFields"] {
                if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
                    metadata.remove(made);
                }
            }
            (live.address.clone(), value.into())
        };
        Self(world.objects().map(plain).collect())
    }

    pub(crate) fn get(&self, address: &Address) -> Option<&Value> {
        self.0.get(&address.object()).map(|value| &**value)
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.0.keys()
    }

    pub(crate) fn forget(&mut self, address: &Address) {
        self.0.remove(address);
    }

    /// The objects that are not the same in both: secrets by their kind alone.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let addresses: std::collections::BTreeSet<&Address> = self.0.keys().chain(other.0.keys()).collect();
        let differ =
            |address: &&&Address| self.get(address).map(without_numbers) != other.get(address).map(without_numbers);
        addresses.iter().filter(differ).map(|address| address.short()).collect()
    }

    /// The world as a reader has it.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.snapshot_with(Secrets::default())
    }

    fn snapshot_with(&self, secrets: Secrets) -> Snapshot {
        let folder = tempfile::tempdir().expect("a folder can be made");
        self.save(folder.path());
        Snapshot::open(folder.path(), "model", secrets).expect("a snapshot")
    }

    /// The realms alone, every client that they made having this secret.
    pub(crate) fn realms(&self, secret: &str, secrets: Secrets) -> Snapshot {
        let mut realms = self.clone();
        realms.0.retain(|address, _| address.is_keycloak());
        for client in realms.0.values_mut().filter(|client| client["secret"] == GENERATED) {
            Arc::make_mut(client)["secret"] = secret.into();
        }
        realms.snapshot_with(secrets)
    }

    fn save(&self, folder: &Path) {
        fs::write(folder.join("version.json"), "{}").expect("it can be written");
        for (address, value) in &self.0 {
            let path = match &address.side {
                Side::Keycloak { realm } => folder.join(format!("keycloak/{realm}/clients/{}.json", address.name)),
                Side::Kubernetes => {
                    let group = if address.group.is_empty() { "core" } else { &address.group };
                    let namespace = address.namespace.as_deref().unwrap_or("_cluster");
                    folder.join(format!("kubernetes/{group}/{}/{namespace}/{}.json", address.kind, address.name))
                }
            };
            fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder can be made");
            fs::write(path, value.to_string()).expect("it can be written");
        }
    }

    /// Does what a step does.
    pub(crate) fn step(&mut self, step: &Step) {
        let address = &step.address;
        match &step.act {
            Act::Nothing | Act::Finalize => {}
            Act::Apply { resource, .. } => self.apply(resource),
            Act::Delete => {
                self.0.remove(address);
            }
            Act::Release { .. } => {
                let key = address.entry.as_ref().map(|entry| entry.key.clone()).unwrap_or_default();
                self.listeners(address).retain(|listener| listener["name"] != *key);
            }
        }
    }

    fn apply(&mut self, resource: &Resource) {
        let address = &resource.address;
        match &resource.hand {
            Hand::Whole => {
                let mut body = wire_body(resource, Some(""));
                // The uid is the address's own.
                if let Some(owner) = body.pointer_mut("/metadata/ownerReferences/0").and_then(Value::as_object_mut) {
                    owner.remove("uid");
                }
                for (path, Unknown::SecretOf(client)) in &resource.body.unknown {
                    assert_eq!(path.to_string(), "data.client-secret");
                    body["data"]["client-secret"] = self.0[client]["secret"].clone();
                }
                self.0.insert(address.clone(), body.into());
            }
            Hand::Entry { .. } => {
                let entry = resource.body.value["spec"]["listeners"][0].clone();
                let listeners = self.listeners(address);
                match listeners.iter_mut().find(|listener| listener["name"] == entry["name"]) {
                    Some(listener) => *listener = entry,
                    None => listeners.push(entry),
                }
            }
            Hand::Record => {
                let mut client = self.get(address).cloned().unwrap_or_else(|| json!({"secret": GENERATED}));
                for (key, value) in resource.body.value.as_object().into_iter().flatten() {
                    client[key] = value.clone();
                }
                self.0.insert(address.clone(), client.into());
            }
        }
    }

    fn listeners(&mut self, address: &Address) -> &mut Vec<Value> {
        let gateway = self.0.get_mut(&address.object()).expect("the Gateway is there");
        Arc::make_mut(gateway)["spec"]["listeners"].as_array_mut().expect("it has listeners")
    }
}

/// The plan for one shape in a world.
pub(super) fn plan_for(shape: &Shape, snapshot: &Snapshot) -> Plan {
    let (environment, document) = (shape.environment(), [shape.document()]);
    plan_in(&seen(snapshot, &environment, &document), &environment, &document)
}

/// The plan for documents in a world.
pub(crate) fn plan_in(world: &World, environment: &Environment, documents: &[Document]) -> Plan {
    let inputs = Inputs { documents, packs: &[], live_apps: false, unknown_fields: UnknownFields::Warn };
    let mut desired = derive(inputs, environment, world);
    check(&mut desired, environment, world);
    let graph = graph::build(&desired).expect("no circle");
    plan(&desired, &graph, world, "test", &Answers::default())
}

/// A snapshot as a plan for these documents sees it.
pub(crate) fn seen(snapshot: &Snapshot, environment: &Environment, documents: &[Document]) -> World {
    let snapshot = Arc::new(snapshot.clone());
    let mut world = World::default();
    world.kinds = snapshot.kinds();
    let providers = Providers { kubernetes: snapshot.clone(), keycloak: Ok(snapshot) };
    block_on(read(&providers, world, environment, documents))
}

/// Adds to a world what a plan for these documents reads.
pub(crate) async fn read(
    providers: &Providers,
    mut world: World,
    environment: &Environment,
    documents: &[Document],
) -> World {
    let first = observe::first(Environment::NAMESPACE, &observe::Start::default());
    world.absorb(providers.read(&first).await);
    let scope = observe::Scope { documents, ..observe::Scope::default() };
    let mut second = observe::second(scope, environment, &world);
    // What only rules look at is there too.
    second.list("", "Secret");
    world.absorb(providers.read(&second).await);
    let third = observe::third(scope, false, environment, &world);
    world.absorb(providers.read(&third).await);
    world
}

fn without_numbers(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with("packctl-secret:") => "packctl-secret".into(),
        Value::Array(items) => items.iter().map(without_numbers).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), without_numbers(value))).collect(),
        value => value.clone(),
    }
}
