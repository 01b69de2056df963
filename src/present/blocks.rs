//! A block per pack: which rows there are, in which order, and what folds.

use std::collections::BTreeMap;

use super::fields::{self, Fields};
use super::layout::Row;
use super::paint::glyph;
use super::words::{count, some_of};
use super::{Label, View, facts, steps, tally};
use crate::diagnostic::Place;
use crate::plan::{Action, Actor, Change};
use crate::resource::{Address, AppId, PackId};

/// From so many objects on, equal changes are one row.
const FOLDED_FROM: usize = 3;

/// One pack, or what belongs to none.
pub(super) struct Block<'p> {
    pub(super) name: String,
    pub(super) facts: String,
    pub(super) place: String,
    pub(super) rows: Vec<Row>,
    /// All of its changes, in address order.
    pub(super) changes: Vec<&'p Change>,
    /// Objects of it that are as wanted.
    pub(super) in_sync: usize,
    /// Nothing of it moves and nothing of it is stopped.
    pub(super) quiet: bool,
    /// It stands for what has no pack.
    pub(super) loose: bool,
}

/// All blocks: packs in order, then what has none.
pub(super) fn blocks<'p>(view: &View<'p>) -> Vec<Block<'p>> {
    let mut by_pack: BTreeMap<Option<&PackId>, Vec<&Change>> =
        view.plan.packs.keys().map(|pack| (Some(pack), Vec::new())).collect();
    for change in view.plan.changes.values() {
        by_pack.entry(view.pack_of(change)).or_default().push(change);
    }
    let loose = by_pack.remove(&None);
    let mut blocks: Vec<Block<'p>> =
        by_pack.into_iter().filter_map(|(pack, changes)| Some(block(view, pack?, changes))).collect();
    blocks.extend(loose.map(|changes| loose_block(view, changes)));
    blocks
}

fn block<'p>(view: &View<'p>, pack: &PackId, changes: Vec<&'p Change>) -> Block<'p> {
    let totals = tally::tally_of(changes.iter().copied());
    let summary = view.plan.packs.get(pack);
    let version = |of: Option<&String>| of.map(|version| view.text(version));
    let before = version(summary.and_then(|summary| summary.before.as_ref()));
    let after = version(summary.and_then(|summary| summary.after.as_ref()));
    let moved = tally::summary(&totals);
    let record =
        changes.iter().find(|change| change.address.kind == "ConfigMap" && change.address.name == pack.record_name());
    // Only the record tells for sure: a new pack may find objects that are there already.
    let new = match record {
        Some(record) => record.action == Action::Create,
        None => totals.add > 0 && totals.add == changes.len(),
    };
    let mut facts = Vec::new();
    match (before, after) {
        (None, after) if new => {
            facts.push(after.map_or_else(|| "new".into(), |version| format!("new {version}")));
        }
        (Some(before), Some(after)) if before != after => {
            facts.push(format!("{} {before} -> {after}", direction(&before, &after)));
            facts.extend(moved);
        }
        _ => facts.push(moved.unwrap_or_else(|| "in sync".into())),
    }
    if record.is_some() {
        facts.push("direct".into());
    }
    let stopped: Vec<String> = view
        .stopped
        .iter()
        .filter(|app| view.pack_of_app(app) == Some(pack))
        .map(|app| view.name(&Address::app(app)))
        .collect();
    if !stopped.is_empty() {
        facts.push(format!("{} not planned", some_of(&stopped, 3)));
    }
    let rows = rows(view, &changes);
    Block {
        name: view.pack_name(pack),
        place: summary
            .and_then(|summary| summary.place.as_ref())
            .map(|place| head_place(view, place))
            .unwrap_or_default(),
        facts: facts.join(", "),
        in_sync: totals.in_sync,
        quiet: rows.is_empty() && stopped.is_empty(),
        loose: false,
        rows,
        changes,
    }
}

