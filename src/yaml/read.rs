//! Text to documents.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::{Location, Spanned};

use super::document::{Below, Document, Spot};
use crate::diagnostic::{Diagnostic, Place};

/// The longest text that is read.
pub const MAX_BYTES: usize = 20 * 1024 * 1024;
/// The deepest nesting that is read.
pub const MAX_DEPTH: usize = 100;
/// The most nodes of one text, with aliases expanded.
pub const MAX_NODES: usize = 1_000_000;
/// Settings are flat; they are read on the caller's stack.
const MAX_TYPED_DEPTH: usize = 32;
/// A level of nesting costs up to 30 KB of stack in a debug build, more than the threads of a runtime have for all of them.
const STACK: usize = 64 * 1024 * 1024;

fn options(depth: usize) -> serde_saphyr::Options {
    serde_saphyr::options! {
        legacy_octal_numbers: true,
        with_snippet: false,
        emit_comments: false,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 200_000,
        },
        budget: serde_saphyr::budget! {
            max_depth: depth,
            max_documents: 20_000,
            max_nodes: MAX_NODES,
            max_events: 3 * MAX_NODES,
            max_recorded_anchor_events: 200_000,
        },
    }
}

/// The text of a file: not too long, UTF-8, without control characters. A byte order mark goes.
pub fn text_of(file: &Arc<str>, bytes: Vec<u8>) -> Result<String, Diagnostic> {
    if bytes.len() > MAX_BYTES {
        return Err(too_long(file));
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        Diagnostic::error("PK0104", "the text is not UTF-8")
            .place(Some(end_of(file, &before)))
            .help("save the file as UTF-8")
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    // What YAML does not allow in a text, in order of likelihood.
    let forbidden = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}');
    if let Some(offset) = text.find(forbidden) {
        let code = text[offset..].chars().next().map_or(0, u32::from);
        return Err(Diagnostic::error("PK0105", format!("the text holds the control character U+{code:04X}"))
            .place(Some(end_of(file, &text[..offset])))
            .help("remove it, or write it as an escape in a double-quoted string"));
    }
    Ok(text)
}

/// The error for a text over [`MAX_BYTES`].
pub fn too_long(file: &Arc<str>) -> Diagnostic {
    Diagnostic::error("PK0103", format!("the text is longer than {} MB", MAX_BYTES / 1024 / 1024))
        .place(Some(Place { file: file.clone(), line: 1, column: 1 }))
        .help("split the file")
}

/// Reads all documents of a text, YAML or JSON; empty ones are dropped, lists (`kind: List`) are taken apart.
pub fn read_all(file: &Arc<str>, text: &str) -> Result<Vec<Document>, Diagnostic> {
    if text.len() > MAX_BYTES {
        return Err(too_long(file));
    }
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || read_here(file, text));
        let failed = || {
            let error = Diagnostic::error("PK0107", "no thread could be started to read the text");
            error
                .place(Some(Place { file: file.clone(), line: 1, column: 1 }))
                .help("is the memory of this process limited?")
        };
        reader.map_err(|_| failed())?.join().unwrap_or_else(|_| Err(failed()))
    })
}

fn read_here(file: &Arc<str>, text: &str) -> Result<Vec<Document>, Diagnostic> {
    let nodes: Vec<Spanned<Node>> = serde_saphyr::from_multiple_with_options(text, options(MAX_DEPTH))
        .map_err(|error| super::error::diagnostic(file, &error))?;
    let mut documents = Vec::new();
    for node in nodes {
        let (value, places) = settle(file, text, node.defined, node.value)?;
        Document { value, file: file.clone(), places: Arc::new(places) }.expand(&mut documents);
    }
    Ok(documents)
}

/// Reads one document into a type; what the type does not know is an error with its line. An empty text is an empty map.
pub fn read_typed<T: DeserializeOwned>(file: &Arc<str>, text: &str) -> Result<T, Diagnostic> {
    if text.len() > MAX_BYTES {
        return Err(too_long(file));
    }
    let blank = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    serde_saphyr::from_str_with_options(if blank { "{}" } else { text }, options(MAX_TYPED_DEPTH))
        .map_err(|error| super::error::diagnostic(file, &error))
}

