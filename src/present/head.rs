//! The head of a plan: what was read, what was not, and what people must read.

use std::collections::BTreeMap;

use super::layout::Line;
use super::visible::{columns, wrap};
use super::words::{count, list, some_of, when};
use super::{Label, View, fields};
use crate::diagnostic::{Place, Severity};
use crate::diff::{Class, Who};
use crate::plan::{Action, Actor, Change, Narrowed};
use crate::resource::Address;

/// One line of the head: a word, what it says, and where that is written.
pub(super) struct Signal {
    pub(super) word: &'static str,
    pub(super) label: Label,
    pub(super) text: String,
    pub(super) place: String,
    /// What to do.
    pub(super) help: String,
}

/// Server, user, how much was read.
pub(super) fn read(view: &View<'_>) -> String {
    let plan = view.plan;
    let (objects, kinds) = plan.read;
    let server = view.text(&plan.seen.server);
    let server = match (&plan.seen.user, plan.seen.snapshot) {
        (_, true) => format!("snapshot {server}"),
        (Some(user), false) => format!("{server} as {}", view.text(user)),
        (None, false) => server,
    };
    let mut text = format!("{server}: {} of {}", count(objects, "object"), count(kinds, "kind"));
    if let Some((realm, clients)) = &plan.realm {
        text.push_str(&format!("; realm {}: {}", view.text(realm), count(*clients, "client")));
    }
    match plan.unreadable.len() {
        0 => text.push_str("; all readable"),
        some => text.push_str(&format!("; {some} not readable")),
    }
    if !plan.blocked.is_empty() {
        text.push_str(&format!("; partial, {} blocked", plan.blocked.len()));
    }
    text
}

/// The first line: cluster, and what was read of it.
pub(super) fn header(out: &mut String, view: &View<'_>) {
    let text = read(view);
    let cluster = view.text(&view.plan.cluster);
    let margin = if cluster.is_empty() { 0 } else { columns(&cluster) + 2 };
    let room = view.style.width.saturating_sub(margin);
    for (position, piece) in wrap(&text, room, room).iter().enumerate() {
        let mut line = Line::new(view);
        if position == 0 {
            line.put(Label::Heading, &cluster);
        }
        line.to(margin);
        line.put(Label::Plain, piece);
        line.end(out);
    }
}

/// What the plan is about, where that is not simply what the named files ask for.
pub(super) fn scope(view: &View<'_>) -> Vec<Signal> {
    let scope = &view.plan.scope;
    let mut signals = Vec::new();
    if scope.live_apps {
        let apps = count(view.plan.apps.len(), "NebariApp");
        signals.push(Signal::new("input", Label::Plain, format!("{apps} of the cluster; -f names other inputs")));
    }
    if let Some(narrowed) = &scope.narrowed {
        signals.push(Signal::new("partial", Label::Warning, partial(view, narrowed)));
    }
    signals
}

/// `only app/bi/dash and what it needs; left out: app/web/welcome (5 objects)`.
fn partial(view: &View<'_>, narrowed: &Narrowed) -> String {
    let named = |names: &[String]| list(&names.iter().map(|name| view.text(name)).collect::<Vec<_>>());
    let mut parts = Vec::new();
    if !narrowed.targets.is_empty() {
        parts.push(format!("only {} and what it needs", named(&narrowed.targets)));
    }
    if !narrowed.excludes.is_empty() {
        parts.push(format!("without {} and what needs it", named(&narrowed.excludes)));
    }
    let (owners, alone): (Vec<_>, Vec<_>) =
        narrowed.left_out.iter().partition(|(name, _)| name.starts_with("app/") || name.starts_with("pack/"));
    let objects = |(name, number): (&String, &usize)| format!("{} ({})", view.text(name), count(*number, "object"));
    let mut left_out: Vec<String> = owners.into_iter().map(objects).collect();
    match alone.as_slice() {
        [] => {}
        [(name, _)] => left_out.push(view.text(name)),
        several => left_out.push(format!("{} without a pack", count(several.len(), "object"))),
    }
    let shown = if view.style.all { left_out.len() } else { 4 };
    let left_out = if left_out.is_empty() { "nothing".into() } else { some_of(&left_out, shown) };
    format!("{}; left out: {left_out}", parts.join(", "))
}

/// What was not read; it stands apart from what changes.
pub(super) fn unread(view: &View<'_>) -> Vec<Signal> {
    let mut signals: Vec<Signal> = view
        .plan
        .unreadable
        .iter()
        .map(|(what, why)| Signal::new("unread", Label::Warning, format!("{}: {}", view.text(what), view.text(why))))
        .collect();
    let folded = |address: &Address| !view.style.all && view.plan.blocked_by.contains_key(address);
    signals.extend(view.plan.blocked.iter().filter(|(address, _)| !folded(address)).map(|(address, why)| {
        Signal::new("blocked", Label::Warning, format!("{}: {}", view.name(address), view.text(why)))
    }));
    let dependants = view.plan.blocked.keys().filter(|address| folded(address)).count();
    if dependants > 0 {
        let text = format!("{} that need these; `--all` lists them", super::words::count(dependants, "object"));
        signals.push(Signal::new("blocked", Label::Warning, text));
    }
    signals
}

