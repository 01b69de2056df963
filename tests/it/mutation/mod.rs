//! Every leaf of every owned object of every shape, changed by another hand: found, with the name of the hand. Every other leaf
//! changed: nothing is said.

mod hand;
mod leaf;
mod server;
mod verdict;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use packctl::api::Environment;
use packctl::diagnostic::Severity;
use packctl::diff::diff;
use packctl::observed::{Live, Reading, World};
use packctl::plan::Plan;
use packctl::resource::Resource;
use packctl::schema::Schemas;
use packctl::yaml::Document;
use serde_json::{Value, json};

use self::hand::Deed;
use self::leaf::{Leaf, leaves};
use crate::env;
use crate::shapes::{Model, plan_in, seen, shapes};

/// One object of a plan, and how it is live.
struct Object<'p> {
    resource: &'p Resource,
    live: Live,
    owner_uid: Option<String>,
    schemas: &'p Schemas,
}

impl Object<'_> {
    fn leaves(&self) -> Vec<Leaf> {
        let address = &self.resource.address;
        leaves(&self.live.whole(), (&address.group, &address.kind), self.schemas)
    }

    fn owns(&self, leaf: &Leaf) -> bool {
        self.live.applied_by(self.resource.hand.manager()).is_some_and(|ours| leaf.is_in(ours))
    }

    /// What is wrong with what is found when this is live.
    fn wrong(&self, live: &Live, leaf: &Leaf, deed: Deed) -> Option<String> {
        let found = diff(self.resource, live, self.owner_uid.as_deref(), self.schemas);
        let wrong = verdict::wrong(&found.fields, leaf, self.owns(leaf), deed)?;
        Some(format!("{} {deed:?} {}: {wrong}", self.resource.address.short(), leaf.path))
    }
}

/// The objects on the side of Kubernetes that a plan wants and that are live.
fn objects<'p>(plan: &'p Plan, world: &'p World) -> Vec<Object<'p>> {
    let object = |resource: &'p Resource| {
        let live = world.get(&resource.address).live()?.clone();
        let owner = resource.owner.as_ref().and_then(|owner| world.get(owner).live());
        let owner_uid = owner.map(|owner| owner.uid.clone());
        Some(Object { resource, live, owner_uid, schemas: &world.schemas })
    };
    let wanted = plan.changes.values().filter_map(|change| change.resource.as_deref());
    wanted.filter(|resource| !resource.address.is_keycloak()).filter_map(object).collect()
}

/// The same object after others came by: a label, an annotation, a finalizer, a status, fields that packctl does not declare.
fn visited(live: &Live) -> Live {
    let mut object = live.whole();
    let metadata = &mut object["metadata"];
    metadata["labels"]["other.example.com/team"] = json!("theirs");
    metadata["annotations"]["other.example.com/note"] = json!("theirs");
    metadata["finalizers"] = json!(["other.example.com/hold"]);
    let mut fields = json!({"f:metadata": {
        "f:labels": {"f:other.example.com/team": {}}, "f:annotations": {"f:other.example.com/note": {}},
        "f:finalizers": {".": {}, "v:\"other.example.com/hold\"": {}},
    }});
    let beside = match live.address.kind.as_str() {
        "Secret" => Some(("data", "theirs", json!("packctl-secret:55"))),
        "Certificate" => Some(("spec", "revisionHistoryLimit", json!(3))),
        "SecurityPolicy" => Some(("spec", "cors", json!({"maxAge": "10m"}))),
        "NebariApp" => Some(("spec", "landingPage", json!({"enabled": false}))),
        _ => None,
    };
    if let Some((field, name, value)) = beside {
        let below = value.as_object().map(|map| map.keys().map(|key| (format!("f:{key}"), json!({}))).collect());
        fields[format!("f:{field}")] = json!({format!("f:{name}"): below.map_or_else(|| json!({}), Value::Object)});
        object[field][name] = value;
    }
    object["status"] = json!({"conditions": [{"type": "Accepted", "status": "True", "observedGeneration": 1}]});
    let entry = |manager: &str, subresource: &str, fields: Value| {
        json!({
            "manager": manager, "operation": "Update", "apiVersion": object["apiVersion"], "subresource": subresource,
            "time": "2026-11-23T10:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields,
        })
    };
    let entries = [
        entry("other-controller", "", fields),
        entry("status-controller", "status", json!({"f:status": {"f:conditions": {}}})),
    ];
    object["metadata"]["managedFields"].as_array_mut().expect("it has them").extend(entries);
    Live::from_value(live.address.clone(), object)
}

/// What was tried, by kind.
#[derive(Default)]
struct Counts(BTreeMap<String, Count>);

