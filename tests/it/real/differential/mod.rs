//! `diff` against a server-side apply: generated pairs of live and desired, field by field and conflict by conflict.
//!
//! A live object has a history: up to four managers apply, update, scale and forget. For each of several bodies that packctl may
//! want of it, `diff` says what would change and what conflicts; then the server is asked by dry-run. Any disagreement is a
//! failure. The seed is printed; a failing pair is made smaller before it is shown.

mod classes;
mod history;
mod menu;
mod server;
mod shrink;
mod verdict;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use futures::StreamExt as _;
use packctl::diff::{Difference, diff, wire_body};
use packctl::observed::Live;
use packctl::schema::Schemas;
use serde_json::{Value, json};

use self::history::{Act, resource};
use self::menu::{Choices, Menu};
use self::server::{Object, Server};
use self::verdict::{Pair, refusals};
use crate::env::{Env, unique};
use crate::stand_in::dice::Dice;

/// Bodies for each live object.
const BODIES: usize = 16;

/// What came of the pairs of one live object.
#[derive(Default)]
pub(super) struct Tally {
    /// Pairs on which both agreed, and what they were about.
    pairs: usize,
    classes: BTreeMap<&'static str, usize>,
    /// Bodies that the server does not accept for another reason.
    invalid: usize,
    /// The last of these reasons.
    reason: String,
    failures: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_diff_predicts_is_what_a_server_side_apply_does() {
    let (seed, wanted) = (setting("PACKCTL_TEST_SEED", 20_261_124), setting("PACKCTL_TEST_PAIRS", 5_000));
    let server = Server { client: Env::get().client().await, namespace: unique("differential") };
    Env::get().kubectl(&["create", "namespace", &server.namespace]);
    let menus = Menu::all();
    let lives = usize::try_from(wanted).expect("a number of pairs").div_ceil(BODIES);
    let schemas = Schemas::default();
    let tallies = futures::stream::iter(0..lives).map(|index| {
        let (server, menus, schemas) = (&server, &menus, &schemas);
        async move {
            let menu = &menus[index % menus.len()];
            let tally = one(server, menu, schemas, index, seed).await;
            (menu.name.as_str(), tally)
        }
    });
    let tallies: Vec<(&str, Tally)> = tallies.buffer_unordered(8).collect().await;
    Env::get().kubectl(&["delete", "namespace", "--wait=false", &server.namespace]);
    report(seed, tallies);
}

fn report(seed: u64, tallies: Vec<(&str, Tally)>) {
    let (mut kinds, mut classes) = (BTreeMap::<&str, (usize, usize, usize)>::new(), BTreeMap::new());
    let (mut failures, mut reasons) = (Vec::new(), BTreeMap::new());
    for (kind, tally) in tallies {
        let row = kinds.entry(kind).or_default();
        *row = (row.0 + tally.pairs, row.1 + tally.failures.len(), row.2 + tally.invalid);
        if !tally.reason.is_empty() {
            reasons.insert(kind, tally.reason);
        }
        for (class, count) in tally.classes {
            *classes.entry(class).or_insert(0) += count;
        }
        failures.extend(tally.failures);
    }
    let mut table = format!("seed {seed}\n\n{:<28}{:>8}{:>10}{:>9}\n", "kind", "agree", "disagree", "invalid");
    for (kind, (agree, disagree, invalid)) in &kinds {
        let _ = writeln!(table, "{kind:<28}{agree:>8}{disagree:>10}{invalid:>9}");
    }
    for (kind, reason) in &reasons {
        let _ = writeln!(table, "invalid {kind}: {reason}");
    }
    let _ = writeln!(table, "\n{:<60}{:>8}", "class", "pairs");
    for (class, count) in &classes {
        let _ = writeln!(table, "{class:<60}{count:>8}");
    }
    show(&table);
    let told: BTreeMap<&str, &String> =
        failures.iter().filter_map(|failure| Some((failure.lines().next()?, failure))).collect();
    let told: Vec<&str> = told.into_values().map(String::as_str).collect();
    assert!(failures.is_empty(), "\n{}", told.join("\n\n"));
}

#[expect(clippy::print_stdout, reason = "the counts are what the test is for")]
fn show(table: &str) {
    println!("{table}");
}

#[expect(clippy::disallowed_methods, reason = "how a developer plays a failure again")]
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// One live object and what may be wanted of it.
async fn one(server: &Server, menu: &Menu, schemas: &Schemas, index: usize, seed: u64) -> Tally {
    let mut dice = Dice::new(seed.wrapping_mul(1_000_003).wrapping_add(index as u64));
    let object = Object { server, menu, name: format!("{}-{index}", server.namespace) };
    let (acts, choices) = histories(menu, schemas, &mut dice);
    let mut tally = Tally::default();
    let Some(live) = history::live(&object, &acts).await else {
        tally.invalid += BODIES;
        object.delete().await;
        return tally;
    };
    for turn in 0..BODIES {
        let mut choices = choices.varied((turn % 4) as u64, &mut dice);
        let body = menu.body(&mut choices);
        match judged(&object, schemas, &live, &body).await {
            Err(reason) => {
                tally.invalid += 1;
                tally.reason = reason;
            }
            Ok(Judged { found, classes }) if found.is_empty() => {
                tally.pairs += 1;
                classes.into_iter().for_each(|class| *tally.classes.entry(class).or_insert(0) += 1);
            }
            Ok(_) => {
                if tally.failures.is_empty() {
                    tally.failures.push(shrink::story(server, menu, schemas, &acts, &body).await);
                } else {
                    tally.failures.push(String::new());
                }
            }
        }
    }
    object.delete().await;
    tally
}

/// What was found about one pair.
pub(super) struct Judged {
    found: Vec<String>,
    classes: Vec<&'static str>,
}

/// Asks both; the error says why the server does not accept the body at all.
async fn judged(object: &Object<'_>, schemas: &Schemas, live: &Value, body: &Value) -> Result<Judged, String> {
    let (desired, predicted) = predicted(object, schemas, live, body);
    let resource = resource(object, body);
    let manager = resource.hand.manager();
    let (status, mut answer) = object.apply(manager, &desired, false, true).await;
    let mut refused = std::collections::BTreeSet::new();
    if status == 409 {
        refused = refusals(&answer);
        let (status, forced) = object.apply(manager, &desired, true, true).await;
        if status != 200 {
            return Err(forced["message"].to_string());
        }
        answer = forced;
    } else if status != 200 {
        return Err(answer["message"].to_string());
    }
    let schema = schemas.get(&object.menu.head.group, object.menu.kind()).expect("it has a schema");
    let pair =
        Pair { live, desired: &desired, predicted: &predicted, refused: &refused, server: &answer, schema, schemas };
    Ok(Judged { found: pair.disagreements(), classes: classes::of(&pair) })
}

/// The body that would be sent, and what `diff` says of it.
fn predicted(object: &Object<'_>, schemas: &Schemas, live: &Value, body: &Value) -> (Value, Difference) {
    let resource = resource(object, body);
    let live = Live::from_value(resource.address.clone(), live.clone());
    (wire_body(&resource, None), diff(&resource, &live, None, schemas))
}

/// The writes of up to four managers, and the choices of packctl's last body.
fn histories(menu: &Menu, schemas: &Schemas, dice: &mut Dice) -> (Vec<Act>, Choices) {
    let mut choices = Choices::new(dice.below(u64::MAX));
    let mut body = menu.body(&mut choices);
    let mut acts = Vec::new();
    if let Some(ground) = &menu.head.ground {
        acts.push(Act::Create { manager: "platform".into(), body: ground.clone() });
    } else {
        match dice.below(10) {
            0..=1 => acts.push(Act::Create { manager: "kubectl-create".into(), body: body.clone() }),
            2 => acts.push(Act::Apply {
                manager: "helper".into(),
                body: body.clone(),
                version: menu.api_version().into(),
                force: true,
            }),
            _ => acts.push(Act::Ours { body: body.clone() }),
        }
    }
    if !dice.one_in(7) && !matches!(acts.last(), Some(Act::Ours { .. })) {
        acts.push(Act::Ours { body: body.clone() });
    }
    let node = history::menu_node(schemas, menu);
    for manager in ["argocd", "kubectl-edit", "other-editor"] {
        if dice.one_in(3) {
            continue;
        }
        let version = match menu.head.versions.first() {
            Some(version) if dice.one_in(3) && !menu.name.starts_with("horizontal") => version.clone(),
            _ => menu.api_version().to_owned(),
        };
        let next = choices.varied(dice.below(5), dice);
        let to = menu.body(&mut next.clone());
        if manager == "argocd" {
            let share = 2 + dice.below(4);
            if let Some(body) = history::part(&to, node, &mut || dice.one_in(share)) {
                acts.push(Act::Apply { manager: manager.into(), body, version, force: !dice.one_in(4) });
            }
        } else {
            acts.push(Act::Edit { manager: manager.into(), from: body.clone(), to: to.clone(), version });
        }
        if dice.one_in(3) {
            // packctl comes again, with its old wishes or with newer ones.
            if dice.one_in(2) {
                choices = next;
                body = menu.body(&mut choices);
            }
            acts.push(Act::Ours { body: body.clone() });
        }
    }
    if menu.head.scale && dice.one_in(2) {
        acts.push(Act::Scale { manager: "autoscaler".into(), replicas: 1 + dice.below(3) });
    }
    if dice.one_in(20) {
        acts.push(Act::Forget);
    }
    (acts, choices)
}

/// For the readers of a failure.
fn pretty(value: &Value) -> String {
    serde_yaml::to_string(value).unwrap_or_else(|_| json!(value).to_string())
}
