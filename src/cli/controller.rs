//! `packctl controller`: what the controller in the cluster needs.

use super::ExitStatus;
use super::args::{ControllerArgs, ControllerCommand};
use super::failure::Failure;
use super::terminal::Terminal;

pub(super) fn run(args: &ControllerArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let ControllerCommand::Install { crds } = &args.command;
    if *crds {
        terminal.data(crate::api::nebariapp::crd_yaml())?;
    }
    Ok(ExitStatus::Success)
}
