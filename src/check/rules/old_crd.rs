//! PK0436: the cluster's CRD of a derived object lacks a field that the object has.

use super::dotted;
use crate::check::{Facts, Rule};
use crate::derive::{ANCHOR_GATEWAY, App};
use crate::diagnostic::Diagnostic;
use crate::resource::Resource;
use crate::schema::unknown_fields;

pub(crate) struct OldCrd;

/// The oldest supported release of the project that has a group; the tests hold packctl against each from there on.
const OLDEST: [(&str, &str); 3] = [
    ("gateway.networking.k8s.io", "Gateway API 1.2"),
    ("gateway.envoyproxy.io", "Envoy Gateway 1.6"),
    ("cert-manager.io", "cert-manager 1.16"),
];

impl Rule for OldCrd {
    fn code(&self) -> &'static str {
        "PK0436"
    }

    fn docs(&self) -> &'static str {
        "The cluster's CustomResourceDefinition does not know a field that packctl writes for an app: it is of a release that is \
         older than packctl supports (Gateway API 1.2, Envoy Gateway 1.6, cert-manager 1.16).\n\
         \n\
         The API server would refuse the object half-way through the app. If it dropped the field instead, a login could \
         be written and not be in force.\n\
         \n\
         What to do: install the CRDs of a supported release, and the controller that goes with them."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        facts
            .desired
            .wanted
            .values()
            .filter(|resource| is_derived(resource))
            .flat_map(|it| self.of(it, facts))
            .collect()
    }
}

/// What the inputs bring is judged where it is read.
fn is_derived(resource: &Resource) -> bool {
    let of_app = resource.app.is_some() && resource.address.as_app().is_none();
    of_app || resource.body.value.pointer("/metadata/labels").is_some_and(|labels| labels.get(ANCHOR_GATEWAY).is_some())
}

impl OldCrd {
    fn of(&self, resource: &Resource, facts: Facts<'_>) -> Option<Diagnostic> {
        let address = &resource.address;
        let (_, oldest) = OLDEST.iter().find(|(group, _)| *group == address.group)?;
        let unknown = unknown_fields(&resource.body.value, facts.world.schemas.get(&address.group, &address.kind)?);
        let field = dotted(&unknown.first()?.pointer);
        let message = format!("{}: the cluster's {} has no field `{field}`", address.short(), address.kind);
        let found = Diagnostic::error(self.code(), message).object(address).field(&field);
        let found = match &resource.app {
            Some(app) => found.app(app).place(facts.desired.apps.get(app).and_then(App::place)),
            None => found,
        };
        Some(found.help(format!("install the CRDs of {oldest} or newer")))
    }
}
