//! Leases (`coordination.k8s.io/v1`): who holds something, and until when unless it is renewed.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::resource::Address;

/// What a Lease says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it; `None` when it is free.
    pub holder: Option<String>,
    /// How long a renewal is good for, in seconds.
    pub seconds: i64,
    /// When it passed to this holder.
    pub acquired: Option<Timestamp>,
    /// When it was renewed last, by the holder's clock.
    pub renewed: Option<Timestamp>,
    /// How often it passed to another holder.
    pub transitions: i64,
}

impl Lease {
    /// API version.
    pub const API_VERSION: &str = "coordination.k8s.io/v1";
    /// Of two applies: `packctl-apply`.
    pub const APPLY: &str = "packctl-apply";
    /// Of the controller, whose leader writes what is derived from apps; the name is nebari-operator's.
    pub const CONTROLLER: &str = "d77e3dc7.nebari.dev";

    /// How the identities of packctl's own runs begin; a controller's does not.
    pub const RUN: &str = "packctl apply by ";

    /// Whether a run of packctl holds it, which ends soon.
    pub fn is_of_a_run(&self) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.starts_with(Self::RUN))
    }

    /// The address of a Lease.
    pub fn address(namespace: &str, name: &str) -> Address {
        Address::namespaced("coordination.k8s.io", "Lease", namespace, name)
    }

    /// Reads a Lease object. What it does not say is as client-go takes it: free, 15 seconds.
    pub fn parse(object: &Value) -> Self {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let time = |key: &str| spec.get(key).and_then(Value::as_str).and_then(|text| text.parse().ok());
        let number = |key: &str| spec.get(key).and_then(Value::as_i64);
        let holder = spec.get("holderIdentity").and_then(Value::as_str).filter(|holder| !holder.is_empty());
        Self {
            holder: holder.map(str::to_owned),
            seconds: number("leaseDurationSeconds").unwrap_or(15),
            acquired: time("acquireTime"),
            renewed: time("renewTime"),
            transitions: number("leaseTransitions").unwrap_or(0),
        }
    }

    /// As `spec`.
    pub fn spec(&self) -> Value {
        // MicroTime: the API server wants exactly six digits.
        let time = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        let mut spec = json!({
            "holderIdentity": self.holder.as_deref().unwrap_or_default(),
            "leaseDurationSeconds": self.seconds,
            "leaseTransitions": self.transitions,
        });
        for (key, found) in [("acquireTime", self.acquired), ("renewTime", self.renewed)] {
            if let Some(found) = found {
                spec[key] = json!(time(found));
            }
        }
        spec
    }

    /// How long it is past its end, in seconds; `None` when it does not say when it was renewed.
    pub fn past(&self, now: Timestamp) -> Option<i64> {
        Some(now.as_second() - self.renewed?.as_second() - self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_reads_back_as_it_is_written() {
        let time: Timestamp = "2026-11-20T14:02:00.000001Z".parse().expect("a time");
        let lease =
            Lease { holder: Some("a".into()), seconds: 15, acquired: Some(time), renewed: Some(time), transitions: 2 };
        assert_eq!(Lease::parse(&json!({"spec": lease.spec()})), lease);
        assert_eq!(lease.spec()["renewTime"], "2026-11-20T14:02:00.000001Z");
        let free = Lease::parse(&json!({"spec": {"holderIdentity": ""}}));
        assert_eq!((free.holder, free.seconds), (None, 15));
    }

    #[test]
    fn a_lease_is_past_its_end_when_its_duration_went_by() {
        let renewed = "2026-11-20T14:02:00Z".parse().ok();
        let lease = Lease { renewed, seconds: 15, ..Lease::default() };
        let at = |text: &str| lease.past(text.parse().expect("a time"));
        assert_eq!(at("2026-11-20T14:02:10Z"), Some(-5));
        assert_eq!(at("2026-11-20T14:03:15Z"), Some(60));
    }
}
