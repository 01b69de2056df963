//! PK0405: the Service of an app, or its port, is missing.

use serde_json::Value;

use super::{error, warning};
use crate::check::unread::Unread;
use crate::check::{Facts, Rule};
use crate::diagnostic::Diagnostic;
use crate::observed::Observed;
use crate::resource::Address;

pub(crate) struct Service;

impl Rule for Service {
    fn code(&self) -> &'static str {
        "PK0405"
    }

    fn docs(&self) -> &'static str {
        "`spec.service` names a Service that is neither in the inputs nor in the cluster, or a port that it does not have.\n\
         \n\
         The route would be accepted and answer 500. Ports are compared by number, as the gateway does, and only those of \
         protocol TCP. A Service of type ExternalName is a warning: it has no endpoints that the gateway could send to.\n\
         \n\
         What to do: correct `spec.service`, or add the Service to the pack."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let (mut findings, mut unread) = (Vec::new(), Unread::default());
        for app in facts.desired.apps.values() {
            let (name, port) = app.service();
            let namespace = app.service_namespace();
            let address = Address::namespaced("", "Service", namespace, name);
            let service = match (facts.desired.wanted.get(&address), facts.world.get(&address)) {
                (Some(resource), _) => Some(&resource.body.value),
                (None, Observed::Present(live)) => Some(live.value()),
                (None, _) if facts.desired.unwanted.contains_key(&address) => None,
                (None, Observed::Unreadable(reason)) => {
                    unread.add(reason, address.short());
                    continue;
                }
                (None, _) => None,
            };
            let finding = match service {
                None => error(
                    self.code(),
                    app,
                    "/spec/service/name",
                    format!("Service {name} is neither in the inputs nor in namespace {namespace}"),
                )
                .help("correct the name, or add the Service to the pack"),
                Some(service) if is_external(service) => warning(
                    self.code(),
                    app,
                    "/spec/service/name",
                    format!("Service {name} is of type ExternalName, to which the gateway sends nothing"),
                )
                .help("name a Service with endpoints"),
                Some(service) if !ports(service).contains(&port) => {
                    let has: Vec<String> = ports(service).iter().map(ToString::to_string).collect();
                    let has = if has.is_empty() { "none of protocol TCP".into() } else { has.join(", ") };
                    error(
                        self.code(),
                        app,
                        "/spec/service/port",
                        format!("Service {name} has no port {port}; it has {has}"),
                    )
                    .help("name a number of the Service's `spec.ports[].port`")
                }
                Some(_) => continue,
            };
            findings.push(finding.object(&Address::app(&app.id)));
        }
        findings.extend(unread.findings(self.code()));
        findings
    }
}

fn is_external(service: &Value) -> bool {
    service.pointer("/spec/type").and_then(Value::as_str) == Some("ExternalName")
}

/// The numbers of its TCP ports.
fn ports(service: &Value) -> Vec<u64> {
    let ports = service.pointer("/spec/ports").and_then(Value::as_array);
    let tcp = |port: &&Value| port.get("protocol").and_then(Value::as_str).is_none_or(|protocol| protocol == "TCP");
    ports.into_iter().flatten().filter(tcp).filter_map(|port| port.get("port")?.as_u64()).collect()
}
