//! Folds within a limit: full, fields, rows, counts; the least dangerous object gives way first.

use super::fold::{Depth, Fold};
use crate::present::words::count;

/// Writes folds until `out` holds `limit` bytes at most. What is cut is said.
pub(super) fn folds(out: &mut String, mut folds: Vec<Fold>, limit: usize) {
    // Room for the sentence about folds that do not fit at all.
    let room = limit.saturating_sub(out.len() + 100);
    for depth in [Depth::Fields, Depth::Row] {
        shorten(&mut folds, depth, room);
    }
    let mut used = total(&folds);
    for fold in folds.iter_mut().rev() {
        if used <= room {
            break;
        }
        used -= fold.write().len();
        fold.open = false;
        used += fold.write().len();
    }
    let mut used = 0;
    for (position, fold) in folds.iter().enumerate() {
        let text = fold.write();
        used += text.len();
        if used > room {
            out.push_str(&format!("{} not shown.\n\n", count(folds.len() - position, "more pack")));
            break;
        }
        out.push_str(&text);
    }
}

fn total(folds: &[Fold]) -> usize {
    folds.iter().map(|fold| fold.write().len()).sum()
}

/// Shows objects no deeper than `depth`, from the last on, until all fit.
fn shorten(folds: &mut [Fold], depth: Depth, room: usize) {
    let mut excess = total(folds).saturating_sub(room);
    for fold in folds.iter_mut().rev() {
        if excess == 0 {
            return;
        }
        // What is said instead takes room too.
        excess += if depth == Depth::Row { 60 } else { 0 };
        for piece in fold.pieces.iter_mut().rev().filter(|piece| piece.depth > depth) {
            if excess == 0 {
                break;
            }
            let saved = piece.len(piece.depth).saturating_sub(piece.len(depth));
            piece.depth = depth;
            excess = excess.saturating_sub(saved);
        }
    }
}
