//! From a plan to its document.

use std::collections::BTreeMap;

use serde_json::Value;

use super::document::*;
use super::values::{cleaned, marked, narrowed, overlaid, sensitive, set};
use crate::diagnostic::{Diagnostic, Severity};
use crate::diff::{Class, FieldChange, Who};
use crate::plan::{Act, Action, Actor, Change, DeleteRule, Plan, Precondition, Step};
use crate::present::Numbers;
use crate::present::numbers::Form;
use crate::present::tally;
use crate::resource::{Address, Cause, FieldPath, Hand, PathStep, Resource, Side};

/// The document of a plan.
pub fn document(plan: &Plan) -> PlanDocument {
    let writer = Writer { plan, numbers: Numbers::of_plan(plan) };
    let errored = plan.diagnostics.iter().any(|found| found.severity == Severity::Error);
    PlanDocument {
        format_version: super::FORMAT_VERSION.into(),
        packctl_version: env!("CARGO_PKG_VERSION").into(),
        cluster: plan.cluster.clone(),
        seen: Seen {
            server: plan.seen.server.clone(),
            user: plan.seen.user.clone(),
            snapshot: plan.seen.snapshot,
            objects: plan.read.0,
            kinds: plan.read.1,
            realm: plan.realm.as_ref().map(|(name, clients)| RealmEntry { name: name.clone(), clients: *clients }),
        },
        scope: scope(plan),
        resource_changes: plan.changes.values().map(|change| writer.change(change)).collect(),
        resource_drift: plan.changes.values().filter_map(|change| writer.drift(change)).collect(),
        checks: writer.checks(),
        applyable: !plan.is_empty(),
        complete: !errored && plan.scope.narrowed.is_none() && plan.unreadable.is_empty() && plan.blocked.is_empty(),
        errored,
        steps: plan.steps.iter().map(|step| writer.step(step)).collect(),
        packs: plan
            .packs
            .values()
            .map(|pack| PackEntry {
                id: pack.id.to_string(),
                place: pack.place.clone(),
                before: pack.before.clone(),
                after: pack.after.clone(),
                objects: pack.objects,
            })
            .collect(),
        openings: writer.openings(),
        unreadable: plan
            .unreadable
            .iter()
            .map(|(what, why)| UnreadableEntry { what: writer.text(what), why: writer.text(why) })
            .collect(),
        blocked: writer.reasons(&plan.blocked),
        kept: writer.reasons(&plan.kept),
        left: plan.left.iter().map(|(app, seen)| (app.to_string(), writer.text(seen))).collect(),
        digests: plan.digests.clone(),
        totals: tally(plan),
    }
}

fn scope(plan: &Plan) -> ScopeEntry {
    let narrowed = plan.scope.narrowed.clone().unwrap_or_default();
    ScopeEntry {
        live_apps: plan.scope.live_apps,
        targets: narrowed.targets,
        excludes: narrowed.excludes,
        left_out: narrowed.left_out,
    }
}

struct Writer<'p> {
    plan: &'p Plan,
    numbers: Numbers,
}

