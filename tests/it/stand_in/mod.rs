//! Plays Envoy Gateway and cert-manager for the Gateways of one test, and judges what packctl did.
//!
//! It writes the statuses that they would write, late and in any order, and keeps every state that the API server had.
//! Tests run side by side on one server, so it looks into its own namespaces and nowhere else.
//!
//! It runs on the runtime of its test: one that blocks its thread while packctl runs needs
//! `#[tokio::test(flavor = "multi_thread")]`.

mod cert_manager;
pub(crate) mod dice;
mod envoy_gateway;
mod gateway_api;
mod judge;
#[cfg(test)]
mod tests;
mod watch;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use kube::api::PostParams;
use kube::core::Request;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use cert_manager::Step;
use judge::Judge;
use watch::{Found, Place};
use world::{Event, generation, text, version};

pub(crate) use dice::Dice;
pub(crate) use judge::Violation;
pub(crate) use world::{Kind, Name, World};

/// What one stand-in is there for.
#[derive(Clone)]
pub(crate) struct Scope {
    /// The Gateways that it plays the controller of.
    pub(crate) gateways: BTreeSet<Name>,
    /// The namespaces that it looks into, whose Certificates it issues: those of the Gateways and of the apps.
    pub(crate) namespaces: BTreeSet<String>,
    /// The apps with login. The judge finds the others by the labels of their routes.
    pub(crate) guarded: BTreeSet<Name>,
    /// No status is later than this after what it speaks of.
    pub(crate) slowness: Duration,
    /// The address in the Gateways' statuses.
    pub(crate) address: String,
    /// To play a failure again.
    pub(crate) seed: Option<u64>,
}

impl Scope {
    /// One Gateway, and its namespace.
    pub(crate) fn gateway(namespace: &str, name: &str) -> Self {
        Self {
            gateways: BTreeSet::from([Name::new(namespace, name)]),
            namespaces: BTreeSet::from([namespace.to_owned()]),
            guarded: BTreeSet::new(),
            slowness: Duration::from_millis(150),
            // Of a network for documentation: nobody is reached there.
            address: "192.0.2.10".into(),
            seed: None,
        }
    }

    /// Also looks into this namespace.
    pub(crate) fn namespace(mut self, namespace: &str) -> Self {
        self.namespaces.insert(namespace.to_owned());
        self
    }

    /// Also judges this app as one with login, and looks into its namespace.
    pub(crate) fn guarded(mut self, namespace: &str, app: &str) -> Self {
        self.guarded.insert(Name::new(namespace, app));
        self.namespace(namespace)
    }

    /// Its Gateways are reached at this address.
    pub(crate) fn at(mut self, address: &str) -> Self {
        address.clone_into(&mut self.address);
        self
    }

    fn places(&self) -> Vec<Place> {
        let mut places = vec![Place { kind: Kind::Namespace, namespace: None }];
        for namespace in &self.namespaces {
            let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Namespace);
            places.extend(kinds.map(|kind| Place { kind, namespace: Some(namespace.clone()) }));
        }
        places
    }
}

/// Runs until it is dropped.
pub(crate) struct StandIn {
    client: Client,
    scope: Scope,
    record: Arc<Record>,
    _tasks: JoinSet<()>,
}

/// What the watches told.
struct Record {
    before: World,
    events: Mutex<Vec<Event>>,
    troubles: Mutex<Vec<String>>,
}

