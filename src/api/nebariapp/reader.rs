//! Reading typed fields out of JSON, with every error at its field.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Bound, RangeBounds, RangeInclusive};

use serde_json::{Map, Value};

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldError {
    /// JSON pointer from the object's root: `/spec/service/port`. A missing field is named, too.
    pub pointer: String,
    /// What is wrong, without the field's name.
    pub message: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer.trim_start_matches('/').replace('/', "."), self.message)
    }
}

impl std::error::Error for FieldError {}

/// An enumeration of texts.
pub(super) trait Choice: Copy + 'static {
    /// The texts and what they mean, in the order of the CRD.
    const ALL: &'static [(&'static str, Self)];
}

/// Where we are, and what was wrong so far.
#[derive(Default)]
pub(super) struct Reader {
    pointer: String,
    errors: Vec<FieldError>,
}

impl Reader {
    pub(super) fn error(&mut self, message: impl Into<String>) {
        self.errors.push(FieldError { pointer: self.pointer.clone(), message: message.into() });
    }

    pub(super) fn finish<T>(mut self, value: T) -> Result<T, Vec<FieldError>> {
        self.errors.sort();
        if self.errors.is_empty() { Ok(value) } else { Err(self.errors) }
    }

    fn within<T>(&mut self, segment: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
        let result = read(self);
        self.pointer.truncate(length);
        result
    }

    fn mismatch(&mut self, expected: &str, value: &Value) {
        let found = match value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.error(format!("must be {expected}, not {found}"));
    }
}

/// The fields of one object.
pub(super) struct Fields<'v, 'r> {
    map: &'v Map<String, Value>,
    known: Vec<&'static str>,
    reader: &'r mut Reader,
}

impl<'v> Fields<'v, '_> {
    /// A field that may be left out. As in the API server, `null` is the same as leaving it out.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Reader, &'v Value) -> Option<T>,
    ) -> Option<T> {
        self.known.push(name);
        let value = self.map.get(name).filter(|value| !value.is_null())?;
        self.reader.within(name, |reader| read(reader, value))
    }

    /// A field that has to be there.
    pub(super) fn required<T: Default>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Reader, &'v Value) -> Option<T>,
    ) -> T {
        if self.map.get(name).is_none_or(Value::is_null) {
            self.known.push(name);
            self.reader.within(name, |reader| reader.error("is required"));
            return T::default();
        }
        self.optional(name, read).unwrap_or_default()
    }

    /// Fields that may be there and are not looked at.
    pub(super) fn ignore(&mut self, names: &[&'static str]) {
        self.known.extend(names);
    }

    /// A finding about the object as a whole.
    pub(super) fn error(&mut self, message: impl Into<String>) {
        self.reader.error(message);
    }

    fn unknown(&mut self) {
        for name in self.map.keys().filter(|name| !self.known.contains(&name.as_str())) {
            let message = match nearest(name, self.known.iter().copied()) {
                Some(near) => format!("unknown field, did you mean `{near}`?"),
                None => "unknown field".into(),
            };
            self.reader.within(name, |reader| reader.error(message));
        }
    }
}

/// An object whose fields are all known; others are errors.
pub(super) fn object<T>(read: impl Fn(&mut Fields<'_, '_>) -> T) -> impl Fn(&mut Reader, &Value) -> Option<T> {
    move |reader, value| fields(reader, value, &read, true)
}

/// An object that may have fields that we do not know.
pub(super) fn open_object<T>(read: impl Fn(&mut Fields<'_, '_>) -> T) -> impl Fn(&mut Reader, &Value) -> Option<T> {
    move |reader, value| fields(reader, value, &read, false)
}

fn fields<T>(reader: &mut Reader, value: &Value, read: impl Fn(&mut Fields<'_, '_>) -> T, closed: bool) -> Option<T> {
    let Value::Object(map) = value else {
        reader.mismatch("an object", value);
        return None;
    };
    let mut fields = Fields { map, known: Vec::new(), reader };
    let result = read(&mut fields);
    if closed {
        fields.unknown();
    }
    Some(result)
}

/// A list.
pub(super) fn list<T>(
    item: impl Fn(&mut Reader, &Value) -> Option<T>,
) -> impl Fn(&mut Reader, &Value) -> Option<Vec<T>> {
    move |reader, value| {
        let Value::Array(items) = value else {
            reader.mismatch("a list", value);
            return None;
        };
        let read =
            |(position, value): (usize, &Value)| reader.within(&position.to_string(), |reader| item(reader, value));
        Some(items.iter().enumerate().filter_map(read).collect())
    }
}

