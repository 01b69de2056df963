//! packctl plans, applies and checks Nebari software packs over Kubernetes and Keycloak. This page is the map.
//!
//! ```text
//!        files, charts, stdin                                        people, CI
//!               |                                                        ^
//!   load -> render -> derive -> check -> graph -------+                  |
//!    I/O     I/O       pure     pure     pure         v                  |
//!                                        diff  ->   plan  ----->     present
//!                                        pure       pure              pure
//!                                         ^           |
//!                          observe -------+           +------------> apply
//!                            I/O                                      I/O
//!                             ^                                        |
//!                             |      provider: kubernetes, keycloak    |
//!                             +-------------   snapshot  <-------------+
//! ```
//!
//! Left of `plan` nothing is changed; right of `plan` nothing is decided. [`cli`] calls the stages in this order; its
//! `plan.rs` is the whole pipeline in one screen.
//!
//! | module | sort | what it holds |
//! |---|---|---|
//! | [`diagnostic`] | noun | what can be wrong, and where |
//! | [`resource`] | noun | addresses, field paths, bodies, secrets |
//! | [`schema`] | noun | list keys, atomic lists, defaults of kinds, and what a kind does not allow |
//! | [`observed`] | noun | what was seen of the world, and how completely |
//! | [`yaml`] | noun | text to documents and back, with places |
//! | [`api`] | noun | NebariApp, the environment, Applications, `packctl.yaml` |
//! | [`load`] | stage, I/O | files become documents and Applications |
//! | [`render`] | stage, I/O | folders and charts become packs |
//! | [`derive`](mod@derive) | stage | apps become the objects that they ask for |
//! | [`check`] | stage | rules, one file each |
//! | [`graph`] | stage | what needs what, and why |
//! | [`diff`] | stage | desired against observed, on the fields that we own |
//! | [`plan`] | stage | the decision: actions, steps, waits, preconditions |
//! | [`present`] | stage | a plan as text and JSON |
//! | [`provider`] | edge | the port to the world: Kubernetes, Keycloak, a recorded snapshot |
//! | [`observe`] | stage | what to read |
//! | [`lease`] | edge | who may write, one at a time |
//! | [`apply`] | stage, I/O | the steps, walked |
//! | [`cli`] | shell | arguments, settings, terminal, one file a command |
//! | [`guide`] | text | short pages for people |
//!
//! What holds everywhere: absence and "could not read" are different values; nothing is deleted because of the second. A
//! plan is complete, and applying a fresh one leaves an empty one. Same inputs, same bytes. A secret is a number
//! ([`resource::SecretId`]); only a provider sees its value. Imports point upwards in this table; a test keeps it so.

pub mod api;
pub mod apply;
pub mod check;
pub mod cli;
pub mod derive;
pub mod diagnostic;
pub mod diff;
pub mod graph;
pub mod guide;
pub mod lease;
pub mod load;
pub mod observe;
pub mod observed;
pub mod plan;
pub mod present;
pub mod provider;
pub mod render;
pub mod resource;
pub mod schema;
pub mod yaml;
