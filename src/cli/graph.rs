//! `packctl graph`: what needs what, and why.

use super::args::{GraphArgs, GraphOutput, SelectArgs};
use super::failure::Failure;
use super::plan::pipeline;
use super::terminal::Terminal;
use super::{ExitStatus, show};
use crate::present;

pub(super) async fn run(args: GraphArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let planned = pipeline(&args.input, &SelectArgs::default(), &args.world, terminal).await?;
    show::findings(&planned.plan.diagnostics, &planned.loaded.sources, terminal);
    let write = match args.output {
        GraphOutput::Text => present::graph::text,
        GraphOutput::Dot => present::graph::dot,
        GraphOutput::Mermaid => present::graph::mermaid,
        GraphOutput::Json => present::graph::json,
    };
    terminal.data(&write(&planned.graph))?;
    Ok(ExitStatus::of_plan(&planned.plan, false))
}
