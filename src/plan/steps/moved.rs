//! What an app leaves behind when its routes move to another listener.

use serde_json::Value;

use super::Builder;
use crate::derive::{Gateway, Names};
use crate::plan::types::{Act, Change, Precondition};
use crate::resource::{AppId, Resource};

impl Builder<'_> {
    /// The steps after which no route of an app is where it was: the first write of each, or its deletion.
    ///
    /// A route with login is closed by that write and opened by a later one: it has moved when it is closed elsewhere.
    pub(super) fn moved(&self, app: &AppId) -> Vec<usize> {
        let names = Names::of(app);
        let writes = |step: &&usize| self.steps[**step].act != Act::Nothing;
        let routes = [names.route(), names.public_route()];
        routes.iter().filter_map(|route| self.done.get(route)?.iter().find(writes).copied()).collect()
    }

    /// The lock as it is while routes move between two Gateways of one namespace, where both listeners share its name: it is
    /// on both. Nothing where it is on no listener that goes.
    pub(super) fn widened_lock(&self, change: &Change, resource: &Resource) -> Option<Resource> {
        let names = Names::of(change.app.as_ref()?);
        let namespace = &self.desired.grounds.get(change.app.as_ref()?)?.gateway.namespace;
        let before = change.before.as_ref().filter(|_| change.address.name == names.lock_name())?;
        let leaves = |target: &&Value| {
            let text = |key: &str| target.get(key).and_then(Value::as_str).unwrap_or_default();
            let gateway = Gateway { namespace: namespace.clone(), name: text("name").to_owned() };
            text("sectionName") == names.listener_name()
                && self.desired.unwanted.contains_key(&names.listener(&gateway))
        };
        let leaving = before.pointer("/spec/targetRefs").and_then(Value::as_array).into_iter().flatten();
        let leaving: Vec<Value> = leaving.filter(leaves).cloned().collect();
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
            if self.widened_lock(change, resource).is_none() {
                continue;
            }
            let after = self.moved(app).into_iter().map(|step| (step, "no route is on the old listener any more"));
            let after = after.collect();
            let act = Act::Apply { resource: Box::new(resource.clone()), force: false };
            self.push(&change.address, "narrow", act, Vec::new(), after, Precondition::After(wide));
        }
    }
}
