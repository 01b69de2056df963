//! From `-f` to texts: which files an input means, and reading them within limits.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Inputs;
use super::tree::{reason, slashes};
use crate::api::Config;
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml;

/// The most files of one folder or run.
pub(crate) const MAX_FILES: usize = 10_000;
/// The deepest folder that is read.
const MAX_FOLDERS_DEEP: usize = 64;

/// A file of manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// As the user would name it.
    pub(super) shown: Arc<str>,
    /// Found in a folder, not named by the user.
    pub(super) walked: bool,
}

/// A folder that the user named.
#[derive(Clone, Debug, Default)]
pub(super) struct Folder {
    pub(super) shown: String,
    pub(super) files: usize,
    /// Folders below hold manifests that are not read.
    pub(super) deeper: bool,
}

/// What the inputs mean, by real path.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) files: BTreeMap<PathBuf, Found>,
    pub(super) folders: BTreeMap<PathBuf, Folder>,
    pub(super) stdin: bool,
    /// Some path was typed relative to the working directory.
    pub(super) relative: bool,
    pub(super) findings: Vec<Diagnostic>,
}

impl Gathered {
    pub(super) fn of(inputs: &Inputs) -> Self {
        let mut gathered = Self { relative: inputs.paths.is_empty(), ..Self::default() };
        // The order of the arguments must not show anywhere.
        let mut paths: Vec<&String> = inputs.paths.iter().collect();
        paths.sort();
        paths.dedup();
        for path in paths {
            if path == "-" {
                gathered.stdin = true;
                gathered.relative = true;
            } else {
                gathered.add(Path::new(path), inputs.recursive);
            }
        }
        gathered
    }

    fn add(&mut self, typed: &Path, recursive: bool) {
        self.relative |= typed.is_relative();
        let shown = slashes(typed);
        let real = match typed.canonicalize() {
            Ok(real) => real,
            Err(error) => return self.unreadable(&shown, &reason(&error)),
        };
        if real.is_dir() {
            let mut folder = Folder { shown, ..Folder::default() };
            self.walk(typed, &mut folder, recursive, 0);
            self.folders.entry(real).or_insert(folder);
        } else if typed.file_name().is_some_and(|name| name == Config::FILE) {
            let error = Diagnostic::error("PK0101", format!("{shown} is settings, not input"));
            self.findings.push(error.help("name its folder, or the manifests beside it"));
        } else {
            self.keep(real, Found { shown: shown.into(), walked: false });
        }
    }

    fn walk(&mut self, typed: &Path, folder: &mut Folder, recursive: bool, depth: usize) {
        let entries = match std::fs::read_dir(typed).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(entries) if depth <= MAX_FOLDERS_DEEP => entries,
            Ok(_) => return self.unreadable(&slashes(typed), "the folders are nested too deeply"),
            Err(error) => return self.unreadable(&slashes(typed), &reason(&error)),
        };
        for entry in entries {
            let path = typed.join(entry.file_name());
            let link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if path.is_dir() {
                if link && recursive {
                    let text = format!("{} is a link to a folder and is not followed", slashes(&path));
                    self.findings.push(Diagnostic::warning("PK0115", text).help("name the folder with -f"));
                } else if recursive && is_snapshot(&path) {
                    let text = format!("{} is a recorded world, not input: it is not read", slashes(&path));
                    self.findings.push(Diagnostic::warning("PK0118", text).help("--snapshot names it"));
                } else if recursive {
                    self.walk(&path, folder, recursive, depth + 1);
                } else if !link && holds_manifests(&path) {
                    folder.deeper = true;
                }
            } else if is_manifest(&path) {
                match path.canonicalize() {
                    Ok(real) if self.files.len() < MAX_FILES => {
                        folder.files += 1;
                        self.keep(real, Found { shown: slashes(&path).into(), walked: true });
                    }
                    Ok(_) => {
                        folder.files += 1;
                        let error = Diagnostic::error("PK0103", format!("more than {MAX_FILES} files"));
                        if self.findings.last() != Some(&error) {
                            self.findings.push(error);
                        }
                    }
                    Err(error) => self.unreadable(&slashes(&path), &reason(&error)),
                }
            }
        }
    }

    /// A file named twice has one name: the user's own before one that was found, then the first in order.
    fn keep(&mut self, real: PathBuf, found: Found) {
        let kept = self.files.entry(real).or_insert_with(|| found.clone());
        let best = if found.walked == kept.walked { found.shown < kept.shown } else { kept.walked };
        if best {
            *kept = found;
        }
    }

    fn unreadable(&mut self, shown: &str, why: &str) {
        let place = Place { file: shown.into(), line: 1, column: 1 };
        let error = Diagnostic::error("PK0101", format!("{shown} cannot be read: {why}"));
        self.findings.push(error.place(Some(place)).help("check the path after -f and the rights of the file"));
    }
}

/// Whether a folder's file is one that kubectl reads.
fn is_manifest(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("yaml" | "yml" | "json")) && path.file_name().is_some_and(|name| name != Config::FILE)
}

/// Whether a folder is what `packctl snapshot` writes.
fn is_snapshot(folder: &Path) -> bool {
    folder.join("version.json").is_file() && ["kubernetes", "keycloak"].iter().any(|side| folder.join(side).is_dir())
}

fn holds_manifests(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(|entry| is_manifest(&entry.path())))
}

/// The text of a file of at most [`yaml::MAX_BYTES`]; never waits for more than that, and reads plain files only.
pub(crate) fn read(path: &Path, file: &Arc<str>, plain: bool) -> Result<String, Diagnostic> {
    let place = Some(Place { file: file.clone(), line: 1, column: 1 });
    let unreadable = |why: String| {
        Diagnostic::error("PK0101", format!("{file} cannot be read: {why}")).place(place.clone()).help("check the file")
    };
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(reason(&error)))?;
    if plain && !metadata.is_file() {
        return Err(unreadable("it is no plain file".into()));
    }
    if metadata.len() > yaml::MAX_BYTES as u64 {
        return Err(yaml::too_long(file));
    }
    let mut reader = File::open(path).map_err(|error| unreadable(reason(&error)))?;
    read_from(&mut reader, file)
}

/// The text of a stream of at most [`yaml::MAX_BYTES`].
pub(super) fn read_from(reader: &mut dyn Read, file: &Arc<str>) -> Result<String, Diagnostic> {
    let mut bytes = Vec::new();
    reader.take(yaml::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| {
        Diagnostic::error("PK0101", format!("{file} cannot be read: {}", reason(&error))).help("check the file")
    })?;
    yaml::text_of(file, bytes)
}
