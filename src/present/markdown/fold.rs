//! A fold per pack: its rows, then the fields of each object, the most dangerous object first.

use std::collections::BTreeMap;

use super::difference::{made, moved};
use super::escape::{code, fence, inline};
use super::risk;
use crate::plan::{Action, Change};
use crate::present::View;
use crate::present::blocks::{Block, blocks};
use crate::present::layout::Columns;
use crate::present::words::{count, some_of};

/// How much of an object is shown; the order is that of cutting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Depth {
    /// Its row alone.
    Row,
    /// The fields that change, with short values.
    Fields,
    /// Whole values, and of what is made all of it.
    Full,
}

/// The differences of one object, or of several that change alike, written both ways.
pub(super) struct Piece {
    full: String,
    fields: String,
    objects: usize,
    pub(super) depth: Depth,
}

/// One pack, or what belongs to none.
pub(super) struct Fold {
    risk: usize,
    name: String,
    summary: String,
    rows: String,
    moving: usize,
    pub(super) pieces: Vec<Piece>,
    /// Whether the rows are shown; without them the pieces are not shown either.
    pub(super) open: bool,
}

impl Piece {
    fn of(full: String, fields: String, names: &[String]) -> Self {
        let head = match names {
            [_] | [] => names.concat(),
            several => format!("{}: {}", count(several.len(), "object"), some_of(several, 3)),
        };
        let with_head = |lines: String| if lines.is_empty() { lines } else { format!("@@ {head} @@\n{lines}") };
        let depth = if full.is_empty() { Depth::Row } else { Depth::Full };
        Self { full: with_head(full), fields: with_head(fields), objects: names.len(), depth }
    }

    /// What it takes.
    pub(super) fn len(&self, depth: Depth) -> usize {
        self.text(depth).len()
    }

    fn text(&self, depth: Depth) -> &str {
        match depth {
            Depth::Row => "",
            Depth::Fields => &self.fields,
            Depth::Full => &self.full,
        }
    }
}

impl Fold {
    /// The fold as Markdown.
    pub(super) fn write(&self) -> String {
        let mut out = format!("<details><summary>{}</summary>\n\n", self.summary);
        if self.open {
            out.push_str(&fence("text", &self.rows));
            let differences: String = self.pieces.iter().map(|piece| piece.text(piece.depth)).collect();
            if !differences.is_empty() {
                out.push_str(&format!("\n{}", fence("diff", &differences)));
            }
            let short = |piece: &&Piece| piece.depth == Depth::Row && !piece.full.is_empty();
            let hidden = self.pieces.iter().filter(short).map(|piece| piece.objects).sum();
            if hidden > 0 {
                out.push_str(&format!("\nThe fields of {} are not shown.\n", count(hidden, "object")));
            }
        } else {
            out.push_str(&format!("{}, not shown.\n", count(self.moving, "object")));
        }
        out.push_str("\n</details>\n\n");
        out
    }
}

/// All folds of a plan, the most dangerous first.
pub(super) fn folds(view: &View<'_>) -> Vec<Fold> {
    let mut folds: Vec<Fold> = blocks(view)
        .into_iter()
        .filter(|block| !block.quiet)
        .map(|block| {
            let name = view.cut(&block.name, 200);
            let changes =
                block.changes.iter().filter(|change| change.action != Action::None || !change.fields.is_empty());
            let mut moving: Vec<&Change> = changes.copied().collect();
            moving.sort_by_key(|change| (risk(change), &change.address));
            Fold {
                risk: moving.first().map_or(usize::MAX, |change| risk(change)),
                summary: summary(view, &block, &name),
                name,
                rows: rows(view, &block),
                moving: moving.len(),
                pieces: pieces(view, &moving),
                open: true,
            }
        })
        .collect();
    folds.sort_by(|a, b| (a.risk, &a.name).cmp(&(b.risk, &b.name)));
    folds
}

fn summary(view: &View<'_>, block: &Block<'_>, name: &str) -> String {
    let place = if block.place.is_empty() { String::new() } else { format!(" {}", code(&view.cut(&block.place, 300))) };
    format!("<b>{}</b> {}{place}", inline(name), inline(&view.cut(&block.facts, 300)))
}

fn rows(view: &View<'_>, block: &Block<'_>) -> String {
    let layout = Columns::of(block.rows.iter(), &[], view.style.width);
    let mut out = String::new();
    for row in &block.rows {
        layout.write(&mut out, row, view);
    }
    out
}

/// One piece for each object; equal updates of several are one.
fn pieces(view: &View<'_>, changes: &[&Change]) -> Vec<Piece> {
    let mut written: Vec<(String, String, Vec<String>)> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for change in changes {
        let name = view.name(&change.address);
        let lines = |whole| change.fields.iter().map(|field| moved(view, field, whole)).collect::<String>();
        let (full, fields) = match change.action {
            Action::Create => (made(view, change), String::new()),
            _ => (lines(true), lines(false)),
        };
        let alike = (change.action == Action::Update).then(|| known.get(&full).copied()).flatten();
        match alike {
            Some(position) => written[position].2.push(name),
            None => {
                known.insert(full.clone(), written.len());
                written.push((full, fields, vec![name]));
            }
        }
    }
    written.into_iter().map(|(full, fields, names)| Piece::of(full, fields, &names)).collect()
}
