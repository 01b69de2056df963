//! Imports point one way, and the pure stages name nothing impure.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Left to right: a module may import what stands before it. `diagnostic` and `resource` are one noun in two files.
const ORDER: [&[&str]; 19] = [
    &["diagnostic", "resource"],
    &["schema"],
    &["observed"],
    &["yaml"],
    &["api"],
    &["load"],
    &["render"],
    &["derive"],
    &["check"],
    &["graph"],
    &["diff"],
    &["plan"],
    &["present"],
    &["provider"],
    &["observe"],
    &["lease"],
    &["apply"],
    &["guide"],
    &["cli"],
];

const PURE: [&str; 6] = ["derive", "check", "graph", "diff", "plan", "present"];

/// Files and folders of impure modules that are pure themselves: what a snapshot's servers and controllers make of a write.
const PURE_PARTS: [&str; 4] = [
    "provider/snapshot/merge",
    "provider/snapshot/played",
    "provider/snapshot/server.rs",
    "provider/snapshot/clients.rs",
];

const IMPURE: [&str; 9] =
    ["tokio::", "reqwest::", "kube::", "std::fs", "std::env", "std::net", "SystemTime", "Instant", "std::process"];

#[test]
fn imports_point_left_only() {
    let rank: BTreeMap<&str, usize> = ORDER
        .iter()
        .enumerate()
        .flat_map(|(rank, modules)| modules.iter().map(move |module| (*module, rank)))
        .collect();
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let module = module_of(&file);
        let Some(own) = rank.get(module.as_str()) else {
            assert!(["lib", "main"].contains(&module.as_str()), "{} is in no place of the order", file.display());
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for target in imported(line) {
                match rank.get(target) {
                    Some(other) if other > own => {
                        wrong.push(format!("{}:{}: {module} imports {target}", file.display(), number + 1))
                    }
                    _ => {}
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point right:\n{}", wrong.join("\n"));
}

#[test]
fn pure_stages_know_no_clock_no_network_no_file() {
    let mut wrong = Vec::new();
    let is_part = |file: &Path| PURE_PARTS.iter().any(|part| file.starts_with(part));
    let parts = sources().iter().filter(|(file, _)| is_part(file)).count();
    assert!(parts > PURE_PARTS.len(), "the pure parts are somewhere else");
    let is_pure = |file: &Path| PURE.contains(&module_of(file).as_str()) || is_part(file);
    for (file, text) in sources().into_iter().filter(|(file, _)| is_pure(file)) {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for name in IMPURE.iter().filter(|name| line.contains(**name)) {
                wrong.push(format!("{}:{}: {name}", file.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "impure names in pure stages:\n{}", wrong.join("\n"));
}

#[test]
fn every_test_file_is_declared() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = fs::read_to_string(folder.join("main.rs")).expect("tests/it/main.rs");
    for entry in fs::read_dir(&folder).expect("tests/it") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        assert!(name == "main" || main.contains(&format!("mod {name};")), "{name} is not declared in tests/it/main.rs");
    }
}

/// The crate's modules that a line names by `crate::`.
fn imported(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices("crate::").filter_map(move |(start, found)| {
        let rest = &code[start + found.len()..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        (end > 0).then(|| &rest[..end])
    })
}

fn module_of(file: &Path) -> String {
    let first = file.components().next().expect("a file below src");
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// All sources, by path below `src`.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            // Tests may look at anything.
            if path.file_stem().is_some_and(|name| name == "tests") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source in UTF-8");
                found.push((path.strip_prefix(&root).expect("below src").to_owned(), text));
            }
        }
    }
    assert!(found.len() > 50, "the sources are somewhere else");
    found.sort();
    found
}
