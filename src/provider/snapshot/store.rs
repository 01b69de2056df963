//! The folder's files, replaced.
//!
//! All new texts are written beside their places first, so that a full disk or a folder that may not be written is found
//! before anything changes; then each takes its place by a rename. Whoever is killed in between leaves whole files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Error, ErrorKind, Result, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::perform::Changes;
use super::secrets::{Numbers, Written, ids, mask};
use super::{Contents, layout};
use crate::observed::{Coverage, ListOf, Live};
use crate::provider::WriteError;
use crate::resource::{Address, SecretId, Secrets};
use crate::yaml;

/// The right to write into a folder, held until it is dropped: of two runs the second is refused.
#[derive(Debug)]
pub struct Claim(#[expect(dead_code, reason = "its lock is what is held")] Option<File>);

impl Claim {
    /// Claims a snapshot's folder.
    ///
    /// # Errors
    /// Another program holds it, or it cannot be written.
    pub fn of(dir: &Path) -> Result<Self> {
        let probe = dir.join(".packctl");
        File::create(&probe).and_then(|_| fs::remove_file(&probe))?;
        // Where a folder cannot be locked nobody can hold it.
        let Ok(folder) = File::open(dir) else { return Ok(Self(None)) };
        match folder.try_lock() {
            Ok(()) => Ok(Self(Some(folder))),
            Err(fs::TryLockError::WouldBlock) => {
                Err(Error::new(ErrorKind::ResourceBusy, "another packctl is writing to it"))
            }
            Err(fs::TryLockError::Error(_)) => Ok(Self(None)),
        }
    }
}

/// Which object stands in which file, and which number stands for which secret.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    dir: PathBuf,
    shown: String,
    files: BTreeMap<Address, String>,
    numbers: Numbers,
    /// Objects in whose files a secret's value itself stands.
    plain: BTreeMap<SecretId, BTreeSet<Address>>,
    /// Objects that were deleted in this run, and how often.
    deleted: BTreeMap<Address, usize>,
    /// `coverage.json` has to be written.
    gaps_changed: bool,
}

impl Store {
    /// The files of a folder as it was read.
    pub(super) fn new(dir: &Path, shown: &str, files: BTreeMap<Address, String>, written: Written) -> Self {
        let Written { numbers, plain } = written;
        Self { dir: dir.into(), shown: shown.into(), files, numbers, plain, ..Self::default() }
    }

    /// How many objects of this address were there before, as far as this run knows.
    pub(super) fn made_before(&self, address: &Address) -> usize {
        self.deleted.get(address).copied().unwrap_or(0)
    }

    /// The placeholder, in this run, of a secret that nobody had before.
    pub(super) fn new_secret(&mut self, secrets: &Secrets) -> String {
        let number = self.numbers.next();
        let id = secrets.intern_placeholder(&number.placeholder());
        self.numbers.know(id, number);
        id.placeholder()
    }

    /// Remembers that an object was there; where its list could not be read, `coverage.json` says that it is not.
    pub(super) fn forget(&mut self, address: &Address, contents: &mut Contents) {
        *self.deleted.entry(address.clone()).or_insert(0) += 1;
        let (side, group, kind) = (address.side.clone(), address.group.clone(), address.kind.clone());
        if contents.coverage(&ListOf { side, group, kind, selector: None }) != Coverage::Complete {
            contents.gaps.objects.insert(address.clone(), None);
            self.gaps_changed = true;
        }
    }

