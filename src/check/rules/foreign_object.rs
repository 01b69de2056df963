//! PK0410: an object of this name exists and is somebody else's.

use crate::check::{Facts, Rule};
use crate::derive::{Standing, holder, standing};
use crate::diagnostic::Diagnostic;
use crate::resource::Resource;

pub(crate) struct ForeignObject;

impl Rule for ForeignObject {
    fn code(&self) -> &'static str {
        "PK0410"
    }

    fn docs(&self) -> &'static str {
        "An object that the inputs ask for exists already and cannot become packctl's: Argo CD tracks it, a controller owns it, \
         it carries another pack's mark, or (in Keycloak) it has no or another owner attribute. An object that is derived from an \
         app must show that it is this app's: by its owner, by its labels, or (the OIDC Secret, a listener) by what it says of \
         the app; nebari-operator's do.\n\
         \n\
         Two who write one object undo each other's work, and deleting it later would be worse. What nobody else holds on to can \
         be adopted: the plan says `adopt`, and `apply` does it when you agree or with --adopt.\n\
         \n\
         What to do: rename yours, or delete the other one if nobody needs it."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        // What is derived from apps is that of a live operator, to which it is left.
        let alive = holder(facts.world).is_some_and(|holder| holder.alive);
        let is_left = |resource: &Resource| alive && resource.app.is_some() && resource.address.as_app().is_none();
        for resource in facts.desired.wanted.values().filter(|resource| !is_left(resource)) {
            let Some(live) = facts.world.get(&resource.address).live() else { continue };
            let Standing::Foreign(why) = standing(resource, live, &facts.desired.apps, facts.world) else { continue };
            let address = &resource.address;
            let message = format!("{} exists and is not packctl's: {why}", address.short());
            let mut finding = Diagnostic::error(self.code(), message)
                .object(address)
                .place(resource.place().cloned())
                .help("rename yours, or delete the other one if nobody needs it");
            finding.app.clone_from(&resource.app);
            findings.push(finding);
        }
        findings
    }
}
