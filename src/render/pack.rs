//! From an Application, or an entry of `packs:`, to a pack and its source.

use super::objects::check_objects;
use super::{Delivery, Pack, RenderPlan, RenderSettings, Rendered, Source};
use crate::api::{Application, DirectorySource, HelmSource, Tool};
use crate::diagnostic::{Diagnostic, SourceMap};
use crate::load::{Loaded, PackFolder, conceal};
use crate::resource::Secrets;

/// The packs that are Applications; a source only where nothing stands against rendering it.
pub(super) fn of_applications(loaded: &Loaded, settings: &RenderSettings) -> Vec<(Pack, Option<Source>)> {
    loaded.applications.iter().map(|application| of_application(loaded, settings, application)).collect()
}

fn of_application(loaded: &Loaded, settings: &RenderSettings, application: &Application) -> (Pack, Option<Source>) {
    let (namespace, name) = (&application.namespace, &application.name);
    let delivery = settings.delivery.unwrap_or_else(|| loaded.config.delivery_of(namespace, name));
    let mut pack = Pack {
        id_namespace: namespace.clone(),
        name: name.clone(),
        place: application.document.place("/metadata/name"),
        destination: application.destination.clone(),
        namespace: application.namespace_entry.clone(),
        source: format!("{} {}", application.repo_url, application.path),
        version: application.target_revision.clone().filter(|version| !version.is_empty()).unwrap_or("HEAD".into()),
        renderer: String::new(),
        delivery,
        documents: Vec::new(),
        sources: SourceMap::default(),
        notes: application.notes.clone(),
        failed: Vec::new(),
    };
    if delivery != Delivery::Direct {
        let file = loaded.config.file.as_ref().map_or_else(
            || format!("packctl.yaml, a new file in {}", loaded.tree.shown(&loaded.tree.base)),
            ToString::to_string,
        );
        let text = format!(
            "delivered by argocd is not supported yet; write `delivery: {{{namespace}/{name}: direct}}` in packctl.yaml"
        );
        let error = Diagnostic::error("PK0203", text).object(&application.address()).place(Some(pack.place.clone()));
        pack.failed.push(error.help(format!("write `delivery: {{{namespace}/{name}: direct}}` in {file}")));
        // What is said to mean nothing under direct delivery means something here.
        pack.notes.clear();
        return (pack, None);
    }
    pack.failed.extend(application.refused.iter().cloned());
    if !pack.failed.is_empty() {
        return (pack, None);
    }
    match source_of(loaded, application) {
        Ok(source) => (pack, Some(source)),
        Err(error) => {
            pack.failed.push(error.object(&application.address()));
            (pack, None)
        }
    }
}

fn source_of(loaded: &Loaded, application: &Application) -> Result<Source, Diagnostic> {
    let (folder, repository) = loaded.source_folder(application)?;
    let document = &application.document;
    let path = &application.path;
    let place = document.place("/spec/source/path");
    let refuse = |what: String, help: &str| {
        Err(Diagnostic::error("PK0207", what).field("spec.source.path").place(Some(place.clone())).help(help))
    };
    for file in [".argocd-source.yaml".to_owned(), format!(".argocd-source-{}.yaml", application.name)] {
        if folder.join(&file).exists() {
            let help = "write what it says into the Application";
            return refuse(format!("{path} holds {file}, which is not supported yet"), help);
        }
    }
    let holds = |names: &[&str]| names.iter().any(|name| folder.join(name).is_file());
    let kustomize = holds(&["kustomization.yaml", "kustomization.yml", "Kustomization"]);
    let plan = match &application.tool {
        Some(Tool::Directory(options)) => RenderPlan::Directory { options: options.clone(), strict: false },
        Some(Tool::Helm(options)) => helm_plan(application, options.clone()),
        None if kustomize => {
            let help = "render it, and name the folder of the result";
            return refuse(format!("{path} is a kustomization, which is not supported yet"), help);
        }
        None if holds(&["Chart.yaml"]) => helm_plan(application, HelmSource::default()),
        None => RenderPlan::Directory { options: DirectorySource::default(), strict: false },
    };
    if matches!(plan, RenderPlan::Helm { .. }) && !holds(&["Chart.yaml"]) {
        return refuse(format!("{path} is no chart: there is no Chart.yaml"), "name the folder of the chart");
    }
    Ok(Source { folder, repository, tree: loaded.tree.clone(), place, plan })
}

