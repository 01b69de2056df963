//! What a comparison must say of a leaf that another hand changed.

use packctl::diff::{Class, FieldChange, Who};
use packctl::resource::{FieldPath, Hand};

use super::hand::{Deed, OTHER};
use super::leaf::{Leaf, Part};

/// What is wrong with the fields that were found to differ; `None` when they are as they must be.
pub(super) fn wrong(fields: &[FieldChange], leaf: &Leaf, is_ours: bool, deed: Deed) -> Option<String> {
    let shown = || {
        let field = |field: &FieldChange| format!("{} {:?}", field.path, field.class);
        fields.iter().map(field).collect::<Vec<_>>().join(", ")
    };
    if !is_ours {
        return (!fields.is_empty()).then(|| format!("is not ours, but the plan says: {}", shown()));
    }
    let (near, far): (Vec<_>, Vec<_>) = fields.iter().partition(|field| is_near(&field.path, leaf));
    if near.is_empty() {
        return Some(format!("is not found, only: {}", shown()));
    }
    if !far.is_empty() && !far.iter().all(|field| is_mark(&field.path)) {
        return Some(format!("is more than one field: {}", shown()));
    }
    let is_told = near.iter().all(|field| match (&field.class, is_gone(leaf, deed)) {
        (Class::Drift(Who::Unknown), true) => true,
        // With the key of an entry, our entry in a shared object is gone, and all that told that it was ours: it is made again.
        (Class::Foreign(Who::Unknown), true) => leaf.part == Part::OfKey,
        (Class::Drift(Who::Manager { name, .. }), false) => name == OTHER,
        _ => false,
    });
    (!is_told).then(|| format!("is not told by name: {}", shown()))
}

/// Whether nobody owns afterwards what was ours: the leaf, or the item that it was the key of.
fn is_gone(leaf: &Leaf, deed: Deed) -> bool {
    match leaf.part {
        Part::OfKey | Part::OfSet => true,
        Part::Whole => deed == Deed::Remove,
        Part::OfAtomic => false,
    }
}

fn is_near(path: &FieldPath, leaf: &Leaf) -> bool {
    let of = if leaf.part == Part::OfKey { &leaf.owned } else { &leaf.path };
    // Where an atomic list gets longer or shorter, it is told as a whole.
    path.starts_with(of) || of.starts_with(path) || (leaf.part == Part::OfAtomic && path.starts_with(&leaf.owned))
}

fn is_mark(path: &FieldPath) -> bool {
    *path == FieldPath::of("metadata.annotations").field(Hand::DECLARED)
}
