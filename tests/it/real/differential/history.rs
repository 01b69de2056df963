//! What was done to an object before packctl comes: the writes of its managers.

use packctl::diff::wire_body;
use packctl::resource::{Address, Hand, Resource};
use packctl::schema::{ListKind, Node, Schemas};
use serde_json::{Map, Value, json};

use super::menu::Menu;
use super::server::Object;

/// A write.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// `kubectl create`, or a controller that makes it.
    Create { manager: String, body: Value },
    /// Server-side apply by somebody else; the body may be a part.
    Apply { manager: String, body: Value, version: String, force: bool },
    /// packctl's own apply.
    Ours { body: Value },
    /// Somebody reads, changes what differs between two bodies, and writes the whole.
    Edit { manager: String, from: Value, to: Value, version: String },
    /// An autoscaler.
    Scale { manager: String, replicas: u64 },
    /// A program that drops managedFields.
    Forget,
}

impl Act {
    /// The bodies in it, to be made smaller.
    pub(super) fn bodies(&mut self) -> Vec<&mut Value> {
        match self {
            Act::Create { body, .. } | Act::Apply { body, .. } | Act::Ours { body } => vec![body],
            Act::Edit { from, to, .. } => vec![from, to],
            Act::Scale { .. } | Act::Forget => Vec::new(),
        }
    }
}

/// What packctl wants of an object.
pub(super) fn resource(object: &Object<'_>, body: &Value) -> Resource {
    let (menu, server) = (object.menu, object.server);
    let address = if menu.head.scope == "cluster" {
        Address::cluster_scoped(&menu.head.group, menu.kind(), &object.name)
    } else {
        Address::namespaced(&menu.head.group, menu.kind(), &server.namespace, &object.name)
    };
    let hand = if menu.is_entry() { Hand::entry("differential", "entry") } else { Hand::Whole };
    Resource {
        address,
        api_version: menu.api_version().to_owned(),
        body: body.clone().into(),
        owner: None,
        hand,
        app: None,
        pack: None,
        causes: [].into(),
    }
}

/// Does it all, in order, and gives the object as it then is; `None` where it could not be made. A later write that the server
/// refuses has no effect, as in life.
pub(super) async fn live(object: &Object<'_>, acts: &[Act]) -> Option<Value> {
    let schemas = Schemas::default();
    let mut live = None;
    for act in acts {
        let before = live.take();
        let (status, answer) = match (act, &before) {
            (Act::Create { manager, body }, _) => {
                object.create(manager, &object.named(body, object.menu.api_version())).await
            }
            (Act::Apply { manager, body, version, force }, _) => {
                object.apply(manager, &object.named(body, version), *force, false).await
            }
            (Act::Ours { body }, _) => {
                let resource = resource(object, body);
                object.apply(resource.hand.manager(), &wire_body(&resource, None), true, false).await
            }
            (Act::Edit { manager, from, to, version }, Some(_)) => {
                let schema = schemas.get(&object.menu.head.group, object.menu.kind()).expect("it has a schema");
                let (_, seen) = object.get(version).await;
                let mut edited = edited(&seen, from, to, Some(schema.root()));
                edited["apiVersion"] = json!(version);
                if let Some(metadata) = edited["metadata"].as_object_mut() {
                    metadata.remove("managedFields");
                }
                object.replace(manager, &edited).await
            }
            (Act::Scale { manager, replicas }, Some(_)) => {
                object.merge(manager, "/scale", &json!({"spec": {"replicas": replicas}})).await
            }
            (Act::Forget, Some(_)) => {
                object.merge("forgetful", "", &json!({"metadata": {"managedFields": [{}]}})).await
            }
            _ => return None,
        };
        live = match before {
            None if status >= 300 => return None,
            Some(before) if status >= 300 => Some(before),
            _ => Some(answer),
        };
    }
    if live.is_some() { Some(object.get(object.menu.api_version()).await.1) } else { None }
}

/// The value as an editor leaves it who changes what differs between `from` and `to`.
fn edited(live: &Value, from: &Value, to: &Value, node: Option<Node<'_>>) -> Value {
    match (live, from, to) {
        (_, from, to) if from == to => live.clone(),
        (Value::Object(live), Value::Object(from), Value::Object(to)) => {
            let mut edited = live.clone();
            for name in from.keys().filter(|name| !to.contains_key(*name)) {
                edited.remove(name);
            }
            for (name, to) in to {
                let below = node.and_then(|node| node.field(name));
                let live = live.get(name).unwrap_or(&Value::Null);
                let from = from.get(name).unwrap_or(&Value::Null);
                edited.insert(name.clone(), self::edited(live, from, to, below));
            }
            Value::Object(edited)
        }
        (Value::Array(live), Value::Array(from), Value::Array(to)) => {
            let Some(ListKind::Map(keys)) = node.map(Node::list_kind) else { return json!(to) };
            let below = node.and_then(Node::items);
            let key = |item: &Value| -> Vec<Value> {
                let value = |name: &String| {
                    let default = || below.and_then(|below| below.field(name)?.default().cloned());
                    item.get(name).cloned().or_else(default).unwrap_or(Value::Null)
                };
                keys.iter().map(value).collect()
            };
            let find = |list: &[Value], item: &Value| list.iter().find(|other| key(other) == key(item)).cloned();
            let gone = |item: &Value| find(from, item).is_some() && find(to, item).is_none();
            let mut edited: Vec<Value> = live.iter().filter(|item| !gone(item)).cloned().collect();
            for item in to {
                let (before, now) = (find(from, item).unwrap_or(Value::Null), find(live, item).unwrap_or(Value::Null));
                let changed = self::edited(&now, &before, item, below);
                match edited.iter_mut().find(|other| key(other) == key(item)) {
                    Some(place) => *place = changed,
                    None => edited.push(changed),
                }
            }
            Value::Array(edited)
        }
        (_, _, to) => to.clone(),
    }
}

/// A part of a body, as somebody applies who cares about a few fields.
pub(super) fn part(body: &Value, node: Option<Node<'_>>, keep: &mut dyn FnMut() -> bool) -> Option<Value> {
    match (body, node.map(Node::list_kind)) {
        (Value::Object(map), _) if !map.is_empty() && !node.is_some_and(Node::is_atomic) => {
            let mut kept = Map::new();
            for (name, value) in map {
                let below = node.and_then(|node| node.field(name));
                if let Some(value) = part(value, below, keep) {
                    kept.insert(name.clone(), value);
                }
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        (Value::Array(items), Some(ListKind::Map(keys))) => {
            let mut kept = Vec::new();
            for item in items {
                let Some(mut part) = part(item, node.and_then(Node::items), keep) else { continue };
                for key in &keys {
                    if let Some(value) = item.get(key) {
                        part[key] = value.clone();
                    }
                }
                kept.push(part);
            }
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        (Value::Array(items), Some(ListKind::Set)) => {
            let kept: Vec<Value> = items.iter().filter(|_| keep()).cloned().collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        _ => keep().then(|| body.clone()),
    }
}

/// A schema's node of an object, with metadata: CRDs leave that out.
pub(super) fn menu_node<'s>(schemas: &'s Schemas, menu: &Menu) -> Option<Node<'s>> {
    schemas.get(&menu.head.group, menu.kind()).map(packctl::schema::Schema::root)
}
