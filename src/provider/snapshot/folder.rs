//! Files of a snapshot's folder, and what is wrong with them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::secrets::Written;
use crate::diagnostic::{Diagnostic, Place};
use crate::resource::{Address, Secrets};
use crate::yaml;

/// The folder is not there or holds no snapshot.
pub(super) const MISSING: &str = "PK0501";
/// A file cannot be read or is not what belongs there.
pub(super) const BROKEN: &str = "PK0502";
/// A file's path and its content disagree, or a snapshot has no such file.
pub(super) const MISPLACED: &str = "PK0503";
/// The snapshot's world does not serve the kind.
pub(super) const UNSERVED: &str = "PK0504";
/// A value of a Secret is not written as one.
pub(super) const NOT_SECRET: &str = "PK0505";

/// A folder that is being read.
pub(super) struct Folder<'f> {
    pub(super) dir: &'f Path,
    pub(super) shown: &'f str,
    pub(super) secrets: &'f Secrets,
    pub(super) errors: Vec<Diagnostic>,
    /// The file of each object.
    pub(super) files: BTreeMap<Address, String>,
    /// What stands in the place of secrets.
    pub(super) written: Written,
}

impl<'f> Folder<'f> {
    pub(super) fn new(dir: &'f Path, shown: &'f str, secrets: &'f Secrets) -> Self {
        Self { dir, shown, secrets, errors: Vec::new(), files: BTreeMap::new(), written: Written::default() }
    }
}

impl Folder<'_> {
    fn file(&self, relative: &str) -> Arc<str> {
        let shown = self.shown.trim_end_matches('/');
        if relative.is_empty() { shown.into() } else { format!("{shown}/{relative}").into() }
    }

    /// The beginning of a file.
    pub(super) fn start(&self, relative: &str) -> Place {
        self.line(relative, 1)
    }

    fn line(&self, relative: &str, line: u32) -> Place {
        Place { file: self.file(relative), line, column: 1 }
    }

    /// The place of a field. Only what is wrong is looked for, so the file is read again.
    pub(super) fn place(&self, relative: &str, text: &str, pointer: &str) -> Place {
        let documents = yaml::read_all(&self.file(relative), text).unwrap_or_default();
        documents.first().map_or_else(|| self.start(relative), |document| document.place(pointer))
    }

    pub(super) fn error(&mut self, code: &str, place: Place, message: impl Into<String>) {
        self.errors.push(Diagnostic::error(code, message).place(Some(place)));
    }

    /// As [`Folder::error`], with what to do about it.
    pub(super) fn error_with_help(&mut self, code: &str, place: Place, message: impl Into<String>, help: &str) {
        self.errors.push(Diagnostic::error(code, message).place(Some(place)).help(help));
    }

    /// Names in a folder, in order; what begins with a dot is not ours.
    pub(super) fn names(&mut self, relative: &str) -> Vec<String> {
        let mut names = Vec::new();
        let entries = match std::fs::read_dir(self.dir.join(relative)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !relative.is_empty() => return names,
            Err(error) => {
                let code = if relative.is_empty() { MISSING } else { BROKEN };
                let message = format!("cannot read the snapshot's folder: {error}");
                self.error_with_help(
                    code,
                    self.start(relative),
                    message,
                    "name a folder that `packctl snapshot --out` wrote",
                );
                return names;
            }
        };
        for entry in entries {
            match entry.map(|entry| entry.file_name().into_string()) {
                Ok(Ok(name)) if name.starts_with('.') => {}
                Ok(Ok(name)) => names.push(name),
                Ok(Err(name)) => {
                    self.error(MISPLACED, self.start(relative), format!("the file name {name:?} is not UTF-8"));
                }
                Err(error) => {
                    self.error(BROKEN, self.start(relative), format!("cannot list the folder: {error}"));
                }
            }
        }
        names.sort();
        names
    }

    /// The folders in a folder; files are errors.
    pub(super) fn folders(&mut self, relative: &str) -> Vec<String> {
        let mut folders = Vec::new();
        for name in self.names(relative) {
            let path = format!("{relative}/{name}");
            if self.dir.join(&path).is_dir() {
                folders.push(path);
            } else {
                self.error(MISPLACED, self.start(&path), "a file where a snapshot has folders");
            }
        }
        folders
    }

    /// File and text; `None` when it is absent or an error was noted.
    pub(super) fn text(&mut self, relative: &str) -> Option<(Arc<str>, String)> {
        let path = self.dir.join(relative);
        // A pipe or a device would be read for ever.
        let read = match std::fs::metadata(&path) {
            Ok(about) if about.is_file() => std::fs::read_to_string(&path),
            Ok(_) => Err(std::io::Error::other("it is not a file")),
            Err(error) => Err(error),
        };
        match read {
            Ok(text) => Some((self.file(relative), text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                self.error(BROKEN, self.start(relative), format!("cannot read the file: {error}"));
                None
            }
        }
    }

    /// The typed content of a JSON file; `None` when it is absent or an error was noted.
    pub(super) fn json<T: DeserializeOwned>(&mut self, relative: &str) -> Option<T> {
        let (_, text) = self.text(relative)?;
        self.parse(relative, &text)
    }

    fn parse<T: DeserializeOwned>(&mut self, relative: &str, text: &str) -> Option<T> {
        match serde_json::from_str(text) {
            Ok(value) => Some(value),
            Err(error) => {
                let line = u32::try_from(error.line()).unwrap_or(1).max(1);
                self.error(BROKEN, self.line(relative, line), format!("not the JSON that belongs here: {error}"));
                None
            }
        }
    }

    /// The text and value of a file with one YAML or JSON document.
    pub(super) fn value(&mut self, relative: &str) -> Option<(String, Value)> {
        let (file, text) = self.text(relative)?;
        if relative.ends_with(".json") {
            let value = self.parse(relative, &text)?;
            return Some((text, value));
        }
        match yaml::read_all(&file, &text) {
            Ok(documents) => match <[_; 1]>::try_from(documents) {
                Ok([document]) => Some((text, document.value)),
                Err(documents) => {
                    let message = format!("{} documents where a snapshot has one object", documents.len());
                    self.error(BROKEN, self.start(relative), message);
                    None
                }
            },
            Err(diagnostic) => {
                self.errors.push(diagnostic);
                None
            }
        }
    }
}
