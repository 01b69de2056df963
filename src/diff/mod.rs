//! Stage 6: desired against observed, on the fields that we own.
//!
//! In: a desired [`Resource`], the live object, the schemas. Out: every field that applying would change, each with its class,
//! and the fingerprint of what was looked at. It never predicts fields that we do not declare, sees removals through our own
//! entry in managedFields, and needs no request (the algorithm is described in the guide, "How packctl compares").

mod change;
mod conflict;
mod keycloak;
mod keyed;
mod kubernetes;
mod managers;
mod removal;
mod rest;
mod value;
mod wire;

pub use change::{Class, Difference, FieldChange, Fingerprint, Who};
pub use conflict::Conflict;
pub use wire::wire_body;

use crate::observed::Live;
use crate::resource::{Hand, Resource};
use crate::schema::Schemas;

/// Whether nothing differs, for certain: [`diff`] would have no field. Much faster than it; where it says no, [`diff`] tells.
pub fn at_rest(resource: &Resource, live: &Live, owner_uid: Option<&str>, schemas: &Schemas) -> bool {
    rest::at_rest(resource, live, owner_uid, schemas)
}

/// Compares a desired resource with the live object of the same address.
///
/// `owner_uid` is the uid of [`Resource::owner`] where it is known.
pub fn diff(resource: &Resource, live: &Live, owner_uid: Option<&str>, schemas: &Schemas) -> Difference {
    match resource.hand {
        Hand::Record => keycloak::diff(resource, live),
        Hand::Whole | Hand::Entry { .. } => kubernetes::diff(resource, live, owner_uid, schemas),
    }
}
