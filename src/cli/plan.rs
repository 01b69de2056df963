//! `packctl plan`: the pipeline.

use super::args::{InputArgs, PlanArgs, SelectArgs, WorldArgs};
use super::failure::Failure;
use super::progress::Busy;
use super::session::Session;
use super::terminal::Terminal;
use super::{ExitStatus, names, show};
use crate::check::check;
use crate::derive::{Desired, Inputs, derive};
use crate::graph::{self, ResourceGraph};
use crate::load::{Loaded, load};
use crate::observe;
use crate::plan::{Answers, Consent, Plan, Scope, narrow, plan};

/// Everything that a command knows after planning.
pub(super) struct Planned {
    pub(super) loaded: Loaded,
    pub(super) session: Session,
    pub(super) desired: Desired,
    pub(super) graph: ResourceGraph,
    pub(super) plan: Plan,
    pub(super) answers: Answers,
}

/// Files to plan, in one breath.
pub(super) async fn pipeline(
    input: &InputArgs,
    select: &SelectArgs,
    world: &WorldArgs,
    terminal: &Terminal,
) -> Result<Planned, Failure> {
    pipeline_for(Consent::Asked, input, select, world, terminal).await
}

/// The same, where people already said whether packctl may take over what others made.
pub(super) async fn pipeline_for(
    consent: Consent,
    input: &InputArgs,
    select: &SelectArgs,
    world: &WorldArgs,
    terminal: &Terminal,
) -> Result<Planned, Failure> {
    let answers = Answers { consent, ..Answers::default() };
    let busy = Busy::new(terminal, "reading the inputs");
    let mut loaded = inputs(input, terminal)?;
    busy.with("connecting");
    let mut session = Session::open(world, &observe::Start::of(&loaded), &terminal.secrets).await?;
    busy.with("rendering the packs");
    let packs = session.render(&loaded, input, world);
    loaded.sources.0.extend(packs.iter().flat_map(|pack| pack.sources.0.clone()));
    busy.with("reading the world");
    let scope = observe::Scope { packs: &packs, documents: &loaded.documents, targets: &[] };
    let live_apps = input.filename.is_empty();
    session.observe(scope, live_apps).await;
    busy.with("planning");
    let inputs =
        Inputs { documents: &loaded.documents, packs: &packs, live_apps, unknown_fields: input.unknown_fields() };
    let mut desired = derive(inputs, &session.environment, &session.world);
    check(&mut desired, &session.environment, &session.world);
    let graph = graph::build(&desired).map_err(|cycle| Failure::error(cycle.to_string()))?;
    let selection = names::selection(&select.target, &select.exclude, &desired)?;
    let narrowed = narrow(&mut desired, &graph, &session.world, &selection);
    let mut plan = plan(&desired, &graph, &session.world, &session.cluster(), &answers);
    plan.scope = Scope { live_apps: input.filename.is_empty(), narrowed };
    Ok(Planned { loaded, session, desired, graph, plan, answers })
}

/// Loads; an input that cannot be read as a whole stops the command before anything else is read.
pub(super) fn inputs(input: &InputArgs, terminal: &Terminal) -> Result<Loaded, Failure> {
    let wanted = crate::load::Inputs { paths: input.filename.clone(), recursive: input.recursive };
    let loaded = load(&wanted, &mut std::io::stdin(), &terminal.secrets);
    let errors = loaded.diagnostics.iter().any(|found| found.severity == crate::diagnostic::Severity::Error);
    // The plan does not know of them: here warnings are said, or nowhere.
    show::findings(&loaded.diagnostics, &loaded.sources, terminal);
    if errors {
        return Err(Failure::error("the input could not be read"));
    }
    Ok(loaded)
}

impl Planned {
    /// Asks the server, by dry run, about every object in doubt, and plans again with its answers.
    pub(super) async fn settle(&mut self) {
        let Some(client) = &self.session.kubernetes else { return };
        self.answers.settled = super::doubt::settle(&self.plan, &self.session.world, client).await;
        if !self.answers.settled.is_empty() {
            let scope = std::mem::take(&mut self.plan.scope);
            let plan = plan(&self.desired, &self.graph, &self.session.world, &self.session.cluster(), &self.answers);
            self.plan = Plan { scope, ..plan };
        }
    }
}

pub(super) async fn run(args: PlanArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let mut planned = pipeline(&args.input, &args.select, &args.world, terminal).await?;
    if args.validate.is_some() {
        planned.settle().await;
    }
    show::output(&planned, (&args.input, &args.select), args.output, args.all, terminal)?;
    let status = ExitStatus::of_plan(&planned.plan, args.detailed_exitcode);
    // The process ends now: to take a big world apart value by value takes as long as to read it.
    std::mem::forget(planned);
    Ok(status)
}
