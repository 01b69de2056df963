//! What a chart says of itself, and of what helm says about it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde_json::Value;

use super::Source;
use super::process::Failure;
use crate::diagnostic::{Diagnostic, Place};
use crate::load::{read_file, reason};
use crate::yaml::{self, Document};

/// `Chart.yaml`, as far as rendering needs it.
pub(super) struct Chart {
    document: Document,
    pub(super) version: Option<String>,
    /// Folders of `file://` dependencies, with the name that helm knows each by.
    dependencies: Vec<(String, PathBuf)>,
}

/// Dependencies of dependencies, and so on.
const MAX_LEVELS: usize = 8;
/// A message longer than this is cut.
const MAX_SAID: usize = 2_000;

static TEMPLATE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9._-]+/((?:charts/[^/:\s]+/)*templates/[^:\s()]+):(\d+)?").ok());

impl Chart {
    pub(super) fn read(source: &Source) -> Result<Self, Diagnostic> {
        let document = chart_file(source, &source.folder)?;
        let version = document.text("/version").map(str::to_owned);
        let mut dependencies = Vec::new();
        gather(source, &source.folder, &document, 0, &mut dependencies)?;
        Ok(Self { document, version, dependencies })
    }

    /// The folders of `file://` dependencies, also those of dependencies: all of them inside the repository.
    pub(super) fn local_dependencies(&self) -> impl Iterator<Item = &Path> {
        self.dependencies.iter().map(|(_, folder)| folder.as_path())
    }

    /// Whether `helm dependency build` can help without a network: only where all dependencies are folders.
    pub(super) fn can_build_dependencies(&self, source: &Source, said: &str) -> Result<(), Diagnostic> {
        let dependencies = self.document.value.get("dependencies").and_then(Value::as_array);
        let folders = |value: &Value| value["repository"].as_str().is_some_and(|url| url.starts_with("file://"));
        if dependencies.is_some_and(|all| all.iter().all(folders)) {
            return Ok(());
        }
        let missing = said.rsplit("charts/ directory:").next().unwrap_or_default().lines().next().unwrap_or_default();
        let text = format!("dependencies of the chart are not in its folder charts/: {}", missing.trim());
        let help = format!("run `helm dependency build {}` and commit charts/", source.tree.shown(&source.folder));
        Err(Diagnostic::error("PK0217", text).place(Some(self.document.place("/dependencies"))).help(help))
    }

    /// The objects that helm printed, each with the template that it comes from.
    pub(super) fn documents(&self, source: &Source, printed: &[u8]) -> Result<Vec<Document>, Diagnostic> {
        let printed = String::from_utf8_lossy(printed);
        let mut documents = Vec::new();
        let mut file = source.tree.start_of(&source.folder.join("Chart.yaml")).file;
        for part in parts(&printed) {
            if let Some(template) = part.template {
                file = self.template(source, template);
            }
            let read = yaml::text_of(&file, part.text.as_bytes().to_vec());
            let read = read.and_then(|text| yaml::read_all(&file, &text)).map_err(|error| {
                let line = error.place.as_ref().map_or(1, |place| place.line);
                let text = format!("what {file} renders is no YAML (its line {line}): {}", error.message);
                let place = Place { file: file.clone(), line: 1, column: 1 };
                Diagnostic::error("PK0214", text).place(Some(place)).help("look at it with `helm template`")
            })?;
            documents.extend(read.into_iter().map(|document| Document::from_value(&file, document.value)));
        }
        Ok(documents)
    }

    /// What helm said when it failed, with the template's line where it names one.
    pub(super) fn explain(&self, source: &Source, copy: &Path, failure: &Failure) -> Diagnostic {
        let here = Some(source.place.clone());
        let said = match failure {
            Failure::Said(said) => said,
            Failure::Start(_) => {
                let error = Diagnostic::error("PK0211", format!("helm {failure}")).place(here);
                return error.help("install helm 3 or 4 (https://helm.sh/docs/intro/install)");
            }
            Failure::Time(_) | Failure::Output(_) => {
                let error = Diagnostic::error("PK0213", format!("helm {failure} for this chart")).place(here);
                return error.help("look at the chart's loops and files");
            }
        };
        if said.contains("out of memory") || said.contains("cannot allocate memory") {
            let error =
                Diagnostic::error("PK0213", "helm needs more memory than it may have for this chart").place(here);
            return error.help("look at the chart's loops and files");
        }
        let real = copy.canonicalize().unwrap_or_else(|_| copy.to_path_buf());
        let mut text = said.lines().skip_while(|line| !line.starts_with("Error")).collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            text = said.lines().collect::<Vec<_>>().join(" ");
        }
        let repository = source.tree.shown(&source.repository);
        for folder in [real.as_path(), copy] {
            text = text.replace(&folder.join("repository").display().to_string(), &repository);
            text = text.replace(&folder.display().to_string(), "");
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = text.replace("Use --debug flag to render out invalid YAML", "");
        let text: String =
            text.trim().trim_start_matches("Error: ").trim_end_matches('.').chars().take(MAX_SAID).collect();
        let found = TEMPLATE.as_ref().and_then(|regex| regex.captures(&text));
        let place = found.and_then(|found| {
            // What helm finds in the result has a line there, not in the template.
            let line = found.get(2).and_then(|line| line.as_str().parse().ok()).unwrap_or(1);
            Some(Place { file: self.template(source, found.get(1)?.as_str()), line, column: 1 })
        });
        let error = Diagnostic::error("PK0212", format!("helm cannot render the chart: {text}"));
        error.place(place.or(here)).help("`helm template` in the chart's folder says the same")
    }

