//! `packctl explain KIND.FIELD`: what a schema says.

use super::ExitStatus;
use super::args::{ExplainArgs, ExplainOutput};
use super::failure::Failure;
use super::session::Session;
use super::terminal::Terminal;
use crate::api::nebariapp;
use crate::observe::Start;
use crate::observed::Kinds;
use crate::present;
use crate::schema::{Schema, Schemas, find};

/// Explains a kind or a field of one; `None` where the subject names no kind.
pub(super) async fn explain(args: &ExplainArgs, terminal: &Terminal) -> Result<Option<ExitStatus>, Failure> {
    if args.subject.contains(['/', '#', ':']) {
        return Ok(None);
    }
    let (word, path) = args.subject.split_once('.').unwrap_or((&args.subject, ""));
    let world = &args.world;
    let named = world.snapshot.is_some() || world.context.is_some() || world.kubeconfig.is_some();
    let schemas = Schemas::default();
    if let Some((group, kind, _)) = kind_of(word, &Kinds::platform()).filter(|_| !named)
        && let Some(schema) = schemas.get(&group, &kind)
    {
        return show(&kind, schema, path, args.output, terminal).map(Some);
    }
    // Not one of ours: only a cluster knows it.
    let mut session = Session::open(world, &Start::default(), &terminal.secrets).await?;
    let Some((group, kind, plural)) = kind_of(word, &session.world.kinds) else { return Ok(None) };
    if let Some(client) = &session.kubernetes
        && let Ok(Some(crd)) = client.crd(&group, &plural).await
    {
        session.world.schemas.add_crd(&crd);
    }
    match session.world.schemas.get(&group, &kind) {
        Some(schema) => show(&kind, schema, path, args.output, terminal).map(Some),
        None => Err(Failure::error(format!("the schema of {kind} is not known"))
            .help("`kubectl explain` asks the server about kinds that are no custom resources")),
    }
}

/// The group, kind and plural that a word names: `nebariapp`, `NebariApp`, `nebariapps`.
fn kind_of(word: &str, kinds: &Kinds) -> Option<(String, String, String)> {
    let named = kinds
        .0
        .iter()
        .find(|((_, kind), info)| kind.eq_ignore_ascii_case(word) || info.plural.eq_ignore_ascii_case(word));
    named.map(|((group, kind), info)| (group.clone(), kind.clone(), info.plural.clone()))
}

fn show(
    kind: &str,
    schema: &Schema,
    path: &str,
    output: ExplainOutput,
    terminal: &Terminal,
) -> Result<ExitStatus, Failure> {
    if output == ExplainOutput::Markdown {
        if kind != nebariapp::KIND || !path.is_empty() {
            return Err(Failure::usage("-o markdown writes the page of the fields of `nebariapp`"));
        }
        terminal.data(&present::fields_page(schema))?;
        return Ok(ExitStatus::Success);
    }
    let mut out = String::new();
    let style = terminal.style(true);
    if path.is_empty() {
        present::fields(&mut out, kind, schema, &style);
    } else {
        let field = find(schema, path).map_err(|missing| {
            let above = if missing.above.is_empty() { kind.to_owned() } else { format!("{kind}.{}", missing.above) };
            let help = match (&missing.near, missing.known.is_empty()) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, true) => "nothing stands below it".to_owned(),
                (None, false) => format!("its fields are {}", missing.known.join(", ")),
            };
            Failure::error(format!("{above} has no field `{}`", missing.name)).help(help)
        })?;
        present::field(&mut out, kind, &field, &style);
    }
    terminal.data(&out)?;
    Ok(ExitStatus::Success)
}
