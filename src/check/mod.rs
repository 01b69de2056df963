//! Stage 3b: rules over apps and desired resources.
//!
//! One file a rule, one stable code a rule. An error of an app stops that app and no other. To add a rule: a file in `rules/`
//! and its name in [`RULES`].

mod certificate;
mod host;
mod labels;
mod path;
mod rules;
mod unread;
mod workload;

pub(crate) use certificate::certificates_of;
pub(crate) use workload::secrets as secrets_of;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api::Environment;
use crate::derive::Desired;
use crate::diagnostic::{Diagnostic, Severity};
use crate::observed::{Observed, World};
use crate::resource::{Address, AppId, of_kind};

/// What a rule sees.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'f> {
    /// Everything that the inputs ask for.
    pub desired: &'f Desired,
    /// The observed world.
    pub world: &'f World,
    /// The environment.
    pub environment: &'f Environment,
}

impl<'f> Facts<'f> {
    /// The objects of a kind as they will be: what is wanted, and what is live and neither goes nor is wanted otherwise.
    pub(crate) fn will_be(self, group: &'f str, kind: &'f str) -> impl Iterator<Item = (&'f Address, &'f Value)> {
        let wanted = of_kind(&self.desired.wanted, group, kind);
        let live = self.world.of_kind(group, kind).filter(move |live| {
            !self.desired.unwanted.contains_key(&live.address) && !self.desired.wanted.contains_key(&live.address)
        });
        let wanted = wanted.map(|(address, resource)| (address, &resource.body.value));
        live.map(|live| (&live.address, live.value())).chain(wanted)
    }

    /// One object as it will be: what is wanted, else what is live and does not go.
    pub(crate) fn find(self, address: &Address) -> Found<'f> {
        if let Some(wanted) = self.desired.wanted.get(address) {
            return Found::There(&wanted.body.value);
        }
        match self.world.get(address) {
            Observed::Present(live) if !self.desired.unwanted.contains_key(address) => Found::There(live.value()),
            Observed::Unreadable(reason) => Found::Unreadable(reason),
            Observed::Present(_) | Observed::Leaving(_) | Observed::Absent => Found::Absent,
        }
    }
}

/// An object as it will be, as far as that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'f> {
    /// It is in the inputs, or it is live and stays.
    There(&'f Value),
    /// It is in neither.
    Absent,
    /// Whether it is live could not be read.
    Unreadable(&'f str),
}

/// One rule.
pub trait Rule: Sync {
    /// Its stable code, `PK0401`.
    fn code(&self) -> &'static str;
    /// What it refuses, why, and what to do; shown by `packctl explain CODE`.
    fn docs(&self) -> &'static str;
    /// Its findings.
    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic>;
}

/// All rules, in the order of their codes.
pub const RULES: &[&dyn Rule] = &[
    &rules::schema::Schema,
    &rules::unsupported::Unsupported,
    &rules::opted_in::OptedIn,
    &rules::service::Service,
    &rules::hostname::Hostname,
    &rules::identity::Identity,
    &rules::foreign_policy::ForeignPolicy,
    &rules::long_names::LongNames,
    &rules::foreign_object::ForeignObject,
    &rules::last_listener::LastListener,
    &rules::consent::Consent,
    &rules::tls_secret::TlsSecret,
    &rules::listener::Listener,
    &rules::listener_limit::ListenerLimit,
    &rules::gateway_class::GatewayClass,
    &rules::clear_text_login::ClearTextLogin,
    &rules::redirect::Redirect,
    &rules::paths::Paths,
    &rules::public_routes::PublicRoutes,
    &rules::annotations::Annotations,
    &rules::scopes::Scopes,
    &rules::deny_redirect::DenyRedirect,
    &rules::landing_page::LandingPage,
    &rules::same_tile::SameTile,
    &rules::issuer::Issuer,
    &rules::client_secret::ClientSecret,
    &rules::forwarded_token::ForwardedToken,
    &rules::service_account::ServiceAccount,
    &rules::secret_reference::SecretReference,
    &rules::inside_issuer::InsideIssuer,
    &rules::url::Url,
    &rules::same_certificate::SameCertificate,
    &rules::no_route::NoRoute,
    &rules::rejected_policy::RejectedPolicy,
    &rules::old_crd::OldCrd,
    &rules::operator_settings::OperatorSettings,
];

/// Runs all rules, and takes the apps that an error stops out of what is desired.
pub fn check(desired: &mut Desired, environment: &Environment, world: &World) {
    let facts = Facts { desired, world, environment };
    let mut findings: Vec<Diagnostic> = rules::schema::Schema.check(facts);
    let errors = findings.iter().filter(|found| found.severity == Severity::Error);
    let broken: BTreeSet<AppId> = errors.filter_map(|found| found.app.clone()).collect();
    // Of an app that is no NebariApp at all nothing else can be said.
    let others = RULES.iter().skip(1).flat_map(|rule| rule.check(facts));
    findings.extend(others.filter(|found| found.app.as_ref().is_none_or(|app| !broken.contains(app))));
    refuse(findings, world, desired);
}

/// Runs the rules about what goes.
pub fn check_destroy(desired: &mut Desired, environment: &Environment, world: &World) {
    let findings = rules::last_listener::LastListener.check(Facts { desired, world, environment });
    refuse(findings, world, desired);
}

fn refuse(mut findings: Vec<Diagnostic>, world: &World, desired: &mut Desired) {
    desired.diagnostics.append(&mut findings);
    desired.diagnostics.sort();
    desired.diagnostics.dedup();
    let errors = desired.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let stopped: Vec<_> = errors.clone().filter_map(|found| found.app.clone()).collect();
    let objects: Vec<_> = errors
        .filter(|found| found.app.is_none())
        .filter_map(|found| Some((found.object.clone()?, found.code.clone())))
        .collect();
    for app in &stopped {
        desired.refuse(app, world);
    }
    for (object, code) in objects {
        // What needs a refused object must not go on as if it were there.
        desired.wanted.remove(&object);
        desired.refused.insert(object.clone(), code);
        desired.unwanted.remove(&object);
    }
}

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn every_rule_has_a_code_of_its_own_and_says_what_to_do() {
        let codes: Vec<&str> = RULES.iter().map(|rule| rule.code()).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        for rule in RULES {
            assert!(rule.docs().contains("\n\nWhat to do: "), "{}", rule.code());
        }
    }
}
