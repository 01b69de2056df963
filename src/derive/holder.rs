//! Who writes what is derived from apps, besides packctl.

use serde_json::Value;

use crate::api::{Environment, Lease, OperatorSettings};
use crate::observed::{Observed, World};
use crate::resource::Address;

/// The Deployment of nebari-operator, as its `config/default` names it.
pub(crate) const OPERATOR_DEPLOYMENT: &str = "nebari-operator-controller-manager";

/// How long after its end a Lease shows that its holder is gone, in seconds. Clocks differ by less; `apply` watches the Lease
/// before it takes it.
const LONG_PAST: i64 = 300;

/// Who else writes the derived objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// How that was seen.
    pub seen: String,
    /// It is alive for sure. Where Lease or Deployment could not be read nobody may be there, and nothing can be asked of it.
    pub alive: bool,
}

/// Who holds the derived objects; `None` when packctl may write them.
pub fn holder(world: &World) -> Option<Holder> {
    let namespace = world.seen.controller.as_deref().unwrap_or(Environment::NAMESPACE);
    let replicas = replicas(namespace, world);
    match world.get(&Lease::address(namespace, Lease::CONTROLLER)) {
        Observed::Unreadable(reason) => {
            let seen = format!("the controller's Lease could not be read: {reason}");
            return Some(Holder { seen, alive: replicas.is_ok_and(|replicas| replicas > 0) });
        }
        Observed::Present(live) | Observed::Leaving(live) => {
            let lease = Lease::parse(live.value());
            let past = world.seen.at.and_then(|at| lease.past(at));
            let is_gone = past.is_some_and(|past| past > LONG_PAST) && replicas == Ok(0);
            if let Some(holder) = lease.holder.as_ref().filter(|_| !lease.is_of_a_run() && !is_gone) {
                let seen = format!("{holder} holds Lease {namespace}/{}", Lease::CONTROLLER);
                return Some(Holder {
                    seen,
                    alive: past.is_none_or(|past| past <= 0) || replicas.is_ok_and(|replicas| replicas > 0),
                });
            }
        }
        Observed::Absent => {}
    }
    match replicas {
        Err(reason) => {
            let seen = format!("Deployment {OPERATOR_DEPLOYMENT} could not be read: {reason}");
            Some(Holder { seen, alive: false })
        }
        Ok(0) => None,
        Ok(replicas) => {
            let replicas = if replicas == 1 { "1 replica".into() } else { format!("{replicas} replicas") };
            let seen = format!("Deployment {namespace}/{OPERATOR_DEPLOYMENT} has {replicas}");
            Some(Holder { seen, alive: true })
        }
    }
}

/// The settings of a nebari-operator that is alive, and the Deployment that has them.
pub fn operator_settings(world: &World) -> Option<(OperatorSettings, Address)> {
    let namespace = world.seen.controller.as_deref().unwrap_or(Environment::NAMESPACE);
    let address = Address::namespaced("apps", "Deployment", namespace, OPERATOR_DEPLOYMENT);
    let live = world.get(&address).live().filter(|_| holder(world).is_some_and(|holder| holder.alive))?;
    Some((OperatorSettings::of(live.value(), namespace)?, address))
}

/// How many replicas nebari-operator is asked to have.
fn replicas(namespace: &str, world: &World) -> Result<u64, String> {
    match world.get(&Address::namespaced("apps", "Deployment", namespace, OPERATOR_DEPLOYMENT)) {
        Observed::Unreadable(reason) => Err(reason.to_owned()),
        Observed::Present(live) => Ok(live.value().pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1)),
        Observed::Leaving(_) | Observed::Absent => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::observed::{Live, Reading};

    fn world(holder: &str, at: Option<&str>, replicas: Option<u64>) -> World {
        let lease = Lease::address(Environment::NAMESPACE, Lease::CONTROLLER);
        let deployment = Address::namespaced("apps", "Deployment", Environment::NAMESPACE, OPERATOR_DEPLOYMENT);
        let spec =
            json!({"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": "2026-11-20T14:00:00.000000Z"});
        let mut reading = Reading::default();
        reading.objects.push(Live::from_value(lease, json!({"spec": spec})));
        match replicas {
            Some(replicas) => {
                reading.objects.push(Live::from_value(deployment, json!({"spec": {"replicas": replicas}})));
            }
            None => {
                reading.singles.insert(deployment, None);
            }
        }
        let mut world = World::default();
        world.absorb(reading);
        world.seen.at = at.map(|at| at.parse().expect("a time"));
        world
    }

    #[test]
    fn a_lease_that_nobody_renews_any_more_holds_nothing() {
        let (soon, later) = (Some("2026-11-20T14:01:00Z"), Some("2026-11-20T14:10:00Z"));
        let held = |world: World| holder(&world).is_some();
        assert!(held(world("operator-1", soon, None)));
        assert!(!held(world("operator-1", later, None)));
        assert!(!held(world("operator-1", later, Some(0))));
        assert!(held(world("operator-1", later, Some(1))), "it may be starting");
        assert!(held(world("operator-1", None, None)), "nobody knows when that was seen");
    }

    #[test]
    fn a_run_of_packctl_is_waited_for_and_not_planned_around() {
        assert_eq!(holder(&world("packctl apply by alice", Some("2026-11-20T14:00:01Z"), None)), None);
        assert!(holder(&world("packctl apply by alice", Some("2026-11-20T14:00:01Z"), Some(1))).is_some());
    }
}
