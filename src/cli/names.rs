//! What people type for an object, an app or a pack.

use std::collections::BTreeSet;

use super::failure::Failure;
use crate::derive::Desired;
use crate::diagnostic::Severity;
use crate::plan::{Named, Selection};
use crate::resource::{Address, AppId, PackId};

/// The one address that a text names: a whole one, a short one, or an unambiguous tail. `None` when none is named.
pub(super) fn one<'a>(
    text: &str,
    known: impl Iterator<Item = &'a Address> + Clone,
) -> Result<Option<&'a Address>, Failure> {
    let mut whole = known.clone();
    if let Some(address) = whole.find(|address| address.to_string() == text || address.short() == text) {
        return Ok(Some(address));
    }
    let is_tail =
        |whole: &str| whole.strip_suffix(text).is_some_and(|head| head.is_empty() || head.ends_with(['/', ':', '#']));
    let found: BTreeSet<&Address> =
        known.filter(|address| is_tail(&address.to_string()) || is_tail(&address.short())).collect();
    if found.len() < 2 {
        return Ok(found.into_iter().next());
    }
    let shorts: Vec<String> = found.iter().map(|address| address.short()).collect();
    let shared = |short: &String| shorts.iter().filter(|other| *other == short).count() > 1;
    let names = found.iter().zip(&shorts);
    let names = names.map(|(address, short)| if shared(short) { address.to_string() } else { short.clone() });
    Err(ambiguous(text, names))
}

/// The pack that `NAME` or `NAMESPACE/NAME` names. `None` when none is named.
pub(super) fn pack<'a>(name: &str, known: impl Iterator<Item = &'a PackId>) -> Result<Option<&'a PackId>, Failure> {
    let names = |pack: &PackId| pack.name == name || format!("{}/{}", pack.namespace, pack.name) == name;
    let found: BTreeSet<&PackId> = known.filter(|pack| names(pack)).collect();
    if found.len() < 2 {
        return Ok(found.into_iter().next());
    }
    let names = found.iter().map(|pack| format!("pack/{}/{}", pack.namespace, pack.name));
    Err(ambiguous(&format!("pack/{name}"), names))
}

fn ambiguous(text: &str, names: impl Iterator<Item = String>) -> Failure {
    let names: Vec<String> = names.collect();
    Failure::usage(format!("`{text}` is ambiguous:\n  {}", names.join("\n  "))).help("write one of these names")
}

/// What `--target` and `--exclude` name in the inputs.
pub(super) fn selection(targets: &[String], excludes: &[String], desired: &Desired) -> Result<Selection, Failure> {
    let named = |(option, text): (&str, &String)| named(option, text, desired);
    Ok(Selection {
        targets: targets.iter().map(|text| ("--target", text)).map(named).collect::<Result<_, _>>()?,
        excludes: excludes.iter().map(|text| ("--exclude", text)).map(named).collect::<Result<_, _>>()?,
    })
}

fn named(option: &str, text: &str, desired: &Desired) -> Result<Named, Failure> {
    let of_objects = desired.wanted.values().filter_map(|resource| resource.pack.as_ref());
    let packs = desired.packs.keys().chain(of_objects);
    let found = match text.split('/').collect::<Vec<_>>().as_slice() {
        ["app", namespace, name] => {
            let app = AppId::new(*namespace, *name);
            let goes = desired.unwanted.values().any(|unwanted| unwanted.app.as_ref() == Some(&app));
            (goes || desired.apps.contains_key(&app)).then_some(Named::App(app))
        }
        ["pack", name @ ..] => pack(&name.join("/"), packs)?.cloned().map(Named::Pack),
        _ => {
            let known = desired.wanted.keys().chain(desired.unwanted.keys());
            let found = one(text, known.chain(desired.blocked.keys()).chain(desired.refused.keys()))?;
            // The tail of an app's own name means the app.
            found.map(|address| address.as_app().map_or_else(|| Named::Object(address.clone()), Named::App))
        }
    };
    // What is refused has no derived objects to name: its error tells more than this one.
    let errors = desired.diagnostics.iter().filter(|found| found.severity == Severity::Error).cloned();
    found.ok_or_else(|| {
        Failure::usage(format!("{option} {text} names nothing in the inputs"))
            .help("write app/NAMESPACE/NAME, pack/NAME or an address; `packctl plan --all` shows the names")
            .with(errors.collect())
    })
}
