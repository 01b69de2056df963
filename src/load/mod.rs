//! Stage 1: files, folders and standard input become documents, Applications, and the settings of the repository.
//!
//! A folder is read as kubectl reads it. Nothing is left out in silence: what cannot be read is a finding.

mod files;
mod object;
mod secret;
mod tree;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use files::{Found, Gathered};
pub(crate) use files::{MAX_FILES, read as read_file};
pub use object::check_object;
pub use secret::conceal;
pub(crate) use secret::redacted;
pub(crate) use tree::reason;
pub use tree::{Refusal, Tree};

use crate::api::{Application, Config, Setting};
use crate::diagnostic::{Diagnostic, Place, Severity, SourceMap};
use crate::resource::Secrets;
use crate::yaml::{self, Document};

/// What people named with `-f`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Files, folders, or `-` for standard input.
    pub paths: Vec<String>,
    /// Folders below too (`-R`).
    pub recursive: bool,
}

/// Everything that the inputs say.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Plain manifests, NebariApps among them; no Applications, nothing that a pack of the run delivers.
    pub documents: Vec<Document>,
    /// The packs that are Applications, in order of namespace and name.
    pub applications: Vec<Application>,
    /// `packctl.yaml`.
    pub config: Config,
    /// The packs that `packctl.yaml` names and the inputs mean.
    pub folders: Vec<PackFolder>,
    /// The texts of the inputs, without secret values.
    pub sources: SourceMap,
    /// What is wrong, and what people should know.
    pub diagnostics: Vec<Diagnostic>,
    /// Nothing outside of it is read; the same as `tree.root`.
    pub root: PathBuf,
    /// The repository around the inputs.
    pub tree: Tree,
}

/// An entry of `packs:` in `packctl.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackFolder {
    /// The pack's name.
    pub name: String,
    /// Its folder, a real path inside the repository.
    pub folder: PathBuf,
    /// The folder as people would type it.
    pub shown: String,
    /// Where `packctl.yaml` names it.
    pub place: Place,
}

/// One text and what it holds.
struct Text {
    real: Option<PathBuf>,
    found: Found,
    documents: Result<Vec<Document>, Diagnostic>,
}

/// Reads the inputs. It never fails as a whole: what is wrong is in [`Loaded::diagnostics`].
pub fn load(inputs: &Inputs, stdin: &mut dyn Read, secrets: &Secrets) -> Loaded {
    let mut gathered = Gathered::of(inputs);
    let mut loaded = Loaded { diagnostics: std::mem::take(&mut gathered.findings), ..Loaded::default() };
    loaded.find_tree(&gathered);
    loaded.find_folders(&gathered, inputs.recursive);

    let mut texts: Vec<Text> = Vec::new();
    if gathered.stdin {
        let found = Found { shown: "-".into(), walked: false };
        texts.push(loaded.read(None, found, |file| files::read_from(stdin, file)));
    }
    for (real, found) in &gathered.files {
        // What the user named is trusted; what lies in a folder may be a link that a pull request made.
        if found.walked && !loaded.tree.holds(real) {
            let error = Diagnostic::error("PK0115", format!("{} {}", found.shown, Refusal::Link));
            loaded.diagnostics.push(error.place(Some(start(&found.shown))).help("put the file itself into the folder"));
            continue;
        }
        texts.push(loaded.read(Some(real), found.clone(), |file| files::read(real, file, found.walked)));
    }
    texts.sort_by(|a, b| a.found.shown.cmp(&b.found.shown));

    loaded.refuse_nothing(&texts, &gathered);
    loaded.take_applications(&mut texts);
    let delivered = loaded.delivered_folders();
    for text in texts {
        let of_a_pack = |folder: &PathBuf| text.real.as_ref().is_some_and(|real| real.starts_with(folder));
        if text.found.walked && delivered.iter().any(of_a_pack) {
            continue;
        }
        match text.documents {
            Ok(documents) => documents.into_iter().for_each(|document| loaded.take(document, secrets)),
            Err(error) => loaded.diagnostics.push(error),
        }
    }
    loaded.refuse_namesakes();
    loaded.diagnostics.sort_by(|a, b| {
        (&a.place, &a.severity, &a.code, &a.message).cmp(&(&b.place, &b.severity, &b.code, &b.message))
    });
    loaded
}

