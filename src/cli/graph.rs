//! `packctl graph`: what needs what, and why.

use super::args::GraphArgs;
use super::failure::Failure;
use super::plan::pipeline;
use super::terminal::Terminal;
use super::{ExitStatus, show};

pub(super) async fn run(args: GraphArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let planned = pipeline(&args.input, &args.world, terminal).await?;
    show::findings(&planned.plan.diagnostics, &planned.loaded.sources, terminal);
    terminal.data(&crate::graph::tree(&planned.graph))?;
    Ok(ExitStatus::of_plan(&planned.plan, false))
}