impl Writer<'_> {
    fn text(&self, text: &str) -> String {
        self.numbers.text(text, Form::Placeholder)
    }

    fn path(&self, path: &FieldPath) -> String {
        self.text(&path.to_string())
    }

    fn reasons(&self, reasons: &BTreeMap<Address, String>) -> BTreeMap<Address, String> {
        reasons.iter().map(|(address, why)| (address.clone(), self.text(why))).collect()
    }

    fn checks(&self) -> Vec<Diagnostic> {
        let mut checks: Vec<Diagnostic> = self
            .plan
            .diagnostics
            .iter()
            .map(|found| Diagnostic {
                message: self.text(&found.message),
                help: found.help.as_deref().map(|help| self.text(help)),
                ..found.clone()
            })
            .collect();
        checks.sort();
        checks
    }

    fn openings(&self) -> Vec<OpeningEntry> {
        let mut openings: Vec<_> = self.plan.openings.iter().collect();
        openings.sort();
        openings
            .into_iter()
            .map(|opening| OpeningEntry {
                app: opening.app.to_string(),
                verb: opening.verb.into(),
                url: opening.url.clone(),
                audience: opening.audience.clone(),
                place: opening.place.clone(),
            })
            .collect()
    }

    fn change(&self, change: &Change) -> ResourceChange {
        let address = &change.address;
        let provider = match address.side {
            Side::Kubernetes => "kubernetes",
            Side::Keycloak { .. } => "keycloak",
        };
        ResourceChange {
            address: address.clone(),
            mode: "managed".into(),
            kind: format!("{provider}/{}", address.kind),
            name: address.name.clone(),
            index: address.entry.as_ref().map(|entry| entry.to_string().trim_start_matches('#').to_owned()),
            namespace: address.namespace.clone(),
            provider_name: provider.into(),
            change: self.values(change),
            action_reason: action_reason(change).map(Into::into),
            packctl: self.detail(change),
        }
    }

    /// The same object as drift: what is declared, what stands there, and only the fields that drifted.
    fn drift(&self, change: &Change) -> Option<ResourceChange> {
        let drifted = |field: &&FieldChange| matches!(field.class, Class::Drift(_));
        change.fields.iter().find(drifted)?;
        let mut drift = self.change(change);
        let declared =
            change.resource.as_ref().map_or(Value::Null, |resource| self.numbers.value(&resource.body.value));
        drift.change.actions = vec!["update".into()];
        drift.change.after = std::mem::replace(&mut drift.change.before, declared);
        drift.change.before_sensitive = sensitive(&drift.change.before);
        drift.change.after_sensitive = sensitive(&drift.change.after);
        drift.change.after_unknown = marked(std::iter::empty());
        drift.change.replace_paths.clear();
        drift.action_reason = None;
        drift.packctl.fields.retain(|field| field.class == "drift");
        Some(drift)
    }

    fn values(&self, change: &Change) -> ChangeValues {
        let before = change.before.as_ref().map(|live| {
            let live = cleaned(&self.numbers.value(live), change.address.is_keycloak());
            change.address.entry.as_ref().map_or_else(|| live.clone(), |entry| narrowed(&live, entry))
        });
        let keycloak = change.address.is_keycloak();
        let declared = || {
            change
                .resource
                .as_ref()
                .map_or(Value::Null, |made| cleaned(&self.numbers.value(&made.body.value), keycloak))
        };
        let after = match (change.action, &before) {
            (Action::Delete | Action::Release, _) => Value::Null,
            (Action::Create | Action::Replace, _) | (_, None) => declared(),
            (Action::None, Some(before)) => before.clone(),
            (Action::Update | Action::Adopt, Some(before)) => overlaid(before, &self.renumbered(&change.fields)),
        };
        let unknown: Vec<&FieldPath> = unknown_paths(change);
        let mut after_sensitive = sensitive(&after);
        if !after.is_null() {
            // All that is unknown before a write are secrets.
            unknown.iter().for_each(|path| set(&mut after_sensitive, &path.0, true.into()));
        }
        let forces = change.fields.iter().filter(|_| change.action == Action::Replace);
        ChangeValues {
            actions: actions(change.action).iter().map(|action| (*action).to_owned()).collect(),
            before_sensitive: before.as_ref().map_or(false.into(), sensitive),
            before: before.unwrap_or_default(),
            after,
            after_unknown: marked(unknown.into_iter()),
            after_sensitive,
            replace_paths: forces
                .map(|field| field.path.0.iter().map(|step| self.step_value(step)).collect())
                .collect(),
            importing: (change.action == Action::Adopt).then(|| Importing { id: change.address.clone() }),
        }
    }

    fn renumbered(&self, fields: &[FieldChange]) -> Vec<FieldChange> {
        let value = |value: &Option<Value>| value.as_ref().map(|value| self.numbers.value(value));
        let of = |field: &FieldChange| FieldChange {
            before: value(&field.before),
            after: value(&field.after),
            path: FieldPath(field.path.0.iter().map(|step| self.renumbered_step(step)).collect()),
            ..field.clone()
        };
        fields.iter().map(of).collect()
    }

    /// The overlay looks items up in a renumbered object, so the keys of paths follow.
    fn renumbered_step(&self, step: &PathStep) -> PathStep {
        match step {
            PathStep::Item(value) => PathStep::Item(self.text(value)),
            PathStep::Key(keys) => {
                PathStep::Key(keys.iter().map(|(name, value)| (name.clone(), self.text(value))).collect())
            }
            PathStep::Field(_) | PathStep::Index(_) => step.clone(),
        }
    }

    fn step_value(&self, step: &PathStep) -> Value {
        match step {
            PathStep::Field(name) => name.as_str().into(),
            PathStep::Index(position) => (*position).into(),
            PathStep::Key(_) | PathStep::Item(_) => self.path(&FieldPath(vec![step.clone()])).into(),
        }
    }

    fn detail(&self, change: &Change) -> ChangeDetail {
        let steps = || change.steps.iter().filter_map(|id| self.plan.steps.get(*id));
        let (actor, actor_seen) = match &change.actor {
            Actor::Packctl => ("packctl", None),
            Actor::Operator(seen) => ("operator", Some(self.text(seen))),
        };
        let drifts = change.fields.iter().filter_map(|field| match &field.class {
            Class::Drift(who) => Some(self.drift_by(field, who)),
            _ => None,
        });
        ChangeDetail {
            action: action_word(change.action).into(),
            actor: actor.into(),
            actor_seen,
            app: change.app.as_ref().map(ToString::to_string),
            pack: change.pack.as_ref().map(ToString::to_string),
            steps: change.steps.clone(),
            preconditions: steps().map(|step| precondition(&step.only_if)).collect(),
            ownership: change.resource.as_deref().map(ownership),
            drift_by: drifts.collect(),
            fields: change.fields.iter().map(|field| self.field(field)).collect(),
            cause: change.resource.as_ref().map(|resource| self.causes(resource)).unwrap_or_default(),
            rule: change.rule.map(|rule| rule_word(rule).into()),
            notes: change.notes.iter().map(|note| self.text(note)).collect(),
        }
    }

    fn drift_by(&self, field: &FieldChange, who: &Who) -> DriftEntry {
        let (operation, time) = match who {
            Who::Manager { operation, time, .. } => (Some((*operation).to_owned()), time.clone()),
            Who::Unknown => (None, None),
        };
        DriftEntry { path: self.path(&field.path), manager: who.name().into(), operation, time }
    }

    fn field(&self, field: &FieldChange) -> FieldEntry {
        let (class, who, why) = match &field.class {
            Class::Pending => ("pending", None, None),
            Class::Drift(who) => ("drift", Some(who), None),
            Class::Foreign(who) => ("foreign", Some(who), None),
            Class::Stuck(who) => ("stuck", Some(who), None),
            Class::Doubt(why) => ("doubt", None, Some((*why).to_owned())),
        };
        FieldEntry {
            path: self.path(&field.path),
            before: field.before.as_ref().map(|value| self.numbers.value(value)),
            after: field.after.as_ref().map(|value| self.numbers.value(value)),
            unknown: field.unknown,
            class: class.into(),
            manager: who.map(|who| who.name().to_owned()),
            why,
        }
    }

    fn causes(&self, resource: &Resource) -> Vec<CauseEntry> {
        let entry = |(path, cause): (&FieldPath, &Cause)| {
            let (from, what, place) = match cause {
                Cause::Input(place) => ("input", None, Some(place)),
                Cause::App { field, place } => ("app", Some(field.clone()), place.as_ref()),
                Cause::Environment(key) => ("environment", Some(key.clone()), None),
                Cause::Rule(words) => ("rule", Some((*words).to_owned()), None),
            };
            CauseEntry {
                path: self.path(path),
                from: from.into(),
                what,
                file: place.map(|place| place.file.to_string()),
                line: place.map(|place| place.line),
                column: place.map(|place| place.column),
            }
        };
        resource.causes.iter().map(entry).collect()
    }

    fn step(&self, step: &Step) -> StepEntry {
        let (act, force) = match &step.act {
            Act::Apply { force, .. } => ("apply", *force),
            Act::Delete => ("delete", false),
            Act::Release { .. } => ("release", false),
            Act::Finalize => ("finalize", false),
            Act::Nothing => ("nothing", false),
        };
        let waits = step.waits.iter();
        StepEntry {
            id: step.id,
            wave: step.wave,
            title: step.title.into(),
            address: step.address.clone(),
            act: act.into(),
            force,
            waits: waits
                .map(|until| WaitEntry { until: until.words().into(), address: until.address().clone() })
                .collect(),
            after: step.after.iter().map(|(id, why)| (*id, (*why).to_owned())).collect(),
            only_if: precondition(&step.only_if),
        }
    }
}

