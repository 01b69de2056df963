//! PK0405: the Service of an app, or its port, is missing.

use serde_json::Value;

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
         The route would be accepted and answer 500. Ports are compared by number, as the gateway does.\n\
         \n\
         What to do: correct `spec.service.name` or `spec.service.port`, or add the Service to the pack."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for app in facts.desired.apps.values() {
            let (name, port) = app.service();
            let address = Address::namespaced("", "Service", app.service_namespace(), name);
            let service = match (facts.desired.wanted.get(&address), facts.world.get(&address)) {
                (Some(resource), _) => Some(&resource.body.value),
                (None, Observed::Present(live)) => Some(live.value()),
                (None, _) if facts.desired.unwanted.contains_key(&address) => None,
                (None, Observed::Unreadable(reason)) => {
                    findings.push(
                        Diagnostic::warning(
                            self.code(),
                            format!("app/{}: Service {name} was not checked: {reason}", app.id),
                        )
                        .place(app.place_of("/spec/service")),
                    );
                    continue;
                }
                (None, _) => None,
            };
            let finding = match service {
                None => Diagnostic::error(
                    self.code(),
                    format!(
                        "app/{}: Service {name} is neither in the inputs nor in namespace {}",
                        app.id,
                        app.service_namespace()
                    ),
                )
                .field("spec.service.name")
                .place(app.place_of("/spec/service/name"))
                .help("correct the name, or add the Service to the pack"),
                Some(service) if !ports(service).contains(&port) => {
                    let has: Vec<String> = ports(service).iter().map(ToString::to_string).collect();
                    Diagnostic::error(
                        self.code(),
                        format!("app/{}: Service {name} has no port {port}; it has {}", app.id, has.join(", ")),
                    )
                    .field("spec.service.port")
                    .place(app.place_of("/spec/service/port"))
                    .help("name a number of the Service's `spec.ports[].port`")
                }
                Some(_) => continue,
            };
            findings.push(finding.app(&app.id).object(&Address::app(&app.id)));
        }
        findings
    }
}

fn ports(service: &Value) -> Vec<u64> {
    let ports = service.pointer("/spec/ports").and_then(Value::as_array);
    ports.into_iter().flatten().filter_map(|port| port.get("port")?.as_u64()).collect()
}
