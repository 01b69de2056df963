//! `diff` against a server-side apply: generated pairs of live and desired, field by field and conflict by conflict.
//!
//! A live object has a history: up to four managers apply, update, scale and forget. For each of several bodies that packctl may
//! want of it, `diff` says what would change and what conflicts, and a snapshot's merge makes the object and its managedFields;
//! then the server is asked by dry-run. Any disagreement is a failure. The seed is printed; a failing pair is made smaller before
//! it is shown.

mod classes;
mod counts;
mod history;
mod menu;
mod played;
mod server;
mod shrink;
mod verdict;

use std::collections::BTreeSet;
use std::ops::Range;

use futures::StreamExt as _;
use packctl::diff::{Difference, at_rest, diff, wire_body};
use packctl::observed::Live;
use packctl::schema::Schemas;
use serde_json::{Value, json};

use self::counts::Counts;
use self::history::{Act, resource};
use self::menu::{Choices, Menu};
use self::server::{Object, Server};
use self::verdict::{Pair, refusals};
use crate::env::{Env, unique};
use crate::stand_in::dice::Dice;

/// How many pairs a change has to pass; `tests/run all` takes twenty times as many.
const PAIRS: usize = 5_000;

/// Bodies for each live object.
const BODIES: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_diff_predicts_is_what_a_server_side_apply_does() {
    let seed = setting("PACKCTL_TEST_SEED", 20_261_124);
    let pairs = setting("PACKCTL_TEST_PAIRS", if setting("PACKCTL_TEST_ALL", 0) == 1 { 20 * PAIRS } else { PAIRS });
    let server = Server { client: Env::get().client().await, namespace: unique("differential") };
    Env::get().kubectl(&["create", "namespace", &server.namespace]);
    let (menus, schemas) = (Menu::all(), Schemas::default());
    let run = Run { server: &server, rotation: rotation(&menus), schemas: &schemas, seed };
    let mut counts = Counts::default();
    let mut lives = 0..0;
    // The dice may be short of a class; then a little more is asked.
    let is_enough = |counts: &Counts| counts.pairs() >= pairs && (pairs < PAIRS || counts.rare().is_empty());
    while !is_enough(&counts) && counts.pairs() < pairs * 2 && counts.failures().is_empty() {
        let missing = pairs.saturating_sub(counts.pairs()).div_ceil(BODIES).max(32);
        lives = lives.end..lives.end + missing;
        run.round(lives.clone(), &mut counts).await;
    }
    Env::get().kubectl(&["delete", "namespace", "--wait=false", &server.namespace]);
    show(&format!("seed {seed}: {} pairs, {} live objects\n\n{}", counts.pairs(), lives.end, counts.table()));
    assert!(counts.failures().is_empty(), "\n{}", counts.failures().join("\n\n"));
    assert!(is_enough(&counts), "too few pairs of {:?}", counts.rare());
}

#[expect(clippy::print_stdout, reason = "the counts are what the test is for")]
fn show(table: &str) {
    println!("{table}");
}

#[expect(clippy::disallowed_methods, reason = "how a developer plays a failure again")]
fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// The kinds in turn, those more often that have more in them.
fn rotation(menus: &[Menu]) -> Vec<&Menu> {
    menus.iter().flat_map(|menu| std::iter::repeat_n(menu, menu.head.weight)).collect()
}

struct Run<'r> {
    server: &'r Server,
    rotation: Vec<&'r Menu>,
    schemas: &'r Schemas,
    seed: usize,
}

impl Run<'_> {
    /// Several live objects at once.
    async fn round(&self, lives: Range<usize>, counts: &mut Counts) {
        let mut found = futures::stream::iter(lives).map(|index| self.one(index)).buffer_unordered(8);
        while let Some(found) = found.next().await {
            counts.add(found);
        }
    }

    /// One live object and what may be wanted of it.
    async fn one(&self, index: usize) -> Counts {
        let menu = self.rotation[index % self.rotation.len()];
        let mut dice = Dice::new((self.seed as u64).wrapping_mul(1_000_003).wrapping_add(index as u64));
        let object = Object { server: self.server, menu, name: format!("{}-{index}", self.server.namespace) };
        let (acts, choices) = histories(menu, self.schemas, &mut dice);
        let (mut counts, kind) = (Counts::default(), menu.name.as_str());
        let live = history::live(&object, &acts).await;
        for turn in 0..BODIES {
            let Some(live) = &live else {
                counts.invalid(kind, 1, "it could not be made".into());
                continue;
            };
            let mut choices = match turn % 8 {
                0 => choices.clone(),
                1..=2 => choices.dropped(&mut dice),
                3..=4 => choices.changed(&mut dice),
                turn => choices.varied(turn as u64 - 4, &mut dice),
            };
            let body = menu.body(&mut choices);
            match judged(&object, self.schemas, live, &body).await {
                Err(reason) => counts.invalid(kind, 1, reason),
                Ok(Judged { found, classes }) if found.is_empty() => counts.agreed(kind, classes),
                Ok(_) if counts.has_failed(kind) => counts.disagreed(kind, None),
                Ok(_) => {
                    let story = shrink::story(self.server, menu, self.schemas, &acts, &body).await;
                    counts.disagreed(kind, Some(story));
                }
            }
        }
        object.delete().await;
        counts
    }
}

/// What was found about one pair.
pub(super) struct Judged {
    found: Vec<String>,
    classes: Vec<&'static str>,
}

/// Asks both; the error says why the server does not accept the body at all.
async fn judged(object: &Object<'_>, schemas: &Schemas, live: &Value, body: &Value) -> Result<Judged, String> {
    let (desired, predicted, at_rest) = predicted(object, schemas, live, body);
    let resource = resource(object, body);
    let manager = resource.hand.manager();
    let (status, mut answer) = object.apply(manager, &desired, false, true).await;
    let mut refused = BTreeSet::new();
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
    let mut judged = Judged { found: pair.disagreements(), classes: classes::of(&pair) };
    judged.found.extend(played::disagreements(&pair, manager));
    if at_rest {
        judged.classes.push(classes::AT_A_GLANCE);
        let fields =
            predicted.fields.iter().map(|field| format!("{} differs from what is at rest at a glance", field.path));
        judged.found.extend(fields);
    }
    Ok(judged)
}

/// The body that would be sent, what `diff` says of it, and whether a glance is enough to say that nothing differs.
fn predicted(object: &Object<'_>, schemas: &Schemas, live: &Value, body: &Value) -> (Value, Difference, bool) {
    let resource = resource(object, body);
    let live = Live::from_value(resource.address.clone(), live.clone());
    let at_rest = at_rest(&resource, &live, None, schemas);
    (wire_body(&resource, None), diff(&resource, &live, None, schemas), at_rest)
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
        let count = dice.below(if manager == "argocd" { 12 } else { 5 });
        let next = choices.varied(count, dice);
        let to = menu.body(&mut next.clone());
        if manager == "argocd" {
            let share = 1 + dice.below(4);
            if let Some(body) = history::part(&to, node, &mut || dice.one_in(share)) {
                acts.push(Act::Apply { manager: manager.into(), body, version, force: !dice.one_in(6) });
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
    if menu.head.scale && !dice.one_in(3) {
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
