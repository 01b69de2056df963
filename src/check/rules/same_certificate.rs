//! PK0433: two Certificates for one name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::check::unread::some;
use crate::check::{Facts, Rule};
use crate::diagnostic::Diagnostic;
use crate::resource::Address;

pub(crate) struct SameCertificate;

impl Rule for SameCertificate {
    fn code(&self) -> &'static str {
        "PK0433"
    }

    fn docs(&self) -> &'static str {
        "A Certificate that this plan makes or changes is for a DNS name that another Certificate is for, too.\n\
         \n\
         Their HTTP-01 challenges are answered at the same address; while both are open one of them fails, and is tried again \
         an hour later.\n\
         \n\
         What to do: take the name out of one of them, or let the new one refer to the other's Secret \
         (`spec.routing.tls.secretName`)."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut by_name: BTreeMap<&str, BTreeSet<&Address>> = BTreeMap::new();
        for (address, certificate) in facts.will_be("cert-manager.io", "Certificate") {
            for name in names(certificate) {
                by_name.entry(name).or_default().insert(address);
            }
        }
        let mut findings = Vec::new();
        for (name, certificates) in by_name.iter().filter(|(_, certificates)| certificates.len() > 1) {
            // At rest nothing is asked for, so nothing collides.
            let is_new = |address: &&&Address| {
                let live = facts.world.get(address).live();
                facts.desired.wanted.contains_key(**address)
                    && live.is_none_or(|live| !names(live.value()).any(|known| known == *name))
            };
            let Some(new) = certificates.iter().find(is_new) else { continue };
            let others: BTreeSet<String> =
                certificates.iter().filter(|other| *other != new).map(|other| other.short()).collect();
            let resource = facts.desired.wanted.get(*new);
            let app = resource.and_then(|resource| facts.desired.apps.get(resource.app.as_ref()?));
            let place = app.map_or_else(
                || resource.and_then(|resource| resource.place().cloned()),
                |app| app.place_of("/spec/hostname"),
            );
            let mut finding =
                Diagnostic::warning(self.code(), format!("{} is for {name}, and so is {}", new.short(), some(&others)))
                    .object(new)
                    .place(place)
                    .help("their challenges may collide; take the name out of one of them");
            finding.app = app.map(|app| app.id.clone());
            findings.push(finding);
        }
        findings
    }
}

fn names(certificate: &Value) -> impl Iterator<Item = &str> {
    let names = certificate.pointer("/spec/dnsNames").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str)
}
