//! The guide: short pages for people, as GitHub shows them.
//!
//! The pages link to each other by file. In this documentation the definitions that stand before a page count.

#[doc = include_str!("order-is-safety.md")]
pub mod order_is_safety {}

#[doc = include_str!("how-packctl-compares.md")]
pub mod how_packctl_compares {}

#[doc = "[environment]: self::environment"]
#[doc = ""]
#[doc = include_str!("ownership.md")]
pub mod ownership {}

#[doc = "[order-is-safety]: self::order_is_safety"]
#[doc = ""]
#[doc = include_str!("compatibility.md")]
pub mod compatibility {}

#[doc = include_str!("packs.md")]
pub mod packs {}

#[doc = "[packs]: self::packs"]
#[doc = ""]
#[doc = include_str!("environment.md")]
pub mod environment {}

#[doc = include_str!("nebariapp-fields.md")]
pub mod nebariapp_fields {}
