//! Schemas as the cluster publishes them: `/openapi/v3`, one document for each group and version.
//!
//! The index names the SHA-512 of each document. What was read once is kept below the user's cache folder under that hash, a
//! file for each kind, and only if the document has that hash: so a file is right whichever server said it, two processes at
//! once write the same, and a plan with a warm cache sends one request.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;

use futures::future::join_all;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha512};

use super::Kubernetes;
use super::wire::{Answer, Call, Wire};
use crate::resource::hex;

/// Characters of a hash that name a folder; whoever can forge 256 bits need not stop at file names.
const NAMED: usize = 64;
const GVK: &str = "x-kubernetes-group-version-kind";

/// The index: by `apis/GROUP/VERSION` the path of its document.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Index {
    #[serde(default)]
    paths: BTreeMap<String, Document>,
}

#[derive(Debug, Deserialize)]
struct Document {
    #[serde(rename = "serverRelativeURL")]
    url: String,
}

/// Asks which documents there are.
pub(super) async fn index(wire: &Wire) -> Result<Index, String> {
    let answer = get(wire, "/openapi/v3").await?;
    serde_json::from_str(&answer.text).map_err(|_| {
        format!("{} sent an index of schemas that is none; check the server in {}", wire.server, wire.origin)
    })
}

/// The schemas of kinds, in the version that the cluster serves: `Ok(None)` where the cluster publishes none.
pub(super) async fn schemas(
    cluster: &Kubernetes,
    index: &Index,
    kinds: &BTreeSet<(String, String)>,
) -> BTreeMap<(String, String), Result<Option<Value>, String>> {
    let mut by_version: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (group, kind) in kinds {
        if let Some(info) = cluster.kinds.get(group, kind) {
            by_version.entry((group, &info.version)).or_default().push(kind);
        }
    }
    let read = by_version.iter().map(|((group, version), kinds)| async move {
        let found = of_version(cluster, index, group, version, kinds).await;
        kinds
            .iter()
            .map(|kind| {
                let schema = found.as_ref().map(|found| found.get(*kind).cloned()).map_err(Clone::clone);
                (((*group).to_owned(), (*kind).to_owned()), schema)
            })
            .collect::<Vec<_>>()
    });
    join_all(read).await.into_iter().flatten().collect()
}

async fn of_version(
    cluster: &Kubernetes,
    index: &Index,
    group: &str,
    version: &str,
    kinds: &[&str],
) -> Result<BTreeMap<String, Value>, String> {
    let Some(document) = index.paths.get(&format!("apis/{group}/{version}")) else { return Ok(BTreeMap::new()) };
    let hash = document.url.split_once("hash=").map(|(_, hash)| hash).filter(|hash| is_hash(hash));
    let folder = cluster.cache.as_ref().zip(hash).map(|(cache, hash)| cache.join("schemas").join(&hash[..NAMED]));
    if let Some(known) = folder.as_deref().and_then(|folder| recall(folder, kinds)) {
        return Ok(known);
    }
    let answer = get(&cluster.wire, &document.url).await?;
    let found = read(&answer.text, group, version)
        .ok_or_else(|| format!("{} sent schemas of {group}/{version} that are none", cluster.wire.server))?;
    let is_what_it_says =
        || hash.is_some_and(|hash| hex(&Sha512::digest(&answer.text), 128).eq_ignore_ascii_case(hash));
    if let Some(folder) = folder.filter(|_| is_what_it_says()) {
        // A cache that cannot be written costs a request the next time.
        let _ = keep(&folder, &found);
    }
    Ok(found)
}

async fn get(wire: &Wire, path: &str) -> Result<Answer, String> {
    wire.patiently(&Call::get(path.to_owned()), &AtomicUsize::new(0)).await.map_err(|failure| failure.to_string())
}

fn is_hash(text: &str) -> bool {
    text.len() == 128 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The schemas of a document by kind, without what only people read.
fn read(text: &str, group: &str, version: &str) -> Option<BTreeMap<String, Value>> {
    let document: Value = serde_json::from_str(text).ok()?;
    let mut found = BTreeMap::new();
    for schema in document.pointer("/components/schemas")?.as_object()?.values() {
        let named = schema.get(GVK).and_then(Value::as_array).into_iter().flatten();
        let mut of_version = named.filter(|named| {
            named.get("group").and_then(Value::as_str) == Some(group)
                && named.get("version").and_then(Value::as_str) == Some(version)
        });
        let Some(kind) = of_version.find_map(|named| named.get("kind")?.as_str()) else { continue };
        // A list has items, and so may a kind; but only a list has `metadata` of a list.
        if kind.ends_with("List") && schema.pointer("/properties/items").is_some() {
            continue;
        }
        let mut schema = schema.clone();
        shorten(&mut schema);
        if let Some(root) = schema.as_object_mut() {
            root.remove(GVK);
            if let Some(properties) = root.get_mut("properties").and_then(Value::as_object_mut) {
                // A reference to a definition of another document; the rules of metadata are known.
                properties.insert("metadata".into(), Value::Object(Map::from_iter([("type".into(), "object".into())])));
            }
        }
        found.insert(kind.to_owned(), schema);
    }
    Some(found)
}

/// Takes the descriptions of fields out; a field that is called so stays.
fn shorten(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.retain(|name, value| name != "description" || !value.is_string());
            map.values_mut().for_each(shorten);
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        _ => {}
    }
}