fn unknown_paths(change: &Change) -> Vec<&FieldPath> {
    let fields = change.fields.iter().filter(|field| field.unknown).map(|field| &field.path);
    let body = change.resource.iter().filter(|_| matches!(change.action, Action::Create | Action::Replace));
    let mut paths: Vec<&FieldPath> = fields.chain(body.flat_map(|resource| resource.body.unknown.keys())).collect();
    paths.sort();
    paths.dedup();
    paths
}

fn ownership(resource: &Resource) -> Ownership {
    Ownership {
        manager: resource.hand.manager().into(),
        hand: match resource.hand {
            Hand::Whole => HandEntry::Whole,
            Hand::Entry { .. } => HandEntry::Entry,
            Hand::Record => HandEntry::Record,
        },
        owner: resource.owner.clone(),
    }
}

fn precondition(condition: &Precondition) -> PreconditionEntry {
    match condition {
        Precondition::Absent => PreconditionEntry::Absent,
        Precondition::Unchanged { uid, fingerprint } => {
            PreconditionEntry::Unchanged { uid: uid.clone(), fingerprint: fingerprint.to_string() }
        }
        Precondition::Entry { uid, fingerprint } => {
            PreconditionEntry::Entry { uid: uid.clone(), fingerprint: fingerprint.to_string() }
        }
        Precondition::Owned { uid } => PreconditionEntry::Owned { uid: uid.clone() },
        Precondition::After(step) => PreconditionEntry::After { step: *step },
        Precondition::Nothing => PreconditionEntry::Nothing,
    }
}

