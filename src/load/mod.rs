//! Temporary contract.
use crate::diagnostic::{Diagnostic, SourceMap};
use crate::resource::Secrets;
use crate::yaml::Document;
use std::path::PathBuf;
/// I
#[derive(Debug)]
pub struct Inputs {
    /// x
    pub paths: Vec<String>,
    /// x
    pub recursive: bool,
}
/// L
#[derive(Debug, Default)]
pub struct Loaded {
    /// x
    pub documents: Vec<Document>,
    /// x
    pub sources: SourceMap,
    /// x
    pub diagnostics: Vec<Diagnostic>,
    /// x
    pub root: PathBuf,
}
/// l
pub fn load(i: &Inputs, _r: &mut dyn std::io::Read, _s: &Secrets) -> Loaded {
    let mut l = Loaded::default();
    for p in &i.paths {
        let mut files: Vec<_> = std::fs::read_dir(p).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        for f in files {
            if f.is_file() {
                let name: std::sync::Arc<str> = f.display().to_string().into();
                let text = std::fs::read_to_string(&f).unwrap();
                l.documents.extend(crate::yaml::read_all(&name, &text).unwrap());
            }
        }
    }
    l
}
