//! PK0415: a Gateway would get more listeners than it can have.

use std::collections::{BTreeMap, BTreeSet};

use super::error;
use crate::check::{Facts, Rule};
use crate::derive::{Gateway, Names, listeners};
use crate::diagnostic::Diagnostic;
use crate::resource::AppId;

pub(crate) struct ListenerLimit;

/// `maxItems` of `spec.listeners` (Gateway API v1.2 to v1.5).
const MOST: usize = 64;

impl Rule for ListenerLimit {
    fn code(&self) -> &'static str {
        "PK0415"
    }

    fn docs(&self) -> &'static str {
        "A Gateway takes 64 listeners, and with the new apps of this plan it would have more. The API server would refuse the \
         write of the one that is too many, with everything else of that app in place.\n\
         \n\
         Counted are the listeners that stay and those that the plan adds, in the order of namespace and name; the apps beyond \
         the limit are refused.\n\
         \n\
         What to do: set `listeners: shared` in the environment, so that apps share the Gateway's own listener, or take apps \
         down that nobody needs."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut new: BTreeMap<&Gateway, Vec<&AppId>> = BTreeMap::new();
        for (id, ground) in &facts.desired.grounds {
            if facts.desired.wanted.contains_key(&Names::of(id).listener(&ground.gateway)) {
                new.entry(&ground.gateway).or_default().push(id);
            }
        }
        let mut findings = Vec::new();
        for (gateway, apps) in new {
            let Some(live) = facts.world.get(&gateway.address()).live() else { continue };
            let stay: BTreeSet<&str> = listeners(live.value())
                .iter()
                .filter_map(|listener| listener.get("name")?.as_str())
                .filter(|name| !facts.desired.unwanted.contains_key(&gateway.address().with_entry("listeners", name)))
                .collect();
            let new: Vec<&AppId> =
                apps.into_iter().filter(|id| !stay.contains(Names::of(id).listener_name().as_str())).collect();
            let wanted = stay.len() + new.len();
            for id in new.into_iter().skip(MOST.saturating_sub(stay.len())) {
                let Some(app) = facts.desired.apps.get(id) else { continue };
                let message = format!(
                    "Gateway {} would have {wanted} listeners, {MOST} are possible; {} stay",
                    gateway.name,
                    stay.len()
                );
                findings.push(
                    error(self.code(), app, "/spec/routing", message)
                        .help("set `listeners: shared` in the environment, or take down apps that nobody needs"),
                );
            }
        }
        findings
    }
}
