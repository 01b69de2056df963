//! Plans made by hand, for the tests of this module.

mod everything;
mod quickstart;

pub(in crate::present) use everything::everything;
pub(in crate::present) use quickstart::quickstart;

use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place};
use crate::diff::{Class, FieldChange, Fingerprint, Who};
use crate::observed::Seen;
use crate::plan::{Act, Action, Actor, Change, DeleteRule, Opening, PackSummary, Plan, Precondition, Step, Until};
use crate::resource::{Address, AppId, Body, Cause, FieldPath, Hand, PackId, PathStep, Resource, Unknown};

pub(in crate::present) const GATEWAY: &str = "gateway.networking.k8s.io";
pub(in crate::present) const ENVOY: &str = "gateway.envoyproxy.io";

pub(in crate::present) fn place(file: &str, line: u32) -> Place {
    Place { file: file.into(), line, column: 1 }
}

pub(in crate::present) fn resource(address: &Address, body: Value, from: Option<Place>) -> Resource {
    let api_version = body.get("apiVersion").and_then(Value::as_str).unwrap_or("v1").to_owned();
    Resource {
        address: address.clone(),
        api_version,
        body: Body::from(body),
        owner: None,
        hand: if address.is_keycloak() { Hand::Record } else { Hand::Whole },
        app: None,
        pack: None,
        causes: from.into_iter().map(|place| (FieldPath::default(), Cause::Input(place))).collect(),
    }
}

pub(in crate::present) fn change(address: Address, action: Action, resource: Option<Resource>) -> Change {
    Change {
        address,
        action,
        actor: Actor::Packctl,
        fields: Vec::new(),
        resource: resource.map(Arc::new),
        before: None,
        rule: None,
        app: None,
        pack: None,
        steps: Vec::new(),
        notes: Vec::new(),
        taking: None,
    }
}

pub(in crate::present) fn created(address: Address, body: Value, from: Option<Place>) -> Change {
    let resource = resource(&address, body, from);
    change(address, Action::Create, Some(resource))
}

pub(in crate::present) fn field(
    path: FieldPath,
    before: Option<Value>,
    after: Option<Value>,
    class: Class,
) -> FieldChange {
    FieldChange { path, before, after, unknown: false, class, holders: Vec::new() }
}

pub(in crate::present) fn edited(name: &str) -> Class {
    Class::Drift(Who::Manager { name: name.into(), operation: "Update", time: Some("2026-11-20T14:02:33Z".into()) })
}

/// Adds a change with one step.
pub(in crate::present) fn add(plan: &mut Plan, change: Change, wave: usize) {
    add_steps(plan, change, &[(wave, "", vec![])]);
}

/// Adds a change with steps: wave, title (by action if empty), waits.
pub(in crate::present) fn add_steps(plan: &mut Plan, mut change: Change, steps: &[(usize, &'static str, Vec<Until>)]) {
    for (wave, title, waits) in steps {
        let id = plan.steps.len();
        let act = match (&change.resource, change.action) {
            (_, Action::Delete) | (None, _) => Act::Delete,
            (Some(resource), _) => Act::Apply { resource: Arc::clone(resource), force: false },
        };
        let title = match (*title, change.action) {
            ("", Action::Create) => "create",
            ("", Action::Delete) => "delete",
            ("", _) => "update",
            (title, _) => title,
        };
        let only_if = match change.action {
            Action::Create => Precondition::Absent,
            _ => {
                Precondition::Unchanged { uid: "u-1".into(), fingerprint: Fingerprint { hash: 7, secrets: Vec::new() } }
            }
        };
        let address = change.address.clone();
        plan.steps.push(Step { id, address, title, act, waits: waits.clone(), after: [].into(), only_if, wave: *wave });
        change.steps.push(id);
    }
    plan.changes.insert(change.address.clone(), change);
}
