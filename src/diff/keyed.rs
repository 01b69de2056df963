//! Lists whose items are matched by key fields.

use serde_json::Value;

use super::value::same_scalar;
use crate::resource::{PathStep, is_json};
use crate::schema::Node;

/// How the items of one list are matched.
pub(super) struct Keyed<'k, 'n> {
    /// The key fields.
    pub(super) keys: &'k [String],
    /// The schema of an item.
    pub(super) node: Option<Node<'n>>,
}

impl<'n> Keyed<'_, 'n> {
    /// The live item with the keys of `item`, of the live list.
    pub(super) fn find<'l>(&self, item: &Value, live: Option<&'l Value>) -> Option<&'l Value> {
        live?.as_array()?.iter().find(|other| {
            self.keys.iter().all(|name| match self.key(item, name) {
                Some(value) => self.key(other, name).is_some_and(|other| same_scalar(value, other, None)),
                // A key without a value and without a known default matches whatever the server filled in.
                None => true,
            })
        })
    }

    /// The step to an item; keys that it leaves out are those of its live form, or defaults.
    pub(super) fn step(&self, item: &Value, live: Option<&Value>) -> PathStep {
        let mut step: Vec<(String, String)> = self
            .keys
            .iter()
            .filter_map(|name| {
                let value = live.and_then(|live| live.get(name)).or_else(|| self.key(item, name))?;
                Some((name.clone(), value.to_string()))
            })
            .collect();
        step.sort();
        PathStep::Key(step)
    }

    /// The item at a step of managedFields, which names all keys.
    pub(super) fn at<'v>(&self, step: &[(String, String)], list: &'v Value) -> Option<&'v Value> {
        list.as_array()?.iter().find(|item| {
            step.iter().all(|(name, text)| match self.key(item, name) {
                Some(value) => is_json(value, text),
                None => true,
            })
        })
    }

    fn key<'v>(&self, item: &'v Value, name: &str) -> Option<&'v Value>
    where
        'n: 'v,
    {
        item.get(name).or_else(|| self.node?.field(name)?.default())
    }
}
