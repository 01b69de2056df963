//! Writing one object, and what each answer means.

use std::sync::atomic::AtomicUsize;

use http::Method;
use kube::core::Status;
use serde_json::{Value, json};

use super::conceal;
use super::read::object_path;
use super::url;
use super::wire::{Answer, Call, Failure, Refusal};
use super::{Kubernetes, Verb, Write, WriteError, Written};
use crate::observed::Live;
use crate::provider::FieldConflict;
use crate::resource::Hand;

const APPLY: &str = "application/apply-patch+yaml";
const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// Performs a write.
pub(super) async fn write(cluster: &Kubernetes, write: &Write) -> Result<Written, WriteError> {
    match &write.verb {
        Verb::Apply { .. } => {
            let call = apply(cluster, write, false)?;
            let answer = cluster.wire.once(&call).await.map_err(outcome)?;
            let live = live(cluster, write, &answer).map_err(WriteError::OutcomeUnknown)?;
            Ok(Written { created: answer.code == 201, live: Some(live) })
        }
        Verb::Create { body, manager } => {
            let call = create(cluster, write, body, manager)?;
            let answer = cluster.wire.once(&call).await.map_err(outcome)?;
            let live = live(cluster, write, &answer).map_err(WriteError::OutcomeUnknown)?;
            Ok(Written { created: true, live: Some(live) })
        }
        Verb::HandOver { managed_fields, uid, version } => {
            patched(cluster, write, json!({"uid": uid, "resourceVersion": version, "managedFields": managed_fields}))
                .await
        }
        Verb::Finalizers { finalizers, uid, version } => {
            patched(cluster, write, json!({"uid": uid, "resourceVersion": version, "finalizers": finalizers})).await
        }
        Verb::Delete { uid, version } => {
            let call = delete(cluster, write, uid, version)?;
            match cluster.wire.once(&call).await {
                Ok(_) => Ok(Written { created: false, live: None }),
                Err(failure) if failure.is_absence() => Ok(Written { created: false, live: None }),
                Err(failure) => Err(outcome(failure)),
            }
        }
    }
}

/// Asks what an apply would do.
pub(super) async fn dry_run(cluster: &Kubernetes, write: &Write) -> Result<Live, WriteError> {
    let call = apply(cluster, write, true)?;
    // Nothing can have happened, so nothing is left unknown and asking again is safe.
    let answer =
        cluster.wire.patiently(&call, &AtomicUsize::new(0)).await.map_err(|failure| match outcome(failure) {
            WriteError::OutcomeUnknown(text) => WriteError::Unavailable(text),
            other => other,
        })?;
    live(cluster, write, &answer).map_err(WriteError::Unavailable)
}

fn apply(cluster: &Kubernetes, write: &Write, dry: bool) -> Result<Call, WriteError> {
    let Verb::Apply { body, manager, force, uid, version } = &write.verb else {
        return Err(WriteError::Rejected("only an apply can be tried".into()));
    };
    let mut body = body.clone();
    if conceal::is_secret(&write.address.group, &write.address.kind) {
        conceal::reveal(&mut body, &cluster.wire.secrets).map_err(WriteError::Rejected)?;
    }
    let metadata = body.get_mut("metadata").and_then(Value::as_object_mut);
    let metadata = metadata.ok_or_else(|| WriteError::Rejected("the body has no metadata".into()))?;
    for (field, expected) in [("uid", uid), ("resourceVersion", version)] {
        if let Some(expected) = expected {
            metadata.insert(field.into(), expected.as_str().into());
        }
    }
    let force = if *force { "true" } else { "false" };
    let mut parameters = vec![("fieldManager", manager.as_str()), ("force", force), ("fieldValidation", "Strict")];
    if dry {
        parameters.push(("dryRun", "All"));
    }
    Ok(Call {
        method: Method::PATCH,
        path: url::query(&path(cluster, write)?, &parameters),
        accept: JSON,
        content: Some((APPLY, yaml_safe(&body).into_bytes())),
        object: Some(write.address.clone()),
    })
}

fn create(cluster: &Kubernetes, write: &Write, body: &Value, manager: &str) -> Result<Call, WriteError> {
    let object = path(cluster, write)?;
    let mut body = body.clone();
    if conceal::is_secret(&write.address.group, &write.address.kind) {
        conceal::reveal(&mut body, &cluster.wire.secrets).map_err(WriteError::Rejected)?;
    }
    // The name is one segment, so what stands before it is the collection.
    let collection = object.rsplit_once('/').map_or(object.as_str(), |(collection, _)| collection);
    Ok(Call {
        method: Method::POST,
        path: url::query(collection, &[("fieldManager", manager), ("fieldValidation", "Strict")]),
        accept: JSON,
        content: Some((JSON, body.to_string().into_bytes())),
        object: Some(write.address.clone()),
    })
}

