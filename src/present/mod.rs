//! Stage 8: a plan as people and programs read it.
//!
//! In goes a [`Plan`](crate::plan::Plan), out comes labelled text or JSON, into a `String`. Nothing here opens a file, looks
//! at a terminal or knows the time, so equal plans give equal bytes. Two things happen to every text on its way out: secrets
//! get the numbers of this plan, and what could deceive a terminal is made [`visible()`].

pub mod diagnostics;
pub mod graph;
pub mod json;
pub mod markdown;
pub mod status;
pub mod text;

mod blocks;
mod explain;
mod explain_pack;
mod facts;
mod field;
mod fields;
mod head;
mod layout;
mod numbers;
mod paint;
mod steps;
mod tally;
mod validated;
mod value;
mod view;
mod visible;
mod words;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use explain::explain;
pub use explain_pack::explain_pack;
pub use field::{field, fields, fields_page};
pub use tally::{Totals, tally};
pub use validated::validated;
pub use value::value_short;
pub use visible::visible;

use numbers::Numbers;
use paint::Label;
use view::View;

/// How text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub color: bool,
    /// Columns that a line should fit in.
    pub width: usize,
    /// Also what is folded by default.
    pub all: bool,
    /// Characters beyond ASCII in our own words; names keep theirs.
    pub unicode: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { color: false, width: 100, all: false, unicode: false }
    }
}
