//! Reading sets of objects.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::task::JoinSet;

use super::Kubernetes;
use super::conceal;
use super::url;
use super::wire::{Call, Failure};
use crate::observed::{Coverage, KindInfo, ListOf, Live, ReadSet, Reading};
use crate::resource::{Address, Secrets, Side};

const PAGE: &str = "500";
/// A continue token lives for minutes; a list that outlives several is too long for this server.
const RESTARTS: u32 = 2;

/// Reads all lists, then what is still open of the single objects.
pub(super) async fn read(cluster: &Kubernetes, set: &ReadSet) -> Reading {
    let requests = Arc::new(AtomicUsize::new(0));
    let mut reading = Reading::default();
    let mut tasks = JoinSet::new();
    let namespaces = Arc::new(set.namespaces.clone());
    for list in set.lists.iter().filter(|list| list.side == Side::Kubernetes) {
        // Stands if the task is lost: an unanswered list must not look like one that was never asked.
        reading.coverage.insert(list.clone(), Coverage::Unreadable("the reading was cut short".into()));
        let (cluster, list) = (cluster.clone(), list.clone());
        let (requests, namespaces) = (Arc::clone(&requests), Arc::clone(&namespaces));
        // Tasks, not one future: pages are unpacked and sliced on all cores.
        tasks.spawn(async move {
            let (objects, coverage) = cover(&cluster, &list, &namespaces, &requests).await;
            (list, objects, coverage)
        });
    }
    let mut objects = BTreeMap::new();
    while let Some(joined) = tasks.join_next().await {
        let Ok((list, found, coverage)) = joined else { continue };
        reading.coverage.insert(list.clone(), coverage);
        objects.insert(list, found);
    }
    reading.objects = objects.into_values().flatten().collect();
    singles(cluster, set, &mut reading, &requests).await;
    reading.requests = requests.load(Ordering::Relaxed);
    reading
}

async fn cover(
    cluster: &Kubernetes,
    list: &ListOf,
    namespaces: &BTreeSet<String>,
    requests: &AtomicUsize,
) -> (Vec<Live>, Coverage) {
    let info = match cluster.kind(&list.group, &list.kind) {
        Ok(Some(info)) => info,
        Ok(None) => return (Vec::new(), Coverage::NoSuchKind),
        Err(reason) => return (Vec::new(), Coverage::Unreadable(reason)),
    };
    let everywhere = match pages(cluster, list, info, None, requests).await {
        Ok(objects) => return (objects, Coverage::Complete),
        Err(failure) => failure,
    };
    let mut reason = everywhere.to_string();
    if everywhere.code() != Some(403) || !info.namespaced || namespaces.is_empty() {
        return (Vec::new(), Coverage::Unreadable(reason));
    }
    let each = join_all(namespaces.iter().map(|namespace| pages(cluster, list, info, Some(namespace), requests))).await;
    let (mut objects, mut read) = (Vec::new(), BTreeSet::new());
    for (namespace, result) in namespaces.iter().zip(each) {
        match result {
            Ok(found) => {
                objects.extend(found);
                read.insert(namespace.clone());
            }
            Err(failure) if failure.code() == Some(403) => {}
            Err(failure) => reason = format!("{reason}; in namespace {namespace}: {failure}"),
        }
    }
    let coverage = if read.is_empty() { Coverage::Unreadable(reason) } else { Coverage::Namespaces(read, reason) };
    (objects, coverage)
}

