//! Under the CRDs of each release: apply, then the plan is empty; and it is still empty after the next release is installed.

use packctl::diagnostic::Severity;
use packctl::plan::{Action, Plan};

use super::apps::groups;
use super::server::Server;
use super::{RELEASES, Release};
use crate::env;

/// Releases of the three projects together: each release once, and from one world to the next nothing gets older.
fn ladder() -> Vec<Vec<&'static Release>> {
    let longest = RELEASES.values().map(Vec::len).max().unwrap_or(0);
    let world = |at: usize| RELEASES.values().map(|all| &all[at.min(all.len() - 1)]).collect();
    (0..longest).map(world).collect()
}

/// Every release with every one of the other projects.
fn cross() -> Vec<Vec<&'static Release>> {
    let mut worlds: Vec<Vec<&Release>> = vec![Vec::new()];
    for releases in RELEASES.values() {
        let with = |world: &Vec<&'static Release>| {
            let world = world.clone();
            releases.iter().map(move |release| [world.as_slice(), &[release]].concat())
        };
        worlds = worlds.iter().flat_map(with).collect();
    }
    worlds
}

/// What a plan would do, and why it can't do more.
fn to_do(plan: &Plan) -> Vec<String> {
    let changes = plan.changes.values().filter(|change| change.action != Action::None).map(|change| {
        let fields: Vec<String> =
            change.fields.iter().map(|field| format!("{} {:?}", field.path, field.class)).collect();
        format!("{:?} {}: {}", change.action, change.address.short(), fields.join(", "))
    });
    let steps = plan.steps.iter().map(|step| format!("{} {}", step.title, step.address.short()));
    let blocked = plan.blocked.iter().map(|(address, why)| format!("{} is blocked: {why}", address.short()));
    changes.chain(steps).chain(blocked).chain(errors(plan)).collect()
}

fn errors(plan: &Plan) -> Vec<String> {
    let errors = plan.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    errors.map(|found| format!("{} {}", found.code, found.message)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_each_release_an_applied_plan_leaves_nothing_to_do() {
    let worlds = if env::all() { cross() } else { ladder() };
    let groups = groups();
    let mut server = Server::with(&worlds[0]).await;
    let mut wrong = Vec::new();
    for (at, releases) in worlds.iter().enumerate() {
        let names: Vec<String> = releases.iter().map(|release| release.name()).collect();
        let names = names.join(", ");
        if at > 0 {
            server.upgrade(releases).await;
            for group in &groups {
                let found = to_do(&group.plan(&server.world(group).await));
                wrong.extend(found.into_iter().map(|what| format!("upgraded to {names}: {what}")));
            }
            server.start_anew().await;
        }
        let mut made = 0;
        for group in &groups {
            let plan = group.plan(&server.world(group).await);
            assert_eq!(errors(&plan), [""; 0], "{names}");
            made += plan.steps.len();
            server.apply(&plan).await;
        }
        for group in &groups {
            let found = to_do(&group.plan(&server.world(group).await));
            wrong.extend(found.into_iter().map(|what| format!("{names}: {what}")));
        }
        println!("{names}: {made} steps");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
