//! Each wanted resource against the world: what would happen to it, before order and waits.

use std::sync::Arc;

use super::adopt;
use super::types::{Action, Actor, Change, Consent, Precondition, Taking};
use crate::derive::{Desired, Standing, Unwanted, standing};
use crate::diff::{Class, Difference, FieldChange, at_rest, diff};
use crate::observed::{Live, Observed, World};
use crate::resource::{Address, FieldPath, Hand, Resource};

/// What must hold when a change is written, and whether it is written by force.
pub(super) type Condition = (Precondition, bool);

/// The comparison of one wanted resource.
pub(super) struct Compared {
    pub(super) change: Change,
    /// `None`: it is as wanted, and was not looked at more closely than that.
    pub(super) condition: Option<Condition>,
}

/// Compares; the error says why it cannot be told.
pub(super) fn wanted(
    resource: &Arc<Resource>,
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
        let condition = Some((Precondition::Absent, false));
        return Ok(Compared { change: change(resource, Action::Create), condition });
    };
    let owner = resource.owner.as_ref().map(|owner| world.get(owner));
    let owner_uid = owner.and_then(|owner| owner.live().map(|live| live.uid.as_str()));
    let standing = standing(resource, live, &desired.apps, world);
    if matches!(standing, Standing::Ours)
        && !matches!(owner, Some(Observed::Absent))
        && at_rest(resource, live, owner_uid, &world.schemas)
    {
        let mut change = change(resource, Action::None);
        change.before = Some(Arc::clone(live.shared()));
        return Ok(Compared { change, condition: None });
    }
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
    let only_if = unchanged(resource, live, &difference);
    let mut force = difference.needs_force();
    let (action, taking) = match standing {
        Standing::Adoptable { evidence, over } => {
            // All of it is listed as adopted, so a field that somebody holds without holding more is taken too.
            force = adopt::fields(resource, live, owner_uid, &over, world, &mut difference);
            (Action::Adopt, Some(Taking { over, needs_consent: evidence.is_none() }))
        }
        Standing::Ours | Standing::Foreign(_) => match adopt::entry(resource, live, &difference) {
            Some(taking) => {
                // The server makes up a holder of what nobody on record holds; all of it is listed as adopted.
                force = taking.over.is_empty();
                (Action::Adopt, Some(taking))
            }
            None => (action(resource, &difference)?, adopt::from_co_owners(resource, live, &difference, consent)),
        },
    };
    if consent == Consent::Withheld
        && let Some(taking) = taking.as_ref().filter(|taking| taking.needs_consent)
    {
        return Err(adopt::missing_consent(action, &taking.over));
    }
    let mut change = change(resource, action);
    change.before = Some(Arc::clone(live.shared()));
    change.notes.extend(taking.as_ref().map(|taking| adopt::note(action, taking, consent)));
    change.taking = taking;
    if action != Action::Create {
        change.fields = difference.fields;
    }
    Ok(Compared { change, condition: Some((only_if, force)) })
}

/// The condition of a write to an object that is as wanted, which no other comparison looked at.
pub(super) fn at_rest_until_written(resource: &Resource, live: &Live, world: &World) -> Condition {
    let owner = resource.owner.as_ref().and_then(|owner| world.get(owner).live());
    let difference = diff(resource, live, owner.map(|owner| owner.uid.as_str()), &world.schemas);
    (unchanged(resource, live, &difference), difference.needs_force())
}

fn unchanged(resource: &Resource, live: &Live, difference: &Difference) -> Precondition {
    let uid = live.uid.clone();
    let fingerprint = difference.fingerprint.clone();
    match resource.hand {
        Hand::Entry { .. } => Precondition::Entry { uid, fingerprint },
        Hand::Whole | Hand::Record => Precondition::Unchanged { uid, fingerprint },
    }
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
        Hand::Entry { .. } => Ok(Action::Create),
        Hand::Whole | Hand::Record => Err("it exists and is not packctl's".into()),
    }
}

fn change(resource: &Arc<Resource>, action: Action) -> Change {
    Change {
        address: resource.address.clone(),
        action,
        actor: Actor::Packctl,
        fields: Vec::new(),
        resource: Some(Arc::clone(resource)),
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
    let mut notes = Vec::new();
    if live.leaving && !entry {
        notes.push("it is being deleted already".into());
    }
    let left = unwanted.left.as_ref();
    notes.extend(left.map(|left| format!("made by nebari-operator; {}", left.evidence)));
    let over = left.map(|left| left.over.clone()).filter(|over| !over.is_empty());
    let before = if entry { None } else { Some(Arc::clone(live.shared())) };
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
        notes,
        taking: over.map(|over| Taking { over, needs_consent: false }),
    };
    Some((change, Precondition::Owned { uid: live.uid.clone() }))
}
