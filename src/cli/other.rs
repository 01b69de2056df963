//! The commands that only show something: drift, graph, explain, snapshot, config, controller install.

use super::args::{
    ConfigArgs, ControllerArgs, ControllerCommand, DriftArgs, ExplainArgs, GraphArgs, Output, SnapshotArgs,
};
use super::failure::Failure;
use super::plan::pipeline;
use super::session::Session;
use super::terminal::Terminal;
use super::{ExitStatus, show};
use crate::check::RULES;
use crate::plan::Plan;
use crate::present;
use crate::provider::snapshot::{Extras, record};
use crate::resource::Address;

pub(super) async fn drift(args: DriftArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let planned = pipeline(&args.input, &args.world, terminal).await?;
    match args.output {
        Output::Json => terminal.data(&present::json::write(&planned.plan))?,
        Output::Text => show::plan(&planned, &args.input, &args.world, false, terminal)?,
    }
    Ok(ExitStatus::of_plan(&planned.plan, true))
}

pub(super) async fn graph(args: GraphArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let planned = pipeline(&args.input, &args.world, terminal).await?;
    show::findings(&planned.plan.diagnostics, &planned.loaded.sources, terminal);
    terminal.data(&crate::graph::tree(&planned.graph))?;
    Ok(ExitStatus::of_plan(&planned.plan, false))
}

pub(super) async fn explain(args: ExplainArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    if let Some(rule) = RULES.iter().find(|rule| rule.code().eq_ignore_ascii_case(&args.subject)) {
        terminal.data(&format!("{}\n\n{}\n", rule.code(), rule.docs()))?;
        return Ok(ExitStatus::Success);
    }
    if is_code(&args.subject) {
        let (first, last) = (RULES.first().map(|rule| rule.code()), RULES.last().map(|rule| rule.code()));
        let (code, first, last) = (&args.subject, first.unwrap_or_default(), last.unwrap_or_default());
        return Err(Failure::error(format!("no rule has the code {code}; the codes of rules are {first} to {last}"))
            .help("every other finding says what to do in its own help line"));
    }
    let planned = pipeline(&args.input, &args.world, terminal).await?;
    let address = find(&args.subject, &planned.plan, args.input.filename.is_empty())?;
    let mut out = String::new();
    present::explain(&mut out, &planned.plan, &address, &terminal.style(true));
    terminal.data(&out)?;
    Ok(ExitStatus::Success)
}

/// Whether a text is the code of a finding, whether there is such a one or not.
fn is_code(text: &str) -> bool {
    let digits = text.get(..2).filter(|head| head.eq_ignore_ascii_case("PK")).and_then(|_| text.get(2..));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The address that a text names: a whole one, a short one, or an unambiguous tail.
fn find(text: &str, plan: &Plan, live: bool) -> Result<Address, Failure> {
    let known = || plan.changes.keys().chain(plan.blocked.keys()).chain(plan.kept.keys());
    if let Some(address) = known().find(|address| address.to_string() == text || address.short() == text) {
        return Ok(address.clone());
    }
    let is_tail =
        |whole: &str| whole.strip_suffix(text).is_some_and(|head| head.is_empty() || head.ends_with(['/', ':', '#']));
    let mut found: Vec<&Address> =
        known().filter(|address| is_tail(&address.to_string()) || is_tail(&address.short())).collect();
    found.sort();
    found.dedup();
    match found.as_slice() {
        [address] => Ok((*address).clone()),
        [] => Err(Failure::error(format!("`{text}` names nothing in this plan")).help(if live {
            "without -f only the apps of the cluster are planned; name the inputs with -f, as for `packctl plan`"
        } else {
            "`packctl plan --all` shows the names; findings are explained by their code, such as PK0406"
        })),
        _ => {
            let shorts: Vec<String> = found.iter().map(|address| address.short()).collect();
            let shared = |short: &String| shorts.iter().filter(|other| *other == short).count() > 1;
            let names = found.iter().zip(&shorts);
            let names: Vec<String> =
                names.map(|(address, short)| if shared(short) { address.to_string() } else { short.clone() }).collect();
            Err(Failure::error(format!("`{text}` is ambiguous:\n  {}", names.join("\n  ")))
                .help("write one of these names"))
        }
    }
}

pub(super) async fn snapshot(args: SnapshotArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let planned = pipeline(&args.input, &args.world, terminal).await?;
    let session = &planned.session;
    let extras = Extras { kubernetes_version: session.world.seen.version.as_deref(), crds: &session.crds };
    let shown = args.out.display();
    let count = record(&args.out, &session.world, Some(&session.environment), extras, &session.secrets)
        .map_err(|error| Failure::error(format!("failed to record into {shown}: {error}")))?;
    terminal.say(&format!("Recorded {count} objects into {shown}; secret values are numbers there."));
    Ok(if planned.plan.unreadable.is_empty() { ExitStatus::Success } else { ExitStatus::Partial })
}

pub(super) async fn config(args: ConfigArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let loaded = if args.input.filename.is_empty() { None } else { Some(super::plan::inputs(&args.input, terminal)?) };
    let session = Session::open(&args.world, &terminal.secrets).await?;
    let cluster = session.cluster();
    let named_by = match &session.environment.cluster {
        Some(_) => session.environment_origin.clone(),
        None if cluster == session.world.seen.server => "the server; it has no name".into(),
        None => "uid of Namespace kube-system".into(),
    };
    let mut rows = vec![
        ("cluster".to_owned(), cluster, named_by),
        (
            "server".to_owned(),
            session.world.seen.server.clone(),
            if session.world.seen.snapshot { "--snapshot" } else { "kubeconfig" }.into(),
        ),
        ("user".into(), session.world.seen.user.clone().unwrap_or_else(|| "-".into()), "kubeconfig or --as".into()),
        ("keycloak's address".into(), or_dash(&session.keycloak_origin), "flags, variables, environment".into()),
    ];
    let mut environment = serde_json::to_value(&session.environment).unwrap_or_default();
    if let Some(keys) = environment.as_object_mut() {
        // It is the first row.
        keys.remove("cluster");
    }
    flatten("", &environment, &session.environment_origin, &mut rows);
    if let Some(loaded) = &loaded {
        rows.push(("inputs' folder".into(), loaded.root.display().to_string(), "where packctl.yaml or .git is".into()));
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(["setting", "value", "from"]);
    for (setting, value, from) in rows {
        table.add_row([setting, value, from]);
    }
    terminal.data(&format!("{}\n", super::words::trim_lines(&table.to_string())))?;
    Ok(ExitStatus::Success)
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".into() } else { text.into() }
}

fn flatten(path: &str, value: &serde_json::Value, origin: &str, rows: &mut Vec<(String, String, String)>) {
    match value {
        serde_json::Value::Object(map) => {
            for (name, below) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, below, origin, rows);
            }
        }
        serde_json::Value::Null => rows.push((path.to_owned(), "unknown".into(), "not set".into())),
        other => {
            let text = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
            rows.push((path.to_owned(), text, origin.to_owned()));
        }
    }
}

pub(super) fn controller(args: &ControllerArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let ControllerCommand::Install { crds } = &args.command;
    if *crds {
        terminal.data(crate::api::nebariapp::crd_yaml())?;
    }
    Ok(ExitStatus::Success)
}
