//! Fields that change: which tell most, and each on one line.

use std::collections::BTreeSet;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::view::last_field;
use super::words::{count, when};
use super::{Label, View};
use crate::diff::{Class, FieldChange, Who};
use crate::plan::{Action, Change};
use crate::resource::{Entry, FieldPath, Hand, PathStep};

/// How many fields of one object show without `--all`.
const SHOWN: usize = 4;

/// The fields of one change, the most telling first.
pub(super) struct Fields {
    pub(super) lines: Vec<FieldLine>,
    /// What is not shown, in words.
    pub(super) rest: Option<String>,
}

/// One field.
pub(super) struct FieldLine {
    pub(super) text: String,
    /// Why it differs, unless the input moved.
    pub(super) class: Option<String>,
    pub(super) label: Label,
}

/// Whether an update does nothing but set back what somebody else changed.
pub(super) fn only_drift(change: &Change) -> bool {
    change.action == Action::Update
        && !change.fields.is_empty()
        && change.fields.iter().all(|field| matches!(field.class, Class::Drift(_)))
}

/// Whether only the server can tell if a field changes.
pub(super) fn in_doubt(change: &Change) -> bool {
    change.fields.iter().any(|field| matches!(field.class, Class::Doubt(_)))
}

/// Chooses and writes the fields of a change.
pub(super) fn fields(view: &View<'_>, change: &Change) -> Fields {
    let mut sorted: Vec<&FieldChange> = change.fields.iter().collect();
    sorted.sort_by_key(|field| (rank(&field.path), !matches!(field.class, Class::Drift(_))));
    let (chart, others): (Vec<&FieldChange>, Vec<&FieldChange>) =
        sorted.iter().copied().partition(|field| is_chart_version(&field.path));
    let shown: Vec<&FieldChange> = match (view.style.all, others.as_slice()) {
        (true, _) => sorted,
        (false, []) => chart.iter().copied().take(1).collect(),
        (false, others) => others.iter().copied().take(SHOWN).collect(),
    };
    let labels = shown.iter().filter(|field| is_chart_version(&field.path)).count();
    let rest = [
        (others.len() + labels - shown.len(), "more field", ""),
        (chart.len() - labels, "label", " of the chart version"),
    ];
    let rest: Vec<String> = rest
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, word, of)| format!("{}{of}", count(number, word)))
        .collect();
    let names = Names::of(view, change);
    Fields {
        lines: shown.iter().map(|field| line(view, change, field, &names)).collect(),
        rest: (!rest.is_empty()).then(|| format!("and {}; --all", rest.join(", "))),
    }
}

/// The most telling field alone, for the block that people must read.
pub(super) fn first(view: &View<'_>, change: &Change) -> Option<String> {
    fields(view, change).lines.into_iter().next().map(|line| line.text)
}

fn line(view: &View<'_>, change: &Change, field: &FieldChange, names: &Names) -> FieldLine {
    // Two digests say nothing to anybody.
    let own = matches!(field.path.0.last(), Some(PathStep::Field(key)) if key == Hand::DECLARED);
    let text = if own {
        "packctl's own record of its fields".into()
    } else {
        format!("{} {}", names.name(view, &field.path), movement(view, change, field))
    };
    FieldLine {
        text,
        class: class(view, &field.class, when),
        label: match field.class {
            Class::Drift(_) => Label::Drift,
            Class::Doubt(_) => Label::Doubt,
            _ => Label::Plain,
        },
    }
}

