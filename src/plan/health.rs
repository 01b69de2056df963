//! Whether what a step waits for has come true. Pure: `apply`, and later `status` and the controller, ask the same function.
//!
//! Statuses are compared by generation: Envoy Gateway leaves `Accepted=True` of an older generation standing for seconds.

use serde_json::Value;

use super::types::Until;
use crate::derive::FINALIZER;
use crate::observed::{Live, Observed};

/// How long Envoy keeps connections of an old listener (its `--drain-time-s`), in seconds.
const DRAIN_SECONDS: i64 = 60;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It holds.
    Ready,
    /// Not yet; the reason as the object tells it.
    Waiting(String),
    /// It will not come true by waiting.
    Failed(String),
}

/// Looks at one condition. `now` is seconds since the epoch.
pub fn health(until: &Until, observed: Observed<'_>, now: i64) -> Health {
    if let Until::Gone(address) = until {
        return match observed {
            Observed::Absent => Health::Ready,
            Observed::Present(live) | Observed::Leaving(live) => {
                Health::Waiting(format!("{} is still there{}", address.short(), held_by(live)))
            }
            Observed::Unreadable(reason) => Health::Waiting(reason.to_owned()),
        };
    }
    let live = match observed {
        Observed::Present(live) => live,
        Observed::Leaving(_) => return Health::Failed("it is being deleted".into()),
        Observed::Absent => return Health::Waiting("it is not there yet".into()),
        Observed::Unreadable(reason) => return Health::Waiting(reason.to_owned()),
    };
    match until {
        Until::PolicyAccepted(_) => policy(live),
        Until::RouteAccepted(_) => route(live),
        Until::ListenerProgrammed(address) => {
            listener(live, address.entry.as_ref().map(|entry| entry.key.as_str()).unwrap_or_default())
        }
        Until::CertificateReady(_) => certificate(live),
        Until::Drained(_) => drained(live, now),
        // What Envoy does is not in any status: see `answered`.
        Until::Gone(_) | Until::Answers(_) => Health::Ready,
    }
}

/// Whom an object that is being deleted waits for.
fn held_by(live: &Live) -> String {
    let finalizers = live.value().pointer("/metadata/finalizers").and_then(Value::as_array).into_iter().flatten();
    let names: Vec<&str> = finalizers.filter_map(Value::as_str).collect();
    match names.as_slice() {
        [] => String::new(),
        [FINALIZER] => format!(", held by {FINALIZER}: nebari-operator has not cleaned up yet; its log says why"),
        names => format!(", held by {}", names.join(", ")),
    }
}

/// What the HTTP status of a probe says. The login filter comes before the backend, so a closed route tells whether Envoy has
/// the policy: 302, 401 or 403 when it has, 500 or 404 when it has not (measured, Envoy Gateway 1.6.3).
pub fn answered(status: u16) -> Health {
    match status {
        302 | 401 | 403 => Health::Ready,
        status => Health::Waiting(format!("it answers {status}, not yet with the login")),
    }
}

/// Address and port at which a Gateway's listener is reached from outside; `None` while its status names none.
pub fn endpoint<'l>(gateway: &'l Live, listener: &str) -> Option<(&'l str, u16)> {
    let port = crate::derive::listener(gateway.value(), listener)?.get("port")?.as_u64()?;
    Some((gateway.text("/status/addresses/0/value")?, u16::try_from(port).ok()?))
}

/// One condition of a list, at a generation.
fn condition(conditions: Option<&Value>, kind: &str, generation: i64) -> Result<bool, String> {
    let list = conditions.and_then(Value::as_array);
    let found = list.into_iter().flatten().find(|found| found.get("type").and_then(Value::as_str) == Some(kind));
    let Some(found) = found else { return Err(format!("{kind} is not reported yet")) };
    let seen = found.get("observedGeneration").and_then(Value::as_i64).unwrap_or(generation);
    if seen != generation {
        return Err(format!("{kind} is reported for generation {seen}, not yet for {generation}"));
    }
    match found.get("status").and_then(Value::as_str) {
        Some("True") => Ok(true),
        status => {
            let text = |key: &str| found.get(key).and_then(Value::as_str).unwrap_or_default();
            Err(format!("{kind}={}: {} {}", status.unwrap_or("Unknown"), text("reason"), text("message"))
                .trim_end()
                .to_owned())
        }
    }
}

