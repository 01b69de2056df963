//! What packctl manages: addresses, field paths, bodies, secrets, resources.
//!
//! Nouns only. Everything here is a value; nothing reads, writes, or knows the time.

mod address;
mod body;
mod identity;
mod path;
mod secret;

pub(crate) use address::of_kind;
pub use address::{Address, Entry, Side};
pub use body::{Body, Cause, Hand, Resource, Unknown};
pub(crate) use identity::hex;
pub use identity::{AppId, PackId};
pub(crate) use path::is_json;
pub use path::{FieldPath, PathStep};
pub(crate) use secret::{LAST_APPLIED, PUBLIC_KEYS};
pub use secret::{SecretId, Secrets};
