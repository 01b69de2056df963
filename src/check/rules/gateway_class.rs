//! PK0416: nobody, or nobody known, sees to a Gateway.

use std::collections::BTreeSet;

use crate::check::{Facts, Rule};
use crate::diagnostic::Diagnostic;
use crate::resource::Address;

pub(crate) struct GatewayClass;

/// How `spec.controllerName` of Envoy Gateway begins; administrators may choose the rest.
const CONTROLLER: &str = "gateway.envoyproxy.io/";

impl Rule for GatewayClass {
    fn code(&self) -> &'static str {
        "PK0416"
    }

    fn docs(&self) -> &'static str {
        "The GatewayClass of a Gateway does not exist, or another controller than Envoy Gateway sees to it.\n\
         \n\
         Only Envoy Gateway obeys SecurityPolicies. Under another controller no policy is accepted, so every app with login \
         stays closed.\n\
         \n\
         What to do: correct `spec.gatewayClassName` of the Gateway, or name another Gateway in the environment."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        // Not asked for, or a world written by hand without any: nothing to compare with.
        if facts.world.of_kind("gateway.networking.k8s.io", "GatewayClass").next().is_none() {
            return Vec::new();
        }
        let gateways: BTreeSet<_> = facts.desired.grounds.values().map(|ground| ground.gateway.address()).collect();
        let mut findings = Vec::new();
        for gateway in gateways {
            let Some(class) = facts.world.get(&gateway).live().and_then(|live| live.text("/spec/gatewayClassName"))
            else {
                continue;
            };
            let address = Address::cluster_scoped("gateway.networking.k8s.io", "GatewayClass", class);
            let controller = facts.world.get(&address).live().map(|live| live.text("/spec/controllerName"));
            let problem = match controller {
                Some(Some(name)) if name.starts_with(CONTROLLER) => continue,
                Some(other) => format!("is for the controller {}, not for Envoy Gateway", other.unwrap_or("nobody")),
                None => "does not exist".into(),
            };
            findings.push(
                Diagnostic::warning(self.code(), format!("GatewayClass {class} of {} {problem}", gateway.short()))
                    .object(&gateway)
                    .help("until Envoy Gateway sees to the Gateway, its apps stay closed"),
            );
        }
        findings
    }
}
