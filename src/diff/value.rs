//! Values as the server sees them: what is equal, what is empty, where two atomic values differ.

use serde_json::Value;

use crate::resource::{FieldPath, SecretId};
use crate::schema::Node;

/// The value as the server keeps it: no nulls, and in built-in kinds no empty lists and maps (kubernetes/kubernetes#131175) and
/// no zeros that count as absent. `None` when nothing is left.
pub(super) fn canonical(value: &Value, node: Option<Node<'_>>) -> Option<Value> {
    match value {
        Value::Null => None,
        value if node.is_some_and(|node| node.is_built_in() && node.is_absent(value)) => None,
        Value::Object(map) => Some(Value::Object(
            map.iter()
                .filter_map(|(name, value)| {
                    let below = node.and_then(|node| node.field(name));
                    Some((name.clone(), canonical(value, below)?))
                })
                .collect(),
        )),
        Value::Array(items) => {
            let below = node.and_then(Node::items);
            Some(items.iter().map(|item| canonical(item, below).unwrap_or(Value::Null)).collect())
        }
        other => Some(other.clone()),
    }
}

/// Whether two scalars are the same to the server: numbers by value, quantities by amount.
pub(super) fn same_scalar(left: &Value, right: &Value, node: Option<Node<'_>>) -> bool {
    if left == right {
        return true;
    }
    if let (Some(left), Some(right)) = (left.as_f64(), right.as_f64()) {
        return left == right;
    }
    if node.is_some_and(Node::is_quantity) {
        return match (quantity(left), quantity(right)) {
            (Some(left), Some(right)) => left == right,
            _ => false,
        };
    }
    false
}

/// Whether both are secrets, of one of which a snapshot has no more than a number: nobody can tell whether they are the same.
pub(super) fn is_one_known(left: &Value, right: &Value) -> bool {
    let secret = |value: &Value| value.as_str().and_then(SecretId::from_placeholder);
    secret(left).zip(secret(right)).is_some_and(|(left, right)| left.is_known() != right.is_known())
}

/// Whether two canonical values are the same at every depth.
pub(super) fn same(left: &Value, right: &Value, node: Option<Node<'_>>) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| {
                    let below = node.and_then(|node| node.field(name));
                    right.get(name).is_some_and(|other| same(value, other, below))
                })
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same(left, right, node.and_then(Node::items)))
        }
        _ => same_scalar(left, right, node),
    }
}

/// Whether `wide` is `narrow` with nothing but more map keys: the shape of defaults that the server filled in.
pub(super) fn extends(wide: &Value, narrow: &Value, node: Option<Node<'_>>) -> bool {
    match (wide, narrow) {
        (Value::Object(wide), Value::Object(narrow)) => narrow.iter().all(|(name, value)| {
            let below = node.and_then(|node| node.field(name));
            wide.get(name).is_some_and(|other| extends(other, value, below))
        }),
        (Value::Array(wide), Value::Array(narrow)) => {
            wide.len() == narrow.len()
                && wide.iter().zip(narrow).all(|(wide, narrow)| extends(wide, narrow, node.and_then(Node::items)))
        }
        _ => same_scalar(wide, narrow, node),
    }
}

/// The places where two values differ, as deep as both have the same shape.
pub(super) fn places(
    path: &FieldPath,
    before: Option<&Value>,
    after: Option<&Value>,
    node: Option<Node<'_>>,
    found: &mut Vec<(FieldPath, Option<Value>, Option<Value>)>,
) {
    match (before, after) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let names: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for name in names {
                let below = node.and_then(|node| node.field(name));
                places(&path.field(name), left.get(name), right.get(name), below, found);
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) if left.len() == right.len() => {
            for (position, (left, right)) in left.iter().zip(right).enumerate() {
                places(&path.index(position), Some(left), Some(right), node.and_then(Node::items), found);
            }
        }
        (Some(before), Some(after)) if same_scalar(before, after, node) => {}
        (before, after) => found.push((path.clone(), before.cloned(), after.cloned())),
    }
}

/// A resource quantity in billionths (k8s.io/apimachinery `resource.Quantity`).
fn quantity(value: &Value) -> Option<i128> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let negative = whole.starts_with('-');
    let digits = format!("{}{:0<9}", whole.trim_start_matches(['+', '-']), fraction.get(..9).unwrap_or(fraction));
    let nano: i128 = digits.parse().ok()?;
    let amount = match suffix {
        "n" => nano / 1_000_000_000,
        "u" => nano / 1_000_000,
        "m" => nano / 1_000,
        "" => nano,
        "k" => nano.checked_mul(1_000)?,
        "M" => nano.checked_mul(1_000_000)?,
        "G" => nano.checked_mul(1_000_000_000)?,
        "T" => nano.checked_mul(1_000_000_000_000)?,
        "P" => nano.checked_mul(1_000_000_000_000_000)?,
        "E" => nano.checked_mul(1_000_000_000_000_000_000)?,
        "Ki" => nano.checked_mul(1 << 10)?,
        "Mi" => nano.checked_mul(1 << 20)?,
        "Gi" => nano.checked_mul(1 << 30)?,
        "Ti" => nano.checked_mul(1 << 40)?,
        "Pi" => nano.checked_mul(1 << 50)?,
        "Ei" => nano.checked_mul(1 << 60)?,
        exponent => {
            let power: u32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            nano.checked_mul(10_i128.checked_pow(power)?)?
        }
    };
    Some(if negative { -amount } else { amount })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_are_compared_by_amount() {
        for (left, right) in [("1000m", "1"), ("1Gi", "1073741824"), ("0.5", "500m"), ("1e3", "1k"), ("-1", "-1000m")] {
            assert_eq!(quantity(&json!(left)), quantity(&json!(right)), "{left} {right}");
        }
        assert_ne!(quantity(&json!("1Gi")), quantity(&json!("1G")));
        assert_eq!(quantity(&json!("plenty")), None);
    }

    #[test]
    fn a_built_in_kind_keeps_no_empties_but_empty_structs() {
        let schemas = crate::schema::Schemas::default();
        let pod = schemas.get("apps", "Deployment").expect("in the table").root();
        let pod = ["spec", "template", "spec"].iter().try_fold(pod, |node, name| node.field(name));
        let value =
            json!({"volumes": [{"name": "a", "emptyDir": {}}], "nodeSelector": {}, "tolerations": [], "x": null});
        let kept = json!({"volumes": [{"name": "a", "emptyDir": {}}]});
        assert_eq!(canonical(&value, pod), Some(kept));
        assert_eq!(canonical(&json!({"routing": {}}), None), Some(json!({"routing": {}})));
    }
}