/// Replaces fields of the metadata, as k8s.io/client-go `util/csaupgrade` does; a resourceVersion that is not the current one is
/// a conflict.
async fn patched(cluster: &Kubernetes, write: &Write, metadata: Value) -> Result<Written, WriteError> {
    let call = Call {
        method: Method::PATCH,
        path: url::query(&path(cluster, write)?, &[("fieldManager", Hand::MANAGER)]),
        accept: JSON,
        content: Some((MERGE_PATCH, json!({"metadata": metadata}).to_string().into_bytes())),
        object: Some(write.address.clone()),
    };
    let answer = cluster.wire.once(&call).await.map_err(outcome)?;
    let live = live(cluster, write, &answer).map_err(WriteError::OutcomeUnknown)?;
    Ok(Written { created: false, live: Some(live) })
}

fn delete(cluster: &Kubernetes, write: &Write, uid: &str, version: &str) -> Result<Call, WriteError> {
    let options = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": uid, "resourceVersion": version},
        "propagationPolicy": "Background",
    });
    Ok(Call {
        method: Method::DELETE,
        path: path(cluster, write)?,
        accept: JSON,
        content: Some((JSON, options.to_string().into_bytes())),
        object: Some(write.address.clone()),
    })
}

fn path(cluster: &Kubernetes, write: &Write) -> Result<String, WriteError> {
    let address = &write.address;
    let info = cluster.kind(&address.group, &address.kind).map_err(WriteError::Unavailable)?.ok_or_else(|| {
        let group = if address.group.is_empty() { "core" } else { &address.group };
        WriteError::NotFound(format!("the cluster serves no {} of {group}", address.kind))
    })?;
    let (group, version) = write.api_version.split_once('/').unwrap_or(("", &write.api_version));
    if group != address.group {
        return Err(WriteError::Rejected(format!("{} is of another group than {address}", write.api_version)));
    }
    object_path(address, version, info).map_err(WriteError::Rejected)
}

fn live(cluster: &Kubernetes, write: &Write, answer: &Answer) -> Result<Live, String> {
    cluster.live(write.address.object(), &answer.text)
}

/// JSON that a YAML reader takes for what it is.
///
/// The server reads apply bodies as YAML. There U+0085 inside a string becomes a space, and DEL, the C1 controls, U+FFFE and
/// U+FFFF are errors (seen on 1.34); written as escapes they arrive as they are.
fn yaml_safe(body: &Value) -> String {
    let json = body.to_string();
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                safe.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => safe.push(other),
        }
    }
    safe
}

/// What a failed request means for the object.
fn outcome(failure: Failure) -> WriteError {
    match failure {
        Failure::Local(text) | Failure::Unreached(text) => WriteError::Unavailable(text),
        Failure::Lost(text) | Failure::Late(text) | Failure::Foreign(_, text) => WriteError::OutcomeUnknown(text),
        Failure::Refused(refusal) => refused(*refusal),
    }
}

fn refused(refusal: Refusal) -> WriteError {
    let message = refusal.message;
    match refusal.code {
        401 | 403 => WriteError::Forbidden(message),
        404 => WriteError::NotFound(message),
        409 => match refusal.status.as_ref().map(conflicts) {
            Some(conflicts) if !conflicts.is_empty() => WriteError::Conflict(conflicts),
            _ => WriteError::Changed(message),
        },
        // An apply for another uid is answered as a change of an immutable field.
        422 if refusal.status.as_ref().is_some_and(is_other_object) => WriteError::Changed(message),
        429 | 503 => WriteError::Unavailable(message),
        400..=499 => WriteError::Rejected(message),
        // How the server says that a field is not in the schema; like a webhook's failure it comes before storing.
        500 if message.starts_with("failed to create typed patch object") => WriteError::Rejected(message),
        500 if message.contains("failed calling webhook") => WriteError::Unavailable(message),
        _ => WriteError::OutcomeUnknown(message),
    }
}

fn is_other_object(status: &Status) -> bool {
    status.details.iter().flat_map(|details| &details.causes).any(|cause| cause.field == "metadata.uid")
}

fn conflicts(status: &Status) -> Vec<FieldConflict> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| FieldConflict { field: cause.field.clone(), manager: manager(&cause.message) })
        .collect()
}

/// The manager in `conflict with "NAME" using v1 at TIME`.
fn manager(message: &str) -> String {
    let quoted = message.find('"').map(|start| &message[start..]).unwrap_or_default();
    let name = serde_json::Deserializer::from_str(quoted).into_iter::<String>().next();
    name.and_then(Result::ok).unwrap_or_else(|| message.to_owned())
}

#[cfg(test)]
mod tests;
