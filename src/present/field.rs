//! What a kind's schema says, for people: one field, all fields, and the guide's page of them.

use serde_json::{Map, Value};

use super::visible::{columns, wrap};
use super::{Label, Style, visible};
use crate::api::nebariapp;
use crate::schema::{Field, Schema, find};
use crate::yaml;

/// Writes one field: its type, what it means, default, limits, an example, where packctl differs, and the fields below.
pub fn field(out: &mut String, kind: &str, field: &Field<'_>, style: &Style) {
    let path = if field.path.is_empty() { kind.to_owned() } else { format!("{kind}.{}", field.path) };
    out.push_str(&format!("{}  {}\n", Label::Heading.paint(&visible(&path), style), type_of(field)));
    if let Some(description) = field.description() {
        out.push('\n');
        paragraph(out, 2, description, style);
    }
    let facts = facts(kind, field);
    if !facts.is_empty() {
        out.push('\n');
    }
    for (word, text) in facts {
        let room = style.width.saturating_sub(FACTS);
        for (index, line) in wrap(&visible(&text), room, room).into_iter().enumerate() {
            let word = format!("  {:<width$}", if index == 0 { word } else { "" }, width = FACTS - 2);
            out.push_str(&format!("{}{line}\n", Label::Faint.paint(&word, style)));
        }
    }
    if let Some(example) = example(field) {
        out.push_str("\nexample\n");
        example.lines().for_each(|line| out.push_str(&format!("  {}\n", visible(line))));
    }
    let below = field.fields();
    if !below.is_empty() {
        out.push_str("\nfields\n");
        rows(out, &below.iter().map(|field| (1, field.clone())).collect::<Vec<_>>(), style);
    }
}

/// Writes all fields of a kind as a tree.
pub fn fields(out: &mut String, kind: &str, schema: &Schema, style: &Style) {
    out.push_str(&format!("{}  {}\n", Label::Heading.paint(&visible(kind), style), schema.version()));
    let Ok(root) = find(schema, "") else { return };
    if let Some(description) = root.description() {
        out.push('\n');
        paragraph(out, 2, description, style);
    }
    let mut tree = Vec::new();
    for field in root.fields().into_iter().filter(|field| field.name() != "status") {
        if !SAID.contains(&field.name()) {
            descend(field, 1, &mut tree);
        }
    }
    out.push('\n');
    rows(out, &tree, style);
}

/// The guide's page about the fields of a NebariApp, in Markdown.
pub fn fields_page(schema: &Schema) -> String {
    let mut page = PAGE.to_owned();
    let Ok(spec) = find(schema, "spec") else { return page };
    section(&mut page, &spec);
    page
}

const FACTS: usize = 13;
/// Fields of every object.
const SAID: [&str; 3] = ["apiVersion", "kind", "metadata"];
/// Deeper trees help nobody, and a schema may be recursive.
const DEEPEST: usize = 12;

const PAGE: &str = "\
# The fields of a NebariApp

All fields of `spec`, as the CRD has them: this page is made of it (`packctl explain nebariapp -o markdown`), a test keeps it so.
`packctl explain nebariapp.spec.auth.groups` shows one of them with an example, `packctl validate` checks files against them.
A field without default may be left out unless it is required. `PK0402` names the fields that packctl does not act on yet.
";

fn descend<'s>(field: Field<'s>, depth: usize, tree: &mut Vec<(usize, Field<'s>)>) {
    let below = field.fields();
    tree.push((depth, field));
    if depth < DEEPEST {
        below.into_iter().for_each(|field| descend(field, depth + 1, tree));
    }
}

/// A line for each field: name, type, and the first sentence of what it means.
fn rows(out: &mut String, fields: &[(usize, Field<'_>)], style: &Style) {
    let name = |(depth, field): &(usize, Field<'_>)| format!("{}{}", "  ".repeat(*depth), visible(field.name()));
    let names = fields.iter().map(|row| columns(&name(row))).max().unwrap_or_default() + 2;
    let types = fields.iter().map(|(_, field)| columns(&type_of(field))).max().unwrap_or_default() + 2;
    let room = style.width.saturating_sub(names + types);
    for row in fields {
        let first = format!("{:<names$}{:<types$}", name(row), type_of(&row.1));
        let text = row.1.description().map(first_sentence).unwrap_or_default();
        if room < 24 {
            out.push_str(&format!("{}\n", first.trim_end()));
            if !text.is_empty() {
                paragraph(out, 2 * row.0 + 4, text, style);
            }
            continue;
        }
        for (index, line) in wrap(&visible(text), room, room).into_iter().enumerate() {
            let lead = if index == 0 { first.clone() } else { " ".repeat(names + types) };
            out.push_str(&format!("{}\n", format!("{lead}{line}").trim_end()));
        }
    }
}

fn paragraph(out: &mut String, indent: usize, text: &str, style: &Style) {
    for part in text.lines() {
        let room = style.width.saturating_sub(indent);
        for line in wrap(&visible(part), room, room) {
            out.push_str(&format!("{}\n", format!("{:indent$}{line}", "").trim_end()));
        }
    }
}

/// `list of strings, required`.
fn type_of(field: &Field<'_>) -> String {
    let required = field.required && field.default().is_none() && !field.path.is_empty();
    format!("{}{}", field.kind(), if required { ", required" } else { "" })
}

fn facts(kind: &str, field: &Field<'_>) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    facts.extend(field.default().map(|default| ("default", plain(default))));
    let choices = field.choices();
    if !choices.is_empty() {
        facts.push(("one of", choices.join(", ")));
    }
    facts.extend(field.limits().into_iter().map(|limit| ("limit", limit)));
    if kind == nebariapp::KIND
        && let Some(difference) = nebariapp::difference(&field.path)
    {
        facts.push(("difference", difference.to_owned()));
    }
    facts
}

/// The example as YAML, below the field's name.
fn example(field: &Field<'_>) -> Option<String> {
    let value = Map::from_iter([(field.name().to_owned(), field.example()?.clone())]);
    Some(yaml::write(&Value::Object(value)))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn first_sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |end| &text[..=end])
}

/// A table of an object's fields, then its objects.
fn section(page: &mut String, object: &Field<'_>) {
    page.push_str(&format!("\n## {}\n\n", object.path));
    if let Some(description) = object.description() {
        page.push_str(&format!("{description}\n\n"));
    }
    page.push_str("| field | type | default | limits | meaning |\n|---|---|---|---|---|\n");
    let fields = object.fields();
    for field in &fields {
        let mut limits = field.limits();
        let choices: Vec<String> = field.choices().iter().map(|choice| format!("`{choice}`")).collect();
        if !choices.is_empty() {
            limits.insert(0, choices.join(", "));
        }
        let limits: Vec<String> = limits.iter().map(|limit| limit.replace('|', "\\|")).collect();
        let default = field.default().map(|default| format!("`{}`", plain(default))).unwrap_or_default();
        let meaning = field.description().unwrap_or_default();
        let cells = [format!("`{}`", field.name()), type_of(field), default, limits.join("; "), meaning.to_owned()];
        page.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    for field in &fields {
        if let Some(difference) = nebariapp::difference(&field.path) {
            page.push_str(&format!("\n`{}`: {difference}\n", field.name()));
        }
    }
    for field in fields.iter().filter(|field| !field.fields().is_empty()) {
        section(page, field);
    }
}