/// What a YAML node says, before places and values part.
#[derive(Debug)]
enum Node {
    Leaf(Value),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<Key>, Spanned<Node>)>),
}

/// A key: a scalar as it was read.
#[derive(Debug)]
struct Key(Value);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Node::deserialize(deserializer)? {
            Node::Leaf(value) => Ok(Self(value)),
            Node::List(_) | Node::Map(_) => Err(D::Error::custom("a key must be a text")),
        }
    }
}

/// The key as JSON has it: `1:` and `yes:` are the texts `1` and `true`.
fn key_text(key: Value) -> Result<String, &'static str> {
    match key {
        Value::String(text) => Ok(text),
        Value::Null => Err("a key must not be null"),
        other => Ok(other.to_string()),
    }
}

/// Go's reader knows each special word in three spellings (`true`, `True`, `TRUE`); others, like `tRue`, are texts.
fn as_go_reads(text: &str, location: Location, value: Value) -> Value {
    let Some((start, length)) = bytes(location).filter(|_| matches!(value, Value::Bool(_) | Value::Null)) else {
        return value;
    };
    let Some(word) = text.get(start as usize..(start + length) as usize).filter(|word| word.len() > 1) else {
        return value;
    };
    let (first, rest) = word.split_at(1);
    let (lower, upper) = (rest.to_lowercase(), rest.to_uppercase());
    let usual = rest == lower || (rest == upper && first.to_uppercase() == first);
    let special = ["yes", "no", "on", "off", "true", "false", "null"].contains(&word.to_lowercase().as_str());
    if special && !usual { Value::String(word.to_owned()) } else { value }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node, E> {
        number(value).map(|number| Node::Leaf(number.into())).ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Map(fields))
    }
}

/// A float as Go's JSON writes it: whole numbers have no point.
fn number(value: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within the exact range")]
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

/// Parts a node into its value and its places.
fn settle(file: &Arc<str>, text: &str, location: Location, node: Node) -> Result<(Value, Spot), Diagnostic> {
    let (value, below) = match node {
        Node::Leaf(value) => (as_go_reads(text, location, value), Below::Nothing),
        Node::List(nodes) => {
            let mut values = Vec::with_capacity(nodes.len());
            let mut spots = Vec::with_capacity(nodes.len());
            for node in nodes {
                let (value, spot) = settle(file, text, node.defined, node.value)?;
                values.push(value);
                spots.push(spot);
            }
            (Value::Array(values), Below::List(spots))
        }
        Node::Map(nodes) => {
            let mut values = serde_json::Map::new();
            let mut spots = BTreeMap::new();
            for (key, node) in nodes {
                let (value, spot) = settle(file, text, node.defined, node.value)?;
                let (line, column) = position(key.defined);
                let name = match key_text(as_go_reads(text, key.defined, key.value.0)) {
                    Ok(name) => name,
                    Err(message) => {
                        let place = Place { file: file.clone(), line, column };
                        return Err(Diagnostic::error("PK0106", message).place(Some(place)).help("quote the key"));
                    }
                };
                spots.insert(name.as_str().into(), Spot { line, column, ..spot });
                if values.contains_key(&name) {
                    let place = Place { file: file.clone(), line, column };
                    return Err(Diagnostic::error("PK0106", format!("the key `{name}` is there twice"))
                        .place(Some(place))
                        .help("keep one of the two"));
                }
                values.insert(name, value);
            }
            (Value::Object(values), Below::Map(spots))
        }
    };
    let (line, column) = position(location);
    Ok((value, Spot { line, column, bytes: bytes(location), below }))
}

/// Where the value's own text stands, if the reader knows.
fn bytes(location: Location) -> Option<(u32, u32)> {
    let span = location.span();
    let (start, length) = (span.byte_offset()?, span.byte_len()?);
    Some((u32::try_from(start).ok()?, u32::try_from(length).ok()?))
}

pub(super) fn position(location: Location) -> (u32, u32) {
    let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    (count(location.line()), count(location.column()))
}

fn end_of(file: &Arc<str>, before: &str) -> Place {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    Place { file: file.clone(), line: count(before.matches('\n').count()), column: count(column) }
}
