//! The repository around the inputs: where it ends, and what its folders are called.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::api::Config;
use crate::diagnostic::{Diagnostic, Place};

/// The working tree that the inputs stand in.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Nothing outside is read: the folder of `.git`, else of `packctl.yaml`, else of the input.
    pub root: PathBuf,
    /// The folder that paths in `packctl.yaml` start from.
    pub base: PathBuf,
    /// The working directory where people typed relative paths; then names are relative to it.
    typed_from: Option<PathBuf>,
    /// The trees of all inputs, where they stand in several.
    roots: Vec<PathBuf>,
}

/// One input's surroundings.
struct Around {
    root: PathBuf,
    config: Option<PathBuf>,
}

impl Tree {
    /// Finds the tree of the inputs: real paths, with whether each is a folder. Gives the real path of `packctl.yaml` too.
    pub(super) fn find(inputs: &BTreeMap<PathBuf, bool>, relative: bool) -> (Self, Option<PathBuf>, Vec<Diagnostic>) {
        let here = std::env::current_dir().ok().and_then(|path| path.canonicalize().ok());
        let typed_from = here.clone().filter(|_| relative);
        let mut around: Vec<Around> = inputs.iter().map(|(path, is_folder)| Around::find(path, *is_folder)).collect();
        if around.is_empty() {
            around.push(Around::find(&here.unwrap_or_default(), true));
        }
        around.sort_by(|a, b| b.config.is_some().cmp(&a.config.is_some()).then_with(|| a.root.cmp(&b.root)));
        let mut configs: Vec<&PathBuf> = around.iter().filter_map(|around| around.config.as_ref()).collect();
        configs.sort();
        configs.dedup();
        let root = around.first().map(|around| around.root.clone()).unwrap_or_default();
        let config = configs.first().map(|path| (*path).clone());
        let base = config.as_deref().and_then(Path::parent).map_or_else(|| root.clone(), Path::to_path_buf);
        let roots = around.iter().map(|around| around.root.clone()).collect();
        let tree = Self { root, base, typed_from, roots };
        let mut findings = Vec::new();
        if let [first, second, ..] = configs.as_slice() {
            let text = format!("the inputs belong to {} and to {}", tree.shown(first), tree.shown(second));
            findings.push(Diagnostic::error("PK0114", text).help("plan them one after the other"));
        }
        (tree, config, findings)
    }

    /// The real path of a folder or file named relative to `from`, if it exists and does not leave `within`.
    pub fn resolve(&self, within: &Path, from: &Path, name: &str) -> Result<PathBuf, Refusal> {
        let path = from.join(name.trim_start_matches('/'));
        let mut depth = Vec::new();
        for part in path.components() {
            match part {
                Component::ParentDir => {
                    depth.pop();
                }
                Component::CurDir => {}
                other => depth.push(other),
            }
        }
        let lexical: PathBuf = depth.into_iter().collect();
        if name.contains('\0') || !lexical.starts_with(within) {
            return Err(Refusal::Outside);
        }
        let real = path.canonicalize().map_err(|error| Refusal::Unreadable(reason(&error)))?;
        if real.starts_with(within) { Ok(real) } else { Err(Refusal::Link) }
    }

    /// Whether a real path lies in the tree of some input.
    pub(super) fn holds(&self, path: &Path) -> bool {
        self.roots.iter().any(|root| path.starts_with(root))
    }

    /// What people would type to name a real path.
    pub fn shown(&self, path: &Path) -> String {
        let Some(here) = &self.typed_from else { return slashes(path) };
        let common = here.components().zip(path.components()).take_while(|(a, b)| a == b).count();
        let mut shown = PathBuf::new();
        for _ in here.components().skip(common) {
            shown.push("..");
        }
        shown.extend(path.components().skip(common));
        if shown.as_os_str().is_empty() { ".".into() } else { slashes(&shown) }
    }

    /// A real path relative to the root, the same from wherever it is asked; `.` for the root.
    pub fn inside(&self, path: &Path) -> String {
        match path.strip_prefix(&self.root) {
            Ok(rest) if rest.as_os_str().is_empty() => ".".into(),
            Ok(rest) => slashes(rest),
            Err(_) => slashes(path),
        }
    }

    /// The beginning of a file, as a place.
    pub fn start_of(&self, path: &Path) -> Place {
        Place { file: Arc::from(self.shown(path)), line: 1, column: 1 }
    }
}

/// Why a name is not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It leads out of the repository.
    Outside,
    /// A symbolic link leads out of the repository.
    Link,
    /// The system says why.
    Unreadable(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Outside => f.write_str("leads out of the repository"),
            Self::Link => f.write_str("leads out of the repository by a symbolic link"),
            Self::Unreadable(reason) => write!(f, "cannot be read: {reason}"),
        }
    }
}

impl Around {
    fn find(path: &Path, is_folder: bool) -> Self {
        let start = if is_folder { path } else { path.parent().unwrap_or(path) };
        let config_in = |folder: &Path| Some(folder.join(Config::FILE)).filter(|file| file.is_file());
        if let Some(git) = start.ancestors().find(|folder| folder.join(".git").exists()) {
            let inside = start.ancestors().take_while(|folder| folder.starts_with(git));
            return Self { root: git.to_path_buf(), config: inside.filter_map(config_in).next() };
        }
        // Without a repository only what lies in or beside the input is believed.
        let beside = if is_folder { start.parent() } else { None };
        let config = config_in(start).or_else(|| beside.and_then(config_in));
        let root = config.as_deref().and_then(Path::parent).unwrap_or(start).to_path_buf();
        Self { root, config }
    }
}

/// A path with forward slashes and without a leading `./`.
pub(super) fn slashes(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    let text = text.trim_start_matches("./").trim_end_matches('/');
    if text.is_empty() { "/".into() } else { text.into() }
}

/// What the system says, in a few words.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_as_people_type_them() {
        let tree = Tree { typed_from: Some("/home/me/repo/apps".into()), ..Tree::default() };
        let shown = |path: &str| tree.shown(Path::new(path));
        assert_eq!(shown("/home/me/repo/apps/a.yaml"), "a.yaml");
        assert_eq!(shown("/home/me/repo/packctl.yaml"), "../packctl.yaml");
        assert_eq!(shown("/home/me/repo/apps"), ".");
        assert_eq!(Tree::default().shown(Path::new("/x/a.yaml")), "/x/a.yaml");
        assert_eq!(slashes(Path::new("./apps/")), "apps");
    }
}
