//! Each wanted resource against the world: what would happen to it, before order and waits.

use super::adopt;
use super::types::{Action, Actor, Change, Consent, Precondition, Taking};
use crate::derive::{Desired, Standing, Unwanted, standing};
use crate::diff::{Class, Difference, FieldChange, diff};
use crate::observed::{Observed, World};
use crate::resource::{Address, FieldPath, Hand, Resource};

/// The comparison of one wanted resource.
pub(super) struct Compared {
    pub(super) change: Change,
    pub(super) only_if: Precondition,
    pub(super) force: bool,
}

/// Compares; the error says why it cannot be told.
pub(super) fn wanted(
    resource: &Resource,
    desired: &Desired,
    world: &World,
    consent: Consent,
) -> Result<Compared, String> {
    let live = match world.get(&resource.address) {
        Observed::Unreadable(reason) => return Err(format!("it could not be read: {reason}")),
        Observed::Leaving(_) => return Err("it is being deleted; plan again when it is gone".into()),
        Observed::Absent => None,
        Observed::Present(live) => Some(live),
    };
    let Some(live) = live else {
        if resource.address.entry.is_some() && resource.address.kind == "Gateway" {
            return Err(format!("{} does not exist", resource.address.object().short()));
        }
        return Ok(Compared { change: change(resource, Action::Create), only_if: Precondition::Absent, force: false });
    };
    let owner = resource.owner.as_ref().map(|owner| world.get(owner));
    let owner_uid = owner.and_then(|owner| owner.live().map(|live| live.uid.as_str()));
    let mut difference = diff(resource, live, owner_uid, &world.schemas);
    if let Some(Observed::Absent) = owner {
        // The app was deleted and is made anew: the new owner is written before garbage collection acts on the old one.
        difference.fields.push(FieldChange {
            path: FieldPath::of("metadata.ownerReferences"),
            before: live.value().pointer("/metadata/ownerReferences").cloned(),
            after: None,
            unknown: true,
            class: Class::Pending,
            holders: Vec::new(),
        });
    }
    let uid = live.uid.clone();
    let fingerprint = difference.fingerprint.clone();
    let only_if = match resource.hand {
        Hand::Entry { .. } => Precondition::Entry { uid, fingerprint },
        Hand::Whole | Hand::Record => Precondition::Unchanged { uid, fingerprint },
    };
    let mut force = difference.needs_force();
    let (action, taking) = match standing(resource, live, &desired.apps, world) {
        Standing::Adoptable { evidence, over } => {
            // All of it is listed as adopted, so a field that somebody holds without holding more is taken too.
            force = adopt::fields(resource, live, owner_uid, &over, world, &mut difference);
            (Action::Adopt, Some(Taking { over, needs_consent: evidence.is_none() }))
        }
        Standing::Ours | Standing::Foreign(_) => {
            (action(resource, &difference)?, adopt::from_co_owners(resource, live, &difference, consent))
        }
    };
    if consent == Consent::Withheld
        && let Some(taking) = taking.as_ref().filter(|taking| taking.needs_consent)
    {
        return Err(adopt::missing_consent(action, &taking.over));
    }
    let mut change = change(resource, action);
    change.before = Some(live.value().clone());
    change.notes.extend(taking.as_ref().map(|taking| adopt::note(action, taking, consent)));
    change.taking = taking;
    if action != Action::Create {
        change.fields = difference.fields;
    }
    Ok(Compared { change, only_if, force })
}

fn action(resource: &Resource, difference: &Difference) -> Result<Action, String> {
    let would_change = difference.fields.iter().any(|field| !matches!(field.class, Class::Doubt(_)));
    if !would_change {
        return Ok(Action::None);
    }
    if difference.ours {
        return Ok(Action::Update);
    }
    // Only an entry of a shared object gets here without being ours; the rest is refused by a rule or adopted.
    match &resource.hand {
        Hand::Entry { .. } => match difference.fields.iter().find(|field| field.before.is_some()) {
            None => Ok(Action::Create),
            Some(field) => match &field.class {
                Class::Foreign(who) => Err(format!("`{}` has another value, set by {}", field.path, who.name())),
                _ => Err(format!("`{}` has another value", field.path)),
            },
        },
        Hand::Whole | Hand::Record => Err("it exists and is not packctl's".into()),
    }
}

fn change(resource: &Resource, action: Action) -> Change {
    Change {
        address: resource.address.clone(),
        action,
        actor: Actor::Packctl,
        fields: Vec::new(),
        resource: Some(resource.clone()),
        before: None,
        rule: None,
        app: resource.app.clone(),
        pack: resource.pack.clone(),
        steps: Vec::new(),
        notes: Vec::new(),
        taking: None,
    }
}

/// The change of something that goes; `None` when it is gone already.
pub(super) fn unwanted(address: &Address, unwanted: &Unwanted, world: &World) -> Option<(Change, Precondition)> {
    let live = world.get(address).live()?;
    let entry = address.entry.is_some();
    let before = if entry { None } else { Some(live.value().clone()) };
    let change = Change {
        address: address.clone(),
        action: Action::Delete,
        actor: Actor::Packctl,
        fields: Vec::new(),
        resource: None,
        before,
        rule: Some(unwanted.rule),
        app: unwanted.app.clone(),
        pack: unwanted.pack.clone(),
        steps: Vec::new(),
        notes: if live.leaving && !entry { vec!["it is being deleted already".into()] } else { Vec::new() },
        taking: None,
    };
    Some((change, Precondition::Owned { uid: live.uid.clone() }))
}
