//! PK0406: the hostname is served already, or wanted twice.

mod claims;

use std::collections::BTreeMap;

use self::claims::{Claim, Claims, Wanted};
use super::{error, warning};
use crate::check::{Facts, Rule, host, path};
use crate::derive::{App, Attachment, Names, RoutePath};
use crate::diagnostic::Diagnostic;
use crate::observed::{Coverage, Observed};
use crate::resource::{Address, AppId, Side};

pub(crate) struct Hostname;

impl Rule for Hostname {
    fn code(&self) -> &'static str {
        "PK0406"
    }

    fn docs(&self) -> &'static str {
        "The hostname of an app belongs to somebody else: a route, a listener, an Ingress or another NebariApp serves it, by \
         name or by a wildcard, it is Keycloak's or Argo CD's own, or two apps of the inputs ask for it.\n\
         \n\
         Two listeners with one port and hostname are refused by the API server; two routes would share requests by age. A \
         host belongs to who serves it now: the newcomer is refused, and of two newcomers both. Somebody who turns up later \
         on the host of an app that is served already is a warning.\n\
         \n\
         Not counted are the platform's own listeners `http` and `https`, routes that only redirect to https, and what \
         cert-manager sets up to answer challenges. Apps of one namespace may share a host on a shared listener where no \
         path of one covers a path of the other.\n\
         \n\
         What could not be read is said once, as a warning: beyond it nothing was checked.\n\
         \n\
         What to do: choose another hostname, or take the other one down first."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut wanted = Wanted::new();
        for app in facts.desired.apps.values().filter(|app| !app.hostname().is_empty()) {
            wanted.entry(app.hostname()).or_default().push((app, all_paths(app)));
        }
        let claims = Claims::of(facts, &wanted);
        let platform = platform(facts);
        let mut findings = Vec::new();
        let mut newcomers = false;
        for (host, apps) in &wanted {
            for (app, paths) in apps {
                let others: Vec<&Claim> = claims
                    .on(host)
                    .filter(|claim| !claim.is_of(app, facts) && !share(app, paths, claim, facts))
                    .collect();
                let mut owners: Vec<String> =
                    platform.iter().filter(|(own, _)| own == host).map(|(_, name)| (*name).to_owned()).collect();
                let served = serves(app, facts);
                newcomers |= !served;
                if !served {
                    owners.extend(others.iter().map(|claim| claim.address.short()));
                    owners.extend(rivals(app, paths, apps, facts));
                }
                if !owners.is_empty() {
                    findings.push(
                        error(
                            self.code(),
                            app,
                            "/spec/hostname",
                            format!("hostname {host} is taken by {}", list(owners)),
                        )
                        .help("choose another hostname, or take the other one down first"),
                    );
                    continue;
                }
                let late: Vec<String> =
                    others.iter().filter(|claim| claim.is_live_route()).map(|claim| claim.address.short()).collect();
                if !late.is_empty() {
                    let message = format!("hostname {host}, which it serves, is also served by {}", list(late));
                    findings.push(
                        warning(self.code(), app, "/spec/hostname", message).help(
                            "take the other one down; it may answer for paths of this app, and without its login",
                        ),
                    );
                }
            }
        }
        findings.extend(newcomers.then(|| self.unread(facts)).flatten());
        findings
    }
}

impl Hostname {
    /// One warning for everything that could not be looked at.
    fn unread(&self, facts: Facts<'_>) -> Option<Diagnostic> {
        let mut beyond: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (group, kind) in claims::KINDS {
            match facts.world.coverage(&Side::Kubernetes, group, kind) {
                Some(Coverage::Complete | Coverage::NoSuchKind) | None => {}
                Some(Coverage::Unreadable(reason)) => beyond.entry(format!(": {reason}")).or_default().push(kind),
                Some(Coverage::Namespaces(namespaces, reason)) => {
                    let near: Vec<&str> = namespaces.iter().map(String::as_str).collect();
                    beyond.entry(format!(" beyond {}: {reason}", near.join(", "))).or_default().push(kind);
                }
            }
        }
        if let Observed::Unreadable(reason) = facts.world.get(&claims::argo_cd())
            && facts.world.singles().any(|(address, _)| *address == claims::argo_cd())
        {
            beyond.entry(format!(": {reason}")).or_default().push("the URL of Argo CD");
        }
        if beyond.is_empty() {
            return None;
        }
        let unread: Vec<String> = beyond.iter().map(|(how, what)| format!("{}{how}", what.join(", "))).collect();
        Some(
            Diagnostic::warning(self.code(), format!("hostnames were not checked against {}", unread.join("; ")))
                .help("ask for the right to list these kinds in all namespaces, or plan on a snapshot of who may"),
        )
    }
}

/// The hosts of the platform itself, which no app may have.
fn platform(facts: Facts<'_>) -> Vec<(&str, &'static str)> {
    let keycloak = facts.environment.keycloak.as_ref().and_then(|keycloak| keycloak.external_url.as_deref());
    let argo_cd = facts.world.get(&claims::argo_cd()).live().and_then(|live| live.text("/data/url"));
    [(keycloak, "Keycloak"), (argo_cd, "Argo CD")]
        .into_iter()
        .filter_map(|(url, name)| Some((host::of_url(url?)?, name)))
        .collect()
}

/// Whether the app's own route serves its host and all of its paths already.
fn serves(app: &App, facts: Facts<'_>) -> bool {
    let Some(live) = facts.world.get(&Names::of(&app.id).route()).live() else { return false };
    let route = Claim::of_route(&live.address, live.value());
    let paths = app.paths();
    route.hosts.iter().any(|host| *host == app.hostname())
        && paths.iter().all(|path| route.paths.as_ref().is_some_and(|served| served.contains(path)))
}

/// The other apps of the inputs that ask for the same host.
fn rivals(app: &App, paths: &[RoutePath], apps: &[(&App, Vec<RoutePath>)], facts: Facts<'_>) -> Vec<String> {
    let others = apps.iter().filter(|(other, theirs)| {
        other.id != app.id && !(near(app, &other.id, facts) && path::disjoint(paths, theirs))
    });
    others.map(|(other, _)| Address::app(&other.id).short()).collect()
}

/// Whether two apps of one namespace share a host on a shared listener without taking each other's requests.
fn share(app: &App, paths: &[RoutePath], claim: &Claim, facts: Facts<'_>) -> bool {
    let Some(other) = &claim.app else { return false };
    near(app, other, facts) && claim.paths.as_ref().is_some_and(|theirs| path::disjoint(paths, theirs))
}

/// Whether two apps are of one namespace and neither has a listener of its own. That of a live app would claim the host, too.
fn near(app: &App, other: &AppId, facts: Facts<'_>) -> bool {
    let shared = |app: &AppId| {
        let ground = facts.desired.grounds.get(app);
        ground.map(|ground| matches!(ground.attachment, Some(Attachment::Shared | Attachment::Plain)))
    };
    app.id.namespace == other.namespace && shared(&app.id) == Some(true) && shared(other) != Some(false)
}

fn all_paths(app: &App) -> Vec<RoutePath> {
    app.paths().into_iter().chain(app.public_paths()).collect()
}

fn list(mut names: Vec<String>) -> String {
    names.sort();
    names.dedup();
    names.join(", ")
}
