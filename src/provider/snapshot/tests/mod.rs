//! A folder becomes a world, and a world a folder.

mod handwritten;
mod recorded;
mod written;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::observed::{Coverage, ListOf, Live, World};
use crate::resource::{Address, Side};

const GATEWAYS: &str = "gateway.networking.k8s.io";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (file, text) in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn open(dir: &Path) -> Snapshot {
    Snapshot::open(dir, "world", Secrets::default()).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn read(snapshot: &Snapshot, set: &ReadSet) -> Reading {
    futures::executor::block_on(snapshot.read(set))
}

fn empty_world(snapshot: &Snapshot) -> World {
    let mut world = World::default();
    world.seen = snapshot.seen();
    world.kinds = snapshot.kinds();
    world
}

/// The world of everything that a snapshot's kinds and realms hold.
fn world(snapshot: &Snapshot) -> World {
    let mut set = ReadSet::default();
    for (group, kind) in snapshot.kinds().0.keys() {
        set.list(group, kind);
    }
    for realm in &snapshot.state().contents.realms {
        set.clients(realm);
    }
    let mut world = empty_world(snapshot);
    world.absorb(read(snapshot, &set));
    world
}

/// Every file with its text.
fn files(dir: &Path) -> BTreeMap<String, String> {
    walkdir::WalkDir::new(dir)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let name = entry.path().strip_prefix(dir).unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}
