//! The guide: short pages for people, as GitHub shows them.

#[doc = include_str!("order-is-safety.md")]
pub mod order_is_safety {}

#[doc = include_str!("how-packctl-compares.md")]
pub mod how_packctl_compares {}

#[doc = include_str!("ownership.md")]
pub mod ownership {}

#[doc = include_str!("compatibility.md")]
pub mod compatibility {}

#[doc = include_str!("packs.md")]
pub mod packs {}

#[doc = include_str!("environment.md")]
pub mod environment {}
