//! One pack of a plan: what it is, its apps, and every object of it.

use std::collections::BTreeSet;

use super::layout::Line;
use super::paint::glyph;
use super::tally::{summary, tally_of};
use super::visible::columns;
use super::words::count;
use super::{Label, Style, View};
use crate::plan::{Action, Change, Plan};
use crate::resource::{Address, PackId};

/// Writes what a plan knows of one pack.
pub fn explain_pack(out: &mut String, plan: &Plan, pack: &PackId, style: &Style) {
    let view = View::new(plan, style);
    let changes: Vec<&Change> = plan.changes.values().filter(|change| view.pack_of(change) == Some(pack)).collect();
    let totals = tally_of(changes.iter().copied());
    let moved = summary(&totals).unwrap_or_else(|| "in sync".into());
    head(out, &view, &format!("pack/{}/{}", pack.namespace, pack.name), &moved);
    for (word, text) in facts(&view, pack, &changes) {
        let mut line = Line::new(&view);
        line.to(2);
        line.put(Label::Faint, word);
        line.to(11);
        line.put(Label::Plain, &text);
        line.end(out);
    }
    out.push_str(&format!("\n{}\n", count(changes.len(), "object")));
    let widest = changes.iter().map(|change| columns(&view.name(&change.address))).max().unwrap_or(0);
    for change in changes {
        let mut line = Line::new(&view);
        line.to(2);
        line.put(Label::of(change), glyph(change));
        line.to(6);
        line.put(Label::Plain, &view.name(&change.address));
        let place = change.resource.as_ref().and_then(|resource| resource.place());
        if let Some(place) = place.map(|place| view.text(&place.to_string())) {
            let at = 6 + widest + 2;
            if at + columns(&place) > style.width {
                line.end(out);
                line = Line::new(&view);
                line.to(8);
            } else {
                line.to(at);
            }
            line.put(Label::Faint, &place);
        }
        line.end(out);
    }
}

fn head(out: &mut String, view: &View<'_>, name: &str, moved: &str) {
    let mut line = Line::new(view);
    line.put(Label::Heading, &view.text(name));
    line.put(Label::Plain, &format!(": {moved}"));
    line.end(out);
}

fn facts(view: &View<'_>, pack: &PackId, changes: &[&Change]) -> Vec<(&'static str, String)> {
    let mut facts = vec![("identity", view.text(&pack.to_string()))];
    let summary = view.plan.packs.get(pack);
    if let Some(place) = summary.and_then(|summary| summary.place.as_ref()) {
        facts.push(("from", view.text(&place.to_string())));
    }
    let versions = summary.map(|summary| (summary.before.as_deref(), summary.after.as_deref()));
    let version = match versions {
        Some((Some(before), Some(after))) if before != after => Some(format!("{before} -> {after}")),
        Some((None, Some(after))) => Some(format!("{after}, new")),
        Some((_, after)) => after.map(str::to_owned),
        None => None,
    };
    facts.extend(version.map(|version| ("version", view.text(&version))));
    if let Some(record) = changes.iter().find(|change| change.address.name == pack.record_name()) {
        facts.push(("record", view.name(&record.address)));
    }
    let apps: BTreeSet<String> = changes
        .iter()
        .filter_map(|change| change.address.as_app())
        .map(|app| {
            let stopped = if view.stopped.contains(&app) { ", not planned" } else { "" };
            format!("{}{stopped}", view.name(&Address::app(&app)))
        })
        .collect();
    facts.extend(apps.into_iter().map(|app| ("app", app)));
    let findings = view
        .plan
        .diagnostics
        .iter()
        .filter(|found| found.app.as_ref().is_some_and(|app| view.pack_of_app(app) == Some(pack)));
    facts.extend(findings.map(|found| ("finding", view.text(&format!("{} [{}]", found.message, found.code)))));
    let left = changes.iter().filter(|change| change.action == Action::Delete && change.rule.is_some()).count();
    if left > 0 {
        facts.push(("leaves", count(left, "object")));
    }
    facts
}
