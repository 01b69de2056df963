//! `packctl status`: how the packs and apps of the cluster are.

use super::ExitStatus;
use super::args::{InputArgs, SelectArgs, StatusArgs, StatusOutput};
use super::failure::Failure;
use super::plan::pipeline;
use super::terminal::Terminal;
use crate::observed::ReadSet;
use crate::plan::{State, status};
use crate::present;

pub(super) async fn run(args: StatusArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let mut planned = pipeline(&InputArgs::default(), &SelectArgs::default(), &args.world, terminal).await?;
    let mut set = ReadSet::default();
    set.list("apps", "Deployment");
    planned.session.read(&set).await;
    let found = status(&planned.plan, &planned.desired, &planned.session.world);
    match args.output {
        StatusOutput::Json => terminal.data(&present::status::write(&found, &planned.plan))?,
        StatusOutput::Text => {
            let mut out = String::new();
            present::status::status(&mut out, &found, &planned.plan, &terminal.style(false));
            terminal.data(&out)?;
        }
    }
    let blocked = found.apps.iter().any(|app| app.state() == State::Blocked);
    let partial = blocked || !planned.plan.unreadable.is_empty();
    Ok(if partial { ExitStatus::Partial } else { ExitStatus::Success })
}
