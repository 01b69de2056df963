//! One address of a plan in full.

use std::collections::BTreeMap;

use serde_json::Value;
use similar::TextDiff;

use super::fields::class;
use super::layout::{Line, below};
use super::paint::glyph;
use super::visible::columns;
use super::words::{count, when_exactly};
use super::{Label, Style, View, steps};
use crate::diff::{Class, FieldChange, Who};
use crate::plan::{Action, Actor, Change, Plan, Precondition, Step};
use crate::resource::{Address, Cause, FieldPath, Hand, PathStep, Resource};

/// Values that are longer are cut, unless all is asked for.
const WIDEST: usize = 400;

/// Writes what a plan knows of one address: every field with its reason, every step with what it waits for.
pub fn explain(out: &mut String, plan: &Plan, address: &Address, style: &Style) {
    let page = Page { view: View::new(plan, style) };
    match plan.changes.get(address) {
        Some(change) => page.change(out, change),
        None => page.absent(out, address),
    }
}

struct Page<'p> {
    view: View<'p>,
}

impl<'p> Page<'p> {
    fn absent(&self, out: &mut String, address: &Address) {
        let plan = self.view.plan;
        let address_text = self.view.text(&address.to_string());
        let text = match (plan.blocked.get(address), plan.kept.get(address)) {
            (Some(why), _) => format!("{address_text} could not be planned: {}", self.view.text(why)),
            (_, Some(why)) => format!("{address_text} stays: {}", self.view.text(why)),
            (None, None) => format!("{address_text} is not part of this plan"),
        };
        self.line(out, 0, Label::Plain, &text);
    }

    fn change(&self, out: &mut String, change: &'p Change) {
        let mut line = Line::new(&self.view);
        if change.action != Action::None {
            line.put(Label::of(change), glyph(change));
            line.to(line.at + 1);
        }
        line.put(Label::Heading, &self.view.name(&change.address));
        line.put(Label::Plain, &format!(": {}", self.headline(change)));
        line.end(out);
        for (word, text) in self.facts(change) {
            let mut line = Line::new(&self.view);
            line.to(2);
            line.put(Label::Faint, word);
            line.to(11);
            line.put(Label::Plain, &text);
            line.end(out);
        }
        self.fields(out, change);
        self.steps(out, change);
        self.dependents(out, change);
    }

    fn headline(&self, change: &Change) -> String {
        let action = match change.action {
            Action::None if change.fields.is_empty() => "in sync",
            Action::None => "nothing is written",
            Action::Create => "create",
            Action::Update => "update",
            Action::Replace => "delete and make anew",
            Action::Delete => "delete",
            Action::Adopt => "adopt",
            Action::Release => "let go, the object stays",
        };
        let why = change.rule.map(|rule| format!(", because: {}", rule.reason())).unwrap_or_default();
        match &change.actor {
            _ if change.action == Action::None => action.into(),
            Actor::Packctl => format!("{action}, by packctl{why}"),
            Actor::Operator(seen) => format!("{action}{why}, left to the operator: {}", self.view.text(seen)),
        }
    }

    fn facts(&self, change: &Change) -> Vec<(&'static str, String)> {
        let plan = self.view.plan;
        let at = |place: Option<&crate::diagnostic::Place>| {
            place.map(|place| format!(", at {}", self.view.text(&place.to_string()))).unwrap_or_default()
        };
        let mut facts = vec![("address", self.view.text(&change.address.to_string()))];
        if let Some(app) = &change.app {
            let place = at(plan.apps.get(app).and_then(Option::as_ref));
            facts.push(("app", format!("{}{place}", self.view.text(&app.to_string()))));
        }
        if let Some(pack) = self.view.pack_of(change) {
            let place = at(plan.packs.get(pack).and_then(|summary| summary.place.as_ref()));
            facts.push(("pack", format!("{}{place}", self.view.text(&pack.to_string()))));
        }
        if let Some(resource) = &change.resource {
            if let Some(cause) = resource.cause(&FieldPath::default()) {
                facts.push(("from", self.cause(change, cause)));
            }
            facts.push(("version", self.view.text(&resource.api_version)));
            if let Some(owner) = &resource.owner {
                facts.push(("owner", format!("{}: goes when it goes", self.view.name(owner))));
            }
            let hand = match &resource.hand {
                Hand::Whole => format!("whole object, as field manager {}", Hand::MANAGER),
                Hand::Entry { manager } => format!("this entry, as field manager {}", self.view.text(manager)),
                Hand::Record => "by the record in its attributes".into(),
            };
            facts.push(("hand", hand));
        }
        facts.extend(change.notes.iter().map(|note| ("note", self.view.text(note))));
        facts
    }