fn loose_block<'p>(view: &View<'p>, changes: Vec<&'p Change>) -> Block<'p> {
    let totals = tally::tally_of(changes.iter().copied());
    let rows = rows(view, &changes);
    Block {
        name: if view.plan.packs.is_empty() { "objects" } else { "no pack" }.into(),
        facts: tally::summary(&totals).unwrap_or_default(),
        place: String::new(),
        in_sync: totals.in_sync,
        quiet: rows.is_empty(),
        loose: true,
        rows,
        changes,
    }
}

/// A file that starts with the pack needs no line number.
fn head_place(view: &View<'_>, place: &Place) -> String {
    view.text(&if place.line <= 1 { place.file.to_string() } else { place.to_string() })
}

/// `upgrade`, `downgrade`, or `version` where neither can be told.
fn direction(before: &str, after: &str) -> &'static str {
    let parts = |version: &str| -> Option<Vec<u64>> {
        let version = version.strip_prefix('v').unwrap_or(version);
        version.split('.').map(|part| part.parse().ok()).collect()
    };
    match (parts(before), parts(after)) {
        (Some(before), Some(after)) if before < after => "upgrade",
        (Some(before), Some(after)) if before > after => "downgrade",
        _ => "version",
    }
}

/// The rows of a block: an app's objects stand below the app.
fn rows(view: &View<'_>, changes: &[&Change]) -> Vec<Row> {
    let mut direct: Vec<&Change> = Vec::new();
    let mut apps: BTreeMap<&AppId, (Option<&Change>, Vec<&Change>)> = BTreeMap::new();
    for change in changes.iter().copied().filter(|change| is_shown(view, change)) {
        match (&change.app, change.address.as_app()) {
            (Some(app), Some(own)) if *app == own => apps.entry(app).or_default().0 = Some(change),
            (Some(app), _) => apps.entry(app).or_default().1.push(change),
            (None, _) => direct.push(change),
        }
    }
    let mut groups: Vec<(usize, usize, Vec<Row>)> = Vec::new();
    for (wave, row) in sorted_rows(view, &direct, 2) {
        groups.push((wave, 0, vec![row]));
    }
    for (app, (own, below)) in apps {
        let mut rows = vec![own.map_or_else(|| parent(view, app), |change| row(view, change, 2))];
        let nested = sorted_rows(view, &below, 4);
        let first = own.map(|change| wave(view, change)).or(nested.first().map(|(wave, _)| *wave));
        rows.extend(nested.into_iter().map(|(_, row)| row));
        groups.push((first.unwrap_or(usize::MAX), 1, rows));
    }
    groups.sort_by_key(|(wave, app, _)| (*wave, *app));
    groups.into_iter().flat_map(|(_, _, rows)| rows).collect()
}

/// Whether a change has anything to say.
fn is_shown(view: &View<'_>, change: &Change) -> bool {
    view.style.all || change.action != Action::None || !change.steps.is_empty() || !change.fields.is_empty()
}

fn wave(view: &View<'_>, change: &Change) -> usize {
    view.wave(&change.address).unwrap_or(usize::MAX)
}

/// Rows by wave, kind and address; equal changes stand where the first of them does.
fn sorted_rows(view: &View<'_>, changes: &[&Change], indent: usize) -> Vec<(usize, Row)> {
    let mut sorted = changes.to_vec();
    sorted
        .sort_by_cached_key(|change| (wave(view, change), change.address.kind.to_lowercase(), change.address.clone()));
    let keys: Vec<Option<String>> = sorted.iter().map(|change| fold_key(view, change)).collect();
    let mut equal: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for (key, change) in keys.iter().zip(&sorted) {
        if let Some(key) = key {
            equal.entry(key).or_default().push(change);
        }
    }
    equal.retain(|_, group| group.len() >= FOLDED_FROM);
    let mut rows = Vec::new();
    for (key, change) in keys.iter().zip(&sorted) {
        let row = match key.as_ref().and_then(|key| equal.get(key.as_str())) {
            Some(group) if group.first().is_some_and(|first| first.address == change.address) => {
                folded(view, change, group, indent)
            }
            Some(_) => continue,
            None => row(view, change, indent),
        };
        rows.push((wave(view, change), row));
    }
    rows
}

