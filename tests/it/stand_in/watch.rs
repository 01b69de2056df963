//! Lists and watches of the API server that lose nothing.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::Client;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::core::Request;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use super::Record;
use super::world::{Event, Kind, Name, version};

/// What one watch is of; without a namespace: all of them.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) namespace: Option<String>,
}

impl Place {
    pub(super) fn has(&self, name: &Name) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| *namespace == name.namespace)
    }

    fn path(&self) -> String {
        self.kind.path(self.namespace.as_deref())
    }
}

/// What a list found, and the version it is of.
pub(super) struct Found {
    pub(super) objects: Vec<Event>,
    pub(super) version: u64,
}

pub(super) async fn list(client: &Client, place: &Place) -> kube::Result<Found> {
    let request = Request::new(place.path()).list(&ListParams::default()).map_err(kube::Error::BuildRequest)?;
    let mut answer: Value = client.request(request).await?;
    let version = version(&answer);
    let items = match answer["items"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    Ok(Found { objects: items.into_iter().map(|object| Event::new(place.kind, object, false)).collect(), version })
}

/// Records and sends every event of this place after `version`.
pub(super) async fn follow(
    client: Client,
    place: Place,
    mut version: u64,
    record: Arc<Record>,
    sender: UnboundedSender<Event>,
) {
    loop {
        let result = once(&client, &place, &mut version, &record, &sender).await;
        // A watch ends after some minutes, and goes on from its last version. When the server has forgotten that one,
        // states are missing.
        match result {
            Ok(()) => {}
            Err(kube::Error::Api(status)) if status.code == 410 => {
                record.troubles().push(format!("a watch lost events after {version}: {place:?}"));
                return;
            }
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn once(
    client: &Client,
    place: &Place,
    version: &mut u64,
    record: &Record,
    sender: &UnboundedSender<Event>,
) -> kube::Result<()> {
    let request = Request::new(place.path()).watch(&WatchParams::default(), &version.to_string());
    let events = client.request_events::<Value>(request.map_err(kube::Error::BuildRequest)?).await?;
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        let event = match event? {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => Event::new(place.kind, object, false),
            WatchEvent::Deleted(object) => Event::new(place.kind, object, true),
            WatchEvent::Bookmark(bookmark) => {
                *version = bookmark.metadata.resource_version.parse().unwrap_or(*version);
                continue;
            }
            WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
        };
        *version = event.version;
        record.events().push(event.clone());
        if sender.send(event).is_err() {
            return Ok(());
        }
    }
    Ok(())
}
