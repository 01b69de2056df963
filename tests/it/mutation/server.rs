//! The same on a real API server, by dry-run: what it makes of managedFields is what `hand` assumes, and the comparison says the
//! same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use futures::StreamExt as _;
use http::Method;
use packctl::observed::{FieldSet, Kinds, Live};
use packctl::resource::{FieldPath, PathStep};
use serde_json::{Map, Value, json};

use super::hand::{self, Deed, OTHER, another, changed};
use super::leaf::{Leaf, Part};
use super::{Object, objects};
use crate::env;
use crate::releases::{Server, groups};

/// One leaf and deed in so many is tried; `tests/run all` tries each.
const ONE_IN: usize = 20;

/// What came of one of them.
enum Came {
    /// As it should.
    Right,
    /// The server does not take any value that was tried.
    Impossible(String),
    Wrong(String),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_takes_another_hand_for_what_the_comparison_takes_it() {
    let one_in = if env::all() { 1 } else { ONE_IN };
    let mut server = Server::newest().await;
    let groups = groups();
    for group in &groups {
        let world = server.world(group).await;
        server.apply(&group.plan(&world)).await;
    }
    let (mut turn, mut counts, mut wrong) =
        (0_usize, BTreeMap::<String, (usize, usize, BTreeSet<String>)>::new(), Vec::new());
    for group in &groups {
        let world = server.world(group).await;
        let plan = group.plan(&world);
        for object in objects(&plan, &world) {
            visit(&server, &object, &world.kinds).await;
        }
        let world = server.world(group).await;
        let plan = group.plan(&world);
        assert!(plan.steps.is_empty(), "a label of somebody else is a change");
        let objects = objects(&plan, &world);
        let words = words(&objects);
        for object in &objects {
            let raw = server.send(Method::GET, &path(object, &world.kinds), JSON, &Value::Null).await.1;
            let mut tries = Vec::new();
            for leaf in object.leaves().into_iter().filter(|leaf| !leaf.is_identity() && !leaf.is_bookkeeping()) {
                for deed in
                    Deed::on(&leaf).iter().copied().filter(|deed| leaf.part != Part::OfSet || *deed != Deed::Apply)
                {
                    turn += 1;
                    if turn % one_in == 0 {
                        tries.push((leaf.clone(), deed));
                    }
                }
            }
            let asked = Asked { server: &server, object, kinds: &world.kinds, raw: &raw, words: &words };
            let (asked, kind) = (&asked, &object.resource.address.kind);
            let mut came = futures::stream::iter(tries).map(|(leaf, deed)| asked.of(leaf, deed)).buffer_unordered(8);
            let (right, impossible, places) = counts.entry(kind.clone()).or_default();
            while let Some(came) = came.next().await {
                match came {
                    Came::Right => *right += 1,
                    Came::Impossible(place) => {
                        *impossible += 1;
                        places.insert(place);
                    }
                    Came::Wrong(what) => wrong.push(what),
                }
            }
        }
    }
    let mut table = String::new();
    for (kind, (right, impossible, places)) in &counts {
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        let _ = writeln!(
            table,
            "{kind:16} {right:6} as it should, {impossible:5} not taken by the server: {}",
            places.join(" ")
        );
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(counts.values().all(|(right, ..)| *right > 0), "a kind has nothing to show");
}

const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

fn path(object: &Object<'_>, kinds: &Kinds) -> String {
    let address = &object.resource.address;
    let version = &object.resource.api_version;
    let root = if version.contains('/') { "/apis" } else { "/api" };
    let plural = &kinds.get(&address.group, &address.kind).expect("it is served").plural;
    let namespace = address.namespace.as_ref().expect("what packctl derives has a namespace");
    format!("{root}/{version}/namespaces/{namespace}/{plural}/{}", address.name)
}

/// Somebody else leaves a label and an annotation.
async fn visit(server: &Server, object: &Object<'_>, kinds: &Kinds) {
    let mark = json!({"other.example.com/team": "theirs"});
    let path = format!("{}?fieldManager=other-controller", path(object, kinds));
    let patch = json!({"metadata": {"labels": mark, "annotations": mark}});
    let (status, answer) = server.send(Method::PATCH, &path, MERGE, &patch).await;
    assert_eq!(status, 200, "{path}: {answer}");
}

/// The texts that stand at fields of each name: values that the server may take in the place of another one.
fn words(objects: &[Object<'_>]) -> BTreeMap<String, BTreeSet<String>> {
    let mut words: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for leaf in objects.iter().flat_map(Object::leaves) {
        if let (Some(PathStep::Field(name)), Value::String(text)) = (leaf.path.0.last(), leaf.value) {
            words.entry(name.clone()).or_default().insert(text);
        }
    }
    // Of these fields all have the same.
    for (name, text) in
        [("kind", "Service"), ("protocol", "TLS"), ("mode", "Passthrough"), ("type", "Exact"), ("action", "Deny")]
    {
        words.entry(name.to_owned()).or_default().insert(text.to_owned());
    }
    words
}

struct Asked<'a> {
    server: &'a Server,
    object: &'a Object<'a>,
    kinds: &'a Kinds,
    /// As the server has it, secrets too.
    raw: &'a Value,
    words: &'a BTreeMap<String, BTreeSet<String>>,
}

impl Asked<'_> {
    async fn of(&self, leaf: Leaf, deed: Deed) -> Came {
        for new in self.values(&leaf, deed) {
            let (status, answer) = self.dry_run(&leaf, deed, new.as_ref()).await;
            if status != 200 {
                continue;
            }
            let live = self.concealed(answer);
            let now = live.whole();
            // What the server sets back at once is not changed.
            if now.pointer(&leaf.pointer) == self.object.live.whole().pointer(&leaf.pointer) {
                continue;
            }
            // What is removed where there is a default is another value.
            let left = now.pointer(&leaf.pointer).filter(|_| leaf.part == Part::Whole).cloned();
            let deed = if deed == Deed::Remove && left.is_some() { Deed::Update } else { deed };
            if let Some(what) = self.object.wrong(&live, &leaf, deed) {
                return Came::Wrong(what);
            }
            let new = if deed == Deed::Remove { None } else { left.or(new) };
            let (found, assumed) = (self.ours(&live), self.ours(&hand::with(&self.object.live, &leaf, deed, new)));
            if found != assumed {
                let only = |one: &BTreeSet<FieldPath>, other: &BTreeSet<FieldPath>| {
                    one.difference(other).map(ToString::to_string).collect::<Vec<_>>().join(" ")
                };
                let (more, less) = (only(&found, &assumed), only(&assumed, &found));
                let object = self.object.resource.address.short();
                return Came::Wrong(format!(
                    "{object} {deed:?} {}: the server leaves us also {more:?}, not {less:?}",
                    leaf.path
                ));
            }
            return Came::Right;
        }
        let step =
            |step: &PathStep| if let PathStep::Field(name) = step { format!(".{name}") } else { "[]".to_owned() };
        Came::Impossible(format!("{deed:?}{}", leaf.path.0.iter().map(step).collect::<String>()))
    }

    /// The leaves that are ours.
    fn ours(&self, live: &Live) -> BTreeSet<FieldPath> {
        let ours = live.applied_by(self.object.resource.hand.manager());
        ours.map(FieldSet::leaves).unwrap_or_default().into_iter().collect()
    }

    /// The new values to try.
    fn values(&self, leaf: &Leaf, deed: Deed) -> Vec<Option<Value>> {
        if deed == Deed::Remove {
            return vec![None];
        }
        let mut values = vec![Some(another(&leaf.value))];
        if let Some(PathStep::Field(name)) = leaf.path.0.last() {
            let words = self.words.get(name).into_iter().flatten().map(|word| Value::from(word.as_str()));
            values.extend(words.filter(|word| *word != leaf.value && leaf.value.is_string()).map(Some));
        }
        if self.object.resource.address.kind == "Secret" && leaf.pointer.starts_with("/data/") {
            values = vec![Some("YW5vdGhlcg==".into())];
        }
        values.truncate(6);
        values
    }

    async fn dry_run(&self, leaf: &Leaf, deed: Deed, new: Option<&Value>) -> (u16, Value) {
        let path = format!("{}?dryRun=All&fieldManager={OTHER}", path(self.object, self.kinds));
        let mut after = changed(self.raw, leaf, new);
        if deed == Deed::Apply {
            let mut body = named(&after, &leaf.owned.0);
            body["apiVersion"] = self.raw["apiVersion"].clone();
            body["kind"] = self.raw["kind"].clone();
            body["metadata"]["name"] = self.raw["metadata"]["name"].clone();
            return self.server.send(Method::PATCH, &format!("{path}&force=true"), APPLY, &body).await;
        }
        if let Some(metadata) = after["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        self.server.send(Method::PUT, &path, JSON, &after).await
    }

    /// As the provider gives it: no value of a Secret, but which of them are other ones.
    fn concealed(&self, mut answer: Value) -> Live {
        let live = self.object.live.whole();
        if answer["kind"] == "Secret" {
            for (key, value) in answer["data"].as_object_mut().into_iter().flatten() {
                *value = if *value == self.raw["data"][key] {
                    live["data"][key].clone()
                } else {
                    another(&live["data"][key])
                };
            }
        }
        Live::from_value(self.object.live.address.clone(), answer)
    }
}

/// The part of an object at a path, as an apply names it.
fn named(object: &Value, path: &[PathStep]) -> Value {
    let Some((step, rest)) = path.split_first() else { return object.clone() };
    match step {
        PathStep::Field(name) => Map::from_iter([(name.clone(), named(&object[name], rest))]).into(),
        PathStep::Key(keys) => {
            let is_it = |item: &&Value| {
                keys.iter().all(|(name, text)| serde_json::from_str(text).is_ok_and(|value: Value| item[name] == value))
            };
            let item = object.as_array().into_iter().flatten().find(is_it).expect("the item is there");
            let mut part = named(item, rest);
            for (name, _) in keys {
                part[name] = item[name].clone();
            }
            json!([part])
        }
        PathStep::Item(_) | PathStep::Index(_) => panic!("{}: no apply names it", FieldPath(path.to_vec())),
    }
}