/// What people must read: errors, deletes with data, replaces, what opens and closes, drift, what stays, warnings.
pub(super) fn signals(view: &View<'_>) -> Vec<Signal> {
    let mut signals = findings(view, Severity::Error);
    signals.extend(losses(view));
    signals.extend(openings(view));
    signals.extend(drift(view));
    signals.extend(kept(view));
    signals.extend(findings(view, Severity::Warning));
    signals
}

/// What stays behind on purpose.
pub(super) fn kept(view: &View<'_>) -> Vec<Signal> {
    let kept = view.plan.kept.iter();
    kept.map(|(address, why)| Signal::new("keeps", Label::Plain, format!("{}: {}", view.name(address), view.text(why))))
        .collect()
}

/// Errors, or warnings.
pub(super) fn findings(view: &View<'_>, severity: Severity) -> Vec<Signal> {
    let (word, label) = match severity {
        Severity::Error => ("error", Label::Error),
        Severity::Warning => ("warning", Label::Warning),
    };
    let mut findings: Vec<_> = view.plan.diagnostics.iter().filter(|found| found.severity == severity).collect();
    findings.sort();
    findings
        .into_iter()
        .map(|found| {
            let app = found.app.as_ref().map(Address::app);
            let object = found.object.as_ref().or(app.as_ref());
            let named = |object: &&Address| found.message.starts_with(&object.short());
            let of = object.filter(|object| !named(object)).map(|object| format!("{}: ", view.name(object)));
            let text = format!("{}{} [{}]", of.unwrap_or_default(), view.text(&found.message), view.text(&found.code));
            let help = found.help.as_ref().map(|help| format!("help: {}", view.text(help)));
            Signal { help: help.unwrap_or_default(), ..Signal::new(word, label, text).at(view, found.place.as_ref()) }
        })
        .collect()
}

/// Deletes that lose more than the object, and replaces.
pub(super) fn losses(view: &View<'_>) -> Vec<Signal> {
    let ours = |change: &&Change| change.actor == Actor::Packctl;
    let mut signals = Vec::new();
    for change in view.plan.changes.values().filter(ours) {
        let place = change.resource.as_ref().and_then(|resource| resource.place());
        let name = view.name(&change.address);
        match (change.action, loses(&change.address)) {
            (Action::Delete, Some(what)) => {
                let why = change.rule.map(|rule| format!(", {}", rule.reason())).unwrap_or_default();
                let text = format!("{name}, with {what}{why}");
                signals.push(Signal::new("deletes", Label::Delete, text).at(view, place));
            }
            (Action::Replace, what) => {
                let field = fields::first(view, change).map(|field| format!(", because of {field}"));
                let what = what.map(|what| format!(", with {what}"));
                let text = format!("{name}{}{}", what.unwrap_or_default(), field.unwrap_or_default());
                signals.push(Signal::new("replaces", Label::Delete, text).at(view, place));
            }
            _ => {}
        }
    }
    signals
}

/// What is lost with an object beyond the object.
fn loses(address: &Address) -> Option<&'static str> {
    if address.entry.is_some() {
        return None;
    }
    match address.kind.as_str() {
        "PersistentVolumeClaim" | "PersistentVolume" => Some("its data"),
        "Namespace" => Some("everything in it"),
        "CustomResourceDefinition" => Some("every object of its kind"),
        "Cluster" if address.group == "postgresql.cnpg.io" => Some("its databases"),
        "group" => Some("its members"),
        _ => None,
    }
}

/// What opens and closes.
pub(super) fn openings(view: &View<'_>) -> Vec<Signal> {
    let mut openings: Vec<_> = view.plan.openings.iter().collect();
    openings.sort();
    openings
        .into_iter()
        .map(|opening| {
            let app = view.plan.changes.get(&Address::app(&opening.app));
            let new = app.is_some_and(|change| change.action == Action::Create && opening.verb == "opens");
            let text = format!(
                "{}{}: {}",
                view.text(&opening.url),
                if new { ", new" } else { "" },
                view.text(&opening.audience)
            );
            let label = if opening.verb == "opens" { Label::Create } else { Label::Delete };
            Signal::new(opening.verb, label, text).at(view, opening.place.as_ref())
        })
        .collect()
}