/// `old -> new`, in the words that fit the field.
fn movement(view: &View<'_>, change: &Change, field: &FieldChange) -> String {
    let width = if view.style.all { 120 } else { (view.style.width.saturating_sub(40) / 2).clamp(16, 60) };
    let value = |value: &Value| view.value(value, width);
    if matches!(field.class, Class::Stuck(_)) {
        return format!("{} stays", field.before.as_ref().map_or_else(|| "nothing".into(), value));
    }
    if field.unknown {
        let unknown = change.resource.as_ref().and_then(|resource| resource.body.unknown.get(&field.path));
        let known = view.known_after(unknown);
        return match &field.before {
            Some(before) => format!("{} -> {known}", value(before)),
            None => known,
        };
    }
    match (&field.before, &field.after) {
        (Some(Value::String(before)), Some(Value::String(after))) => {
            if last_field(&field.path) == Some("image") {
                let (before, after) = image_tags(before, after);
                return format!("{} -> {}", view.text(before), view.text(after));
            }
            if before.contains('\n') || after.contains('\n') {
                return lines_moved(before, after);
            }
            let (before, after) = (Value::from(before.as_str()), Value::from(after.as_str()));
            format!("{} -> {}", value(&before), value(&after))
        }
        (Some(before), Some(after)) => {
            let (old, new) = (value(before), value(after));
            let cut = |list: &Value, text: &str| list.is_array() && text.ends_with(" items]");
            let items = (cut(before, &old) || cut(after, &new)).then(|| items_moved(before, after, value)).flatten();
            items.unwrap_or_else(|| format!("{old} -> {new}"))
        }
        (None, Some(after)) => format!("none -> {}", value(after)),
        (Some(before), None) => format!("{} removed", value(before)),
        (None, None) => "removed".into(),
    }
}

/// The texts that leave and join a list too long to show; nothing where its order alone moves, or too many do.
fn items_moved(before: &Value, after: &Value, value: impl Fn(&Value) -> String) -> Option<String> {
    let (before, after) = (before.as_array()?, after.as_array()?);
    let only = |these: &[Value], others: &[Value], sign: char| -> Vec<String> {
        these.iter().filter(|item| !others.contains(item)).map(|item| format!("{sign} {}", value(item))).collect()
    };
    let moved = [only(before, after, '-'), only(after, before, '+')].concat();
    let plain = before.iter().chain(after).all(Value::is_string);
    (plain && (1..=3).contains(&moved.len())).then(|| moved.join(", "))
}

/// What is different of two images: their tags where the repository is the same.
pub(super) fn image_tags<'i>(before: &'i str, after: &'i str) -> (&'i str, &'i str) {
    let split = |image: &'i str| {
        let name = image.rfind('/').map_or(0, |slash| slash + 1);
        let tag = image[name..].find(['@', ':'])? + name;
        Some((&image[..tag], &image[tag + 1..]))
    };
    match (split(before), split(after)) {
        (Some((old, from)), Some((new, to))) if old == new => (from, to),
        _ => (before, after),
    }
}

fn lines_moved(before: &str, after: &str) -> String {
    let difference = TextDiff::from_lines(before, after);
    let of = |tag| difference.iter_all_changes().filter(|change| change.tag() == tag).count();
    format!("{} added, {} removed", count(of(ChangeTag::Insert), "line"), of(ChangeTag::Delete))
}

/// Why a field differs, in words; nothing where the input moved.
pub(super) fn class(view: &View<'_>, class: &Class, when: fn(&str) -> String) -> Option<String> {
    let by = |who: &Who| match who {
        Who::Manager { name, time: Some(time), .. } => format!("{}, {}", view.text(name), when(time)),
        Who::Manager { name, time: None, .. } => view.text(name),
        Who::Unknown => "an unknown hand".into(),
    };
    match class {
        Class::Pending => None,
        Class::Drift(who) => Some(format!("drift, by {}", by(who))),
        Class::Foreign(who) => Some(format!("not ours before, set by {}", by(who))),
        Class::Stuck(who) => Some(format!("no longer declared, also owned by {}", by(who))),
        Class::Doubt(why) => Some(format!("in doubt: {why}")),
    }
}

/// Lower tells more.
fn rank(path: &FieldPath) -> usize {
    let within = |name: &str| path.0.iter().any(|step| matches!(step, PathStep::Field(field) if field == name));
    match last_field(path) {
        Some("image") => 0,
        Some("hostname" | "hostnames" | "host") => 1,
        _ if is_chart_version(path) => 9,
        _ if within("metadata") && (within("labels") || within("annotations")) => 8,
        _ => 5,
    }
}

