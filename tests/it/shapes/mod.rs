//! Every change of an app from one shape to another: walked write by write, no state on the way is open without the login that
//! the app asks for, and the end is what the new shape makes from nothing.

mod model;
mod shape;
mod walk;

use std::sync::{LazyLock, Mutex};

use packctl::diagnostic::Severity;
use packctl::plan::{Act, Plan};
use packctl::provider::snapshot::Snapshot;
use packctl::resource::Address;
use proptest::prelude::*;
use proptest::sample::Index;

pub(crate) use model::{Model, plan_in, read, seen};
pub(crate) use shape::{Shape, shapes};

use model::plan_for;
use walk::{Preference, order, walk};

/// Orders by chance for each change, beside the four that prefer something.
const CHANCES: u64 = 2;

/// A shape and the world in which it is live, as packctl made it from nothing.
struct Live {
    shape: Shape,
    world: Model,
    snapshot: Snapshot,
}

static LIVES: LazyLock<Vec<Live>> = LazyLock::new(|| {
    let ground = Model::ground();
    let empty = ground.snapshot();
    let lives = shapes().into_iter().map(|shape| {
        let plan = plan_for(&shape, &empty);
        assert_eq!(errors(&plan), [""; 0], "{}", shape.name);
        assert!(plan.blocked.is_empty(), "{}: {:#?}", shape.name, plan.blocked);
        let (world, wrong) = walk(&ground, &plan, &order(&plan, Preference::Listed), &shape);
        assert_eq!(wrong, [""; 0], "{}", shape.name);
        let snapshot = world.snapshot();
        Live { shape, world, snapshot }
    });
    lives.collect()
});

fn errors(plan: &Plan) -> Vec<String> {
    let errors = plan.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    errors.map(|found| format!("{} {}", found.code, found.message)).collect()
}

#[test]
fn every_shape_applied_leaves_an_empty_plan() {
    for Live { shape, snapshot, .. } in &*LIVES {
        let plan = plan_for(shape, snapshot);
        let changes: Vec<String> = plan.steps.iter().map(|step| format!("{} {}", step.title, step.address)).collect();
        assert_eq!(changes, [""; 0], "{}", shape.name);
        assert!(plan.blocked.is_empty(), "{}: {:#?}", shape.name, plan.blocked);
    }
}

#[test]
fn no_change_of_shape_is_open_without_its_login_in_any_order_that_the_plan_allows() {
    let pairs: Vec<(&Live, &Live)> = LIVES.iter().flat_map(|from| LIVES.iter().map(move |to| (from, to))).collect();
    let failed: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for part in pairs.chunks(pairs.len().div_ceil(2)) {
            let failed = &failed;
            scope.spawn(move || {
                for (from, to) in part {
                    let wrong = change(from, to);
                    if !wrong.is_empty() {
                        let change = format!("{} -> {}", from.shape.name, to.shape.name);
                        failed.lock().expect("no thread panicked").push(format!("{change}\n  {}", wrong.join("\n  ")));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no thread panicked");
    assert!(failed.is_empty(), "{} of {} changes:\n{}", failed.len(), pairs.len(), failed.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn after_a_crash_anywhere_a_new_plan_for_this_or_another_shape_is_as_safe(
        from in any::<Index>(), to in any::<Index>(), another in proptest::option::of(any::<Index>()),
        seed in any::<u64>(), crash in any::<Index>(),
    ) {
        let (from, to) = (from.get(&LIVES), to.get(&LIVES));
        let then = another.map_or(to, |another| another.get(&LIVES));
        let plan = plan_for(&to.shape, &from.snapshot);
        let steps = order(&plan, Preference::Chance(seed));
        let (left, wrong) = walk(&from.world, &plan, &steps[..crash.index(steps.len() + 1)], &to.shape);
        let names = || format!("{} -> {} -> {}", from.shape.name, to.shape.name, then.shape.name);
        prop_assert_eq!(wrong, [""; 0], "{}", names());

        let plan = plan_for(&then.shape, &left.snapshot());
        prop_assert_eq!(errors(&plan), [""; 0], "{}", names());
        let (end, mut wrong) = walk(&left, &plan, &order(&plan, Preference::Chance(!seed)), &then.shape);
        wrong.extend(not_as_from_nothing(&end, &plan, then));
        prop_assert_eq!(wrong, [""; 0], "{}", names());
    }
}

#[test]
fn the_walk_finds_a_closing_that_is_left_out() {
    let live = |name: &str| LIVES.iter().find(|live| live.shape.name == name).expect("a shape");
    for (from, to) in [
        ("open", "guarded"),
        ("open", "guarded at another host"),
        ("asking for the login itself", "guarded on the internal gateway"),
        ("guarded", "guarded on the shared listener"),
    ] {
        let (from, to) = (live(from), live(to));
        let mut plan = plan_for(&to.shape, &from.snapshot);
        let closing = plan.steps.iter_mut().find(|step| step.title == "close").expect("it is closed in between");
        if let Act::Apply { resource, .. } = &mut closing.act {
            std::sync::Arc::make_mut(resource).body.value["spec"]["rules"][0]["backendRefs"][0]["weight"] = 1.into();
        }
        let (_, wrong) = walk(&from.world, &plan, &order(&plan, Preference::Listed), &to.shape);
        let found =
            wrong.iter().any(|why| why.contains("while the route is open") || why.contains("without being closed"));
        assert!(found, "{} -> {}: {wrong:#?}", from.shape.name, to.shape.name);
    }
}

/// What is wrong with the change of one live shape to another, in all orders that are tried.
fn change(from: &Live, to: &Live) -> Vec<String> {
    let plan = plan_for(&to.shape, &from.snapshot);
    let mut wrong = errors(&plan);
    wrong.extend(plan.blocked.iter().map(|(address, why)| format!("{} is blocked: {why}", address.short())));
    let chances = (0..CHANCES).map(Preference::Chance);
    let preferences = [Preference::Listed, Preference::DeletesFirst, Preference::RoutesLast, Preference::RoutesFirst];
    for preference in preferences.into_iter().chain(chances) {
        let (end, found) = walk(&from.world, &plan, &order(&plan, preference), &to.shape);
        wrong.extend(found);
        wrong.extend(not_as_from_nothing(&end, &plan, to));
    }
    wrong.sort();
    wrong.dedup();
    wrong
}

/// What the end of a change has that the new shape made from nothing has not, or the other way round.
fn not_as_from_nothing(end: &Model, plan: &Plan, to: &Live) -> Vec<String> {
    let mut end = end.clone();
    // A client that packctl made goes with the app, also when somebody else looks after it now.
    let handed_over = plan.kept.keys().filter(|kept| to.shape.brings_client() && is_of_client(kept));
    handed_over.for_each(|kept| end.forget(kept));
    // The anchor of a Gateway stays while the Gateway does.
    let anchors: Vec<Address> =
        end.addresses().filter(|address| address.name.starts_with("packctl-anchor-")).cloned().collect();
    anchors.iter().filter(|anchor| to.world.get(anchor).is_none()).for_each(|anchor| end.forget(anchor));
    end.differences(&to.world).into_iter().map(|what| format!("at the end {what} is another")).collect()
}

fn is_of_client(address: &Address) -> bool {
    address.is_keycloak() || address.kind == "Secret"
}
