//! A folder of manifests, read as Argo CD reads it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};

use super::{RenderPlan, Rendered, Renderer, Source};
use crate::api::{Config, DirectorySource};
use crate::diagnostic::{Diagnostic, Place};
use crate::load::{MAX_FILES, Refusal, check_object, read_file, reason, shown_text};
use crate::yaml;

/// Renders a folder of manifests: it reads them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Directory;

/// The comment that keeps a file out of Argo CD's sight, anywhere in it.
const SKIP: &str = "+argocd:skip-file-rendering";
/// More levels than any folder of manifests has.
const MAX_LEVELS: usize = 64;

impl Renderer for Directory {
    fn render(&self, source: &Source) -> Rendered {
        let mut rendered = Rendered { renderer: "directory".into(), ..Rendered::default() };
        let RenderPlan::Directory { options, strict } = &source.plan else { return rendered };
        let filter = match Filter::new(options, source) {
            Ok(filter) => filter,
            Err(error) => {
                rendered.failed.push(error);
                return rendered;
            }
        };
        let mut files = Vec::new();
        walk(source, &source.folder, options.recurse, 0, &mut files, &mut rendered.failed);
        files.sort();
        for path in files.iter().filter(|path| filter.takes(path.strip_prefix(&source.folder).unwrap_or(path))) {
            if let Err(error) = read(source, path, *strict, &mut rendered) {
                rendered.failed.push(error);
            }
        }
        rendered
    }
}

fn walk(
    source: &Source,
    folder: &Path,
    recurse: bool,
    level: usize,
    files: &mut Vec<PathBuf>,
    failed: &mut Vec<Diagnostic>,
) {
    let mut refuse = |what: String| {
        let error = Diagnostic::error("PK0205", format!("{} {what}", source.tree.shown(folder)));
        failed.push(error.place(Some(source.place.clone())).help("name a smaller folder"));
    };
    let entries = match std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(_) if level > MAX_LEVELS || files.len() > MAX_FILES => return refuse("holds too much".into()),
        Ok(entries) => entries,
        Err(error) => return refuse(format!("cannot be read: {}", reason(&error))),
    };
    for entry in entries {
        let path = entry.path();
        // A link to a folder is not followed, as Argo CD does not.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if recurse {
                walk(source, &path, recurse, level + 1, files, failed);
            }
        } else {
            files.push(path);
        }
    }
}

fn read(source: &Source, path: &Path, strict: bool, rendered: &mut Rendered) -> Result<(), Diagnostic> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let file: Arc<str> = source.tree.shown(path).into();
    let start = Some(Place { file: file.clone(), line: 1, column: 1 });
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    match ending {
        Some("jsonnet") => {
            let error = Diagnostic::error("PK0207", "jsonnet is not supported yet").place(start);
            return Err(error.help("render it, and name the folder of the result"));
        }
        Some("yaml" | "yml" | "json") if name != Config::FILE => {}
        _ => return Ok(()),
    }
    let real = path.canonicalize().map_err(|error| {
        let error = Diagnostic::error("PK0205", format!("{file} cannot be read: {}", reason(&error)));
        error.place(start.clone()).help("remove the file or correct the link")
    })?;
    if !real.starts_with(&source.repository) {
        let error = Diagnostic::error("PK0205", format!("{file} {}", Refusal::Link)).place(start);
        return Err(error.help("put the file itself into the folder"));
    }
    let text = read_file(&real, &file, true)?;
    if !strict && text.contains(SKIP) {
        return Ok(());
    }
    let documents = yaml::read_all(&file, &text);
    if let Some(shown) = shown_text(&text, documents.as_deref().ok()) {
        rendered.sources.0.insert(file.clone(), shown.into());
    }
    let wrong = match &documents {
        Ok(documents) => documents.iter().find_map(|document| check_object(document).err()),
        Err(error) => Some(error.clone()),
    };
    let Some(error) = wrong else {
        rendered.documents.extend(documents.unwrap_or_default());
        return Ok(());
    };
    // Argo CD complains of a file only if it looks like a manifest, or holds one beside what is wrong.
    let holds_one = documents.is_ok_and(|documents| documents.iter().any(|document| check_object(document).is_ok()));
    let looks_like_one = ["apiVersion:", "kind:", "metadata:"].iter().all(|key| text.contains(key));
    if strict || holds_one || looks_like_one || ending == Some("json") {
        return Err(error);
    }
    let note = Diagnostic::warning("PK0218", format!("{file} holds no manifest and is passed over"));
    rendered.notes.push(note.place(start).help("move it out of the folder, or exclude it"));
    Ok(())
}

/// `include` and `exclude`: globs on the path below the folder, where `*` also matches `/`.
struct Filter {
    include: Option<GlobMatcher>,
    exclude: Option<GlobMatcher>,
}

impl Filter {
    fn new(options: &DirectorySource, source: &Source) -> Result<Self, Diagnostic> {
        let glob = |glob: &Option<String>, field: &str| {
            let Some(glob) = glob else { return Ok(None) };
            match GlobBuilder::new(glob).literal_separator(false).build() {
                Ok(glob) => Ok(Some(glob.compile_matcher())),
                Err(_) => {
                    let field = format!("spec.source.directory.{field}");
                    let error = Diagnostic::error("PK0202", format!("`{field}` is no pattern: {glob}"));
                    Err(error.field(field).place(Some(source.place.clone())).help("write a pattern like `*.yaml`"))
                }
            }
        };
        Ok(Self { include: glob(&options.include, "include")?, exclude: glob(&options.exclude, "exclude")? })
    }

    fn takes(&self, path: &Path) -> bool {
        self.include.as_ref().is_none_or(|glob| glob.is_match(path))
            && !self.exclude.as_ref().is_some_and(|glob| glob.is_match(path))
    }
}