/// Terraform's words, so that a policy need only look for `delete`.
fn actions(action: Action) -> &'static [&'static str] {
    match action {
        Action::None => &["no-op"],
        Action::Create => &["create"],
        Action::Update | Action::Adopt => &["update"],
        Action::Replace => &["delete", "create"],
        Action::Delete => &["delete"],
        Action::Release => &["forget"],
    }
}

fn action_word(action: Action) -> &'static str {
    match action {
        Action::None => "none",
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
        Action::Adopt => "adopt",
        Action::Release => "release",
    }
}

/// Reasons that Terraform's readers know; the exact one is `packctl.rule`.
fn action_reason(change: &Change) -> Option<&'static str> {
    match (change.action, change.rule) {
        (Action::Replace, _) => Some("replace_because_cannot_update"),
        (Action::Delete, Some(DeleteRule::LeftPack | DeleteRule::AppLeftPack | DeleteRule::NotWanted)) => {
            Some("delete_because_no_resource_config")
        }
        _ => None,
    }
}

fn rule_word(rule: DeleteRule) -> &'static str {
    match rule {
        DeleteRule::LeftPack => "left-pack",
        DeleteRule::AppLeftPack => "app-left-pack",
        DeleteRule::NotWanted => "not-wanted",
        DeleteRule::Destroyed => "destroyed",
    }
}