/// Labels that move with each version of a chart, on each of its objects.
pub(super) fn is_chart_version(path: &FieldPath) -> bool {
    match path.0.as_slice() {
        [.., PathStep::Field(labels), PathStep::Field(key)] => {
            labels == "labels" && matches!(key.as_str(), "helm.sh/chart" | "app.kubernetes.io/version")
        }
        _ => false,
    }
}

/// Short names for the changed paths of one object; a short name that two paths share is not used.
struct Names {
    entry: Option<Entry>,
    twice: BTreeSet<String>,
    whole: bool,
}

impl Names {
    fn of(view: &View<'_>, change: &Change) -> Self {
        let mut names = Self { entry: change.address.entry.clone(), twice: BTreeSet::new(), whole: view.style.all };
        let mut seen = BTreeSet::new();
        let twice =
            change.fields.iter().map(|field| names.short(&field.path)).filter(|name| !seen.insert(name.clone()));
        names.twice = twice.collect();
        names
    }

    fn name(&self, view: &View<'_>, path: &FieldPath) -> String {
        let short = self.short(path);
        if self.whole || self.twice.contains(&short) { view.path(path) } else { view.text(&short) }
    }

    fn short(&self, path: &FieldPath) -> String {
        let steps = self.within_entry(&path.0);
        let steps = match steps {
            [PathStep::Field(root), rest @ ..] if !rest.is_empty() && (root == "spec" || root == "metadata") => rest,
            steps => steps,
        };
        if steps.is_empty() {
            return "value".into();
        }
        if matches!(steps.last(), Some(PathStep::Field(name)) if name == "image") {
            return "image".into();
        }
        let fields = |steps: &[PathStep]| steps.iter().filter(|step| matches!(step, PathStep::Field(_))).count();
        let mut from = 0;
        while fields(&steps[from..]) > 2 || (from > 0 && !matches!(steps[from], PathStep::Field(_))) {
            from += 1;
        }
        FieldPath(steps[from..].to_vec()).to_string()
    }

    /// The steps below the entry that the address names already.
    fn within_entry<'s>(&self, steps: &'s [PathStep]) -> &'s [PathStep] {
        let Some(entry) = &self.entry else { return steps };
        let list = PathStep::Field(entry.list.clone());
        let Some(position) = steps.iter().position(|step| *step == list) else { return steps };
        let named = match steps.get(position + 1) {
            Some(PathStep::Key(keys)) => keys.iter().any(|(_, value)| value.trim_matches('"') == entry.key),
            Some(PathStep::Field(key)) => *key == entry.key,
            _ => false,
        };
        if named { &steps[position + 2..] } else { steps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names { entry: None, twice: BTreeSet::new(), whole: false }
    }

    #[test]
    fn short_names_keep_what_tells() {
        let short = |path: &FieldPath| names().short(path);
        assert_eq!(short(&FieldPath::of("spec.replicas")), "replicas");
        assert_eq!(short(&FieldPath::of("spec.oidc.clientID")), "oidc.clientID");
        let backend = FieldPath::of("spec.rules").index(0).field("backendRefs").index(0).field("port");
        assert_eq!(short(&backend), "backendRefs[0].port");
        assert_eq!(short(&FieldPath::of("spec.hostnames").index(0)), "hostnames[0]");
        assert_eq!(short(&FieldPath::of("metadata.labels").field("a.b/c")), "labels[\"a.b/c\"]");
        assert_eq!(short(&FieldPath::of("spec.template.spec.resources.limits.memory")), "limits.memory");
        let key = PathStep::Key(vec![("name".into(), "\"dash\"".into())]);
        let image = FieldPath::of("spec.template.spec.containers").step(key).field("image");
        assert_eq!(short(&image), "image");
        assert_eq!(short(&FieldPath::default()), "value");
    }

    #[test]
    fn images_of_one_repository_show_their_tags() {
        assert_eq!(image_tags("r:5000/a/b:1", "r:5000/a/b:2"), ("1", "2"));
        assert_eq!(image_tags("r:5000/a/b", "r:5000/a/b:2"), ("r:5000/a/b", "r:5000/a/b:2"));
        assert_eq!(image_tags("a:1@sha256:x", "a:2@sha256:y"), ("1@sha256:x", "2@sha256:y"));
    }
}
