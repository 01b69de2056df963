//! How packs and apps are, for people and for programs.

mod json;
mod text;

pub use json::{AppEntry, PackStatusEntry, ProblemEntry, StatusDocument, StatusTotals, UrlEntry, write};
pub use text::status;

#[cfg(test)]
mod tests;
