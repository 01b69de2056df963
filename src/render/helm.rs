//! `helm template`, as Argo CD runs it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::chart::Chart;
use super::copy::{Copy, full};
use super::process::{Failure, Limits, can_limit_memory, run};
use super::twice::differences;
use super::{RenderPlan, RenderSettings, Rendered, Renderer, Source};
use crate::api::{HelmSource, Parameter};
use crate::diagnostic::{Diagnostic, Place};
use crate::load::{read_file, reason};

/// Renders charts with the helm program.
#[derive(Debug)]
pub struct Helm {
    program: Option<PathBuf>,
    kube_version: Option<String>,
    api_versions: Vec<String>,
    limits: Limits,
    /// Whether memory can be limited here, asked once.
    limited: OnceLock<bool>,
    version: OnceLock<Result<String, String>>,
}

const REMEDY: &str = "install helm 3 or 4 (https://helm.sh/docs/intro/install) so that it is on PATH";

impl Helm {
    /// A renderer with these settings.
    pub fn new(settings: &RenderSettings) -> Self {
        Self {
            program: settings.helm.clone(),
            kube_version: settings.kube_version.clone(),
            api_versions: settings.api_versions.clone(),
            limits: Limits { time: settings.time, output: settings.output, memory: Some(settings.memory) },
            limited: OnceLock::new(),
            version: OnceLock::new(),
        }
    }

    /// The helm program in the folders of a `PATH`.
    pub fn find(path: &OsStr) -> Option<PathBuf> {
        std::env::split_paths(path).map(|folder| folder.join("helm")).find(|file| file.is_file())
    }

    fn render_chart(&self, source: &Source, rendered: &mut Rendered) -> Result<(), Diagnostic> {
        let RenderPlan::Helm { options, release, namespace, value_file_places } = &source.plan else { return Ok(()) };
        let chart = Chart::read(source)?;
        rendered.version = chart.version.clone();
        let here = Some(source.place.clone());
        let Some(program) = &self.program else {
            let error = Diagnostic::error("PK0211", "the chart needs helm, which is not there");
            return Err(error.place(here).help(REMEDY));
        };
        if !is_release(release) {
            let error = Diagnostic::error("PK0202", format!("`{release}` is no name for a helm release"));
            return Err(error.place(here).help("use at most 53 lower-case letters, digits, `-` and `.`"));
        }
        let mut copy = Copy::new()?;
        copy.add(source, &source.folder)?;
        for folder in chart.local_dependencies() {
            copy.add(source, folder)?;
        }
        let mut arguments = self.arguments(release, namespace.as_deref());
        arguments.extend(parameters(&options.parameters));
        arguments.extend(values(source, options, value_file_places, &mut copy)?);

        let limited = *self.limited.get_or_init(|| self.limits.memory.is_some_and(can_limit_memory));
        let limits = Limits { memory: self.limits.memory.filter(|_| limited), ..self.limits };
        let shell = Shell { program, folder: copy.of(source, &source.folder), copy: copy.path(), limits };
        match self.version.get_or_init(|| shell.version()) {
            Ok(version) => rendered.renderer = format!("helm {version}"),
            Err(why) => return Err(Diagnostic::error("PK0211", format!("helm {why}")).place(here).help(REMEDY)),
        }
        if !limited {
            rendered
                .notes
                .push(Diagnostic::warning("PK0213", "the memory of helm is not limited on this system").place(here));
        }
        let explain = |failure: Failure| chart.explain(source, copy.path(), &failure);
        let first = match shell.helm(&arguments) {
            Err(Failure::Said(said)) if said.contains("charts/ directory") => {
                chart.can_build_dependencies(source, &said)?;
                shell.helm(&["dependency".into(), "build".into()]).map_err(explain)?;
                shell.helm(&arguments)
            }
            other => other,
        };
        let first = first.map_err(explain)?;
        if copy.asks_for_time {
            // Times are printed in seconds.
            std::thread::sleep(Duration::from_millis(1100));
        }
        let second = shell.helm(&arguments).map_err(explain)?;
        rendered.documents = chart.documents(source, &first)?;
        if first != second {
            rendered.failed.extend(differences(&rendered.documents, &chart.documents(source, &second)?));
        }
        rendered.documents.sort_by(|a, b| a.file.cmp(&b.file));
        Ok(())
    }

    fn arguments(&self, release: &str, namespace: Option<&str>) -> Vec<OsString> {
        // `--flag=value`, so that no value is taken for a flag.
        let mut arguments = vec!["template".into(), ".".into(), format!("--name-template={release}").into()];
        if let Some(namespace) = namespace {
            arguments.push(format!("--namespace={namespace}").into());
        }
        if let Some(version) = &self.kube_version {
            arguments.push(format!("--kube-version={version}").into());
        }
        arguments.extend(self.api_versions.iter().map(|version| format!("--api-versions={version}").into()));
        arguments.push("--include-crds".into());
        arguments
    }
}

