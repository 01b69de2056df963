//! How far a rule could see: a rule that needs the whole cluster says where it did not look.

use std::collections::BTreeMap;

use super::Facts;
use crate::diagnostic::Diagnostic;
use crate::observed::Coverage;
use crate::resource::Side;

impl Facts<'_> {
    /// Warnings that `what` was checked in some namespaces only, or not at all, because kinds could not be listed: one for
    /// each set of namespaces. None where there is no app to be checked.
    pub(crate) fn not_checked(self, code: &str, what: &str, kinds: &[(&str, &str)]) -> Vec<Diagnostic> {
        if self.desired.apps.is_empty() {
            return Vec::new();
        }
        let mut gaps: BTreeMap<Vec<&str>, Vec<&str>> = BTreeMap::new();
        for (group, kind) in kinds {
            match self.world.coverage(&Side::Kubernetes, group, kind) {
                Some(Coverage::Unreadable(_)) => gaps.entry(Vec::new()).or_default().push(kind),
                Some(Coverage::Namespaces(namespaces, _)) => {
                    gaps.entry(namespaces.iter().map(String::as_str).collect()).or_default().push(kind);
                }
                Some(Coverage::Complete | Coverage::NoSuchKind) | None => {}
            }
        }
        let finding = |(namespaces, kinds): (Vec<&str>, Vec<&str>)| {
            let kinds = kinds.join(", ");
            let message = match namespaces.as_slice() {
                [] => format!("{what} not checked against {kinds}, which could not be read"),
                [one] => format!("{what} not checked beyond namespace {one}: {kinds} could not be read elsewhere"),
                many => {
                    format!("{what} not checked beyond namespaces {}: {kinds} could not be read elsewhere", many.join(", "))
                }
            };
            Diagnostic::warning(code, message).help("who may list these kinds in the whole cluster can tell")
        };
        gaps.into_iter().map(finding).collect()
    }
}
