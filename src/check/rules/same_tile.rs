//! PK0425: two tiles of one name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::warning;
use crate::check::unread::some;
use crate::check::{Facts, Rule};
use crate::diagnostic::Diagnostic;
use crate::resource::AppId;

pub(crate) struct SameTile;

impl Rule for SameTile {
    fn code(&self) -> &'static str {
        "PK0425"
    }

    fn docs(&self) -> &'static str {
        "Two apps have the same `spec.landingPage.displayName`: people see two tiles that they cannot tell apart, such as \
         production and staging of one pack.\n\
         \n\
         What to do: give each a name of its own; in a chart usually by a value."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let live = facts.world.of_kind("reconcilers.nebari.dev", "NebariApp").filter_map(|live| {
            let gone = facts.desired.unwanted.contains_key(&live.address);
            Some((live.address.as_app().filter(|id| !gone && !facts.desired.apps.contains_key(id))?, live.value()))
        });
        let mut tiles: BTreeMap<&str, Vec<AppId>> = BTreeMap::new();
        for (id, value) in facts.desired.apps.values().map(|app| (app.id.clone(), &app.value)).chain(live) {
            if let Some(name) = tile(value) {
                tiles.entry(name).or_default().push(id);
            }
        }
        let mut findings = Vec::new();
        for (name, ids) in tiles.into_iter().filter(|(_, ids)| ids.len() > 1) {
            let Some(app) = ids.iter().find_map(|id| facts.desired.apps.get(id)) else { continue };
            let others: BTreeSet<String> =
                ids.iter().filter(|id| **id != app.id).map(|id| format!("app/{id}")).collect();
            let message = format!("its tile has the name `{name}`, and so has that of {}", some(&others));
            findings.push(
                warning(self.code(), app, "/spec/landingPage/displayName", message)
                    .help("give each tile a name of its own"),
            );
        }
        findings
    }
}

fn tile(app: &Value) -> Option<&str> {
    let page = app.pointer("/spec/landingPage")?;
    let shown = page.get("enabled").and_then(Value::as_bool) == Some(true);
    page.get("displayName")?.as_str().filter(|name| shown && !name.is_empty())
}