impl Record {
    fn events(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn troubles(&self) -> MutexGuard<'_, Vec<String>> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StandIn {
    /// From the moment that this returns no state is missed.
    #[expect(clippy::print_stderr, reason = "the harness shows it when the test fails")]
    pub(crate) async fn start(client: Client, scope: Scope) -> Self {
        let seed = scope.seed.unwrap_or_else(|| RandomState::new().hash_one(()));
        eprintln!("stand-in: seed {seed}");
        let mut world = World::default();
        let mut found = Vec::new();
        for place in scope.places() {
            let now = watch::list(&client, &place).await.expect("the API server answers");
            now.objects.iter().for_each(|event| world.see(event));
            found.push((place, now.version));
        }
        let record = Arc::new(Record { before: world.clone(), events: Mutex::default(), troubles: Mutex::default() });
        let (sender, events) = unbounded_channel();
        let mut tasks = JoinSet::new();
        for (place, version) in found {
            tasks.spawn(watch::follow(client.clone(), place, version, record.clone(), sender.clone()));
        }
        let player = Player {
            client: client.clone(),
            scope: scope.clone(),
            record: record.clone(),
            world,
            dice: Dice::new(seed),
            due: BTreeMap::new(),
            told_old: BTreeSet::new(),
        };
        tasks.spawn(player.play(events));
        Self { client, scope, record, _tasks: tasks }
    }

    /// Every moment from which on a route was open without what protects it; for a `guarded` app: without a policy
    /// that asks for a login and was accepted.
    pub(crate) async fn violations(&self) -> Vec<Violation> {
        self.judge().await.violations().to_vec()
    }

    /// The same, of what began after a version that [`StandIn::version`] gave.
    pub(crate) async fn violations_since(&self, version: u64) -> Vec<Violation> {
        self.judge_since(version).await.violations().to_vec()
    }

    /// The version of the last event that there was until now.
    pub(crate) async fn version(&self) -> u64 {
        self.hear_everything().await;
        self.record.events().iter().map(|event| event.version).max().unwrap_or(0)
    }

    /// The routes of apps that were opened at least once.
    pub(crate) async fn opened(&self) -> BTreeSet<Name> {
        self.judge().await.opened().clone()
    }

    async fn judge(&self) -> Judge {
        self.judge_since(0).await
    }

    async fn judge_since(&self, version: u64) -> Judge {
        self.hear_everything().await;
        let troubles = self.record.troubles().clone();
        assert!(troubles.is_empty(), "the stand-in did not see or write everything: {troubles:?}");
        let mut events = self.record.events().clone();
        // Each kind has a watch of its own. The versions are etcd's revisions: one order over all kinds.
        events.sort_by_key(|event| event.version);
        let (gateways, guarded) = (self.scope.gateways.clone(), self.scope.guarded.clone());
        let mut before = self.record.before.clone();
        let (earlier, later): (Vec<_>, Vec<_>) = events.iter().partition(|event| event.version <= version);
        earlier.into_iter().for_each(|event| before.see(event));
        let mut judge = Judge::new(gateways, guarded, before);
        later.into_iter().for_each(|event| judge.see(event));
        judge
    }

    /// Waits until the watches have told what a list says now.
    async fn hear_everything(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        for place in self.scope.places() {
            let now = watch::list(&self.client, &place).await.expect("the API server answers");
            while !self.heard(&place, &now) {
                assert!(Instant::now() < deadline, "a watch does not tell what a list says: {place:?}");
                sleep(Duration::from_millis(10)).await;
            }
        }
        // An object that came and went since leaves nothing in a list. Its events need some milliseconds at most.
        sleep(Duration::from_millis(200)).await;
    }

    fn heard(&self, place: &Place, now: &Found) -> bool {
        let events = self.record.events();
        let mut known: BTreeMap<Name, u64> = BTreeMap::new();
        for (name, object) in self.record.before.all(place.kind).filter(|(name, _)| place.has(name)) {
            known.insert(name.clone(), version(object));
        }
        let mut gone: BTreeMap<Name, u64> = BTreeMap::new();
        for event in events.iter().filter(|event| event.kind == place.kind) {
            let name = Name::of(&event.object);
            if !place.has(&name) {
                continue;
            }
            if event.deleted {
                known.remove(&name);
                gone.insert(name, event.version);
            } else {
                known.insert(name, event.version);
            }
        }
        let listed: BTreeMap<Name, u64> =
            now.objects.iter().map(|event| (Name::of(&event.object), event.version)).collect();
        let is_heard = |(name, listed): (&Name, &u64)| {
            [known.get(name), gone.get(name)].into_iter().flatten().any(|heard| heard >= listed)
        };
        let is_there = |(name, heard): (&Name, &u64)| listed.contains_key(name) || *heard > now.version;
        listed.iter().all(is_heard) && known.iter().all(is_there)
    }
}

/// The one who writes.
struct Player {
    client: Client,
    scope: Scope,
    record: Arc<Record>,
    world: World,
    dice: Dice,
    due: BTreeMap<(Kind, Name), Instant>,
    /// Objects that had a status of an old generation for this one, which happens once at most.
    told_old: BTreeSet<(Kind, Name, i64)>,
}

impl Player {
    async fn play(mut self, mut events: UnboundedReceiver<Event>) {
        loop {
            let wishes = self.wishes();
            self.due.retain(|key, _| wishes.contains_key(key));
            for key in wishes.keys() {
                if !self.due.contains_key(key) {
                    let delay = self.dice.up_to(self.scope.slowness);
                    self.due.insert(key.clone(), Instant::now() + delay);
                }
            }
            let first = self.due.values().min().copied();
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.see(event),
                    None => return,
                },
                () = sleep_until(first.unwrap_or_else(Instant::now)), if first.is_some() => {
                    let now = Instant::now();
                    let is_due = |(key, at): (&(Kind, Name), &Instant)| (*at <= now).then(|| key.clone());
                    let mut ready: Vec<_> = self.due.iter().filter_map(is_due).collect();
                    self.dice.shuffle(&mut ready);
                    for key in ready {
                        self.due.remove(&key);
                        self.write(&key, &wishes[&key]).await;
                    }
                }
            }
            while let Ok(event) = events.try_recv() {
                self.see(event);
            }
        }
    }

    /// Its own writes come back as events too, then with nothing new.
    fn see(&mut self, event: Event) {
        let known = self.world.get(event.kind, &Name::of(&event.object));
        if known.is_none_or(|object| event.version >= version(object)) {
            self.world.see(&event);
        }
    }

    /// The writes that bring what is there to what should be there.
    fn wishes(&self) -> BTreeMap<(Kind, Name), Step> {
        let statuses = envoy_gateway::statuses(&self.world, &self.scope.gateways, &self.scope.address);
        let mut wishes: BTreeMap<_, _> =
            statuses.into_iter().map(|(key, status)| (key, Step::Status(status))).collect();
        for (name, certificate) in self.world.all(Kind::Certificate) {
            wishes.insert((Kind::Certificate, name.clone()), cert_manager::next(&self.world, certificate));
        }
        wishes.retain(|(kind, name), step| match step {
            Step::Secret(_) => true,
            Step::Status(status) => {
                let live = self.world.get(*kind, name).and_then(|object| object.get("status"));
                !live.is_some_and(|live| without_times(live) == without_times(status))
            }
        });
        wishes
    }

    async fn write(&mut self, key: &(Kind, Name), step: &Step) {
        let (kind, name) = key;
        let (written, result) = match step {
            Step::Status(status) => {
                let Some(object) = self.world.get(*kind, name) else { return };
                let mut object = object.clone();
                let generation = generation(&object);
                let tells_old = self.dice.one_in(4) && self.told_old.insert((*kind, name.clone(), generation));
                let observed = if tells_old { generation - 1 } else { generation };
                object["status"] = stamped(status, generation, observed);
                let manager = if *kind == Kind::Certificate { "cert-manager" } else { "envoy-gateway" };
                (*kind, self.put(*kind, name, Some("status"), &object, manager).await)
            }
            Step::Secret(secret) => {
                let name = Name::of(secret);
                let result = match text(secret, "/metadata/resourceVersion") {
                    "" => self.create(Kind::Secret, secret, "cert-manager").await,
                    _ => self.put(Kind::Secret, &name, None, secret, "cert-manager").await,
                };
                (Kind::Secret, result)
            }
        };
        match result {
            Ok(object) => self.see(Event::new(written, object, false)),
            Err(kube::Error::Api(status)) if matches!(status.code, 400 | 422) => {
                self.record.troubles().push(format!("{written:?} {name}: {status}"));
            }
            // Somebody was faster, or it is gone, or the server is busy: it is tried again while there is something to
            // write.
            Err(_) => {}
        }
    }

    async fn put(
        &self,
        kind: Kind,
        name: &Name,
        subresource: Option<&str>,
        object: &Value,
        manager: &str,
    ) -> kube::Result<Value> {
        let request = Request::new(kind.path(Some(&name.namespace)));
        let params = PostParams { field_manager: Some(manager.to_owned()), ..PostParams::default() };
        let body = serde_json::to_vec(object).map_err(kube::Error::SerdeError)?;
        let request = match subresource {
            Some(subresource) => request.replace_subresource(subresource, &name.name, &params, body),
            None => request.replace(&name.name, &params, body),
        };
        self.client.request(request.map_err(kube::Error::BuildRequest)?).await
    }

    async fn create(&self, kind: Kind, object: &Value, manager: &str) -> kube::Result<Value> {
        let params = PostParams { field_manager: Some(manager.to_owned()), ..PostParams::default() };
        let body = serde_json::to_vec(object).map_err(kube::Error::SerdeError)?;
        let request = Request::new(kind.path(Some(text(object, "/metadata/namespace")))).create(&params, body);
        self.client.request(request.map_err(kube::Error::BuildRequest)?).await
    }
}

fn without_times(status: &Value) -> Value {
    let mut status = status.clone();
    each_condition(&mut status, &mut |condition| {
        if let Some(fields) = condition.as_object_mut() {
            fields.remove("lastTransitionTime");
        }
    });
    status
}

/// The status with times, its conditions of this generation said to be of the observed one.
fn stamped(status: &Value, generation: i64, observed: i64) -> Value {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut status = status.clone();
    each_condition(&mut status, &mut |condition| {
        if condition.get("lastTransitionTime").is_none() {
            condition["lastTransitionTime"] = now.clone().into();
        }
        if condition["observedGeneration"] == generation {
            condition["observedGeneration"] = observed.into();
        }
    });
    status
}

fn each_condition(status: &mut Value, act: &mut dyn FnMut(&mut Value)) {
    match status {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::Array(conditions) if key == "conditions" => conditions.iter_mut().for_each(&mut *act),
                    value => each_condition(value, act),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_condition(item, act)),
        _ => {}
    }
}
