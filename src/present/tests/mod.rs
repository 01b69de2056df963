//! Whole outputs for plans made by hand.

mod explain;
mod facts;
mod findings;
mod json;
mod markdown;
mod text;

use super::Style;

pub(super) fn style(width: usize) -> Style {
    Style { width, ..Style::default() }
}