impl Renderer for Helm {
    fn render(&self, source: &Source) -> Rendered {
        let mut rendered = Rendered { renderer: "helm".into(), ..Rendered::default() };
        if let Err(error) = self.render_chart(source, &mut rendered) {
            rendered.failed.push(error);
        }
        rendered
    }
}

/// One chart's surroundings for helm.
struct Shell<'h> {
    program: &'h Path,
    folder: PathBuf,
    copy: &'h Path,
    limits: Limits,
}

impl Shell<'_> {
    fn helm(&self, arguments: &[OsString]) -> Result<Vec<u8>, Failure> {
        let folder = |name: &str| self.copy.join(name).into_os_string();
        // A proxy that nobody serves: charts have nothing to fetch (values and schemas may name URLs).
        let nowhere = || OsString::from("http://127.0.0.1:9");
        let environment = [
            ("HOME", folder("home")),
            ("TMPDIR", folder("tmp")),
            ("XDG_CACHE_HOME", folder("home")),
            ("XDG_CONFIG_HOME", folder("home")),
            ("XDG_DATA_HOME", folder("home")),
            ("HELM_CACHE_HOME", folder("home")),
            ("HELM_CONFIG_HOME", folder("home")),
            ("HELM_DATA_HOME", folder("home")),
            ("KUBECONFIG", folder("home/none")),
            ("HTTP_PROXY", nowhere()),
            ("HTTPS_PROXY", nowhere()),
        ];
        run(self.program, arguments, &self.folder, &environment, self.limits)
    }

    fn version(&self) -> Result<String, String> {
        let arguments = ["version".into(), "--template={{.Version}}".into()];
        let printed = self.helm(&arguments).map_err(|failure| failure.to_string())?;
        Ok(String::from_utf8_lossy(&printed).trim().to_owned())
    }
}

/// A later value of the same name wins; typed ones come before those that are texts whatever they look like.
fn parameters(parameters: &[Parameter]) -> Vec<OsString> {
    let last = |index: usize| parameters[index + 1..].iter().all(|later| later.name != parameters[index].name);
    let kept = parameters.iter().enumerate().filter(|(index, _)| last(*index)).map(|(_, parameter)| parameter);
    let flag = |parameter: &Parameter| {
        let flag = if parameter.force_string { "--set-string" } else { "--set" };
        OsString::from(format!("{flag}={}={}", parameter.name, escaped(&parameter.value)))
    };
    kept.map(flag).collect()
}

/// Commas part values in helm; in `{...}` they part the items of a list.
fn escaped(value: &str) -> String {
    if value.starts_with('{') && value.ends_with('}') {
        return value.to_owned();
    }
    let mut text = String::new();
    let mut before = None;
    for c in value.chars() {
        if c == ',' && before != Some('\\') {
            text.push('\\');
        }
        text.push(c);
        before = Some(c);
    }
    text
}

/// The value files in their order, then the inline values, which are stronger.
fn values(
    source: &Source,
    options: &HelmSource,
    places: &[Place],
    copy: &mut Copy,
) -> Result<Vec<OsString>, Diagnostic> {
    let mut arguments = Vec::new();
    for (index, name) in options.value_files.iter().enumerate() {
        let place = places.get(index).cloned().unwrap_or_else(|| source.place.clone());
        let refuse = |what: String| {
            let help = "it is relative to the chart, or begins with `/` at the repository";
            let error =
                Diagnostic::error("PK0216", format!("the value file `{name}` {what}")).place(Some(place.clone()));
            error.field(format!("spec.source.helm.valueFiles[{index}]")).help(help)
        };
        let from = if name.starts_with('/') { &source.repository } else { &source.folder };
        let real =
            source.tree.resolve(&source.repository, from, name).map_err(|refusal| refuse(refusal.to_string()))?;
        if !real.is_file() {
            return Err(refuse("is no file".into()));
        }
        // Read for its faults; the YAML itself is helm's to judge, which takes the last of two same keys.
        let file: Arc<str> = source.tree.shown(&real).into();
        read_file(&real, &file, true)?;
        copy.add(source, &real)?;
        arguments.push(flag_with_path("--values=", &copy.of(source, &real)));
    }
    if let Some(inline) = &options.values {
        let file = copy.path().join("values.yaml");
        fs::write(&file, inline).map_err(|error| full(&reason(&error)))?;
        arguments.push(flag_with_path("--values=", &file));
    }
    Ok(arguments)
}

fn flag_with_path(flag: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(flag);
    argument.push(path);
    argument
}

/// Names that helm takes for a release.
fn is_release(name: &str) -> bool {
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    name.len() <= 53
        && bytes.first().is_some_and(inner)
        && bytes.last().is_some_and(inner)
        && bytes.iter().all(|byte| inner(byte) || matches!(byte, b'-' | b'.'))
}
