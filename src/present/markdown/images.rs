//! The images that move, each once, with how many objects take it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::escape::code;
use crate::plan::{Action, Change};
use crate::present::View;
use crate::present::fields::image_tags;
use crate::present::view::last_field;

/// Image, from, to.
type Move = (String, String, String);

/// Writes the table, as many rows as fit into `limit` bytes.
pub(super) fn table(out: &mut String, view: &View<'_>, limit: usize) {
    let moves = moves(view);
    if moves.is_empty() {
        return;
    }
    out.push_str("**Images**\n\n| image | from | to | objects |\n|:--|:--|:--|--:|\n");
    let start = out.len();
    for (position, ((image, from, to), objects)) in moves.iter().enumerate() {
        let cell = |text: &str| if text.is_empty() { "-".to_owned() } else { code(&view.cut(text, 200)) };
        let row = format!("| {} | {} | {} | {objects} |\n", cell(image), cell(from), cell(to));
        if out.len() - start + row.len() > limit {
            out.push_str(&format!("| and {} more | | | |\n", moves.len() - position));
            break;
        }
        out.push_str(&row);
    }
    out.push('\n');
}

fn moves(view: &View<'_>) -> BTreeMap<Move, usize> {
    let mut moves = BTreeMap::new();
    for change in view.plan.changes.values() {
        let mut of_object: Vec<Move> = match change.action {
            Action::Create => made(change),
            Action::Update | Action::Replace | Action::Adopt => changed(change),
            Action::None | Action::Delete | Action::Release => Vec::new(),
        };
        of_object.sort();
        of_object.dedup();
        for found in of_object {
            *moves.entry(found).or_insert(0) += 1;
        }
    }
    moves
}

fn changed(change: &Change) -> Vec<Move> {
    let images = change.fields.iter().filter(|field| last_field(&field.path) == Some("image"));
    images
        .map(|field| {
            let text = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
            let (before, after) = (text(&field.before), text(&field.after));
            let (from, to) = image_tags(&before, &after);
            let name = after.strip_suffix(to).map(|name| name.trim_end_matches([':', '@'])).unwrap_or_default();
            let name = if name.is_empty() { "image" } else { name };
            (name.to_owned(), from.to_owned(), to.to_owned())
        })
        .collect()
}

/// The images of an object that is made: its pods' containers.
fn made(change: &Change) -> Vec<Move> {
    let Some(resource) = &change.resource else { return Vec::new() };
    let pods = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec", "/spec"];
    let containers = pods
        .iter()
        .flat_map(|pod| ["containers", "initContainers"].map(|list| format!("{pod}/{list}")))
        .filter_map(|list| resource.body.value.pointer(&list)?.as_array())
        .flatten();
    let images = containers.filter_map(|container| container.get("image")?.as_str());
    images
        .map(|image| {
            let (name, tag) = split(image);
            (name.to_owned(), String::new(), tag.to_owned())
        })
        .collect()
}

/// An image's name, and its tag or digest.
fn split(image: &str) -> (&str, &str) {
    let name = image.rfind('/').map_or(0, |slash| slash + 1);
    match image[name..].find(['@', ':']) {
        Some(at) => (&image[..name + at], &image[name + at + 1..]),
        None => (image, ""),
    }
}
