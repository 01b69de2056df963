//! PK0410: an object of this name exists and is not ours.

use serde_json::Value;

use crate::check::{Facts, Rule};
use crate::diagnostic::Diagnostic;
use crate::observed::Live;
use crate::resource::{Hand, PackId, Resource};

pub(crate) struct ForeignObject;

impl Rule for ForeignObject {
    fn code(&self) -> &'static str {
        "PK0410"
    }

    fn docs(&self) -> &'static str {
        "An object that the inputs ask for exists already, and packctl did not make it: it has no Apply entry of field manager \
         `packctl`, a controller owns it, Argo CD tracks it, it carries another pack's mark, or (in Keycloak) it has no or another owner attribute.\n\
         \n\
         Taking it over in silence could break whoever made it, and deleting it later would be worse. Adoption is not \
         supported yet.\n\
         \n\
         What to do: rename yours, or delete the other one if nobody needs it."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for resource in facts.desired.wanted.values() {
            let Some(live) = facts.world.get(&resource.address).live() else { continue };
            let Some(why) = foreign(resource, live) else { continue };
            let address = &resource.address;
            let mut finding = Diagnostic::error(
                self.code(),
                format!("{} exists and is not packctl's: {why}; adoption is not supported yet", address.short()),
            )
            .object(address)
            .place(resource.place().cloned())
            .help("rename yours, or delete the other one if nobody needs it");
            finding.app.clone_from(&resource.app);
            findings.push(finding);
        }
        findings
    }
}

fn foreign(resource: &Resource, live: &Live) -> Option<String> {
    match &resource.hand {
        Hand::Record => {
            let owner = |value: &Value| {
                value.get("attributes").and_then(|found| found.get(Hand::OWNER)?.as_str()).map(str::to_owned)
            };
            let (wanted, found) = (owner(&resource.body.value), owner(live.value()));
            (wanted != found).then(|| match found {
                Some(other) => format!("it belongs to {other}"),
                None => "it has no owner attribute".into(),
            })
        }
        // The object is shared; only an entry of this very name that somebody else made is in the way.
        Hand::Entry { manager } => {
            let entry = resource.address.entry.as_ref().filter(|entry| entry.list == "listeners")?;
            let listeners = live.value().pointer("/spec/listeners").and_then(Value::as_array);
            let there =
                listeners.into_iter().flatten().any(|listener| listener.get("name") == Some(&Value::from(&*entry.key)));
            (there && live.applied_by(manager).is_none()).then(|| format!("managed by {}", managers(live)))
        }
        Hand::Whole => {
            if let Some(tracking) = live.annotation("argocd.argoproj.io/tracking-id") {
                return Some(format!("Argo CD tracks it as {tracking}"));
            }
            if live.applied_by(Hand::MANAGER).is_none() {
                return Some(format!("managed by {}", managers(live)));
            }
            let mark =
                resource.body.value.pointer("/metadata/labels").and_then(|labels| labels.get(PackId::MARK)?.as_str());
            if live.label(PackId::MARK).is_some_and(|found| Some(found) != mark) {
                let other = live.annotation(PackId::MARK).unwrap_or("another one");
                return Some(format!("it belongs to pack {other}"));
            }
            let controller = live.controller();
            match (controller, &resource.owner) {
                (Some((kind, name, _)), None) => Some(format!("{kind}/{name} controls it")),
                (Some((kind, name, _)), Some(owner)) if kind != owner.kind || name != owner.name => {
                    Some(format!("{kind}/{name} controls it"))
                }
                _ => None,
            }
        }
    }
}

fn managers(live: &Live) -> String {
    let mut names: Vec<&str> = live
        .managed()
        .iter()
        .filter(|entry| entry.subresource.is_empty())
        .map(|entry| entry.manager.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() { "nobody on record".into() } else { names.join(", ") }
}
