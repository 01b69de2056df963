//! PK0429: the ServiceAccount that may read the client's Secret does not exist.

use super::warning;
use crate::check::{Facts, Found, Rule};
use crate::diagnostic::Diagnostic;
use crate::resource::Address;

pub(crate) struct ServiceAccount;

impl Rule for ServiceAccount {
    fn code(&self) -> &'static str {
        "PK0429"
    }

    fn docs(&self) -> &'static str {
        "`spec.serviceAccountName` names a ServiceAccount that is neither in the inputs nor in the cluster.\n\
         \n\
         The RoleBinding that lets it read the client's Secret would have no effect; pods that mount the Secret do not need \
         it.\n\
         \n\
         What to do: correct the name, or add the ServiceAccount to the pack."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        const POINTER: &str = "/spec/serviceAccountName";
        let mut findings = Vec::new();
        // The default is a guess that most apps do not need.
        let named =
            facts.desired.apps.values().filter(|app| app.provisions_client() && app.value.pointer(POINTER).is_some());
        for app in named {
            let address = Address::namespaced("", "ServiceAccount", &app.id.namespace, app.service_account());
            if matches!(facts.find(&address), Found::Absent) {
                let message = format!("{} is neither in the inputs nor in the cluster", address.short());
                findings.push(
                    warning(self.code(), app, POINTER, message)
                        .help("correct the name, or add the ServiceAccount to the pack"),
                );
            }
        }
        findings
    }
}
