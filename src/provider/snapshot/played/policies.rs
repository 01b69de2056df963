//! SecurityPolicies: which holds where, and what of it the status tells.
//!
//! In the translator's order: those on rules, on routes, on listeners, on whole Gateways; of one target the oldest holds. A
//! policy whose target is not there gets no status at all.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::attachment::{Target, parents, targets};
use super::conditions::Conditions;
use super::{CONTROLLER, ENVOY_GATEWAY, GATEWAY_API, Name, Objects, generation, list, text};
use crate::resource::Address;

pub(super) fn statuses<'o>(objects: &Objects<'o>, now: &str) -> Vec<(&'o Address, Value)> {
    let mut policies: Vec<_> = objects.of_kind(ENVOY_GATEWAY, "SecurityPolicy").collect();
    policies.sort_by_key(|(of, policy)| (text(policy, "/metadata/creationTimestamp"), Name::of(of)));
    let mut verdicts = Verdicts::default();
    for (kind, has_section) in [("HTTPRoute", true), ("HTTPRoute", false), ("Gateway", true), ("Gateway", false)] {
        for (of, policy) in &policies {
            for target in targets(objects, policy) {
                if target.kind == kind && target.section.is_some() == has_section {
                    verdicts.judge(objects, of, policy, &target);
                }
            }
        }
    }
    let status = |(of, ancestors): (&'o Address, Vec<(Value, Conditions)>)| {
        let policy = objects.at(of).unwrap_or(&Value::Null);
        let before = list(policy, "/status/ancestors");
        let own: Vec<Value> = ancestors
            .into_iter()
            .map(|(ancestor, conditions)| {
                let before = before.iter().find(|entry| entry.get("ancestorRef") == Some(&ancestor));
                let conditions = conditions.written(before, generation(policy), now);
                json!({"ancestorRef": ancestor, "controllerName": CONTROLLER, "conditions": conditions})
            })
            .collect();
        let others = before.iter().filter(|entry| text(entry, "/controllerName") != CONTROLLER).cloned();
        (of, json!({"ancestors": own.into_iter().chain(others).collect::<Vec<_>>()}))
    };
    verdicts.ancestors.into_iter().map(status).collect()
}

/// What is remembered from one policy to the next.
#[derive(Default)]
struct Verdicts<'o> {
    ancestors: BTreeMap<&'o Address, Vec<(Value, Conditions)>>,
    taken: BTreeSet<Target>,
    /// Routes with a policy of their own, by the listeners that they name (empty: all).
    guarded: BTreeSet<(Name, String, String)>,
}

impl<'o> Verdicts<'o> {
    fn judge(&mut self, objects: &Objects<'o>, of: &'o Address, policy: &Value, target: &Target) {
        let Some(object) = objects.get(GATEWAY_API, target.kind, &target.name) else { return };
        let ancestors = if target.kind == "HTTPRoute" {
            let parents = parents(objects, object);
            for parent in &parents {
                let section = parent.section.unwrap_or_default().to_owned();
                self.guarded.insert((parent.name.clone(), section, target.name.to_string()));
            }
            parents.iter().map(|parent| ancestor(&parent.name, parent.section)).collect()
        } else {
            vec![ancestor(&target.name, target.section.as_deref())]
        };
        let refused = self.refused(object, target);
        let overriding = self.overriding(target);
        for ancestor in ancestors {
            let conditions = self.conditions(of, ancestor);
            if let Some((reason, message)) = &refused {
                conditions.set("Accepted", false, reason, message.as_str());
                continue;
            }
            if let Err(message) = login_secret(objects, policy) {
                conditions.set("Accepted", false, "Invalid", message);
            } else if !conditions.has("Accepted") {
                conditions.set("Accepted", true, "Accepted", "Policy has been accepted.");
            }
            if let Some(overriding) = &overriding {
                let message = format!("This policy is being overridden by other securityPolicies for {overriding}");
                conditions.set("Overridden", true, "Overridden", message);
            }
        }
    }

    fn refused(&mut self, object: &Value, target: &Target) -> Option<(&'static str, String)> {
        let parts = if target.kind == "HTTPRoute" { "/spec/rules" } else { "/spec/listeners" };
        if let Some(section) = &target.section
            && !list(object, parts).iter().any(|part| text(part, "/name") == section)
        {
            let message = format!("No section name {section} found for {} {}", target.kind, target.name);
            return Some(("TargetNotFound", message));
        }
        if self.taken.insert(target.clone()) {
            return None;
        }
        let name = &target.name.name;
        let what = match (target.kind, &target.section) {
            ("HTTPRoute", Some(section)) => format!("RouteRule {name}/{section}"),
            ("HTTPRoute", None) => format!("HTTPRoute {name}"),
            (_, Some(section)) => format!("Listener {name}/{section}"),
            (_, None) => format!("Gateway {name}"),
        };
        let message = format!("Unable to target {what}, another SecurityPolicy has already attached to it");
        Some(("Conflicted", message))
    }

    /// What lies in the target and has a policy of its own.
    fn overriding(&self, target: &Target) -> Option<String> {
        let whole = target.section.is_none();
        let same = |other: &&Target| whole && other.kind == target.kind && other.name == target.name;
        let sections: Vec<&str> = self.taken.iter().filter(same).filter_map(|other| other.section.as_deref()).collect();
        let mut parts = Vec::new();
        if !sections.is_empty() {
            let kind = if target.kind == "HTTPRoute" { "route rules" } else { "listeners" };
            parts.push(format!("these {kind}: [{}]", sections.join(" ")));
        }
        if target.kind == "Gateway" {
            let below =
                |section: &str| target.section.as_deref().is_none_or(|own| section == own || section.is_empty());
            let routes: BTreeSet<&str> = self
                .guarded
                .iter()
                .filter(|(gateway, section, _)| *gateway == target.name && below(section))
                .map(|(.., route)| route.as_str())
                .collect();
            if !routes.is_empty() {
                parts.push(format!("these routes: [{}]", routes.into_iter().collect::<Vec<_>>().join(" ")));
            }
        }
        (!parts.is_empty()).then(|| parts.join(" and "))
    }

    fn conditions(&mut self, of: &'o Address, ancestor: Value) -> &mut Conditions {
        let ancestors = self.ancestors.entry(of).or_default();
        let index = ancestors.iter().position(|(other, _)| *other == ancestor).unwrap_or_else(|| {
            ancestors.push((ancestor, Conditions::default()));
            ancestors.len() - 1
        });
        &mut ancestors[index].1
    }
}

fn login_secret(objects: &Objects<'_>, policy: &Value) -> Result<(), String> {
    let Some(reference) = policy.pointer("/spec/oidc/clientSecret") else { return Ok(()) };
    let name = Name::referred(reference, text(policy, "/metadata/namespace"));
    let secret = objects.get("", "Secret", &name).ok_or_else(|| format!("OIDC: secret {name} does not exist."))?;
    if text(secret, "/data/client-secret").is_empty() {
        return Err(format!("OIDC: client secret not found in secret {name}."));
    }
    Ok(())
}

fn ancestor(gateway: &Name, section: Option<&str>) -> Value {
    let mut ancestor =
        json!({"group": GATEWAY_API, "kind": "Gateway", "name": gateway.name, "namespace": gateway.namespace});
    if let (Some(section), Some(fields)) = (section, ancestor.as_object_mut()) {
        fields.insert("sectionName".into(), section.into());
    }
    ancestor
}
