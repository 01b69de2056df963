//! Fields that we applied and do not declare any more, and what the server makes of them.
//!
//! An apply takes away what its manager owned and no longer declares, as far as nobody else owns it
//! (sigs.k8s.io/structured-merge-diff, `Updater.prune`). Three rules follow:
//!
//! - a leaf that another manager owns too stays;
//! - a struct in which nobody owns anything any more goes as a whole, with what nobody ever owned in it (defaults);
//! - an item of a keyed list goes as a whole unless another manager owns the *item*. To own a field in it is not enough: an
//!   editor's `nodePort` goes with our port.

use serde_json::Value;

use super::change::Who;
use super::keyed::Keyed;
use super::managers::Others;
use crate::observed::FieldSet;
use crate::resource::{FieldPath, PathStep};
use crate::schema::{Fallback, ListKind, Node};

/// A field that we owned and do not declare.
pub(super) struct Removal {
    pub(super) path: FieldPath,
    pub(super) before: Value,
    /// What takes its place.
    pub(super) after: Option<Value>,
    /// Something takes its place that only the server knows.
    pub(super) unknown: bool,
    /// Who else owns it; as long as somebody does, it stays.
    pub(super) stays_for: Vec<Who>,
}

/// A place of the object, as all who have a say see it.
pub(super) struct Place<'p> {
    /// What we applied, from here on.
    pub(super) owned: &'p FieldSet,
    /// What we declare now.
    pub(super) desired: Option<&'p Value>,
    /// What is there.
    pub(super) live: &'p Value,
    /// Its schema.
    pub(super) node: Option<Node<'p>>,
    /// Who else owns something here or below.
    pub(super) others: Others<'p>,
}

impl<'p> Place<'p> {
    /// Finds what was dropped below this place.
    fn removals(&self, path: &FieldPath, is_kept: &dyn Fn(&FieldPath) -> bool, found: &mut Vec<Removal>) {
        for (step, owned) in &self.owned.children {
            let Some(below) = self.below(step, owned) else { continue };
            below.settle(&path.step(step.clone()), is_kept, self.fallback(step), found);
        }
    }

    /// Finds what was dropped here and below. `is_kept` knows paths that are declared though the body lacks them, `fallback`
    /// what would take the place of this one.
    pub(super) fn settle(
        &self,
        path: &FieldPath,
        is_kept: &dyn Fn(&FieldPath) -> bool,
        fallback: Fallback<'_>,
        found: &mut Vec<Removal>,
    ) {
        if self.desired.is_some() {
            self.removals(path, is_kept, found);
        } else if !is_kept(path) {
            self.dropped(path, is_kept, fallback, found);
        }
    }

    /// The place one step further; `None` where nothing is there to be removed.
    fn below(&self, step: &PathStep, owned: &'p FieldSet) -> Option<Place<'p>> {
        let node = match step {
            PathStep::Field(name) => self.node.and_then(|node| node.field(name)),
            _ => self.node.and_then(Node::items),
        };
        let live = self.child(self.live, step).filter(|live| !live.is_null())?;
        let desired = self.desired.and_then(|desired| self.child(desired, step));
        Some(Place { owned, desired, live, node, others: self.others.below(step) })
    }

    fn child<'v>(&self, value: &'v Value, step: &PathStep) -> Option<&'v Value> {
        match step {
            PathStep::Field(name) => value.get(name),
            PathStep::Key(step) => {
                let keys = match self.node.map(Node::list_kind) {
                    Some(ListKind::Map(keys)) => keys,
                    _ => Vec::new(),
                };
                Keyed { keys: &keys, node: self.node.and_then(Node::items) }.at(step, value)
            }
            PathStep::Item(_) | PathStep::Index(_) => FieldPath(vec![step.clone()]).find(value),
        }
    }

    fn fallback(&self, step: &PathStep) -> Fallback<'p> {
        match (step, self.node, self.live) {
            (PathStep::Field(name), Some(node), Value::Object(live)) => node.fallback(name, live),
            _ => Fallback::Nothing,
        }
    }

    /// This place is not declared any more.
    fn dropped(
        &self,
        path: &FieldPath,
        is_kept: &dyn Fn(&FieldPath) -> bool,
        fallback: Fallback<'_>,
        found: &mut Vec<Removal>,
    ) {
        let is_item = matches!(path.0.last(), Some(PathStep::Key(_) | PathStep::Item(_)));
        let is_leaf = self.owned.children.is_empty();
        let holders = if is_item { self.others.members() } else { self.others.all() };
        let is_ours = !is_item || self.owned.member;
        if holders.is_empty() && is_ours {
            let leaf_by_leaf = !is_item && fallback == Fallback::Nothing && self.owned.covers(self.live);
            if leaf_by_leaf { self.gone(path, found) } else { self.report(path, fallback, Vec::new(), found) }
        } else if is_leaf {
            self.report(path, Fallback::Nothing, holders, found);
        } else {
            self.removals(path, is_kept, found);
        }
    }

    /// This place goes with all that is in it, which is ours: told by what we wrote.
    fn gone(&self, path: &FieldPath, found: &mut Vec<Removal>) {
        if self.owned.children.is_empty() || matches!(path.0.last(), Some(PathStep::Key(_) | PathStep::Item(_))) {
            self.report(path, Fallback::Nothing, Vec::new(), found);
            return;
        }
        for (step, owned) in &self.owned.children {
            if let Some(below) = self.below(step, owned) {
                below.gone(&path.step(step.clone()), found);
            }
        }
    }

    fn report(&self, path: &FieldPath, fallback: Fallback<'_>, stays_for: Vec<Who>, found: &mut Vec<Removal>) {
        let (after, unknown) = match fallback {
            // What falls back to the value that it has does not change.
            Fallback::Kept => return,
            Fallback::Value(value) if value == self.live => return,
            Fallback::Value(value) => (Some(value.clone()), false),
            Fallback::Nothing => (None, false),
            Fallback::Computed => (None, true),
        };
        found.push(Removal { path: path.clone(), before: self.live.clone(), after, unknown, stays_for });
    }
}
