//! `packctl snapshot`: the world, recorded into a folder.

use super::ExitStatus;
use super::args::{SelectArgs, SnapshotArgs};
use super::failure::Failure;
use super::plan::pipeline;
use super::terminal::Terminal;
use crate::provider::snapshot::{Extras, record};

pub(super) async fn run(args: SnapshotArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let mut planned = pipeline(&args.input, &SelectArgs::default(), &args.world, terminal).await?;
    planned.session.read_extras().await;
    let session = &planned.session;
    let extras = Extras { kubernetes_version: session.world.seen.version.as_deref(), crds: &session.crds };
    let shown = args.out.display();
    let count = record(&args.out, &session.world, Some(&session.stated), extras, &session.secrets)
        .map_err(|error| Failure::error(format!("failed to record into {shown}: {error}")))?;
    terminal.say(&format!("Recorded {count} objects into {shown}; secret values are numbers there."));
    Ok(if planned.plan.unreadable.is_empty() { ExitStatus::Success } else { ExitStatus::Partial })
}
