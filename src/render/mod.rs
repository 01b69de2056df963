//! Stage 2: packs become the objects that they deliver.
//!
//! A source is rendered as Argo CD renders it, by a [`Renderer`] each: a folder of manifests, or `helm template`. A pack that
//! cannot be rendered whole is refused whole; the others go on.

mod chart;
mod copy;
mod directory;
mod helm;
mod objects;
mod pack;
mod process;
mod twice;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use directory::Directory;
pub use helm::Helm;
pub use objects::check_objects;

pub use crate::api::{Delivery, NamespaceEntry};
use crate::diagnostic::{Diagnostic, Place, SourceMap};
pub use crate::load::conceal;
use crate::load::{Loaded, Tree};
use crate::resource::Secrets;
use crate::yaml::Document;

/// A pack and what it delivers.
#[derive(Clone, Debug)]
pub struct Pack {
    /// Namespace of the Application; `packs` for an entry of `packctl.yaml`.
    pub id_namespace: String,
    /// Name of the Application or of the entry.
    pub name: String,
    /// Where the input names it.
    pub place: Place,
    /// The namespace of namespaced objects that name none.
    pub destination: Option<String>,
    /// The Namespace that is made for it.
    pub namespace: Option<NamespaceEntry>,
    /// Where its files come from: repository and path, or the folder.
    pub source: String,
    /// The chart's version, else the revision that the Application asks for; the working tree stands for every revision.
    pub version: String,
    /// What rendered it: `directory`, or `helm v4.1.4`.
    pub renderer: String,
    /// Who writes its objects.
    pub delivery: Delivery,
    /// Its objects; nothing if it failed.
    pub documents: Vec<Document>,
    /// The texts of its files, without secret values.
    pub sources: SourceMap,
    /// Warnings: what has no effect, what was passed over.
    pub notes: Vec<Diagnostic>,
    /// Errors: the pack is refused because of them.
    pub failed: Vec<Diagnostic>,
}

/// What one source asks for.
#[derive(Clone, Debug)]
pub struct Source {
    /// The folder to render, a real path.
    pub folder: PathBuf,
    /// The folder of its repository: nothing outside is read.
    pub repository: PathBuf,
    /// The repository around the inputs, for names.
    pub tree: Tree,
    /// Where the input names it.
    pub place: Place,
    /// How it is rendered.
    pub plan: RenderPlan,
}

/// How a source is rendered, with everything that the Application says about it.
#[derive(Clone, Debug)]
pub enum RenderPlan {
    /// Manifests as they are.
    Directory {
        /// What is read.
        options: crate::api::DirectorySource,
        /// A file that holds no manifest is an error (packs of `packctl.yaml`) instead of being passed over (Argo CD).
        strict: bool,
    },
    /// `helm template`.
    Helm {
        /// What the Application says.
        options: crate::api::HelmSource,
        /// The release's name.
        release: String,
        /// The namespace of the release.
        namespace: Option<String>,
        /// Where each value file is named.
        value_file_places: Vec<Place>,
    },
}

/// What a renderer made.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// The objects.
    pub documents: Vec<Document>,
    /// The texts that were read, without secret values.
    pub sources: SourceMap,
    /// What people should know.
    pub notes: Vec<Diagnostic>,
    /// What is wrong; the objects are not used then.
    pub failed: Vec<Diagnostic>,
    /// The chart's version, if there is one.
    pub version: Option<String>,
    /// What rendered it.
    pub renderer: String,
}

/// One way from a source to objects.
pub trait Renderer: Send + Sync {
    /// Renders a source. It never fails as a whole: what is wrong is in [`Rendered::failed`].
    fn render(&self, source: &Source) -> Rendered;
}

/// Trusted settings of rendering.
#[derive(Clone, Debug)]
pub struct RenderSettings {
    /// The helm program; `None` where there is none.
    pub helm: Option<PathBuf>,
    /// Version of the cluster for charts: `v1.34.4`; helm's own default where unknown.
    pub kube_version: Option<String>,
    /// What the cluster serves, for charts: `group/version` and `group/version/Kind`.
    pub api_versions: Vec<String>,
    /// `--delivery`: the delivery of every Application, whatever `packctl.yaml` says.
    pub delivery: Option<Delivery>,
    /// How long one run of helm may take.
    pub time: Duration,
    /// How many bytes one run of helm may print.
    pub output: usize,
    /// How much address space helm may use, in bytes; a Go program takes 0.8 GB of it before it begins.
    pub memory: u64,
    /// Packs that are rendered at the same time.
    pub parallel: usize,
}

impl Default for RenderSettings {
    fn default() -> Self {
        Self {
            helm: None,
            kube_version: None,
            api_versions: Vec::new(),
            delivery: None,
            time: Duration::from_secs(60),
            output: 64 * 1024 * 1024,
            memory: 2 * 1024 * 1024 * 1024,
            parallel: 4,
        }
    }
}

/// Renders the packs of the inputs, in order of their identity.
pub fn render(loaded: &Loaded, settings: &RenderSettings, secrets: &Secrets) -> Vec<Pack> {
    let mut packs: Vec<(Pack, Option<Source>)> = pack::of_applications(loaded, settings);
    packs.extend(pack::of_folders(loaded));
    packs.sort_by(|a, b| (&a.0.id_namespace, &a.0.name).cmp(&(&b.0.id_namespace, &b.0.name)));

    let results = in_parallel(&packs, settings);
    let mut done = Vec::new();
    for (index, (mut pack, source)) in packs.into_iter().enumerate() {
        if let Some(rendered) = results.get(&index) {
            pack.take(rendered.clone());
        }
        // In order and after all rendering, so that the numbers of secrets do not depend on threads.
        pack.finish(source.is_some(), secrets);
        done.push(pack);
    }
    for finding in done.iter_mut().flat_map(|pack| pack.notes.iter_mut().chain(&mut pack.failed)) {
        finding.message = secrets.mask(&finding.message);
    }
    done
}

fn in_parallel(packs: &[(Pack, Option<Source>)], settings: &RenderSettings) -> BTreeMap<usize, Rendered> {
    let directory = Directory;
    let helm = Helm::new(settings);
    let render = |source: &Source| match source.plan {
        RenderPlan::Directory { .. } => directory.render(source),
        RenderPlan::Helm { .. } => helm.render(source),
    };
    let work = Mutex::new(packs.iter().enumerate().filter_map(|(index, (_, source))| Some((index, source.as_ref()?))));
    let results = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..settings.parallel.clamp(1, packs.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let next = work.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((index, source)) = next else { break };
                    let rendered = render(source);
                    results.lock().unwrap_or_else(PoisonError::into_inner).insert(index, rendered);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
