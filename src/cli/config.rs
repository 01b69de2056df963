//! `packctl config`: the settings, and where each comes from.

use serde_json::Value;

use super::ExitStatus;
use super::args::ConfigArgs;
use super::failure::Failure;
use super::session::Session;
use super::terminal::Terminal;
use crate::api::Environment;

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
    environment(&session, &mut rows);
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

/// A row for each key, but for the cluster's name: it is the first row.
fn environment(session: &Session, rows: &mut Vec<(String, String, String)>) {
    let value = |environment: &Environment| serde_json::to_value(environment).unwrap_or_default();
    let (merged, stated) = (value(&session.environment), value(&session.stated));
    let mut leaves = Vec::new();
    flatten("", &merged, &mut leaves);
    for (path, leaf) in leaves.into_iter().filter(|(path, _)| path != "cluster") {
        let is_stated = stated.pointer(&format!("/{}", path.replace('.', "/"))).is_some_and(|found| !found.is_null());
        let of_operator = session.of_operator.iter().find(|(key, _)| {
            path.strip_prefix(key.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        let origin = match (is_stated, of_operator) {
            (true, _) => session.environment_origin.clone(),
            (false, Some((_, from))) => from.clone(),
            (false, None) if leaf.is_null() => "not set".into(),
            (false, None) => session.environment_origin.clone(),
        };
        let text = if leaf.is_null() {
            "unknown".into()
        } else {
            leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned)
        };
        rows.push((path, text, origin));
    }
}

fn flatten(path: &str, value: &Value, leaves: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(map) => {
            for (name, below) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, below, leaves);
            }
        }
        other => leaves.push((path.to_owned(), other.clone())),
    }
}