    fn fields(&self, out: &mut String, change: &'p Change) {
        let Some(resource) = &change.resource else { return };
        let causes = Causes::of(resource);
        let lists_body = matches!(change.action, Action::Create | Action::None) && change.fields.is_empty();
        if !lists_body && change.fields.is_empty() {
            return;
        }
        out.push_str("\nfields\n");
        for field in &change.fields {
            self.line(out, 2, Label::Plain, &self.view.path(&field.path));
            self.movement(out, resource, field);
            if let Some(class) = class(&self.view, &field.class, when_exactly) {
                let label = if matches!(field.class, Class::Drift(_)) { Label::Drift } else { Label::Plain };
                self.line(out, 4, label, &format!("{class}{}", operation(&field.class)));
            }
            if let Some(cause) = causes.cause(&field.path) {
                self.line(out, 4, Label::Faint, &format!("<- {}", self.cause(change, cause)));
            }
        }
        if lists_body {
            for (path, value) in leaves(&resource.body.value) {
                let text = format!("{} {}", self.view.path(&path), self.value(value));
                let cause = causes.below_root(&path).map(|cause| format!("<- {}", self.cause(change, cause)));
                self.beside(out, &text, &cause.unwrap_or_default());
            }
            for (path, unknown) in &resource.body.unknown {
                let known = self.view.known_after(Some(unknown));
                self.line(out, 2, Label::Plain, &format!("{} {known}", self.view.path(path)));
            }
        }
    }

    fn movement(&self, out: &mut String, resource: &Resource, field: &FieldChange) {
        let value = |value: Option<&Value>| value.map_or_else(|| "none".into(), |value| self.value(value));
        if let (Some(Value::String(before)), Some(Value::String(after))) = (&field.before, &field.after)
            && (before.contains('\n') || after.contains('\n'))
        {
            return self.text_difference(out, before, after);
        }
        let after = match (field.unknown, &field.class) {
            (true, _) => self.view.known_after(resource.body.unknown.get(&field.path)),
            (false, Class::Stuck(_)) => "stays".into(),
            (false, _) => value(field.after.as_ref()),
        };
        self.line(out, 4, Label::Plain, &format!("{} -> {after}", value(field.before.as_ref())));
    }

    fn text_difference(&self, out: &mut String, before: &str, after: &str) {
        let difference = TextDiff::from_lines(before, after);
        for group in difference.grouped_ops(3) {
            for change in group.iter().flat_map(|op| difference.iter_changes(op)) {
                let label = match change.tag() {
                    similar::ChangeTag::Delete => Label::Delete,
                    similar::ChangeTag::Insert => Label::Create,
                    similar::ChangeTag::Equal => Label::Faint,
                };
                let mut line = Line::new(&self.view);
                line.to(4);
                let text = self.view.text(change.value().trim_end_matches('\n'));
                line.put(label, format!("{} {text}", change.tag()).trim_end());
                line.end(out);
            }
        }
    }

    /// A field and its cause, on one line if they fit.
    fn beside(&self, out: &mut String, text: &str, cause: &str) {
        if 2 + columns(text) + 2 + columns(cause) > self.view.style.width {
            self.line(out, 2, Label::Plain, text);
            return self.line(out, 4, Label::Faint, cause);
        }
        let mut line = Line::new(&self.view);
        line.to(2);
        line.put(Label::Plain, text);
        line.to(line.at + 2);
        line.put(Label::Faint, cause);
        line.end(out);
    }

    /// A cause, and through a NebariApp that has no place on to what set the field there.
    fn cause(&self, change: &Change, cause: &Cause) -> String {
        match cause {
            Cause::Input(place) => self.view.text(&place.to_string()),
            Cause::App { field, place: Some(place) } => {
                format!("NebariApp {} at {}", self.view.text(field), self.view.text(&place.to_string()))
            }
            Cause::App { field, place: None } => {
                let app = change.app.as_ref().map(Address::app);
                let app = app.and_then(|app| self.view.plan.changes.get(&app)?.resource.as_ref());
                match app.and_then(|app| app.cause(&FieldPath::of(field))) {
                    Some(Cause::Input(place)) => {
                        format!("NebariApp {} <- {}", self.view.text(field), self.view.text(&place.to_string()))
                    }
                    _ => format!("NebariApp {}", self.view.text(field)),
                }
            }
            Cause::Environment(key) => format!("environment {}", self.view.text(key)),
            Cause::Rule(words) => format!("rule: {words}"),
        }
    }

    fn steps(&self, out: &mut String, change: &Change) {
        let mut steps = self.view.steps(change).peekable();
        if steps.peek().is_some() {
            out.push_str("\nsteps\n");
        }
        for step in steps {
            self.line(out, 2, Label::Plain, &format!("{} {}", step.wave, step.title));
            if let Some(condition) = self.condition(&step.only_if) {
                self.line(out, 4, Label::Plain, &format!("only if {condition}"));
            }
            for (id, why) in &step.after {
                if let Some(earlier) = self.view.plan.steps.get(*id) {
                    self.line(out, 4, Label::Plain, &format!("after {}: {why}", self.step(earlier)));
                }
            }
            if let Some(waits) = steps::waits_for(&self.view, step) {
                self.line(out, 4, Label::Plain, &format!("waits for {waits}"));
            }
        }
    }