/// What must be equal for changes to fold; `None` where a change stands alone.
fn fold_key(view: &View<'_>, change: &Change) -> Option<String> {
    let plain = change.action == Action::Update
        && !change.fields.is_empty()
        && change.notes.is_empty()
        && change.address.as_app().is_none()
        && view.steps(change).all(|step| step.waits.is_empty());
    (plain && !view.style.all).then(|| format!("{:?} {:?} {}", change.actor, change.fields, change.steps.len()))
}

fn folded(view: &View<'_>, first: &Change, group: &[&Change], indent: usize) -> Row {
    let mut row = row(view, first, indent);
    let names: Vec<String> = group.iter().map(|change| view.name(&change.address)).collect();
    row.name = count(group.len(), "object");
    row.below.push((Label::Faint, some_of(&names, 3)));
    row.place = String::new();
    let last = group.iter().map(|change| wave(view, change)).max().unwrap_or(0);
    if last != usize::MAX && last.to_string() != row.steps && !row.steps.is_empty() {
        row.steps = format!("{} to {last}", row.steps);
    }
    row
}

/// An app that does not change itself, above what does.
fn parent(view: &View<'_>, app: &AppId) -> Row {
    Row {
        indent: 2,
        glyph: " ",
        label: Label::Plain,
        name: view.name(&Address::app(app)),
        detail: String::new(),
        steps: String::new(),
        place: String::new(),
        below: Vec::new(),
    }
}

fn row(view: &View<'_>, change: &Change, indent: usize) -> Row {
    let mut below = Vec::new();
    let detail = match (&change.actor, change.action) {
        (Actor::Operator(seen), action) if action != Action::None => {
            format!("left to the operator: {}", view.text(seen))
        }
        (_, Action::Create) => facts::fact(view, change).unwrap_or_default(),
        (_, Action::Delete) => change.rule.map_or_else(|| "deleted".into(), |rule| rule.reason().into()),
        (_, Action::Release) => "let go: our fields are taken off, the object stays".into(),
        (_, action) => {
            let detail = changed(view, change, &mut below);
            match (action, detail) {
                (Action::Adopt, None) => "adopted as it is".into(),
                (Action::Adopt, Some(detail)) => format!("adopted, {detail}"),
                (Action::Replace, Some(detail)) => format!("made anew, {detail}"),
                (Action::Replace, None) => "made anew".into(),
                (Action::None, None) => "in sync".into(),
                (_, None) => "marks only".into(),
                (_, Some(detail)) => detail,
            }
        }
    };
    below.extend(change.notes.iter().map(|note| (Label::Plain, view.text(note))));
    below.extend(steps::waits(view, change).into_iter().map(|wait| (Label::Plain, wait)));
    let place =
        change.resource.as_ref().filter(|_| indent == 2 || view.style.all).and_then(|resource| resource.place());
    let place = place.map(|place| view.text(&place.to_string())).unwrap_or_default();
    Row {
        indent,
        glyph: glyph(change),
        label: Label::of(change),
        name: view.name(&change.address),
        detail,
        steps: steps::cell(view, change),
        place,
        below,
    }
}

/// The first field beside the name, the others below.
fn changed(view: &View<'_>, change: &Change, below: &mut Vec<(Label, String)>) -> Option<String> {
    let Fields { lines, rest } = fields::fields(view, change);
    let mut lines = lines.into_iter();
    let first = lines.next()?;
    below.extend(first.class.map(|class| (first.label, class)));
    for line in lines {
        below.push((line.label, [Some(line.text), line.class].into_iter().flatten().collect::<Vec<_>>().join("; ")));
    }
    below.extend(rest.map(|rest| (Label::Faint, rest)));
    Some(first.text)
}
