//! PK0411: a Gateway would lose its last listener.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::{Facts, Rule};
use crate::derive::listeners;
use crate::diagnostic::Diagnostic;
use crate::resource::Address;

pub(crate) struct LastListener;

impl Rule for LastListener {
    fn code(&self) -> &'static str {
        "PK0411"
    }

    fn docs(&self) -> &'static str {
        "The listeners that go are all that the Gateway has. Gateway API asks for at least one, so the API server would refuse \
         the write in the middle of taking an app down.\n\
         \n\
         What to do: give the Gateway a listener of its own, such as `https`, or delete the Gateway."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut going: BTreeMap<Address, Vec<&Address>> = BTreeMap::new();
        for address in facts.desired.unwanted.keys().filter(|address| address.entry.is_some()) {
            going.entry(address.object()).or_default().push(address);
        }
        let mut findings = Vec::new();
        for (gateway, entries) in going {
            let Some(live) = facts.world.get(&gateway).live() else { continue };
            let stays = listeners(live.value()).iter().any(|listener| {
                let name = listener.get("name").and_then(Value::as_str);
                !entries.iter().any(|entry| entry.entry.as_ref().map(|entry| entry.key.as_str()) == name)
            });
            let comes =
                facts.desired.wanted.keys().any(|address| address.object() == gateway && address.entry.is_some());
            if stays || comes {
                continue;
            }
            for entry in entries {
                let mut finding = Diagnostic::error(
                    self.code(),
                    format!("{} is the last listener of {}; a Gateway must keep one", entry.short(), gateway.short()),
                )
                .object(entry)
                .help("add a listener to the Gateway first, or delete the Gateway");
                finding.app = facts.desired.unwanted.get(entry).and_then(|unwanted| unwanted.app.clone());
                findings.push(finding);
            }
        }
        findings
    }
}
