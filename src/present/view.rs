//! A plan with what is needed to write about it: style, numbers of secrets, names.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::numbers::Form;
use super::visible::{columns, start_of};
use super::words::count;
use super::{Label, Numbers, Style, visible};
use crate::plan::{Change, Plan, Step};
use crate::resource::{Address, AppId, FieldPath, PackId, PathStep, Unknown};

/// What every writer of text works with.
pub(super) struct View<'p> {
    pub(super) plan: &'p Plan,
    pub(super) style: &'p Style,
    /// Made when the first secret is written: mostly there is none, and every value of a plan must be looked at.
    numbers: OnceCell<Numbers>,
    /// Short names that mean more than one object of this plan.
    ambiguous: BTreeSet<String>,
    packs_of_apps: BTreeMap<&'p AppId, &'p PackId>,
    /// Names that more than one pack has.
    shared_names: BTreeSet<&'p str>,
    /// Apps that an error stops.
    pub(super) stopped: BTreeSet<&'p AppId>,
}

impl<'p> View<'p> {
    pub(super) fn new(plan: &'p Plan, style: &'p Style) -> Self {
        let mut seen = BTreeSet::new();
        let ambiguous = plan.changes.keys().map(Address::short).filter(|short| !seen.insert(short.clone())).collect();
        let packs_of_apps =
            plan.changes.values().filter_map(|change| Some((change.app.as_ref()?, change.pack.as_ref()?))).collect();
        let mut seen = BTreeSet::new();
        let shared_names =
            plan.packs.keys().map(|pack| pack.name.as_str()).filter(|name| !seen.insert(*name)).collect();
        Self { plan, style, numbers: OnceCell::new(), ambiguous, packs_of_apps, shared_names, stopped: plan.stopped() }
    }

    /// Text from outside, fit to be shown.
    pub(super) fn text(&self, text: &str) -> String {
        if !Numbers::holds_secret(text) {
            return visible(text).into_owned();
        }
        visible(&self.numbers().text(text, Form::Words)).into_owned()
    }

    fn numbers(&self) -> &Numbers {
        self.numbers.get_or_init(|| Numbers::of_plan(self.plan))
    }

    /// The same, cut at `width` columns with its length.
    pub(super) fn cut(&self, text: &str, width: usize) -> String {
        let shown = self.text(text);
        if columns(&shown) <= width {
            return shown;
        }
        let length = count(text.chars().count(), "character");
        format!("{}{} ({length})", start_of(&shown, width.saturating_sub(length.len() + 6)), self.dots())
    }

    /// The short name of an object, or its address where the short name is not enough.
    pub(super) fn name(&self, address: &Address) -> String {
        let short = address.short();
        if self.ambiguous.contains(&short) { self.text(&address.to_string()) } else { self.text(&short) }
    }

    /// A pack's name, with its namespace where two packs of the plan have the same.
    pub(super) fn pack_name(&self, pack: &PackId) -> String {
        if self.shared_names.contains(pack.name.as_str()) {
            self.text(&format!("{}/{}", pack.namespace, pack.name))
        } else {
            self.text(&pack.name)
        }
    }

    /// A value on a line of at most about `width` columns.
    pub(super) fn value(&self, value: &Value, width: usize) -> String {
        super::value::short(value, self.numbers(), width, self.dots())
    }

    /// A value on a line, whole.
    pub(super) fn whole_value(&self, value: &Value) -> String {
        super::value::whole(value, self.numbers())
    }

    /// What stands for a part that was cut off.
    pub(super) fn dots(&self) -> &'static str {
        if self.style.unicode { "\u{2026}" } else { "..." }
    }

    /// A path, with numbered secrets.
    pub(super) fn path(&self, path: &FieldPath) -> String {
        self.text(&path.to_string())
    }

    pub(super) fn paint(&self, label: Label, text: &str) -> String {
        label.paint(text, self.style)
    }

    /// The steps of a change, in order.
    pub(super) fn steps(&self, change: &Change) -> impl Iterator<Item = &'p Step> {
        change.steps.iter().filter_map(|id| self.plan.steps.get(*id))
    }

    /// The first wave in which an object is written.
    pub(super) fn wave(&self, address: &Address) -> Option<usize> {
        self.steps(self.plan.changes.get(address)?).map(|step| step.wave).min()
    }

    /// When a value that nobody knows yet is known.
    pub(super) fn known_after(&self, unknown: Option<&Unknown>) -> String {
        let wave = unknown.and_then(|Unknown::SecretOf(address)| self.wave(address));
        wave.map_or_else(|| "known after the write".into(), |wave| format!("known after {wave}"))
    }

    /// The pack that a change belongs to; what an app asks for belongs to the pack that brings the app.
    pub(super) fn pack_of(&self, change: &'p Change) -> Option<&'p PackId> {
        change.pack.as_ref().or_else(|| self.pack_of_app(change.app.as_ref()?))
    }

    /// The pack that brings an app.
    pub(super) fn pack_of_app(&self, app: &AppId) -> Option<&'p PackId> {
        self.packs_of_apps.get(app).copied()
    }
}

/// The last field name of a path.
pub(super) fn last_field(path: &FieldPath) -> Option<&str> {
    path.0.iter().rev().find_map(|step| match step {
        PathStep::Field(name) => Some(name.as_str()),
        _ => None,
    })
}
