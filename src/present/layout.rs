//! Rows in columns, as far as the width allows.
//!
//! A row is address, detail, steps, place. What does not fit its column goes to a line of its own below; nothing is cut
//! here, because a cut name cannot be copied.

use super::visible::{columns, wrap};
use super::{Label, View};

/// One object of a block.
#[derive(Debug)]
pub(super) struct Row {
    /// Column of the glyph.
    pub(super) indent: usize,
    pub(super) glyph: &'static str,
    pub(super) label: Label,
    pub(super) name: String,
    pub(super) detail: String,
    pub(super) steps: String,
    pub(super) place: String,
    /// Lines below.
    pub(super) below: Vec<(Label, String)>,
}

impl Row {
    /// Columns up to the end of the name.
    fn lead(&self) -> usize {
        self.indent + 2 + columns(&self.name)
    }

    /// Where lines below start.
    fn margin(&self) -> usize {
        self.indent + 2
    }
}

/// Where columns start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    detail: usize,
    steps: usize,
    /// `None`: places have lines of their own.
    pub(super) place: Option<usize>,
    width: usize,
}

const GAP: usize = 2;
/// A detail that is longer may get its own line rather than push the columns of all others.
const WIDEST_DETAIL: usize = 48;

impl Columns {
    /// Chooses columns for all rows of a plan.
    pub(super) fn of<'r>(rows: impl Iterator<Item = &'r Row> + Clone, heads: &[usize], width: usize) -> Self {
        let widest = |of: fn(&Row) -> usize| rows.clone().map(of).max().unwrap_or(0);
        let lead = widest(Row::lead);
        // Steps of several words may reach into the place column: their rows seldom have a place.
        let steps = rows.clone().map(|row| columns(&row.steps)).filter(|steps| *steps <= 3).max().unwrap_or(1);
        let place = widest(|row| columns(&row.place)).max(heads.iter().copied().max().unwrap_or(0));
        let spare = width.saturating_sub(lead + GAP + GAP + steps + GAP + place).max(WIDEST_DETAIL);
        let details = rows.clone().map(|row| columns(&row.detail)).filter(|detail| *detail <= spare);
        let detail = details.max().unwrap_or(0);

        let rest = GAP + detail + GAP + steps + GAP + place;
        let room = width.saturating_sub(rest).min(lead);
        // Places are whole paths: a column of them must not push details away from their names.
        let with_place = place > 0 && room == lead;
        let room =
            if with_place { room } else { width.saturating_sub(GAP + detail + GAP + steps).clamp(24, lead.max(24)) };
        let detail_at = room + GAP;
        let steps_at = detail_at + detail + GAP;
        Self { detail: detail_at, steps: steps_at, place: with_place.then_some(steps_at + steps + GAP), width }
    }

    /// Writes one row and what is below it.
    pub(super) fn write(&self, out: &mut String, row: &Row, view: &View<'_>) {
        let mut line = Line::new(view);
        line.to(row.indent + 1 - columns(row.glyph).min(row.indent + 1));
        line.put(row.label, row.glyph);
        line.to(row.margin());
        line.put(Label::Plain, &row.name);
        let alone = row.steps.is_empty() && row.place.is_empty();
        let end = if alone { self.width } else { self.steps - GAP };
        let beside = line.at + GAP <= self.detail && columns(&row.detail) <= end.saturating_sub(self.detail);
        if beside && !row.detail.is_empty() {
            line.to(self.detail);
            line.put(Label::Plain, &row.detail);
        }
        let latest = self.width.saturating_sub(columns(&row.steps));
        let steps_at = self.steps.min(latest).max(line.at + GAP);
        let steps_fit = steps_at <= latest;
        if !row.steps.is_empty() && steps_fit {
            line.to(steps_at);
            line.put(Label::Plain, &row.steps);
        }
        let mut place = row.place.as_str();
        if let Some(at) = self.place.filter(|at| line.at < *at) {
            line.to(at);
            line.put(Label::Faint, std::mem::take(&mut place));
        }
        line.end(out);
        if !beside {
            below(out, view, self.under(row, &row.detail), Label::Plain, &row.detail, self.width);
        }
        if !steps_fit {
            below(out, view, row.margin(), Label::Plain, &row.steps, self.width);
        }
        if !place.is_empty() {
            below(out, view, row.margin(), Label::Faint, &format!("at {place}"), self.width);
        }
        for (label, text) in &row.below {
            below(out, view, row.margin(), *label, text, self.width);
        }
    }

    /// Where a detail goes that does not fit beside its name: below its column if it fits there, else where all lines below go.
    fn under(&self, row: &Row, detail: &str) -> usize {
        if self.detail + columns(detail) <= self.width { self.detail } else { row.margin() }
    }
}

/// Writes a text on lines of its own, wrapped.
pub(super) fn below(out: &mut String, view: &View<'_>, at: usize, label: Label, text: &str, width: usize) {
    if text.is_empty() {
        return;
    }
    let room = width.saturating_sub(at).max(20);
    for (position, piece) in wrap(text, room, room.saturating_sub(2)).iter().enumerate() {
        let mut line = Line::new(view);
        line.to(at + if position > 0 { 2 } else { 0 });
        line.put(label, piece);
        line.end(out);
    }
}

/// One line being written: it knows its column, however it is coloured.
pub(super) struct Line<'v, 'p> {
    view: &'v View<'p>,
    text: String,
    /// The next column.
    pub(super) at: usize,
    blank: usize,
}

impl<'v, 'p> Line<'v, 'p> {
    pub(super) fn new(view: &'v View<'p>) -> Self {
        Self { view, text: String::new(), at: 0, blank: 0 }
    }

    /// Goes right to a column; nothing if it is passed.
    pub(super) fn to(&mut self, column: usize) {
        if column > self.at {
            self.blank += column - self.at;
            self.at = column;
        }
    }

    /// Writes a text at the present column.
    pub(super) fn put(&mut self, label: Label, text: &str) {
        if text.trim().is_empty() {
            self.to(self.at + text.len());
            return;
        }
        self.text.extend(std::iter::repeat_n(' ', std::mem::take(&mut self.blank)));
        self.text.push_str(&self.view.paint(label, text));
        self.at += columns(text);
    }

    /// Ends the line, without blanks at its end.
    pub(super) fn end(self, out: &mut String) {
        out.push_str(&self.text);
        out.push('\n');
    }
}
