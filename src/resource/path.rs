//! Paths to fields, in the terms of server-side apply.

use std::fmt;

use serde_json::Value;

/// One step of a [`FieldPath`]. The four kinds are those of FieldsV1 (`f:`, `k:`, `v:`, `i:`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathStep {
    /// A field of a map or struct.
    Field(String),
    /// An item of a list map, by its key fields, sorted by field name; values are compact JSON.
    Key(Vec<(String, String)>),
    /// An item of a set list, as compact JSON.
    Item(String),
    /// A position of an atomic list.
    Index(usize),
}

/// A path from an object's root to a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(pub Vec<PathStep>);

impl FieldPath {
    /// A path of plain fields written with dots; keys that contain dots need [`FieldPath::field`].
    pub fn of(dotted: &str) -> Self {
        Self(dotted.split('.').map(|name| PathStep::Field(name.into())).collect())
    }

    /// This path with one more field.
    pub fn field(&self, name: &str) -> Self {
        self.step(PathStep::Field(name.into()))
    }

    /// This path with one more position.
    pub fn index(&self, position: usize) -> Self {
        self.step(PathStep::Index(position))
    }

    /// This path with one more step.
    pub fn step(&self, step: PathStep) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The path as the API server words it (structured-merge-diff, `fieldpath.Path.String`): `.spec.ports[port=80].name`.
    pub fn worded(&self) -> String {
        let step = |step: &PathStep| match step {
            PathStep::Field(name) => format!(".{name}"),
            PathStep::Index(position) => format!("[{position}]"),
            PathStep::Item(value) => format!("[={value}]"),
            PathStep::Key(keys) => {
                let keys: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("[{}]", keys.join(","))
            }
        };
        self.0.iter().map(step).collect()
    }

    /// Whether `self` is `other` or lies below it.
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The value at this path, `None` where there is none.
    pub fn find<'v>(&self, root: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(root, |value, step| match step {
            PathStep::Field(name) => value.get(name),
            PathStep::Index(position) => value.get(position),
            PathStep::Key(keys) => value.as_array()?.iter().find(|item| {
                keys.iter().all(|(name, expected)| item.get(name).is_some_and(|value| is_json(value, expected)))
            }),
            PathStep::Item(expected) => value.as_array()?.iter().find(|item| is_json(item, expected)),
        })
    }

    /// Whether a body declares this path: it has a value there, or the item whose key field this is.
    ///
    /// Keys that the server completes (a port's `protocol`) need not be in the body.
    pub fn is_declared_in(&self, body: &Value) -> bool {
        let mut value = body;
        for (depth, step) in self.0.iter().enumerate() {
            let next = match step {
                PathStep::Field(name) => value.get(name),
                PathStep::Index(position) => value.get(position),
                PathStep::Item(text) => {
                    value.as_array().and_then(|items| items.iter().find(|item| is_json(item, text)))
                }
                PathStep::Key(keys) => value.as_array().and_then(|items| {
                    let fits = |item: &&Value| {
                        keys.iter().all(|(name, text)| item.get(name).is_none_or(|value| is_json(value, text)))
                    };
                    items.iter().find(fits)
                }),
            };
            let Some(next) = next else {
                let of_item = depth.checked_sub(1).and_then(|above| self.0.get(above));
                return match (step, of_item) {
                    (PathStep::Field(name), Some(PathStep::Key(keys))) => keys.iter().any(|(key, _)| key == name),
                    _ => false,
                };
            };
            value = next;
        }
        true
    }
}

/// Whether a value is what a [`PathStep::Key`] or [`PathStep::Item`] writes as compact JSON.
pub(crate) fn is_json(value: &Value, text: &str) -> bool {
    let own = value.to_string();
    own == text
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Field(name) if name.contains(['.', '/', '[']) => write!(f, "[{name:?}]")?,
                PathStep::Field(name) if position == 0 => f.write_str(name)?,
                PathStep::Field(name) => write!(f, ".{name}")?,
                PathStep::Key(keys) => {
                    let keys: Vec<_> =
                        keys.iter().map(|(name, value)| format!("{name}={}", value.trim_matches('"'))).collect();
                    write!(f, "[{}]", keys.join(","))?;
                }
                PathStep::Item(value) => write!(f, "[{value}]")?,
                PathStep::Index(position) => write!(f, "[{position}]")?,
            }
        }
        Ok(())
    }
}
