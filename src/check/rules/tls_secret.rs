//! PK0413: the Secret that an app names for its certificate does not do.

use std::collections::BTreeMap;

use super::{error, warning};
use crate::check::certificate::{Certificate, Makers};
use crate::check::unread::Unread;
use crate::check::{Facts, Found, Rule, host};
use crate::derive::Tls;
use crate::diagnostic::Diagnostic;
use crate::resource::Address;

pub(crate) struct TlsSecret;

impl Rule for TlsSecret {
    fn code(&self) -> &'static str {
        "PK0413"
    }

    fn docs(&self) -> &'static str {
        "`spec.routing.tls.secretName` names a Secret of the Gateway's namespace that is not there, is not of type \
         `kubernetes.io/tls`, or whose certificate is not for the app's hostname, has expired, or is not valid yet.\n\
         \n\
         The listener would not be programmed, or browsers would refuse it. A Secret that a Certificate of cert-manager is \
         about to make counts by the names of that Certificate. Without the time of the observation, as in a snapshot, only \
         the end of the certificate is said.\n\
         \n\
         What to do: name another Secret, renew its certificate, or leave `secretName` out, so that one is issued."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let (mut findings, mut unread) = (Vec::new(), Unread::default());
        let mut ends: BTreeMap<String, Diagnostic> = BTreeMap::new();
        let makers = Makers::of(facts);
        for (id, ground) in &facts.desired.grounds {
            let Some(app) = facts.desired.apps.get(id) else { continue };
            let (Tls::Secret(name), true) = (app.tls(), app.routed()) else { continue };
            let address = Address::namespaced("", "Secret", &ground.gateway.namespace, name);
            let problem = match (facts.find(&address), makers.names(&address)) {
                (Found::Unreadable(reason), _) => {
                    unread.add(reason, address.short());
                    continue;
                }
                (Found::Absent, Some(names)) if names.iter().any(|name| host::certifies(name, app.hostname())) => {
                    continue;
                }
                (Found::Absent, Some(names)) => format!("will be for {}, not for {}", names.join(", "), app.hostname()),
                (Found::Absent, None) => "is neither in the cluster nor in the inputs".into(),
                (Found::There(secret), _) => match Certificate::of_secret(secret) {
                    Err(problem) => problem,
                    Ok(certificate) => match certificate.unfit(app.hostname(), facts.world.seen.at) {
                        Some(problem) => problem,
                        None => {
                            if facts.world.seen.at.is_none() {
                                let message = format!(
                                    "the certificate of {} ends at {}; whether that is past is not known here",
                                    address.short(),
                                    certificate.not_after
                                );
                                let pointer = "/spec/routing/tls/secretName";
                                ends.entry(address.short())
                                    .or_insert_with(|| warning(self.code(), app, pointer, message));
                            }
                            continue;
                        }
                    },
                },
            };
            let message = format!("{} for its certificate {problem}", address.short());
            findings.push(
                error(self.code(), app, "/spec/routing/tls/secretName", message)
                    .help("name another Secret, renew its certificate, or leave `secretName` out to have one issued"),
            );
        }
        findings.extend(ends.into_values());
        findings.extend(unread.findings(self.code()));
        findings
    }
}
