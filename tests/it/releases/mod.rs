//! The releases of the platform's projects that packctl supports, by their own CustomResourceDefinitions: Gateway API,
//! cert-manager and Envoy Gateway, one release of each minor version.
//!
//! Which ones, `tests/env/crds/releases` says; `tests/run` gets them.

mod apps;
mod schemas;
mod server;
mod worlds;

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use serde_json::Value;

pub(crate) use apps::groups;
pub(crate) use server::{Server, essence};

use crate::env;

/// The CRDs of one release.
#[derive(Debug)]
pub(crate) struct Release {
    /// `gateway-api`
    pub(crate) project: String,
    /// `1.4.1`
    pub(crate) version: String,
    pub(crate) crds: Vec<Value>,
}

impl Release {
    fn name(&self) -> String {
        format!("{} {}", self.project, self.version)
    }
}

/// All of them by project, the oldest first.
static RELEASES: LazyLock<BTreeMap<String, Vec<Release>>> = LazyLock::new(|| {
    let mut releases: BTreeMap<String, Vec<Release>> = BTreeMap::new();
    for folder in fs::read_dir(env::crds()).expect("the folder of the releases can be read") {
        let folder = folder.expect("it can be listed").path();
        let name = folder.file_name().and_then(|name| name.to_str()).expect("its name is text");
        let (project, version) = name.rsplit_once('-').expect("PROJECT-VERSION");
        let files = fs::read_dir(&folder).expect("it can be listed").map(|file| file.expect("it can be listed").path());
        let crds = files.map(|file| {
            let text = fs::read_to_string(&file).expect("a CRD can be read");
            serde_saphyr::from_str(text.trim_start_matches("---"))
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        });
        let release = Release { project: project.to_owned(), version: version.to_owned(), crds: crds.collect() };
        releases.entry(project.to_owned()).or_default().push(release);
    }
    let number = |release: &Release| -> Vec<u32> {
        release.version.split('.').map(|part| part.parse().expect("a version has numbers")).collect()
    };
    releases.values_mut().for_each(|releases| releases.sort_by_key(number));
    assert_eq!(releases.len(), 3, "three projects: {:?}", releases.keys());
    releases
});

/// Group and kind of a CRD.
fn kind_of(crd: &Value) -> (String, String) {
    let text = |pointer| crd.pointer(pointer).and_then(Value::as_str).expect("a CRD has it").to_owned();
    (text("/spec/group"), text("/spec/names/kind"))
}
