//! Writing a world as a snapshot: the same world is the same bytes.

use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use tempfile::TempDir;

use super::coverage::Gaps;
use super::layout;
use super::open::{About, Api};
use super::secrets::{Numbers, mask};
use crate::api::Environment;
use crate::observed::{Coverage, KindInfo, Kinds, Live, World};
use crate::resource::{Secrets, Side};
use crate::schema::without_nulls;
use crate::yaml;

/// What a recording holds beside the world.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extras<'e> {
    /// Version of the API server: `v1.34.1`.
    pub kubernetes_version: Option<&'e str>,
    /// CustomResourceDefinitions whose schemas the plan needs.
    pub crds: &'e [Value],
}

/// Records a world and says how many objects it holds.
///
/// The folder is written beside its place and moved there when it is whole. A folder that is there is replaced if it is a
/// snapshot and nothing else.
pub fn record(
    dir: &Path,
    world: &World,
    environment: Option<&Environment>,
    extras: Extras<'_>,
    secrets: &Secrets,
) -> Result<usize> {
    let place = Place::of(dir)?;
    fs::create_dir_all(&place.parent)?;
    let workshop = tempfile::Builder::new().prefix(&format!(".{}.", place.name)).tempdir_in(&place.parent)?;
    let new = workshop.path().join("new");
    let count = write(&new, world, environment, extras, secrets)?;
    place.install(&new, workshop)?;
    Ok(count)
}

/// Where the snapshot goes.
struct Place {
    parent: PathBuf,
    name: String,
    exists: bool,
}

impl Place {
    fn of(dir: &Path) -> Result<Self> {
        let exists = dir.try_exists()?;
        let full = if exists { dir.canonicalize()? } else { std::path::absolute(dir)? };
        let (Some(parent), Some(name)) = (full.parent(), full.file_name()) else {
            return Err(Error::new(ErrorKind::InvalidInput, format!("{} is no place for a snapshot", dir.display())));
        };
        let place = Self { parent: parent.into(), name: name.to_string_lossy().into(), exists };
        if exists {
            place.check(dir, &full)?;
        }
        Ok(place)
    }

    /// Nothing is thrown away that is not a snapshot's.
    fn check(&self, dir: &Path, full: &Path) -> Result<()> {
        let refused = |what: String| Err(Error::new(ErrorKind::AlreadyExists, format!("{}: {what}", dir.display())));
        if !full.is_dir() {
            return refused("it is a file; name a folder".into());
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(full)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        if !names.is_empty() && !names.iter().any(|name| name == layout::VERSION) {
            return refused(format!("the folder is not empty and not a snapshot (it has no {})", layout::VERSION));
        }
        match names.iter().find(|name| !layout::ENTRIES.contains(&name.as_str())) {
            Some(name) => {
                refused(format!("recording would delete `{name}`, which belongs to no snapshot; move it away"))
            }
            None => Ok(()),
        }
    }

    fn install(&self, new: &Path, workshop: TempDir) -> Result<()> {
        let target = self.parent.join(&self.name);
        let old = workshop.path().join("old");
        if self.exists {
            fs::rename(&target, &old)?;
        }
        fs::rename(new, &target).inspect_err(|_| {
            if self.exists && fs::rename(&old, &target).is_err() {
                // The workshop holds the only copy of what was there.
                let _ = workshop.keep();
            }
        })
    }
}

fn write(
    dir: &Path,
    world: &World,
    environment: Option<&Environment>,
    extras: Extras<'_>,
    secrets: &Secrets,
) -> Result<usize> {
    fs::create_dir(dir)?;
    let platform;
    let kinds = if world.kinds.0.is_empty() {
        platform = Kinds::platform();
        &platform
    } else {
        put_json(dir, layout::APIS, &apis(&world.kinds))?;
        &world.kinds
    };
    let server = Some(secrets.mask(&world.seen.server)).filter(|_| !world.seen.snapshot);
    let about = About {
        packctl: Some(env!("CARGO_PKG_VERSION").into()),
        server: server.filter(|server| !server.is_empty()),
        kubernetes: extras.kubernetes_version.map(Into::into),
    };
    put_json(dir, layout::VERSION, &about)?;
    if let Some(gaps) = Gaps::of(world, kinds).write(secrets) {
        put_json(dir, layout::COVERAGE, &gaps)?;
    }
    if let Some(environment) = environment {
        let mut value = without_nulls(serde_json::to_value(environment)?);
        mask(&mut value, secrets);
        put(dir, layout::ENVIRONMENT, &yaml::write(&value))?;
    }
    for crd in extras.crds {
        let name = crd.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        put(dir, &format!("{}/{}.yaml", layout::CRDS, layout::encode(name)), &yaml::write(crd))?;
    }
    for (list, coverage) in world.coverages() {
        if let (Side::Keycloak { realm }, Coverage::Complete) = (&list.side, coverage) {
            fs::create_dir_all(dir.join(layout::KEYCLOAK).join(layout::encode(realm)).join(layout::CLIENTS))?;
        }
    }
    objects(dir, world, kinds, secrets)
}

fn objects(dir: &Path, world: &World, kinds: &Kinds, secrets: &Secrets) -> Result<usize> {
    let mut numbers = Numbers::default();
    let mut objects = Vec::new();
    for live in world.objects() {
        let mut object = whole(live, kinds)?;
        numbers.renumber(&live.address, &mut object, secrets);
        objects.push((&live.address, object));
    }
    let count = objects.len();
    // Only now every secret value is known.
    for (address, mut object) in objects {
        mask(&mut object, secrets);
        let file = layout::file(address);
        if address.is_keycloak() {
            put_json(dir, &file, &object)?;
        } else {
            put(dir, &file, &yaml::write(&object))?;
        }
    }
    Ok(count)
}

/// The object with `apiVersion` and `kind`, which the items of a list lack.
fn whole(live: &Live, kinds: &Kinds) -> Result<Value> {
    let mut value = live.whole();
    let broken = || Error::new(ErrorKind::InvalidData, format!("{} is no JSON object", live.address));
    let map = value.as_object_mut().ok_or_else(broken)?;
    if !live.address.is_keycloak() {
        let (group, kind) = (&live.address.group, &live.address.kind);
        if let Some(info) = kinds.get(group, kind) {
            let version = &info.version;
            let version = if group.is_empty() { version.clone() } else { format!("{group}/{version}") };
            map.entry("apiVersion").or_insert_with(|| version.into());
        }
        map.entry("kind").or_insert_with(|| kind.as_str().into());
    }
    Ok(value)
}

fn apis(kinds: &Kinds) -> Vec<Api> {
    let api = |((group, kind), info): (&(String, String), &KindInfo)| Api {
        group: group.clone(),
        kind: kind.clone(),
        version: info.version.clone(),
        plural: info.plural.clone(),
        namespaced: info.namespaced,
    };
    kinds.0.iter().map(api).collect()
}

fn put_json(dir: &Path, file: &str, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    put(dir, file, &text)
}

fn put(dir: &Path, file: &str, text: &str) -> Result<()> {
    let path = dir.join(file);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, text).map_err(|error| Error::new(error.kind(), format!("{file}: {error}")))
}
