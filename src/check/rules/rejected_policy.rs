//! PK0435: the gateway does not accept a policy that is there.

use serde_json::Value;

use crate::check::{Facts, Rule};
use crate::derive::{App, Names};
use crate::diagnostic::Diagnostic;
use crate::observed::Live;

pub(crate) struct RejectedPolicy;

impl Rule for RejectedPolicy {
    fn code(&self) -> &'static str {
        "PK0435"
    }

    fn docs(&self) -> &'static str {
        "The status of an app's own SecurityPolicy says `Accepted: False`.\n\
         \n\
         An invalid policy makes the gateway answer 500; one in conflict is not the one that counts, and what an older one \
         says holds. Where this plan changes the policy, that may be the cure.\n\
         \n\
         What to do: read the reason; it names what is missing, or the policy that is in the way."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for (id, ground) in &facts.desired.grounds {
            let names = Names::of(id);
            for address in [names.policy(), names.public_policy(), names.lock(&ground.gateway)] {
                let rejected = facts.world.get(&address).live().and_then(rejection);
                let Some(why) = rejected.filter(|_| facts.desired.wanted.contains_key(&address)) else { continue };
                findings.push(
                    Diagnostic::warning(
                        self.code(),
                        format!("app/{id}: the gateway does not accept {}: {why}", address.short()),
                    )
                    .app(id)
                    .object(&address)
                    .place(facts.desired.apps.get(id).and_then(App::place))
                    .help("see to what the reason names; the app is not served as it asks until then"),
                );
            }
        }
        findings
    }
}

/// Reason and message of the first ancestor that does not accept the policy, at its present generation.
fn rejection(policy: &Live) -> Option<String> {
    let ancestors = policy.value().pointer("/status/ancestors")?.as_array()?;
    let conditions = ancestors.iter().filter_map(|ancestor| ancestor.get("conditions")?.as_array()).flatten();
    let text = |condition: &Value, key: &str| condition.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut refused = conditions.filter(|condition| {
        let generation = condition.get("observedGeneration").and_then(Value::as_i64);
        text(condition, "type") == "Accepted"
            && text(condition, "status") == "False"
            && generation.is_none_or(|generation| generation == policy.generation())
    });
    let found = refused.next()?;
    Some(format!("{}: {}", text(found, "reason"), text(found, "message").trim_end_matches('.')))
}
