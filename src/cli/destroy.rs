//! `packctl destroy`: apps, packs and anchors go, in a safe order.

use std::cell::Cell;

use super::args::DestroyArgs;
use super::failure::Failure;
use super::plan::Planned;
use super::session::Session;
use super::terminal::Terminal;
use super::{ExitStatus, apply, show};
use crate::derive::{Gateway, Target, destroy};
use crate::load::Loaded;
use crate::observe;
use crate::observed::World;
use crate::plan::{Answers, Plan, plan};
use crate::resource::{AppId, PackId};

/// Warnings that what was named is not there: a typing mistake must not count as done.
const NOT_THERE: &[&str] = &["PK0308", "PK0309"];

pub(super) async fn run(args: DestroyArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    if args.targets.is_empty() && args.gateway.is_empty() && args.input.filename.is_empty() {
        return Err(Failure::usage("nothing is named to destroy")
            .help("name app/NAMESPACE/NAME, pack/NAME, --gateway NAMESPACE/NAME, or inputs with -f"));
    }
    if args.plan {
        let planned = planned(&args, terminal).await?;
        let status = ExitStatus::of_plan(&planned.plan, false);
        return Ok(named(status, misses(&planned.plan)));
    }
    let _claim = apply::may_write(&args.world, &args.write, terminal)?;
    let missing = Cell::new(false);
    let plan = async || {
        let planned = planned(&args, terminal).await?;
        missing.set(missing.get() || misses(&planned.plan));
        Ok(planned)
    };
    let status = apply::walk(plan, &args.world, &args.write, terminal).await?;
    Ok(named(status, missing.get()))
}

/// Whether something that was named is not there.
fn misses(plan: &Plan) -> bool {
    plan.diagnostics.iter().any(|found| NOT_THERE.contains(&found.code.as_str()))
}

fn named(status: ExitStatus, missing: bool) -> ExitStatus {
    if missing && status == ExitStatus::Success { ExitStatus::Partial } else { status }
}

/// What goes, shown.
async fn planned(args: &DestroyArgs, terminal: &Terminal) -> Result<Planned, Failure> {
    let loaded = super::plan::inputs(&args.input, terminal)?;
    // Targets may be packs, also where the inputs are not.
    let start = observe::Start { packs: true, ..observe::Start::of(&loaded) };
    let mut session = Session::open(&args.world, &start, &terminal.secrets).await?;
    let packs = session.render(&loaded, &args.input, &args.world);
    let mut targets = Vec::new();
    for pack in &packs {
        targets.push(Target::Pack { namespace: pack.id_namespace.clone(), name: pack.name.clone() });
    }
    for document in &loaded.documents {
        targets
            .extend(document.address(None, &session.world.kinds).and_then(|address| address.as_app()).map(Target::App));
    }
    for text in &args.targets {
        targets.push(target(text, &session.cluster(), &session.world)?);
    }
    for text in &args.gateway {
        let (namespace, name) = text
            .split_once('/')
            .ok_or_else(|| Failure::usage(format!("--gateway wants NAMESPACE/NAME, not `{text}`")))?;
        targets.push(Target::Gateway(Gateway { namespace: namespace.into(), name: name.into() }));
    }
    let scope = observe::Scope { packs: &packs, documents: &loaded.documents, targets: &targets };
    session.observe(scope, false).await;
    let mut desired = destroy(&targets, &session.environment, &session.world);
    crate::check::check_destroy(&mut desired, &session.environment, &session.world);
    let graph = crate::graph::ResourceGraph::default();
    let answers = Answers::default();
    let plan = plan(&desired, &graph, &session.world, &session.cluster(), &answers);
    let planned =
        Planned { loaded: Loaded { documents: Vec::new(), ..loaded }, session, desired, graph, plan, answers };
    show::destroy(&planned, args.all, terminal)?;
    Ok(planned)
}

fn target(text: &str, cluster: &str, world: &World) -> Result<Target, Failure> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        ["app", namespace, name] => Ok(Target::App(AppId::new(*namespace, *name))),
        ["pack", namespace, name] => Ok(Target::Pack { namespace: (*namespace).into(), name: (*name).into() }),
        ["pack", name] => {
            let records = world.of_kind("", "ConfigMap").filter_map(|live| live.annotation(PackId::MARK));
            let mut found: Vec<Vec<&str>> = records
                .map(|identity| identity.split('/').collect::<Vec<_>>())
                .filter(|parts| parts.first() == Some(&cluster) && parts.last() == Some(name))
                .collect();
            found.sort();
            found.dedup();
            match found.as_slice() {
                [parts] if parts.len() == 3 => Ok(Target::Pack { namespace: parts[1].into(), name: parts[2].into() }),
                [] => Err(Failure::error(format!("no pack {name} is recorded in the cluster"))
                    .help("`packctl plan` names the packs; a pack is named pack/NAME or pack/NAMESPACE/NAME")),
                _ => {
                    let names: Vec<String> =
                        found.iter().map(|parts| format!("pack/{}", parts[1..].join("/"))).collect();
                    Err(Failure::usage(format!("{text} is ambiguous: {}", names.join(", "))))
                }
            }
        }
        _ => Err(Failure::usage(format!("`{text}` is no target"))
            .help("write app/NAMESPACE/NAME, pack/NAME or pack/NAMESPACE/NAME")),
    }
}
