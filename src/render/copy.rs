//! A copy of a source: plain files only, links resolved inside the repository or refused.

use std::fs;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::load::{Refusal, reason};

use super::Source;

const MAX_FILES: usize = 10_000;
const MAX_BYTES: u64 = 200 * 1024 * 1024;
const MAX_LEVELS: usize = 32;

/// A folder of the system's temporary folder that stands for the repository; it goes when this value goes.
#[derive(Debug)]
pub(super) struct Copy {
    folder: tempfile::TempDir,
    files: usize,
    bytes: u64,
    /// Some template asks for the time.
    pub(super) asks_for_time: bool,
}

impl Copy {
    /// An empty one.
    pub(super) fn new() -> Result<Self, Diagnostic> {
        let folder = tempfile::Builder::new().prefix("packctl-").tempdir().map_err(|error| {
            let error = Diagnostic::error("PK0219", format!("no temporary folder: {}", reason(&error)));
            error.help("helm runs in a copy of the chart; make room or set TMPDIR")
        })?;
        let copy = Self { folder, files: 0, bytes: 0, asks_for_time: false };
        for below in ["repository", "home", "tmp"] {
            fs::create_dir_all(copy.folder.path().join(below)).map_err(|error| full(&reason(&error)))?;
        }
        Ok(copy)
    }

    /// The copy's own folder.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The place that a file or folder of the repository has in the copy.
    pub(super) fn of(&self, source: &Source, real: &Path) -> PathBuf {
        self.folder.path().join("repository").join(real.strip_prefix(&source.repository).unwrap_or(Path::new("")))
    }

    /// Copies a file or folder of the repository to its place.
    pub(super) fn add(&mut self, source: &Source, real: &Path) -> Result<(), Diagnostic> {
        let to = self.of(source, real);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(|error| full(&reason(&error)))?;
        }
        self.copy(source, real, &to, 0)
    }

    fn copy(&mut self, source: &Source, from: &Path, to: &Path, level: usize) -> Result<(), Diagnostic> {
        let refuse = |what: String, help: &str| {
            let place = Some(source.tree.start_of(from));
            Err(Diagnostic::error("PK0219", format!("{} {what}", source.tree.shown(from))).place(place).help(help))
        };
        let real = match from.canonicalize() {
            Ok(real) if real.starts_with(&source.repository) => real,
            Ok(_) => return refuse(Refusal::Link.to_string(), "put the file itself into the chart"),
            Err(error) => {
                return refuse(format!("cannot be read: {}", reason(&error)), "remove it or correct the link");
            }
        };
        if real.is_dir() {
            if level > MAX_LEVELS {
                return refuse("is nested too deeply".into(), "is there a link to a folder above?");
            }
            fs::create_dir_all(to).map_err(|error| full(&reason(&error)))?;
            let entries = fs::read_dir(&real).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let mut entries = match entries {
                Ok(entries) => entries,
                Err(error) => return refuse(format!("cannot be read: {}", reason(&error)), "check its rights"),
            };
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries.iter().filter(|entry| entry.file_name() != ".git") {
                let name = entry.file_name();
                self.copy(source, &from.join(&name), &to.join(&name), level + 1)?;
            }
            return Ok(());
        }
        let metadata = fs::metadata(&real).map_err(|error| full(&reason(&error)))?;
        if !metadata.is_file() {
            return refuse("is no plain file".into(), "remove it from the chart");
        }
        self.files += 1;
        self.bytes += metadata.len();
        if self.files > MAX_FILES || self.bytes > MAX_BYTES {
            let megabytes = MAX_BYTES / 1024 / 1024;
            return refuse(
                format!("is one file too many: a chart may have {MAX_FILES} files and {megabytes} MB"),
                "remove what is no part of it",
            );
        }
        fs::copy(&real, to).map_err(|error| full(&reason(&error)))?;
        let in_templates = to.components().any(|part| part.as_os_str() == "templates");
        if in_templates && !self.asks_for_time {
            self.asks_for_time = fs::read(to).is_ok_and(|text| String::from_utf8_lossy(&text).contains("now"));
        }
        Ok(())
    }
}

/// The finding for a copy that could not be written.
pub(super) fn full(why: &str) -> Diagnostic {
    Diagnostic::error("PK0219", format!("the copy of the chart could not be written: {why}"))
        .help("make room, or set TMPDIR")
}