#[derive(Default)]
struct Count {
    objects: usize,
    ours: usize,
    others: usize,
    /// Deeds on our leaves that were found, by deed.
    found: BTreeMap<Deed, usize>,
    silent: usize,
}

impl Counts {
    fn table(&self) -> String {
        let mut table =
            String::from("kind             objects  leaves of ours: changed  applied  removed   of others: silent\n");
        for (kind, count) in &self.0 {
            let found = |deed| count.found.get(&deed).copied().unwrap_or(0);
            let _ = writeln!(
                table,
                "{kind:16} {:7} {:15} {:8} {:8} {:8} {:11} {:7}",
                count.objects,
                count.ours,
                found(Deed::Update),
                found(Deed::Apply),
                found(Deed::Remove),
                count.others,
                count.silent
            );
        }
        table
    }
}

/// The worlds in which each shape is live, as packctl made it from nothing.
fn lives() -> impl Iterator<Item = Life> {
    let ground = Model::ground().snapshot();
    shapes().into_iter().map(move |shape| {
        let (environment, document) = (shape.environment(), [shape.document()]);
        let mut model = Model::ground();
        let plan = plan_in(&seen(&ground, &environment, &document), &environment, &document);
        plan.steps.iter().for_each(|step| model.step(step));
        let world = seen(&model.snapshot(), &environment, &document);
        let plan = plan_in(&world, &environment, &document);
        Life { shape: shape.name, environment, document, world, plan }
    })
}

/// One of them.
struct Life {
    shape: String,
    environment: Environment,
    document: [Document; 1],
    world: World,
    plan: Plan,
}

impl Life {
    /// The plan when one object is another one.
    fn plan_with(&self, live: Live) -> Plan {
        let mut world = self.world.clone();
        world.absorb(Reading { objects: vec![live], ..Reading::default() });
        plan_in(&world, &self.environment, &self.document)
    }
}

#[test]
fn another_hand_on_any_leaf_of_ours_is_named_and_on_any_other_leaf_is_no_matter() {
    let (mut counts, mut wrong) = (Counts::default(), Vec::new());
    for life in lives() {
        for mut object in objects(&life.plan, &life.world) {
            object.live = visited(&object.live);
            let count = counts.0.entry(object.resource.address.kind.clone()).or_default();
            count.objects += 1;
            for leaf in object.leaves().into_iter().filter(|leaf| !leaf.is_identity()) {
                let is_ours = object.owns(&leaf);
                *(if is_ours { &mut count.ours } else { &mut count.others }) += 1;
                for deed in Deed::on(&leaf).iter().copied() {
                    match object.wrong(&hand::done(&object.live, &leaf, deed), &leaf, deed) {
                        Some(what) => wrong.push(format!("{}: {what}", life.shape)),
                        None if is_ours => *count.found.entry(deed).or_default() += 1,
                        None => count.silent += 1,
                    }
                }
            }
        }
    }
    println!("{}", counts.table());
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The rule that refuses the app and names this object.
fn refusal(plan: &Plan, object: &str) -> Option<String> {
    let mut errors = plan.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    errors.find(|found| found.message.contains(object)).map(|found| found.code.clone())
}

/// One leaf in so many is tried with a whole plan; `tests/run all` tries each.
const ONE_IN: usize = 32;

#[test]
fn the_plan_names_the_hand_or_refuses_the_app() {
    let one_in = if env::all() { 1 } else { ONE_IN };
    let (mut turn, mut named, mut refused, mut wrong) = (0, 0, BTreeMap::<String, usize>::new(), Vec::new());
    for life in lives() {
        for object in objects(&life.plan, &life.world) {
            let address = &object.resource.address;
            for leaf in object.leaves().into_iter().filter(|leaf| !leaf.is_identity() && object.owns(leaf)) {
                for deed in Deed::on(&leaf).iter().copied() {
                    turn += 1;
                    if turn % one_in != 0 {
                        continue;
                    }
                    let plan = life.plan_with(hand::done(&object.live, &leaf, deed));
                    let fields = plan.changes.get(address).map_or(&[][..], |change| &change.fields);
                    let Some(what) = verdict::wrong(fields, &leaf, true, deed) else {
                        named += 1;
                        continue;
                    };
                    match refusal(&plan, &address.short()) {
                        None => {
                            wrong.push(format!("{}: {} {deed:?} {}: {what}", life.shape, address.short(), leaf.path))
                        }
                        Some(code) => *refused.entry(code).or_default() += 1,
                    }
                }
            }
        }
    }
    println!("{named} named in the plan, refused by the rules {refused:?}");
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
