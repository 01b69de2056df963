//! What an adoption, or a field that somebody else holds too, means for a change.

use super::types::{Action, Consent, Taking};
use crate::diff::{Class, Difference, Who, diff};
use crate::observed::{Live, TakeOver, World};
use crate::resource::{FieldPath, Hand, LAST_APPLIED, Resource};

/// The fields of an adoption: what differs, each with the manager that has it now, and what its makers declared and we do not.
///
/// `difference` compares with the live object; its fingerprint stays. Says whether the server would still see a conflict.
pub(super) fn fields(
    resource: &Resource,
    live: &Live,
    owner_uid: Option<&str>,
    over: &TakeOver,
    world: &World,
    difference: &mut Difference,
) -> bool {
    let ours = over.applied_to(live, resource.hand.manager(), &resource.api_version);
    let found = std::mem::take(&mut difference.fields);
    let compared = diff(resource, &ours, owner_uid, &world.schemas);
    let after = compared.fields;
    let known = |path: &FieldPath| found.iter().find(|field| field.path == *path).map(|field| field.class.clone());
    // Fields that only the first comparison has are unknown at the plan, such as an owner that is made anew.
    let unknown = found.iter().filter(|field| field.unknown && after.iter().all(|other| other.path != field.path));
    difference.fields = unknown.cloned().collect();
    // kubectl's own memory of what it applied is no field that anybody asked for.
    let memory = FieldPath::of("metadata.annotations").field(LAST_APPLIED);
    for mut field in after.iter().filter(|field| field.path != memory).cloned() {
        field.class = match known(&field.path) {
            Some(class) => class,
            None => Class::Foreign(holder(over, &field.path)),
        };
        difference.fields.push(field);
    }
    difference.fields.sort_by(|a, b| a.path.cmp(&b.path));
    !compared.conflicts.is_empty()
}

/// Who loses a field.
fn holder(over: &TakeOver, path: &FieldPath) -> Who {
    let taken = over.from.iter().find(|taken| taken.fields.touches(path));
    taken.map_or(Who::Unknown, |taken| Who::manager(&taken.manager, taken.operation, taken.time.as_deref()))
}

/// The values of others where an entry of ours comes to stand: a label of a Namespace, say. People must agree.
pub(super) fn entry(resource: &Resource, live: &Live, difference: &Difference) -> Option<Taking> {
    if difference.ours || !matches!(resource.hand, Hand::Entry { .. }) {
        return None;
    }
    let theirs = difference.fields.iter().filter(|field| field.before.is_some());
    let paths: Vec<&FieldPath> = theirs.map(|field| &field.path).collect();
    let over = TakeOver::of_others(live, resource.hand.manager(), &paths);
    (!paths.is_empty()).then_some(Taking { over, needs_consent: true })
}

/// Fields of an object of ours that others hold too: those whose value changes, which the server would call a conflict, and
/// those that we drop, which would stay. The second are taken only when people said so beforehand.
pub(super) fn from_co_owners(
    resource: &Resource,
    live: &Live,
    difference: &Difference,
    consent: Consent,
) -> Option<Taking> {
    if resource.hand == Hand::Record || !difference.ours {
        return None;
    }
    // What drifted is set back by force, which the plan says of each field.
    let drifted = |path: &FieldPath| {
        let fields = difference.fields.iter().filter(|field| matches!(field.class, Class::Drift(Who::Manager { .. })));
        fields.into_iter().any(|field| field.path.starts_with(path) || path.starts_with(&field.path))
    };
    let conflicts = difference.conflicts.iter().map(|conflict| &conflict.path).filter(|path| !drifted(path));
    let stuck = difference.fields.iter().filter(|field| matches!(field.class, Class::Stuck(_)));
    let dropped = stuck.filter(|_| consent == Consent::Given).map(|field| &field.path);
    let paths: Vec<&FieldPath> = conflicts.chain(dropped).collect();
    let over = TakeOver::of_others(live, resource.hand.manager(), &paths);
    (!over.is_empty()).then_some(Taking { over, needs_consent: true })
}

/// Why a change is blocked that people did not agree to.
pub(super) fn missing_consent(action: Action, over: &TakeOver) -> String {
    let who = over.managers().join(", ");
    match action {
        Action::Adopt if who.is_empty() => "it was not made by packctl; --adopt takes it over".into(),
        Action::Adopt => format!("it was made by {who}; --adopt takes it over"),
        _ => format!("{} held by {who} too; --adopt takes over what changes", held(over)),
    }
}

/// The sentence that says what is taken.
pub(super) fn note(action: Action, taking: &Taking, consent: Consent) -> String {
    let who = taking.over.managers().join(", ");
    let who = if who.is_empty() { "nobody on record".to_owned() } else { who };
    let mut note = match action {
        Action::Adopt => format!("made by {who}"),
        _ => format!("taken over: {} held by {who} too", held(&taking.over)),
    };
    if taking.needs_consent && consent == Consent::Asked {
        note.push_str("; with --yes it needs --adopt");
    }
    note
}

/// `spec.replicas is`: the fields that others lose.
fn held(over: &TakeOver) -> String {
    let mut paths: Vec<FieldPath> = over.from.iter().flat_map(|taken| taken.fields.leaves()).collect();
    paths.sort();
    paths.dedup();
    match paths.as_slice() {
        [path] => format!("`{path}` is"),
        paths => {
            let shown: Vec<String> = paths.iter().take(3).map(|path| format!("`{path}`")).collect();
            let more = if paths.len() > 3 { format!(" and {} more", paths.len() - 3) } else { String::new() };
            format!("{}{more} are", shown.join(", "))
        }
    }
}