    /// The file of a template that helm names, without the chart's name.
    fn template(&self, source: &Source, template: &str) -> Arc<str> {
        let path = source.folder.join(template);
        let dependency = template.strip_prefix("charts/").and_then(|below| below.split_once('/'));
        if let Some((name, rest)) = dependency.filter(|_| !path.exists())
            && let Some((_, folder)) = self.dependencies.iter().find(|(known, _)| known == name)
        {
            return source.tree.shown(&folder.join(rest)).into();
        }
        source.tree.shown(&path).into()
    }
}

struct Part<'p> {
    template: Option<&'p str>,
    text: &'p str,
}

/// Helm's output by template. Only helm itself prints `---` and `# Source:` in one at the beginning of lines; what is inside
/// of texts is indented.
fn parts(printed: &str) -> Vec<Part<'_>> {
    let mut starts = vec![0];
    for (offset, _) in printed.match_indices("---\n# Source: ") {
        if offset == 0 || printed[..offset].ends_with('\n') {
            starts.push(offset);
        }
    }
    starts.push(printed.len());
    let part = |pair: &[usize]| {
        let text = &printed[pair[0]..pair[1]];
        let source = text.strip_prefix("---\n# Source: ").and_then(|rest| rest.lines().next());
        // The first step is the chart's name.
        let template = source.and_then(|source| source.split_once('/')).map(|(_, template)| template.trim());
        Part { template, text }
    };
    starts.windows(2).map(part).filter(|part| !part.text.trim().is_empty()).collect()
}

fn chart_file(source: &Source, folder: &Path) -> Result<Document, Diagnostic> {
    let path = folder.join("Chart.yaml");
    let file: Arc<str> = source.tree.shown(&path).into();
    let place = Some(Place { file: file.clone(), line: 1, column: 1 });
    let refuse = |what: &str| {
        let error = Diagnostic::error("PK0217", format!("{file} {what}")).place(place.clone());
        error.help("name the folder of a chart in this repository")
    };
    let real = path.canonicalize().map_err(|error| refuse(&format!("cannot be read: {}", reason(&error))))?;
    if !real.starts_with(&source.repository) {
        return Err(refuse("leads out of the repository"));
    }
    let text = read_file(&real, &file, true)?;
    yaml::read_all(&file, &text)?.into_iter().next().ok_or_else(|| refuse("is empty"))
}

fn gather(
    source: &Source,
    folder: &Path,
    chart: &Document,
    level: usize,
    found: &mut Vec<(String, PathBuf)>,
) -> Result<(), Diagnostic> {
    let count = chart.value.get("dependencies").and_then(Value::as_array).map_or(0, Vec::len);
    for index in 0..count {
        let pointer = format!("/dependencies/{index}/repository");
        let Some(name) = chart.text(&pointer).and_then(|url| url.strip_prefix("file://")) else { continue };
        let refuse = |what: String| {
            let error = Diagnostic::error("PK0217", format!("the dependency `file://{name}` {what}"));
            error.place(Some(chart.place(&pointer))).help("name a chart in this repository")
        };
        if level > MAX_LEVELS || name.starts_with('/') {
            return Err(refuse("is not relative, or nested too deeply".into()));
        }
        let resolved = source.tree.resolve(&source.repository, folder, name);
        let real = resolved.map_err(|refusal| refuse(refusal.to_string()))?;
        if found.iter().any(|(_, folder)| *folder == real) || real.starts_with(&source.folder) {
            continue;
        }
        let below = chart_file(source, &real)?;
        found.push((below.text("/name").unwrap_or_default().to_owned(), real.clone()));
        gather(source, &real, &below, level + 1, found)?;
    }
    Ok(())
}