impl Loaded {
    /// Whether anything is wrong with the inputs themselves.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|finding| finding.severity == Severity::Error)
    }

    fn find_tree(&mut self, gathered: &Gathered) {
        let mut starts: BTreeMap<PathBuf, bool> = gathered.folders.keys().map(|path| (path.clone(), true)).collect();
        starts.extend(gathered.files.iter().filter(|(_, found)| !found.walked).map(|(path, _)| (path.clone(), false)));
        let (tree, config, findings) = Tree::find(&starts, gathered.relative);
        self.root = tree.root.clone();
        self.tree = tree;
        self.diagnostics.extend(findings);
        let Some(path) = config else { return };
        let file: Arc<str> = self.tree.shown(&path).into();
        let inside = path.canonicalize().is_ok_and(|real| real.starts_with(&self.root));
        if !inside {
            let error = Diagnostic::error("PK0115", format!("{file} {}", Refusal::Link));
            return self.diagnostics.push(error.place(Some(start(&file))).help("put the file itself there"));
        }
        let read = read_file(&path, &file, true).and_then(|text| {
            let documents = yaml::read_all(&file, &text);
            self.sources.0.insert(file.clone(), text.into());
            documents
        });
        match read {
            Ok(documents) => {
                let (config, findings) = Config::from_documents(&file, &documents);
                self.config = config;
                if findings.iter().any(|found| found.code == Config::CREDENTIAL) {
                    self.sources.0.remove(&file);
                }
                self.diagnostics.extend(findings);
            }
            Err(error) => self.diagnostics.push(error),
        }
    }

    /// The packs of `packctl.yaml` that the inputs mean: all for its own folder, else those whose folder is named.
    fn find_folders(&mut self, gathered: &Gathered, recursive: bool) {
        let mut meant = Vec::new();
        for (name, setting) in &self.config.packs {
            let folder = match self.folder(setting) {
                Ok(folder) => folder,
                Err(error) => {
                    self.diagnostics.push(error.field(format!("packs.{name}")));
                    continue;
                }
            };
            let named = |input: &PathBuf| {
                *input == self.tree.base || *input == folder || (recursive && folder.starts_with(input))
            };
            if gathered.folders.keys().any(named) {
                let shown = self.tree.shown(&folder);
                meant.push(PackFolder { name: name.clone(), folder, shown, place: setting.place.clone() });
            }
        }
        self.folders = meant;
        for (real, folder) in &gathered.folders {
            let holds_pack = self.folders.iter().any(|pack| pack.folder.starts_with(real) || *real == self.tree.base);
            if folder.files == 0 && !holds_pack {
                let error = Diagnostic::error("PK0102", format!("{} holds no manifests", folder.shown));
                let help = if folder.deeper {
                    "its folders below hold some: add -R to read them"
                } else {
                    "manifests end in .yaml, .yml or .json"
                };
                self.diagnostics.push(error.place(Some(start(&folder.shown.as_str().into()))).help(help));
            }
        }
    }

    /// A pipe that broke or a file that was cut off must not look like a plan without changes.
    fn refuse_nothing(&mut self, texts: &[Text], gathered: &Gathered) {
        let holds_none = |text: &Text| text.documents.as_ref().is_ok_and(Vec::is_empty);
        let mut empty: Vec<String> = texts
            .iter()
            .filter(|text| !text.found.walked && holds_none(text))
            .map(|text| if text.real.is_none() { "standard input".into() } else { text.found.shown.to_string() })
            .collect();
        let (mut walked, packs) = (texts.iter().filter(|text| text.found.walked).peekable(), !self.folders.is_empty());
        if walked.peek().is_some() && walked.all(holds_none) && !packs {
            let filled = gathered.folders.values().filter(|folder| folder.files > 0);
            empty.extend(filled.map(|folder| folder.shown.clone()));
        }
        for shown in empty {
            let error = Diagnostic::error("PK0102", format!("{shown} holds no manifests"));
            self.diagnostics.push(error.help("it holds no object at all: was it written to the end?"));
        }
    }

    /// A folder that `packctl.yaml` names.
    pub fn folder(&self, setting: &Setting<String>) -> Result<PathBuf, Diagnostic> {
        let name = &setting.value;
        let help = "name a folder inside the repository, relative to packctl.yaml";
        let refuse = |what: String| Diagnostic::error("PK0113", what).place(Some(setting.place.clone())).help(help);
        if name.starts_with('/') {
            return Err(refuse(format!("the folder `{name}` is not relative")));
        }
        match self.tree.resolve(&self.root, &self.tree.base, name) {
            Ok(folder) if folder.is_dir() => Ok(folder),
            Ok(_) => Err(refuse(format!("`{name}` is no folder"))),
            Err(refusal) => Err(refuse(format!("the folder `{name}` {refusal}"))),
        }
    }

    /// The folder of an Application's source, and that of its repository.
    pub fn source_folder(&self, application: &Application) -> Result<(PathBuf, PathBuf), Diagnostic> {
        let document = &application.document;
        let Some(setting) = self.config.folder_of(&application.repo_url) else {
            let url = &application.repo_url;
            let text = format!("no folder stands for the repository {url}");
            let where_to = self.config.file.as_ref().map_or_else(
                || format!("packctl.yaml, a new file in {}", self.tree.shown(&self.tree.base)),
                ToString::to_string,
            );
            let help = format!("write `repositories: {{\"{url}\": FOLDER}}` in {where_to}");
            let place = document.place("/spec/source/repoURL");
            return Err(Diagnostic::error("PK0204", text).field("spec.source.repoURL").place(Some(place)).help(help));
        };
        let repository = self.folder(setting)?;
        let refuse = |what: String| {
            let place = document.place("/spec/source/path");
            let help = format!("the repository is the folder {}", self.tree.shown(&repository));
            Diagnostic::error("PK0205", what).field("spec.source.path").place(Some(place)).help(help)
        };
        let path = &application.path;
        if path.starts_with('/') {
            return Err(refuse(format!("the path `{path}` is not relative")));
        }
        match self.tree.resolve(&repository, &repository, path) {
            Ok(folder) if folder.is_dir() => Ok((folder, repository)),
            Ok(_) => Err(refuse(format!("the path `{path}` is no folder"))),
            Err(refusal) => Err(refuse(format!("the path `{path}` {refusal}"))),
        }
    }

    fn read(
        &mut self,
        real: Option<&Path>,
        found: Found,
        read: impl FnOnce(&Arc<str>) -> Result<String, Diagnostic>,
    ) -> Text {
        let documents = read(&found.shown).and_then(|text| {
            let documents = yaml::read_all(&found.shown, &text);
            if let Some(shown) = shown_text(&text, documents.as_deref().ok()) {
                self.sources.0.insert(found.shown.clone(), shown.into());
            }
            documents
        });
        Text { real: real.map(Path::to_path_buf), found, documents }
    }

    fn take_applications(&mut self, texts: &mut [Text]) {
        for text in texts {
            let Ok(documents) = &mut text.documents else { continue };
            let all = std::mem::take(documents);
            for document in all {
                if !Application::is_one(&document) {
                    documents.push(document);
                } else if let Err(error) = check_object(&document) {
                    self.diagnostics.push(error);
                } else {
                    self.applications.push(Application::from_document(document));
                }
            }
        }
        self.applications.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    }

    /// Folders whose manifests belong to a pack of this run: a folder input must not bring them a second time.
    fn delivered_folders(&self) -> Vec<PathBuf> {
        let sources = self.applications.iter().filter_map(|application| self.source_folder(application).ok());
        sources.map(|(folder, _)| folder).chain(self.folders.iter().map(|pack| pack.folder.clone())).collect()
    }

    fn take(&mut self, mut document: Document, secrets: &Secrets) {
        let taken = check_object(&document).and_then(|()| conceal(&mut document, secrets));
        match (taken, document.kind()) {
            (Err(error), _) => self.diagnostics.push(error),
            (Ok(()), Some(("argoproj.io", _, "ApplicationSet"))) => {
                let error = Diagnostic::error("PK0109", "an ApplicationSet is not supported yet");
                let error = error.place(Some(document.place("/kind")));
                self.diagnostics.push(error.help("name the Applications that it makes"));
            }
            (Ok(()), _) => self.documents.push(document),
        }
    }

    /// Two packs of one name would take each other's objects away: neither is planned.
    fn refuse_namesakes(&mut self) {
        let mut places: BTreeMap<(String, String), Vec<Place>> = BTreeMap::new();
        for application in &self.applications {
            let id = (application.namespace.clone(), application.name.clone());
            places.entry(id).or_default().push(application.document.place("/metadata/name"));
        }
        for pack in &self.folders {
            places.entry(("packs".into(), pack.name.clone())).or_default().push(pack.place.clone());
        }
        places.retain(|_, places| places.len() > 1);
        let named_twice = |id: (&str, &str)| places.keys().find(|known| (known.0.as_str(), known.1.as_str()) == id);
        for application in &mut self.applications {
            let Some(id) = named_twice((&application.namespace, &application.name)) else { continue };
            let others: Vec<_> = places[id].iter().map(ToString::to_string).collect();
            let text = format!("the pack {}/{} is there more than once: {}", id.0, id.1, others.join(", "));
            let error = Diagnostic::error("PK0117", text).object(&application.address());
            let place = application.document.place("/metadata/name");
            application.refused.push(error.place(Some(place)).help("keep one, or give the other another name"));
        }
        let twice: Vec<String> = places.keys().filter(|id| id.0 == "packs").map(|id| id.1.clone()).collect();
        for pack in self.folders.iter().filter(|pack| twice.contains(&pack.name)) {
            let text = format!("the pack packs/{} is also an Application", pack.name);
            let error = Diagnostic::error("PK0117", text).place(Some(pack.place.clone()));
            self.diagnostics.push(error.help("give one of them another name"));
        }
        self.folders.retain(|pack| !twice.contains(&pack.name));
    }
}

/// The text as it may be shown; a text that could not be read is shown only if no Secret can be in it.
pub(crate) fn shown_text(text: &str, documents: Option<&[Document]>) -> Option<String> {
    match documents {
        Some(documents) => redacted(text, documents),
        None => (!text.contains("Secret")).then(|| text.to_owned()),
    }
}

fn start(file: &Arc<str>) -> Place {
    Place { file: file.clone(), line: 1, column: 1 }
}

#[cfg(test)]
mod tests;