    fn step(&self, step: &Step) -> String {
        format!("{} {} {}", step.wave, step.title, self.view.name(&step.address))
    }

    fn condition(&self, condition: &Precondition) -> Option<String> {
        Some(match condition {
            Precondition::Absent => "it does not exist".into(),
            Precondition::Unchanged { uid, fingerprint } => {
                format!("it is {} as seen, fingerprint {fingerprint}", self.view.text(uid))
            }
            Precondition::Entry { uid, fingerprint } => {
                format!("the entry in {} is as seen, fingerprint {fingerprint}", self.view.text(uid))
            }
            Precondition::Owned { uid } => format!("it is {} and still ours", self.view.text(uid)),
            Precondition::After(id) => {
                let earlier = self.view.plan.steps.get(*id)?;
                format!("it is as step {} {} left it", earlier.wave, earlier.title)
            }
            Precondition::Nothing => return None,
        })
    }

    /// The steps of other objects that come after this one's.
    fn dependents(&self, out: &mut String, change: &Change) {
        let others = self.view.plan.steps.iter().filter(|step| step.address != change.address);
        let after = others.filter_map(|step| {
            let why = change.steps.iter().find_map(|own| step.after.get(own))?;
            Some((step, *why))
        });
        let after: Vec<(&Step, &str)> = after.collect();
        if after.is_empty() {
            return;
        }
        out.push_str(&format!("\n{} after it\n", count(after.len(), "step")));
        for (step, why) in after {
            self.line(out, 2, Label::Plain, &format!("{}: {why}", self.step(step)));
        }
    }

    fn value(&self, value: &Value) -> String {
        if self.view.style.all { self.view.whole_value(value) } else { self.view.value(value, WIDEST) }
    }

    fn line(&self, out: &mut String, at: usize, label: Label, text: &str) {
        below(out, &self.view, at, label, text, self.view.style.width);
    }
}

/// How somebody else wrote a field.
fn operation(class: &Class) -> String {
    match class {
        Class::Drift(Who::Manager { operation, .. })
        | Class::Foreign(Who::Manager { operation, .. })
        | Class::Stuck(Who::Manager { operation, .. }) => format!(" ({operation})"),
        _ => String::new(),
    }
}

/// The causes of a resource by position, so that paths with keys and paths with positions meet.
struct Causes<'r> {
    body: &'r Value,
    by_position: BTreeMap<FieldPath, &'r Cause>,
}

impl<'r> Causes<'r> {
    fn of(resource: &'r Resource) -> Self {
        let body = &resource.body.value;
        let by_position = resource.causes.iter().map(|(path, cause)| (positions(path, body), cause)).collect();
        Self { body, by_position }
    }

    fn cause(&self, path: &FieldPath) -> Option<&'r Cause> {
        let path = positions(path, self.body);
        let nearest = (0..=path.0.len()).rev().map(|length| FieldPath(path.0[..length].to_vec()));
        nearest.into_iter().find_map(|path| self.by_position.get(&path).copied())
    }

    /// The cause, unless it is that of the whole object, which stands at the top of the page.
    fn below_root(&self, path: &FieldPath) -> Option<&'r Cause> {
        let root = self.by_position.get(&FieldPath::default()).copied();
        self.cause(path).filter(|cause| Some(*cause) != root)
    }
}

/// A path with positions instead of keys, as far as the body has what it names.
fn positions(path: &FieldPath, body: &Value) -> FieldPath {
    let mut steps = Vec::new();
    let mut at = Some(body);
    for step in &path.0 {
        let found = FieldPath(vec![step.clone()]);
        let below = at.and_then(|value| found.find(value));
        let position = match (step, at.and_then(Value::as_array), below) {
            (PathStep::Key(_) | PathStep::Item(_), Some(items), Some(below)) => {
                items.iter().position(|item| std::ptr::eq(item, below))
            }
            _ => None,
        };
        steps.push(position.map_or_else(|| step.clone(), PathStep::Index));
        at = below;
    }
    FieldPath(steps)
}

/// Every value of a body that is no map or list with content, without what the address says.
fn leaves(body: &Value) -> Vec<(FieldPath, &Value)> {
    fn collect<'v>(path: &FieldPath, value: &'v Value, leaves: &mut Vec<(FieldPath, &'v Value)>) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                fields.iter().for_each(|(name, field)| collect(&path.field(name), field, leaves));
            }
            Value::Array(items) if !items.is_empty() => {
                items.iter().enumerate().for_each(|(at, item)| collect(&path.index(at), item, leaves));
            }
            leaf => leaves.push((path.clone(), leaf)),
        }
    }
    let mut found = Vec::new();
    collect(&FieldPath::default(), body, &mut found);
    let said = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];
    found.retain(|(path, _)| !said.iter().any(|said| *path == FieldPath::of(said)));
    found
}