/// All pages of one list, one after the other.
async fn pages(
    cluster: &Kubernetes,
    list: &ListOf,
    info: &KindInfo,
    namespace: Option<&str>,
    requests: &AtomicUsize,
) -> Result<Vec<Live>, Failure> {
    let path = url::collection(&list.group, &info.version, info, namespace).map_err(Failure::Local)?;
    let mut restarts = 0;
    let mut objects = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut parameters = vec![("limit", PAGE)];
        parameters.extend(list.selector.as_deref().map(|selector| ("labelSelector", selector)));
        parameters.extend(token.as_deref().map(|token| ("continue", token)));
        let answer = cluster.wire.patiently(&Call::get(url::query(&path, &parameters)), requests).await;
        let text = match answer {
            Ok(answer) => answer.text,
            Err(failure) if failure.code() == Some(410) && token.is_some() && restarts < RESTARTS => {
                restarts += 1;
                objects.clear();
                token = None;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        token = slice(&text, list, &cluster.wire.secrets, &mut objects).ok_or_else(|| {
            Failure::Foreign(
                200,
                format!("{} answered something that is no list of {}", cluster.wire.server, info.plural),
            )
        })?;
        if token.is_none() {
            return Ok(objects);
        }
    }
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(default)]
    metadata: PageMetadata,
    /// `null` where a server writes no empty list.
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PageMetadata {
    r#continue: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    namespace: Option<String>,
    #[serde(default)]
    uid: String,
    #[serde(default)]
    resource_version: String,
    deletion_timestamp: Option<String>,
}

/// Cuts a page into objects and gives the token of the next one; the outer `None` if it is no list.
fn slice(text: &str, list: &ListOf, secrets: &Secrets, objects: &mut Vec<Live>) -> Option<Option<String>> {
    let page: Page = serde_json::from_str(text).ok().filter(|page: &Page| page.kind.ends_with("List"))?;
    let items = page.items.unwrap_or_default();
    objects.reserve(items.len());
    for item in items {
        let Item { metadata } = serde_json::from_str(item.get()).ok()?;
        let address = match &metadata.namespace {
            Some(namespace) => Address::namespaced(&list.group, &list.kind, namespace, &metadata.name),
            None => Address::cluster_scoped(&list.group, &list.kind, &metadata.name),
        };
        objects.push(wrap(address, metadata, item.get(), secrets)?);
    }
    Some(page.metadata.r#continue.filter(|token| !token.is_empty()))
}

fn wrap(address: Address, metadata: Metadata, text: &str, secrets: &Secrets) -> Option<Live> {
    let raw: Arc<str> = if conceal::is_secret(&address.group, &address.kind) {
        conceal::conceal(text, secrets)?.into()
    } else {
        text.into()
    };
    let leaving = metadata.deletion_timestamp.is_some();
    Some(Live::from_raw(address, metadata.uid, metadata.resource_version, leaving, raw))
}

/// One object's text as a [`Live`].
pub(super) fn live(address: Address, text: &str, secrets: &Secrets) -> Result<Live, String> {
    // serde's own message may quote a value.
    serde_json::from_str(text)
        .ok()
        .and_then(|Item { metadata }| wrap(address, metadata, text, secrets))
        .ok_or_else(|| "the server answered something that is no object".into())
}

async fn singles(cluster: &Kubernetes, set: &ReadSet, reading: &mut Reading, requests: &AtomicUsize) {
    let known: BTreeSet<&Address> = reading.objects.iter().map(|live| &live.address).collect();
    let open: Vec<&Address> = set
        .objects
        .iter()
        .filter(|address| !address.is_keycloak() && !known.contains(address) && !proven_absent(reading, address))
        .collect();
    let answers = join_all(open.iter().map(|address| single(cluster, address, requests))).await;
    for (address, answer) in open.into_iter().zip(answers) {
        match answer {
            Ok(Some(live)) => reading.objects.push(live),
            Ok(None) => {
                reading.singles.insert(address.clone(), None);
            }
            Err(reason) => {
                reading.singles.insert(address.clone(), Some(reason));
            }
        }
    }
}

/// Whether a list without a selector was read so completely that the object would have been in it.
fn proven_absent(reading: &Reading, address: &Address) -> bool {
    let list =
        ListOf { side: address.side.clone(), group: address.group.clone(), kind: address.kind.clone(), selector: None };
    match reading.coverage.get(&list) {
        Some(Coverage::Complete | Coverage::NoSuchKind) => true,
        Some(Coverage::Namespaces(read, _)) => {
            address.namespace.as_ref().is_some_and(|namespace| read.contains(namespace))
        }
        Some(Coverage::Unreadable(_)) | None => false,
    }
}

async fn single(cluster: &Kubernetes, address: &Address, requests: &AtomicUsize) -> Result<Option<Live>, String> {
    let Some(info) = cluster.kind(&address.group, &address.kind)? else { return Ok(None) };
    let path = object_path(address, &info.version, info)?;
    match cluster.wire.patiently(&Call::get(path), requests).await {
        Ok(answer) => cluster.live(address.clone(), &answer.text).map(Some),
        Err(failure) if failure.is_absence() => Ok(None),
        Err(failure) => Err(failure.to_string()),
    }
}

/// The path of one object.
pub(super) fn object_path(address: &Address, version: &str, info: &KindInfo) -> Result<String, String> {
    if info.namespaced != address.namespace.is_some() {
        let lives = if info.namespaced { "lives in a namespace" } else { "belongs to no namespace" };
        return Err(format!("{} {lives}, unlike {address}", address.kind));
    }
    let collection = url::collection(&address.group, version, info, address.namespace.as_deref())?;
    Ok(format!("{collection}/{}", url::segment(&address.name)?))
}

#[cfg(test)]
mod tests;
