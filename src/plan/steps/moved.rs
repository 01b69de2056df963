//! What an app leaves behind when its routes move to another listener.

use std::sync::Arc;

use serde_json::Value;

use super::Builder;
use crate::derive::{Gateway, Names};
use crate::plan::types::{Act, Change, Precondition};
use crate::resource::{AppId, Resource};

impl Builder<'_> {
    /// The steps after which no route of an app is on a listener that goes: the first write of each that is there, or its
    /// deletion.
    ///
    /// A route with login is closed by that write and opened by a later one: it has moved when it is closed elsewhere.
    pub(super) fn moved(&self, app: &AppId) -> Vec<usize> {
        let names = Names::of(app);
        let leaves = |route: &Value| {
            let parents = route.pointer("/spec/parentRefs").and_then(Value::as_array).into_iter().flatten();
            parents.into_iter().any(|parent| self.goes(app, parent, text(parent, "namespace")))
        };
        let writes = |step: &&usize| self.steps[**step].act != Act::Nothing;
        [names.route(), names.public_route()]
            .iter()
            .filter(|route| self.world.get(route).live().is_some_and(|live| leaves(live.value())))
            .filter_map(|route| self.done.get(route)?.iter().find(writes).copied())
            .collect()
    }

    /// Whether a reference means the app's own listener of a Gateway, and that one goes.
    fn goes(&self, app: &AppId, reference: &Value, namespace: &str) -> bool {
        let names = Names::of(app);
        let gateway = Gateway { namespace: namespace.to_owned(), name: text(reference, "name").to_owned() };
        text(reference, "sectionName") == names.listener_name()
            && self.desired.unwanted.contains_key(&names.listener(&gateway))
    }

    /// Whether every listener of an app that is to go does so in this plan: a blocked one keeps its lock.
    fn all_leave(&self, app: &AppId) -> bool {
        let of_app = self
            .desired
            .unwanted
            .iter()
            .filter(|(address, unwanted)| unwanted.app.as_ref() == Some(app) && address.entry.is_some());
        of_app.into_iter().all(|(address, _)| self.acting.contains_key(address))
    }

    /// The lock as it is while routes move between two Gateways of one namespace, where the locks of both listeners have one
    /// name: it is on both. Nothing where it is on no listener that goes.
    pub(super) fn widened_lock(&self, change: &Change, resource: &Resource) -> Option<Resource> {
        let app = change.app.as_ref()?;
        let before = change.before.as_ref().filter(|_| change.address.name == Names::of(app).lock_name())?;
        let namespace = change.address.namespace.as_deref()?;
        let targets = before.pointer("/spec/targetRefs").and_then(Value::as_array).into_iter().flatten();
        let leaving: Vec<Value> = targets.filter(|target| self.goes(app, target, namespace)).cloned().collect();
        let mut wide = resource.clone();
        wide.body.value.pointer_mut("/spec/targetRefs")?.as_array_mut()?.extend(leaving.iter().cloned());
        (!leaving.is_empty()).then_some(wide)
    }

    /// Takes the listeners that go out of locks again, when no route is on them any more.
    pub(super) fn narrow_locks(&mut self) {
        let changes: Vec<&Change> = self.acting.values().copied().collect();
        for change in changes {
            let (Some(app), Some(resource)) = (&change.app, &change.resource) else { continue };
            let Some(wide) = self.last.get(&change.address).copied() else { continue };
            if self.widened_lock(change, resource).is_none() || !self.all_leave(app) {
                continue;
            }
            let moved = self.moved(app).into_iter().map(|step| (step, "no route is on the old listener any more"));
            let after = moved.chain([(wide, "the lock is on both listeners meanwhile")]).collect();
            let act = Act::Apply { resource: Arc::clone(resource), force: false };
            self.push(&change.address, "narrow", act, Vec::new(), after, Precondition::After(wide));
        }
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
