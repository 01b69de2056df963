//! `packctl drift`: in sync or not, for CI.

use super::args::{DriftArgs, Output};
use super::failure::Failure;
use super::plan::pipeline;
use super::terminal::Terminal;
use super::{ExitStatus, show};
use crate::present;

pub(super) async fn run(args: DriftArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let planned = pipeline(&args.input, &args.world, terminal).await?;
    match args.output {
        Output::Json => terminal.data(&present::json::write(&planned.plan))?,
        Output::Text => show::plan(&planned, &args.input, false, terminal)?,
    }
    Ok(ExitStatus::of_plan(&planned.plan, true))
}
