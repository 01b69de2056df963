//! What only the server can tell is asked by dry run.

use serde_json::Value;

use crate::diff::{Class, wire_body};
use crate::observed::World;
use crate::plan::{Plan, Settled};
use crate::provider::kubernetes::Kubernetes;
use crate::provider::{Verb, Write};

/// Whether applying would change each object in doubt. An object that the server refuses to judge stays in doubt.
pub(super) async fn settle(plan: &Plan, world: &World, client: &Kubernetes) -> Settled {
    let mut settled = Settled::new();
    for change in plan.changes.values() {
        let doubt = change.fields.iter().any(|field| matches!(field.class, Class::Doubt(_)));
        let (true, Some(resource), Some(live)) = (doubt, &change.resource, world.get(&change.address).live()) else {
            continue;
        };
        let owner = resource.owner.as_ref().and_then(|owner| world.get(owner).live()).map(|live| live.uid.clone());
        let write = Write {
            address: change.address.object(),
            api_version: resource.api_version.clone(),
            verb: Verb::Apply {
                body: wire_body(resource, owner.as_deref()),
                manager: resource.hand.manager().to_owned(),
                force: true,
                uid: Some(live.uid.clone()),
                version: None,
            },
        };
        if let Ok(answer) = client.dry_run(&write).await {
            settled.insert(change.address.clone(), content(answer.value()) != content(live.value()));
        }
    }
    settled
}

/// An object without what the server keeps for itself; lists omit apiVersion and kind.
fn content(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(root) = value.as_object_mut() {
        for key in ["apiVersion", "kind", "status"] {
            root.remove(key);
        }
        if let Some(metadata) = root.get_mut("metadata").and_then(Value::as_object_mut) {
            for key in ["managedFields", "resourceVersion", "generation"] {
                metadata.remove(key);
            }
        }
    }
    value
}
