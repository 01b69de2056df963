//! `packctl config`: the settings, and where each comes from.

use super::ExitStatus;
use super::args::ConfigArgs;
use super::failure::Failure;
use super::session::Session;
use super::terminal::Terminal;

pub(super) async fn run(args: ConfigArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    let loaded = if args.input.filename.is_empty() { None } else { Some(super::plan::inputs(&args.input, terminal)?) };
    let session = Session::open(&args.world, &crate::observe::Start::default(), &terminal.secrets).await?;
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