/// A map of texts.
pub(super) fn texts(reader: &mut Reader, value: &Value) -> Option<BTreeMap<String, String>> {
    let Value::Object(map) = value else {
        reader.mismatch("an object", value);
        return None;
    };
    let mut texts = BTreeMap::new();
    for (name, value) in map.iter().filter(|(_, value)| !value.is_null()) {
        if let Some(text) = reader.within(name, |reader| any_text(reader, value)) {
            texts.insert(name.clone(), text);
        }
    }
    Some(texts)
}

/// Any text.
pub(super) fn any_text(reader: &mut Reader, value: &Value) -> Option<String> {
    if !value.is_string() {
        reader.mismatch("text", value);
    }
    value.as_str().map(Into::into)
}

/// A text whose length, in characters, is limited.
pub(super) fn text(length: impl RangeBounds<usize>) -> impl Fn(&mut Reader, &Value) -> Option<String> {
    move |reader, value| {
        let text = any_text(reader, value)?;
        let count = text.chars().count();
        if length.contains(&count) {
            return Some(text);
        }
        match (length.start_bound(), length.end_bound()) {
            (Bound::Included(1), _) if count == 0 => reader.error("must not be empty"),
            (_, Bound::Included(most)) => reader.error(format!("must have at most {most} characters, has {count}")),
            _ => reader.error(format!("must not have {count} characters")),
        }
        None
    }
}

/// A DNS name in lower case, `^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`.
pub(super) fn dns_name(length: impl RangeBounds<usize>) -> impl Fn(&mut Reader, &Value) -> Option<String> {
    let text = text(length);
    move |reader, value| {
        let name = text(reader, value)?;
        let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let label = |label: &str| {
            let bytes = label.as_bytes();
            bytes.first().is_some_and(edge)
                && bytes.last().is_some_and(edge)
                && bytes.iter().all(|byte| edge(byte) || *byte == b'-')
        };
        if name.split('.').all(label) {
            return Some(name);
        }
        reader.error(
            "must be a DNS name: lower case letters, digits, `-` and `.`, each part beginning and ending with a letter or digit",
        );
        None
    }
}

/// A path, `^/.*`.
pub(super) fn path(reader: &mut Reader, value: &Value) -> Option<String> {
    let path = any_text(reader, value)?;
    if path.starts_with('/') {
        return Some(path);
    }
    reader.error("must begin with `/`");
    None
}

/// True or false.
pub(super) fn boolean(reader: &mut Reader, value: &Value) -> Option<bool> {
    if !value.is_boolean() {
        reader.mismatch("true or false", value);
    }
    value.as_bool()
}

/// An integer within limits.
pub(super) fn integer<T: TryFrom<i64>>(limits: RangeInclusive<i64>) -> impl Fn(&mut Reader, &Value) -> Option<T> {
    move |reader, value| {
        if !value.is_number() {
            reader.mismatch("an integer", value);
            return None;
        }
        let number =
            value.as_i64().filter(|number| limits.contains(number)).and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            reader.error(match (value.is_f64(), *limits.end()) {
                (true, _) => format!("must be an integer, not {value}"),
                (false, i64::MAX) => format!("must be {} or more, not {value}", limits.start()),
                (false, end) => format!("must be between {} and {end}, not {value}", limits.start()),
            });
        }
        number
    }
}

/// One of several texts.
pub(super) fn choice<T: Choice>(reader: &mut Reader, value: &Value) -> Option<T> {
    let text = any_text(reader, value)?;
    if let Some((_, choice)) = T::ALL.iter().find(|(name, _)| *name == text) {
        return Some(*choice);
    }
    let names = T::ALL.iter().map(|(name, _)| *name);
    let all = names.clone().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    reader.error(match nearest(&text, names) {
        Some(near) => format!("must be one of {all}; did you mean `{near}`?"),
        None => format!("must be one of {all}"),
    });
    None
}

/// The candidate that differs by at most two letters, the nearest first.
pub(crate) fn nearest<'c>(text: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    candidates
        .map(|candidate| (distance(text, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 2 && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, delete or replace between two texts, without regard to case.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().collect();
    // Texts come from outside; nothing as long as this is a slip of the pen.
    if left.len() > 4 * (right.len() + 3) {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (position, letter) in left.to_lowercase().chars().enumerate() {
        let mut corner = position;
        let mut last = position + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(&right) {
            let replaced = corner + usize::from(letter != *other);
            corner = *cell;
            last = replaced.min(last + 1).min(*cell + 1);
            *cell = last;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_near_and_another_word_is_not() {
        assert_eq!(distance("hostnmae", "hostname"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(nearest("hostName", ["service", "hostname"].into_iter()), Some("hostname"));
        assert_eq!(nearest("tsl", ["tls", "routes"].into_iter()), Some("tls"));
        assert_eq!(nearest("replicas", ["service", "hostname"].into_iter()), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), ["service"].into_iter()), None);
    }
}