fn wait_for(results: impl IntoIterator<Item = Result<bool, String>>) -> Health {
    for result in results {
        if let Err(reason) = result {
            return Health::Waiting(reason);
        }
    }
    Health::Ready
}

fn policy(live: &Live) -> Health {
    let ancestors = live.value().pointer("/status/ancestors").and_then(Value::as_array).filter(|list| !list.is_empty());
    let Some(ancestors) = ancestors else { return Health::Waiting("the gateway has not reported on it yet".into()) };
    wait_for(ancestors.iter().map(|ancestor| condition(ancestor.get("conditions"), "Accepted", live.generation())))
}

fn route(live: &Live) -> Health {
    let wanted = live.value().pointer("/spec/parentRefs").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let parents = live.value().pointer("/status/parents").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for wanted in wanted {
        let key = |parent: &Value, name: &str| parent.get(name).and_then(Value::as_str).map(str::to_owned);
        let status = parents.iter().find(|status| {
            let parent = status.get("parentRef").unwrap_or(&Value::Null);
            ["name", "sectionName"].iter().all(|name| key(parent, name) == key(wanted, name))
        });
        let Some(status) = status else { return Health::Waiting("the gateway has not reported on it yet".into()) };
        let conditions = status.get("conditions");
        let results = ["Accepted", "ResolvedRefs"].map(|kind| condition(conditions, kind, live.generation()));
        if let Health::Waiting(reason) = wait_for(results) {
            return Health::Waiting(reason);
        }
    }
    Health::Ready
}

fn listener(gateway: &Live, name: &str) -> Health {
    let listeners = gateway.value().pointer("/status/listeners").and_then(Value::as_array);
    let status = listeners.into_iter().flatten().find(|found| found.get("name").and_then(Value::as_str) == Some(name));
    let Some(status) = status else { return Health::Waiting("the gateway has not reported on it yet".into()) };
    wait_for([condition(status.get("conditions"), "Programmed", gateway.generation())])
}

fn certificate(live: &Live) -> Health {
    wait_for([condition(live.value().pointer("/status/conditions"), "Ready", live.generation())])
}

fn drained(anchor: &Live, now: i64) -> Health {
    let made = anchor.text("/metadata/creationTimestamp").and_then(|text| text.parse::<jiff::Timestamp>().ok());
    // Without a time nothing can be counted; a recorded world has no connections either.
    let Some(made) = made else { return Health::Ready };
    match made.as_second() + DRAIN_SECONDS - now {
        left if left > 0 => Health::Waiting(format!("{left} s until connections from before the anchor are closed")),
        _ => Health::Ready,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::Address;

    fn policy_with(generation: i64, observed: i64, status: &str) -> Live {
        let address = Address::namespaced("gateway.envoyproxy.io", "SecurityPolicy", "a", "x-security");
        let condition = json!({"type": "Accepted", "status": status, "observedGeneration": observed, "reason": "R"});
        Live::from_value(
            address,
            json!({"metadata": {"generation": generation}, "status": {"ancestors": [{"conditions": [condition]}]}}),
        )
    }

    #[test]
    fn an_acceptance_of_an_older_generation_does_not_count() {
        for (live, ready) in
            [(policy_with(2, 2, "True"), true), (policy_with(2, 1, "True"), false), (policy_with(2, 2, "False"), false)]
        {
            let until = Until::PolicyAccepted(live.address.clone());
            assert_eq!(health(&until, Observed::Present(&live), 0) == Health::Ready, ready);
        }
    }

    #[test]
    fn a_fresh_anchor_has_to_drain() {
        let address = Address::namespaced("gateway.networking.k8s.io", "HTTPRoute", "gw", "packctl-anchor-gw");
        let live =
            Live::from_value(address.clone(), json!({"metadata": {"creationTimestamp": "1970-01-01T00:01:00Z"}}));
        let until = Until::Drained(address);
        assert!(matches!(health(&until, Observed::Present(&live), 90), Health::Waiting(_)));
        assert_eq!(health(&until, Observed::Present(&live), 120), Health::Ready);
    }
}