/// All of these kinds, or nothing.
fn recall(folder: &Path, kinds: &[&str]) -> Option<BTreeMap<String, Value>> {
    let read = |kind: &&str| {
        let text = std::fs::read_to_string(file(folder, kind)?).ok()?;
        let schema: Value = serde_json::from_str(&text).ok().filter(Value::is_object)?;
        Some(((*kind).to_owned(), schema))
    };
    kinds.iter().map(read).collect()
}

/// Writes each file whole or not at all.
fn keep(folder: &Path, schemas: &BTreeMap<String, Value>) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (kind, schema) in schemas {
        let Some(path) = file(folder, kind) else { continue };
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(schema.to_string().as_bytes())?;
        new.persist(path)?;
    }
    Ok(())
}

/// Kinds are letters and digits; what is not is not kept.
fn file(folder: &Path, kind: &str) -> Option<PathBuf> {
    let plain = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| folder.join(format!("{kind}.json")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fake::{Fake, ok};
    use super::*;

    fn document(description: &str) -> Value {
        json!({"components": {"schemas": {
            "x.Route": {
                GVK: [{"group": "x.io", "version": "v1", "kind": "Route"}], "type": "object",
                "properties": {
                    "metadata": {"allOf": [{"$ref": "#/components/schemas/meta"}]},
                    "spec": {"type": "object", "description": description, "properties": {
                        "description": {"type": "string", "default": "a"},
                    }},
                },
            },
            "x.RouteList": {
                GVK: [{"group": "x.io", "version": "v1", "kind": "RouteList"}], "type": "object",
                "properties": {"items": {"type": "array"}},
            },
        }}})
    }

    /// A server with that document, whose index tells `hash` of it.
    fn server(document: &Value, hash: &str) -> Fake {
        let (document, url) = (document.clone(), format!("/openapi/v3/apis/x.io/v1?hash={hash}"));
        Fake::new(move |call| match call.path() {
            "/openapi/v3" => ok(json!({"paths": {"apis/x.io/v1": {"serverRelativeURL": url}}})),
            _ => ok(document.clone()),
        })
    }

    async fn asked(fake: &Fake, cache: &Path) -> (Option<Value>, usize) {
        let mut kinds = crate::observed::Kinds::default();
        kinds.insert("x.io", "Route", "v1", "routes", true);
        let cluster = Kubernetes { cache: Some(cache.to_owned()), ..fake.cluster().with_kinds(kinds) };
        let index = index(&cluster.wire).await.expect("an index");
        let wanted = BTreeSet::from([("x.io".to_owned(), "Route".to_owned())]);
        let found = schemas(&cluster, &index, &wanted).await.into_values().next().expect("an answer");
        (found.expect("readable"), fake.log().len())
    }

    #[tokio::test]
    async fn a_document_is_read_once_and_its_schema_kept_without_descriptions() {
        let cache = tempfile::tempdir().expect("a folder");
        let document = document("what it is");
        let hash = hex(&Sha512::digest(document.to_string()), 128);
        let first = asked(&server(&document, &hash), cache.path()).await;
        let second = asked(&server(&document, &hash), cache.path()).await;
        assert_eq!((first.1, second.1), (2, 1), "requests");
        assert_eq!(first.0, second.0);
        assert_eq!(
            first.0,
            Some(json!({"type": "object", "properties": {
                "metadata": {"type": "object"},
                "spec": {"type": "object", "properties": {"description": {"type": "string", "default": "a"}}},
            }}))
        );
    }

    #[tokio::test]
    async fn a_document_that_has_not_the_hash_it_is_called_by_is_not_kept() {
        let cache = tempfile::tempdir().expect("a folder");
        let honest = document("a");
        let hash = hex(&Sha512::digest(honest.to_string()), 128);
        let (_, requests) = asked(&server(&document("b"), &hash), cache.path()).await;
        let (_, again) = asked(&server(&honest, &hash), cache.path()).await;
        assert_eq!((requests, again), (2, 2), "what another server said under that hash is asked for anew");
        // Whatever is broken in the cache is read anew, too.
        let file = cache.path().join("schemas").join(&hash[..NAMED]).join("Route.json");
        std::fs::write(&file, "{\"type\"").expect("it can be written");
        assert_eq!(asked(&server(&honest, &hash), cache.path()).await.1, 2);
        assert_eq!(asked(&server(&honest, &hash), cache.path()).await.1, 1);
    }
}
