//! Every code of a finding has one page, and every page a code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use packctl::check::RULES;
use packctl::diagnostic::PAGES;

use crate::packctl::{packctl, root, stdout};

#[test]
fn every_code_that_is_used_has_one_page_and_every_page_is_of_a_code_that_is_used() {
    let mut pages: BTreeMap<&str, usize> = BTreeMap::new();
    for code in RULES.iter().map(|rule| rule.code()).chain(PAGES.iter().map(|page| page.code)) {
        *pages.entry(code).or_default() += 1;
    }
    let twice: Vec<_> = pages.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "more than one page: {twice:?}");
    let used = used();
    let known: BTreeSet<String> = pages.keys().map(|code| (*code).to_owned()).collect();
    assert_eq!(used, known, "the codes in src on the left, the pages on the right");
}

#[test]
fn explain_shows_the_page_of_every_code() {
    for code in used() {
        let output = packctl(root(), &["explain", &code.to_lowercase()]);
        let text = stdout(&output);
        assert!(output.status.success() && text.starts_with(&code) && text.contains("What to do: "), "{code}: {text}");
    }
    let unknown = packctl(root(), &["explain", "PK9999"]);
    assert_eq!(unknown.status.code(), Some(1));
}

/// The codes that the sources give to findings, without the pages and the tests.
fn used() -> BTreeSet<String> {
    let code = regex::Regex::new(r#""(PK\d{4})""#).expect("a pattern");
    let mut found = BTreeSet::new();
    for file in sources(&root().join("src")) {
        let text = fs::read_to_string(&file).expect("a source");
        let text = text.split("#[cfg(test)]\nmod tests {").next().expect("a part");
        found.extend(code.captures_iter(text).map(|found| found[1].to_owned()));
    }
    found
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let of_tests =
        |path: &Path| path.file_stem().is_some_and(|name| ["tests", "samples", "codes"].iter().any(|no| name == *no));
    let (folders, files): (Vec<_>, Vec<_>) = entries.filter(|path| !of_tests(path)).partition(|path| path.is_dir());
    folders.iter().flat_map(|folder| sources(folder)).chain(files).collect()
}
