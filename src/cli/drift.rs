//! `packctl drift`: in sync or not, for CI.

use super::args::DriftArgs;
use super::failure::Failure;
use super::plan::pipeline;
use super::terminal::Terminal;
use super::{ExitStatus, show};

pub(super) async fn run(args: DriftArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let planned = pipeline(&args.input, &args.select, &args.world, terminal).await?;
    show::output(&planned, (&args.input, &args.select), args.output, args.all, terminal)?;
    Ok(ExitStatus::of_plan(&planned.plan, true))
}
