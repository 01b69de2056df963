//! `packctl destroy`: apps, packs and anchors go, in a safe order.

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
use crate::plan::{Settled, plan};
use crate::resource::{AppId, PackId};

/// Warnings that what was named is not there: a typing mistake must not count as done.
const NOT_THERE: &[&str] = &["PK0308", "PK0309"];

pub(super) async fn run(args: DestroyArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    if args.targets.is_empty() && args.gateway.is_empty() && args.input.filename.is_empty() {
        return Err(Failure::usage("nothing is named to destroy")
            .help("name app/NAMESPACE/NAME, pack/NAME, --gateway NAMESPACE/NAME, or inputs with -f"));
    }
    let _claim = if args.plan { None } else { apply::may_write(&args.world, &args.write, terminal)? };
    let loaded = super::plan::inputs(&args.input, terminal)?;
    let mut session = Session::open(&args.world, &terminal.secrets).await?;
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
    session.read(&observe::second(scope, &session.environment, &session.world)).await;
    let mut desired = destroy(&targets, &session.environment, &session.world);
    crate::check::check_destroy(&mut desired, &session.environment, &session.world);
    let graph = crate::graph::ResourceGraph::default();
    let plan = plan(&desired, &graph, &session.world, &session.cluster(), &Settled::new());
    let planned = Planned { loaded: Loaded { documents: Vec::new(), ..loaded }, session, desired, graph, plan };
    show::destroy(&planned, args.all, terminal)?;
    let missing = planned.plan.diagnostics.iter().any(|found| NOT_THERE.contains(&found.code.as_str()));
    let status = if args.plan {
        ExitStatus::of_plan(&planned.plan, false)
    } else {
        apply::walk(planned, &args.write, terminal).await?
    };
    Ok(if missing && status == ExitStatus::Success { ExitStatus::Partial } else { status })
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
