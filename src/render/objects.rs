//! What the objects of a pack may be and ask for.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::load::check_object;
use crate::resource::Address;
use crate::yaml::Document;

const HOOK: &str = "argocd.argoproj.io/hook";
const WAVE: &str = "argocd.argoproj.io/sync-wave";
const OPTIONS: &str = "argocd.argoproj.io/sync-options";
const HELM_HOOK: &str = "helm.sh/hook";
const HELM_WEIGHT: &str = "helm.sh/hook-weight";
const HELM_POLICY: &str = "helm.sh/resource-policy";

/// Refuses what a pack must not hold yet, leaves `test` hooks out as Argo CD does, and keeps the last of two same objects.
pub fn check_objects(
    documents: &mut Vec<Document>,
    destination: Option<&str>,
    notes: &mut Vec<Diagnostic>,
    failed: &mut Vec<Diagnostic>,
) {
    let mut kept: Vec<Document> = Vec::new();
    let mut seen: BTreeMap<(String, String, String, String), usize> = BTreeMap::new();
    for document in documents.drain(..) {
        if let Err(error) = check_object(&document) {
            failed.push(error);
            continue;
        }
        if is_test(&document) {
            continue;
        }
        failed.extend(refusals(&document));
        let (group, _, kind) = document.kind().unwrap_or_default();
        let namespace = document.text("/metadata/namespace").filter(|namespace| !namespace.is_empty());
        let namespace = namespace.or(destination).unwrap_or_default();
        let key = (group.into(), kind.into(), namespace.into(), document.name().unwrap_or_default().into());
        match seen.get(&key).copied() {
            Some(index) => {
                let text = format!("{} is there twice; the one at {} counts", shown(&document), document.place(""));
                let note = Diagnostic::warning("PK0215", text).place(Some(kept[index].place("")));
                notes.push(note.help("keep one of the two"));
                kept[index] = document;
            }
            None => {
                seen.insert(key, kept.len());
                kept.push(document);
            }
        }
    }
    *documents = kept;
}

/// Whether helm would run it for `helm test` only.
fn is_test(document: &Document) -> bool {
    let mut hooks = annotation(document, HELM_HOOK).unwrap_or_default().split(',').map(str::trim).peekable();
    annotation(document, HOOK).is_none()
        && hooks.peek().is_some_and(|first| !first.is_empty())
        && hooks.all(|hook| matches!(hook, "test" | "test-success" | "test-failure"))
}

fn refusals(document: &Document) -> Vec<Diagnostic> {
    let mut refusals = Vec::new();
    let mut refuse = |pointer: &str, what: String, help: &str| {
        let text = format!("{}: {what} not supported yet", shown(document));
        let error = Diagnostic::error("PK0208", text).place(Some(document.place(pointer))).help(help);
        refusals.push(match address(document) {
            Some(address) => error.object(&address).field(document.path(pointer).to_string()),
            None => error,
        });
    };
    match document.kind() {
        Some(("apiextensions.k8s.io", _, "CustomResourceDefinition")) => {
            let help = "install it before, and leave it out of the pack";
            refuse("/kind", "a CustomResourceDefinition in a pack is".into(), help);
        }
        Some(("argoproj.io", _, kind @ ("Application" | "ApplicationSet"))) => {
            let help = "name it with -f instead, and leave it out of the pack";
            refuse("/kind", format!("the {kind} in a pack is"), help);
        }
        _ => {}
    }
    let number = |key| annotation(document, key).filter(|wave| wave.trim().parse() != Ok(0i64));
    let found = [
        (HOOK, annotation(document, HOOK).filter(|hook| !hook.is_empty())),
        (HELM_HOOK, annotation(document, HELM_HOOK).filter(|hook| !hook.is_empty())),
        (WAVE, number(WAVE)),
        (HELM_WEIGHT, number(HELM_WEIGHT)),
        (HELM_POLICY, annotation(document, HELM_POLICY)),
        (OPTIONS, annotation(document, OPTIONS).filter(|options| !are_idle(options))),
    ];
    for (key, value) in found {
        if let Some(value) = value {
            let pointer = format!("/metadata/annotations/{}", crate::yaml::step(key));
            let help = "remove the annotation, or leave the object out of the pack";
            refuse(&pointer, format!("the annotation `{key}: {value}` is"), help);
        }
    }
    refusals
}

/// Sync options that say how Argo CD writes, which is not how packctl writes.
fn are_idle(options: &str) -> bool {
    let idle = ["", "ServerSideApply=true", "ServerSideApply=false", "SkipDryRunOnMissingResource=true"];
    options.split(',').all(|option| idle.contains(&option.trim()))
}

fn annotation<'d>(document: &'d Document, key: &str) -> Option<&'d str> {
    document.value.get("metadata")?.get("annotations")?.get(key)?.as_str()
}

fn address(document: &Document) -> Option<Address> {
    let (group, _, kind) = document.kind()?;
    let name = document.name()?;
    Some(match document.text("/metadata/namespace") {
        Some(namespace) => Address::namespaced(group, kind, namespace, name),
        None => Address::cluster_scoped(group, kind, name),
    })
}

/// `KIND/NS/NAME`, for messages.
pub(super) fn shown(document: &Document) -> String {
    address(document).map_or_else(|| "an object".into(), |address| address.short())
}
