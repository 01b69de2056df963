//! What the benches of whole runs share: their world, how a program is measured, how figures are shown.

#![allow(dead_code, reason = "a box of tools: a bench need not use all of them")]

pub(crate) mod apps;
pub(crate) mod measure;
pub(crate) mod table;
