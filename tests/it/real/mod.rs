//! The walking line on a real API server and a real Keycloak, through the program itself.
//!
//! Each test has a [`lab::Lab`] of its own and closes it, which asks its stand-in whether a route was ever open without
//! what protects it.

mod adopted;
mod apps;
mod at_once;
mod bad_world;
mod contract;
mod destroy;
mod differential;
mod drift;
mod first_apply;
mod go_operator;
mod killed;
mod lab;
mod neighbours;
mod operator;
mod packctl;
mod packs;
mod packs_helm;
mod packs_kinds;
mod packs_life;
mod packs_refused;
mod packs_upgrade;
mod probe;
mod rights;
mod schemas;
mod verdict;
