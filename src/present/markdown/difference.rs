//! The fields of one object as lines of a `diff` block.

use similar::TextDiff;

use crate::diff::{Class, FieldChange};
use crate::plan::Change;
use crate::present::View;
use crate::present::fields::class;
use crate::present::words::when;
use crate::yaml;

/// A value where only the fields are shown.
const SHORT: usize = 100;
/// Even a whole value is no whole file.
const WHOLE: usize = 2000;

/// All of an object that is made. A Secret's values have no place here, not even as numbers.
pub(super) fn made(view: &View<'_>, change: &Change) -> String {
    let Some(resource) = change.resource.as_ref().filter(|_| change.address.kind != "Secret") else {
        return String::new();
    };
    yaml::write(&resource.body.value).lines().map(|line| format!("+ {}\n", view.cut(line, WHOLE))).collect()
}

/// One field that changes: what goes, what comes, and why where the input did not move.
pub(super) fn moved(view: &View<'_>, field: &FieldChange, whole: bool) -> String {
    let width = if whole { WHOLE } else { SHORT };
    let path = view.path(&field.path);
    let text = |value: &Option<serde_json::Value>| value.as_ref().and_then(|value| value.as_str().map(str::to_owned));
    let mut out = match (text(&field.before), text(&field.after)) {
        (Some(before), Some(after)) if whole && (before.contains('\n') || after.contains('\n')) => {
            format!("  {path}:\n{}", lines(view, &before, &after))
        }
        _ => values(view, field, &path, width),
    };
    if let Some(class) = class(view, &field.class, when) {
        out.push_str(&format!("  {class}\n"));
    }
    out
}

fn values(view: &View<'_>, field: &FieldChange, path: &str, width: usize) -> String {
    let mut out = String::new();
    if let Some(before) = &field.before {
        // What somebody else owns too stays as it is.
        let sign = if matches!(field.class, Class::Stuck(_)) { ' ' } else { '-' };
        out.push_str(&format!("{sign} {path}: {}\n", view.value(before, width)));
    }
    match (&field.after, field.unknown) {
        (_, true) => out.push_str(&format!("+ {path}: known after the write\n")),
        (Some(after), false) => out.push_str(&format!("+ {path}: {}\n", view.value(after, width))),
        (None, false) => {}
    }
    out
}

fn lines(view: &View<'_>, before: &str, after: &str) -> String {
    let difference = TextDiff::from_lines(before, after);
    let mut out = String::new();
    for group in difference.grouped_ops(3) {
        for change in group.iter().flat_map(|op| difference.iter_changes(op)) {
            let line = view.cut(change.value().trim_end_matches('\n'), WHOLE);
            out.push_str(&format!("{}   {line}\n", change.tag()));
        }
    }
    out
}
