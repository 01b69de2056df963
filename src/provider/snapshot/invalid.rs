//! What a server refuses of an object because its kind does not allow it.

use serde_json::Value;

use crate::schema::{ListKind, Node, Schema, Violation, metadata_violations, violations};

/// What is refused, as the server tells it: `spec.rules[0].name: must be ...`.
///
/// What was there before and did not change is no reason to refuse, as on a server (kubernetes/enhancements 4008,
/// `CRDValidationRatcheting`): whoever changes a label need not repair the rest. What can only be judged by the server counts as
/// allowed.
pub(super) fn invalid(object: &Value, before: Option<&Value>, schema: &Schema) -> Vec<String> {
    let mut found = violations(object, schema);
    let custom = !schema.root().is_built_in();
    // The version of what is there is the server's own.
    let given = |found: &Violation| found.pointer != "/metadata/resourceVersion";
    found.extend(metadata_violations(object, custom).into_iter().filter(given));
    let is_new = |found: &&Violation| {
        !found.undecided && !before.is_some_and(|before| is_kept(&found.pointer, object, before, schema))
    };
    found.iter().filter(is_new).map(|found| format!("{}: {}", field(&found.pointer), found.message)).collect()
}

/// Nulls that a server-side apply leaves in an object of a custom kind, where the field may not be null and has no default: of
/// what is created or updated a server drops them, of what is applied it does not.
///
/// A body can say null; and a struct that it declares empty is null when the last field goes that the manager had in it.
pub(super) fn nulls(object: &Value, schema: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    if let (false, Some(fields)) = (schema.root().is_built_in(), object.as_object()) {
        for (name, value) in fields.iter().filter(|(name, _)| !["metadata", "status"].contains(&name.as_str())) {
            collect_nulls(value, schema.root().field(name), &format!("/{}", name), &mut found);
        }
    }
    found
}

fn collect_nulls(value: &Value, node: Option<Node<'_>>, pointer: &str, found: &mut Vec<String>) {
    let Some(node) = node else { return };
    match value {
        Value::Null if !node.may_be_null() && node.default().is_none() => {
            found.push(format!("{}: must not be null", field(pointer)));
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let name_step = name.replace('~', "~0").replace('/', "~1");
                collect_nulls(value, node.field(name), &format!("{pointer}/{name_step}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_nulls(item, node.items(), &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// Whether the value at a pointer, or something around it, is as it was. Items of a list are found again by their keys alone.
fn is_kept(pointer: &str, object: &Value, before: &Value, schema: &Schema) -> bool {
    let (mut now, mut then, mut node) = (object, before, Some(schema.root()));
    for step in pointer.split('/').skip(1) {
        let below = match now {
            Value::Array(items) => step.parse().ok().and_then(|index: usize| items.get(index)),
            _ => now.get(name(step)),
        };
        let Some(below) = below else { return false };
        let above = then;
        let found = match (now, node.map(Node::list_kind)) {
            (Value::Array(_), Some(ListKind::Map(keys))) => {
                let same = |item: &&Value| keys.iter().all(|key| item.get(key) == below.get(key));
                above.as_array().into_iter().flatten().find(same)
            }
            (Value::Array(_), _) => None,
            _ => above.get(name(step)),
        };
        let Some(found) = found else { return false };
        if found == below {
            return true;
        }
        node = match now {
            Value::Array(_) => node.and_then(Node::items),
            _ => node.and_then(|node| node.field(&name(step))),
        };
        (now, then) = (below, found);
    }
    false
}

/// A pointer as the server writes a field.
fn field(pointer: &str) -> String {
    // Of these maps the server names no keys.
    if let Some(map) = ["metadata.labels", "metadata.annotations"]
        .into_iter()
        .find(|map| pointer.starts_with(&format!("/{}/", map.replace('.', "/"))))
    {
        return map.into();
    }
    let mut field = String::new();
    for step in pointer.split('/').skip(1) {
        match step.parse::<usize>() {
            Ok(index) => field.push_str(&format!("[{index}]")),
            Err(_) if field.is_empty() => field.push_str(&name(step)),
            Err(_) => field.push_str(&format!(".{}", name(step))),
        }
    }
    field
}

fn name(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}
