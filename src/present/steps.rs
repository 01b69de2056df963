//! Steps in words: when, what for, and what they wait for.

use std::collections::BTreeSet;

use super::View;
use super::words::list;
use crate::plan::{Change, Step, Until};

/// The column of steps: `3`, or `6 closed, 7 opened`.
pub(super) fn cell(view: &View<'_>, change: &Change) -> String {
    let steps: Vec<&Step> = view.steps(change).collect();
    match steps.as_slice() {
        [] => String::new(),
        [one] => one.wave.to_string(),
        several => {
            let several: Vec<String> =
                several.iter().map(|step| format!("{} {}", step.wave, done(step.title))).collect();
            several.join(", ")
        }
    }
}

/// What a step has done when it is done.
fn done(title: &str) -> String {
    match title {
        "close" => "closed".into(),
        "create" => "created".into(),
        "update" => "updated".into(),
        "replace" => "replaced".into(),
        "delete" => "deleted".into(),
        "release" => "released".into(),
        "adopt" => "adopted".into(),
        "open" => "opened".into(),
        "record" => "recorded".into(),
        "widen" => "widened".into(),
        "narrow" => "narrowed".into(),
        "finalize" => "its finalizer taken off".into(),
        "wait" => "gone".into(),
        other => other.into(),
    }
}

/// One sentence for each step that waits.
pub(super) fn waits(view: &View<'_>, change: &Change) -> Vec<String> {
    view.steps(change).filter_map(|step| waiting(view, step)).collect()
}

fn waiting(view: &View<'_>, step: &Step) -> Option<String> {
    let words = waits_for(view, step)?;
    Some(format!("{} waits for {words}", step.wave))
}

/// What a step waits for: `the lock to be accepted`, `certificate, listener programmed, policy and route accepted`.
pub(super) fn waits_for(view: &View<'_>, step: &Step) -> Option<String> {
    match step.waits.as_slice() {
        [] => None,
        [only] => Some(sentence(view, only)),
        several => Some(together(view, several)),
    }
}

fn sentence(view: &View<'_>, until: &Until) -> String {
    match until {
        Until::PolicyAccepted(address) => format!("the {} to be accepted", policy(&address.name)),
        Until::RouteAccepted(_) => "the route to be accepted".into(),
        Until::ListenerProgrammed(_) => "the listener to be programmed".into(),
        Until::CertificateReady(_) => "the certificate to be ready".into(),
        Until::Gone(address) => format!("{} to be gone", view.name(address)),
        Until::Drained(address) => format!("connections from before {} to drain", view.name(address)),
        Until::Answers(_) => "the login to answer".into(),
    }
}

fn together(view: &View<'_>, several: &[Until]) -> String {
    let mut phrases: BTreeSet<(usize, String)> = BTreeSet::new();
    let mut accepted: BTreeSet<(usize, &str)> = BTreeSet::new();
    for until in several {
        match until {
            Until::CertificateReady(_) => phrases.insert((0, "certificate".into())),
            Until::ListenerProgrammed(_) => phrases.insert((1, "listener programmed".into())),
            Until::PolicyAccepted(address) => accepted.insert((0, policy(&address.name))),
            Until::RouteAccepted(_) => accepted.insert((1, "route")),
            Until::Gone(address) => phrases.insert((3, format!("{} gone", view.name(address)))),
            Until::Drained(_) => phrases.insert((4, "old connections drained".into())),
            Until::Answers(_) => phrases.insert((5, "login answering".into())),
        };
    }
    if !accepted.is_empty() {
        let names: Vec<&str> = accepted.iter().map(|(_, name)| *name).collect();
        phrases.insert((2, format!("{} accepted", list(&names))));
    }
    let phrases: Vec<String> = phrases.into_iter().map(|(_, phrase)| phrase).collect();
    phrases.join(", ")
}

/// Policies of the platform have names that say what they are for.
fn policy(name: &str) -> &'static str {
    if name.starts_with("lock-") {
        "lock"
    } else if name.starts_with("packctl-anchor") {
        "anchor"
    } else {
        "policy"
    }
}
