//! PK0414: the listener that an app shares with others does not take it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error;
use crate::check::certificate::{Certificate, certificates_of};
use crate::check::unread::Unread;
use crate::check::{Facts, Found, Rule, host, labels};
use crate::derive::{App, Attachment, Gateway, Ground};
use crate::diagnostic::Diagnostic;
use crate::resource::Address;

pub(crate) struct Listener;

impl Rule for Listener {
    fn code(&self) -> &'static str {
        "PK0414"
    }

    fn docs(&self) -> &'static str {
        "An app without a listener of its own attaches to the Gateway's listener `https`, or with TLS off to `http`. That \
         listener is missing, is of another protocol, does not admit the app's hostname or namespace, or none of its \
         certificates is for the hostname.\n\
         \n\
         The gateway would refuse the route, or browsers the certificate.\n\
         \n\
         What to do: correct the listener, choose a hostname that it admits, or give apps listeners of their own \
         (`listeners: own` in the environment)."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let (mut findings, mut unread) = (Vec::new(), Unread::default());
        let mut listeners: BTreeMap<(&Gateway, &str), Option<Shared<'_>>> = BTreeMap::new();
        for (id, ground) in &facts.desired.grounds {
            let Some(app) = facts.desired.apps.get(id) else { continue };
            let name = match ground.attachment {
                Some(Attachment::Shared) => "https",
                Some(Attachment::Plain) => "http",
                Some(Attachment::Own { .. }) | None => continue,
            };
            let shared = listeners
                .entry((&ground.gateway, name))
                .or_insert_with(|| Shared::of(&ground.gateway, name, facts, &mut unread));
            let address = ground.gateway.address().with_entry("listeners", name).short();
            let Some(shared) = shared else {
                findings.push(
                    error(
                        self.code(),
                        app,
                        "/spec/routing",
                        format!("{address}, which it attaches to, does not exist"),
                    )
                    .help("add the listener to the Gateway, or set `listeners: own` in the environment"),
                );
                continue;
            };
            let refusals = refusals(app, ground, shared.listener, facts);
            // Where the listener would not take the app anyhow, its certificate is no matter.
            let unfit = refusals.is_empty().then(|| shared.unfit(app.hostname(), facts)).flatten();
            for (pointer, problem) in refusals {
                findings.push(
                    error(self.code(), app, pointer, format!("{address}, which it attaches to, {problem}"))
                        .help("correct the listener, or what the app asks for"),
                );
            }
            if let Some(problem) = unfit {
                findings.push(
                    error(self.code(), app, "/spec/hostname", format!("{address}, which it attaches to, {problem}"))
                        .help("choose a hostname that the certificate is for, or renew the certificate"),
                );
            }
        }
        for ((gateway, name), shared) in listeners {
            let missing = shared.map(|shared| shared.missing).unwrap_or_default();
            let listener = gateway.address().with_entry("listeners", name);
            findings.extend(missing.into_iter().map(|secret| {
                Diagnostic::warning(self.code(), format!("{}, of {}, does not exist", secret.short(), listener.short()))
                    .object(&listener)
                    .help("the gateway serves no app on that listener until the Secret is there")
            }));
        }
        findings.extend(unread.findings(self.code()));
        findings
    }
}

/// A listener that apps share, with its certificates read once.
struct Shared<'f> {
    listener: &'f Value,
    certificates: Vec<(Address, Result<Certificate, String>)>,
    missing: Vec<Address>,
    /// Some certificate could not be read: that one may do.
    unread: bool,
}

impl<'f> Shared<'f> {
    fn of(gateway: &Gateway, name: &str, facts: Facts<'f>, unread: &mut Unread) -> Option<Self> {
        let live = facts.world.get(&gateway.address()).live()?;
        let listener = crate::derive::listener(live.value(), name)?;
        let mut shared = Self { listener, certificates: Vec::new(), missing: Vec::new(), unread: false };
        for address in certificates_of(gateway, listener) {
            match facts.find(&address) {
                Found::Unreadable(reason) => {
                    unread.add(reason, address.short());
                    shared.unread = true;
                }
                Found::Absent => shared.missing.push(address),
                Found::There(secret) => shared.certificates.push((address, Certificate::of_secret(secret))),
            }
        }
        Some(shared)
    }

    /// What is wrong with its certificates for a host; one that does is enough.
    fn unfit(&self, host: &str, facts: Facts<'_>) -> Option<String> {
        if self.unread || !self.missing.is_empty() {
            return None;
        }
        let mut worst = None;
        for (address, certificate) in &self.certificates {
            let problem = match certificate {
                Ok(certificate) => certificate.unfit(host, facts.world.seen.at)?,
                Err(problem) => problem.clone(),
            };
            worst = Some(format!("has a certificate in {} that {problem}", address.short()));
        }
        worst
    }
}

/// Why the listener would not attach the app's routes, and the field of the app that it is about.
fn refusals(app: &App, ground: &Ground, listener: &Value, facts: Facts<'_>) -> Vec<(&'static str, String)> {
    let text = |pointer: &str| listener.pointer(pointer).and_then(Value::as_str);
    let mut found = Vec::new();
    let protocol = if ground.attachment == Some(Attachment::Plain) { "HTTP" } else { "HTTPS" };
    if text("/protocol") != Some(protocol) {
        found
            .push(("/spec/routing", format!("is of protocol {}, not {protocol}", text("/protocol").unwrap_or("none"))));
    }
    if text("/tls/mode") == Some("Passthrough") {
        found.push(("/spec/routing", "passes TLS through".into()));
    }
    if !host::admits(text("/hostname"), app.hostname()) {
        found.push(("/spec/hostname", format!("admits {} only", text("/hostname").unwrap_or_default())));
    }
    let namespace = &app.id.namespace;
    let admitted = match text("/allowedRoutes/namespaces/from") {
        Some("All") => true,
        Some("Selector") => listener.pointer("/allowedRoutes/namespaces/selector").is_some_and(|selector| {
            labels::of_namespace(namespace, facts).is_none_or(|found| labels::selects(selector, &found))
        }),
        Some("None") => false,
        _ => *namespace == ground.gateway.namespace,
    };
    if !admitted {
        found.push(("/metadata/namespace", format!("admits no routes of namespace {namespace}")));
    }
    let kinds = listener.pointer("/allowedRoutes/kinds").and_then(Value::as_array);
    if let Some(kinds) = kinds.filter(|kinds| !kinds.is_empty())
        && !kinds.iter().any(|kind| kind.get("kind").and_then(Value::as_str) == Some("HTTPRoute"))
    {
        found.push(("/spec/routing", "admits no HTTPRoutes".into()));
    }
    found
}