fn helm_plan(application: &Application, options: HelmSource) -> RenderPlan {
    let place = |index| application.document.place(&format!("/spec/source/helm/valueFiles/{index}"));
    RenderPlan::Helm {
        release: options.release_name.clone().unwrap_or_else(|| application.name.clone()),
        namespace: application.destination.clone(),
        value_file_places: (0..options.value_files.len()).map(place).collect(),
        options,
    }
}

/// The packs of `packctl.yaml`: folders of manifests.
pub(super) fn of_folders(loaded: &Loaded) -> Vec<(Pack, Option<Source>)> {
    loaded.folders.iter().map(|folder| of_folder(loaded, folder)).collect()
}

fn of_folder(loaded: &Loaded, folder: &PackFolder) -> (Pack, Option<Source>) {
    let mut pack = Pack {
        id_namespace: "packs".into(),
        name: folder.name.clone(),
        place: folder.place.clone(),
        destination: None,
        namespace: None,
        // The record of the pack compares it, so it must be the same from every working directory.
        source: loaded.tree.inside(&folder.folder),
        version: String::new(),
        renderer: String::new(),
        delivery: Delivery::Direct,
        documents: Vec::new(),
        sources: SourceMap::default(),
        notes: Vec::new(),
        failed: Vec::new(),
    };
    let refused = [
        ("Chart.yaml", "a chart", "write an Argo CD Application for it"),
        ("kustomization.yaml", "a kustomization", "render it, and name the folder of the result"),
        ("kustomization.yml", "a kustomization", "render it, and name the folder of the result"),
    ];
    for (file, what, help) in refused {
        if folder.folder.join(file).is_file() {
            let text = format!("the pack {} is {what}, which is not supported yet in `packs`", folder.name);
            pack.failed.push(Diagnostic::error("PK0207", text).place(Some(folder.place.clone())).help(help));
            return (pack, None);
        }
    }
    let source = Source {
        folder: folder.folder.clone(),
        repository: loaded.root.clone(),
        tree: loaded.tree.clone(),
        place: folder.place.clone(),
        plan: RenderPlan::Directory { options: DirectorySource::default(), strict: true },
    };
    (pack, Some(source))
}

impl Pack {
    /// Takes in what a renderer made.
    pub(super) fn take(&mut self, rendered: Rendered) {
        self.documents = rendered.documents;
        self.sources = rendered.sources;
        self.notes.extend(rendered.notes);
        self.failed.extend(rendered.failed);
        self.renderer = rendered.renderer;
        if let Some(version) = rendered.version {
            self.version = version;
        }
    }

    /// Checks the objects, conceals secrets, and drops everything of a pack that failed.
    pub(super) fn finish(&mut self, rendered: bool, secrets: &Secrets) {
        check_objects(&mut self.documents, self.destination.as_deref(), &mut self.notes, &mut self.failed);
        for document in &mut self.documents {
            if let Err(error) = conceal(document, secrets) {
                self.failed.push(error);
            }
        }
        if rendered && self.failed.is_empty() && self.documents.is_empty() {
            let text = format!("the pack {}/{} holds no objects", self.id_namespace, self.name);
            let error = Diagnostic::error("PK0205", text).place(Some(self.place.clone()));
            self.failed.push(error.help("a pack that is to go is removed with `packctl destroy`"));
        }
        if !self.failed.is_empty() {
            self.documents.clear();
        }
        self.notes.sort_by(|a, b| (&a.place, &a.message).cmp(&(&b.place, &b.message)));
        self.failed.sort_by(|a, b| (&a.place, &a.message).cmp(&(&b.place, &b.message)));
        self.notes.dedup();
        self.failed.dedup();
    }
}