    /// Writes changed objects, `first` before the others, and takes away those that are gone.
    pub(super) fn write(
        &mut self,
        secrets: &Secrets,
        contents: &Contents,
        first: Option<&Address>,
        changes: &Changes,
    ) -> std::result::Result<(), WriteError> {
        let mut new = Vec::new();
        if self.gaps_changed {
            let text = contents.gaps.write(secrets).as_ref().map(pretty);
            new.push(self.new_file(layout::COVERAGE.into(), text)?);
        }
        let mut all: BTreeMap<Address, Option<Value>> = changes.clone();
        all.extend(self.also_told(changes, contents));
        let order = first.into_iter().chain(all.keys().filter(|address| Some(*address) != first));
        for address in order {
            let Some(value) = all.get(address) else { continue };
            let file = self.files.get(address).cloned().unwrap_or_else(|| layout::file(address));
            let text = value.as_ref().map(|value| {
                let mut value = value.clone();
                self.numbers.renumber(address, &mut value, secrets);
                mask(&mut value, secrets);
                if file.ends_with(".json") { pretty(&value) } else { yaml::write(&value) }
            });
            new.push(self.new_file(file, text)?);
        }
        for (done, file) in new.iter().enumerate() {
            let error = |error: Error| match done {
                0 => WriteError::Unavailable(self.told(&file.name, &error)),
                _ => WriteError::OutcomeUnknown(self.told(&file.name, &error)),
            };
            file.install().map_err(error)?;
        }
        for (address, value) in all {
            if value.is_some() {
                let file = layout::file(&address);
                self.files.entry(address).or_insert(file);
            } else {
                self.tidy(&address);
                self.files.remove(&address);
            }
        }
        self.gaps_changed = false;
        Ok(())
    }

    /// Other objects in whose files the value of a secret stands that from now on is a number.
    fn also_told(&mut self, changes: &Changes, contents: &Contents) -> Changes {
        let mut others = Changes::new();
        for (address, value) in changes {
            let Some(value) = value else { continue };
            for id in ids(address, value) {
                for holder in self.plain.remove(&id).into_iter().flatten() {
                    if let (false, Some(live)) = (changes.contains_key(&holder), contents.objects.get(&holder)) {
                        others.insert(holder, Some(whole(live)));
                    }
                }
            }
        }
        others
    }

    fn new_file(&self, name: String, text: Option<String>) -> std::result::Result<NewFile, WriteError> {
        let place = self.dir.join(&name);
        NewFile::beside(place, name.clone(), text).map_err(|error| WriteError::Unavailable(self.told(&name, &error)))
    }

    fn told(&self, name: &str, error: &Error) -> String {
        format!("{}/{name}: {error}", self.shown.trim_end_matches('/'))
    }

    /// Takes away folders that an object leaves empty, up to that of its group. A realm's folder says that it is known.
    fn tidy(&self, address: &Address) {
        let folder = PathBuf::from(layout::folder(address));
        if !address.is_keycloak() {
            for folder in folder.ancestors().take(3) {
                if fs::remove_dir(self.dir.join(folder)).is_err() {
                    break;
                }
            }
        }
    }
}

/// A file's next state, beside its place; dropped without being installed, it is taken away.
struct NewFile {
    name: String,
    place: PathBuf,
    beside: Option<PathBuf>,
}

impl NewFile {
    fn beside(place: PathBuf, name: String, text: Option<String>) -> Result<Self> {
        let mut new = Self { name, place, beside: None };
        let Some(text) = text else { return Ok(new) };
        let broken = || Error::new(ErrorKind::InvalidInput, "it is no file's name");
        let (folder, file) = new.place.parent().zip(new.place.file_name()).ok_or_else(broken)?;
        fs::create_dir_all(folder)?;
        // What begins with a dot is nobody's: a file that a killed run leaves is written over.
        let beside = folder.join(format!(".{}.new", file.to_string_lossy()));
        new.beside = Some(beside.clone());
        let mut file = File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        if let Ok(about) = fs::metadata(&new.place) {
            fs::set_permissions(&beside, about.permissions())?;
        }
        Ok(new)
    }

    fn install(&self) -> Result<()> {
        match &self.beside {
            Some(beside) => fs::rename(beside, &self.place),
            None => match fs::remove_file(&self.place) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            // Installed, it is not there any more.
            let _ = fs::remove_file(beside);
        }
    }
}

/// The object as it stands in the world, managedFields too.
pub(super) fn whole(live: &Live) -> Value {
    serde_json::from_str(live.raw()).unwrap_or(Value::Null)
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
