//! The only YAML reader and writer. It reads as Kubernetes tools do, and it keeps where each field stands.
//!
//! `yes` and `on` are booleans, `0644` is octal, `8e1` is 80, a duplicate key is an error, `<<` merges. Hostile input ends in
//! an error: texts over [`MAX_BYTES`], nesting over [`MAX_DEPTH`], more than [`MAX_NODES`] nodes with aliases expanded.

mod document;
mod error;
mod read;
mod write;

pub use document::{Document, step};
pub use read::{MAX_BYTES, MAX_DEPTH, MAX_NODES, read_all, read_typed, text_of, too_long};
pub use write::{write, write_typed};

#[cfg(test)]
mod tests;