/// One line for each app (or object without one) and hand that changed it.
pub(super) fn drift(view: &View<'_>) -> Vec<Signal> {
    struct Drift<'p> {
        fields: usize,
        latest: Option<&'p str>,
        place: Option<&'p Place>,
    }
    let mut drifts: BTreeMap<(String, String), Drift<'_>> = BTreeMap::new();
    for change in view.plan.changes.values().filter(|change| change.actor == Actor::Packctl) {
        for field in &change.fields {
            let Class::Drift(who) = &field.class else { continue };
            let (name, place) = match &change.app {
                Some(app) => (view.text(&app.to_string()), view.plan.apps.get(app).and_then(Option::as_ref)),
                None => (view.name(&change.address), None),
            };
            let place = place.or_else(|| change.resource.as_ref()?.place());
            let (hand, time) = match who {
                Who::Manager { name, time, .. } => (view.text(name), time.as_deref()),
                Who::Unknown => ("an unknown hand".into(), None),
            };
            let drift = drifts.entry((name, hand)).or_insert(Drift { fields: 0, latest: None, place });
            drift.fields += 1;
            drift.latest = drift.latest.max(time);
        }
    }
    drifts
        .into_iter()
        .map(|((name, hand), drift)| {
            let time = drift.latest.map(|time| format!(", {}", when(time))).unwrap_or_default();
            let text = format!("{name}: {} changed by {hand}{time}", count(drift.fields, "field"));
            Signal::new("drift", Label::Drift, text).at(view, drift.place)
        })
        .collect()
}

impl Signal {
    fn new(word: &'static str, label: Label, text: String) -> Self {
        Self { word, label, text, place: String::new(), help: String::new() }
    }

    fn at(mut self, view: &View<'_>, place: Option<&Place>) -> Self {
        self.place = place.map(|place| view.text(&place.to_string())).unwrap_or_default();
        self
    }
}

/// Writes the lines: words in one column, texts in one, places in one where they fit.
pub(super) fn write(out: &mut String, view: &View<'_>, signals: &[Signal]) {
    let width = view.style.width;
    let margin = signals.iter().map(|signal| signal.word.len() + 2).max().unwrap_or(0).max(8);
    let widest = |of: fn(&Signal) -> usize| signals.iter().map(of).max().unwrap_or(0);
    let place_width = widest(|signal| columns(&signal.place));
    let texts = signals.iter().filter(|signal| !signal.place.is_empty()).map(|signal| margin + columns(&signal.text));
    let place_at = texts.filter(|end| end + 2 + place_width <= width).max().unwrap_or(0) + 2;
    for signal in signals {
        let room = width.saturating_sub(margin).max(20);
        let mut place = signal.place.as_str();
        let pieces = wrap(&signal.text, room, room);
        for (position, piece) in pieces.iter().enumerate() {
            let mut line = Line::new(view);
            if position == 0 {
                line.put(signal.label, signal.word);
            }
            line.to(margin);
            line.put(Label::Plain, piece);
            let at = match pieces.len() {
                1 => Some(place_at).filter(|at| line.at + 2 <= *at),
                last if last == position + 1 => Some(line.at + 2),
                _ => None,
            };
            if let Some(at) = at.filter(|at| at + columns(place) <= width) {
                line.to(at);
                line.put(Label::Faint, std::mem::take(&mut place));
            }
            line.end(out);
        }
        super::layout::below(out, view, margin, Label::Faint, place, width);
        super::layout::below(out, view, margin, Label::Plain, &signal.help, width);
    }
}

/// `2 apps are left to nebari-operator, which says that they are ready: Deployment ... has 1 replica.`
pub(super) fn left(view: &View<'_>) -> Option<String> {
    let left = &view.plan.left;
    let seen = view.text(left.values().next()?);
    let (are, they) = if left.len() == 1 { ("is", "it is") } else { ("are", "they are") };
    let apps = count(left.len(), "app");
    Some(format!("{apps} {are} left to nebari-operator, which says that {they} ready: {seen}."))
}

/// What stands among names of packs for all that belongs to none.
pub(super) const LOOSE: &str = "objects without a pack";

/// The names of packs of which nothing moves, on one line.
pub(super) fn in_sync(view: &View<'_>, names: &[String], objects: usize) -> Option<String> {
    let shown = if view.style.all { names.len() } else { 6 };
    // What was not planned might have moved them.
    let complete = view.plan.blocked.is_empty() && view.stopped.is_empty() && view.plan.unreadable.is_empty();
    let limit = if complete { "" } else { ", as far as planned" };
    let objects = count(objects, "object");
    match names {
        [] => None,
        [only] if only == LOOSE => Some(format!("{objects} without a pack in sync{limit}.")),
        _ => Some(format!("{} in sync{limit}: {objects}.", some_of(names, shown))),
    }
}
