//! The two halves of an object's JSON, each decoded without the other: most objects need one of them only.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::ManagedEntry;

const METADATA: &str = "metadata";
const MANAGED_FIELDS: &str = "managedFields";

/// The object without `metadata.managedFields`; `null` for what is no JSON.
pub(super) fn without_managed_fields(text: &str) -> Value {
    let mut reader = serde_json::Deserializer::from_str(text);
    let object = Without(METADATA).deserialize(&mut reader);
    // Something else than an object of Kubernetes is taken as it is.
    object.or_else(|_| serde_json::from_str(text)).unwrap_or(Value::Null)
}

/// `metadata.managedFields`; empty where there are none, or none that can be understood.
pub(super) fn managed_fields(text: &str) -> Vec<ManagedEntry> {
    serde_json::from_str::<Managed>(text).ok().and_then(|object| object.metadata?.managed_fields).unwrap_or_default()
}

#[derive(Deserialize)]
struct Managed {
    metadata: Option<ManagedMetadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManagedMetadata {
    managed_fields: Option<Vec<ManagedEntry>>,
}

/// A map without its managedFields, or one whose field of this name is read so.
struct Without(&'static str);

impl<'de> DeserializeSeed<'de> for Without {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Without {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Value, M::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if key != self.0 {
                object.insert(key, map.next_value()?);
            } else if key == METADATA {
                object.insert(key, map.next_value_seed(Without(MANAGED_FIELDS))?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn managed_fields_are_in_one_half_and_everything_else_in_the_other() {
        let object = json!({
            "kind": "X",
            "metadata": {"name": "a", "managedFields": [{"manager": "m", "operation": "Apply", "fieldsV1": {"f:spec": {}}}]},
            "spec": {"metadata": {"managedFields": "kept"}, "managedFields": 1},
        });
        let mut rest = object.clone();
        rest["metadata"].as_object_mut().expect("a map").remove(MANAGED_FIELDS);
        assert_eq!(without_managed_fields(&object.to_string()), rest);
        let managed = managed_fields(&object.to_string());
        assert_eq!(managed.iter().map(|entry| entry.manager.as_str()).collect::<Vec<_>>(), ["m"]);
    }

    #[test]
    fn what_is_no_object_is_taken_as_it_is() {
        for odd in [json!({"metadata": null}), json!({"metadata": "x"}), json!([1]), json!({}), json!("x")] {
            assert_eq!(without_managed_fields(&odd.to_string()), odd);
            assert!(managed_fields(&odd.to_string()).is_empty());
        }
        assert_eq!(without_managed_fields("{"), Value::Null);
        assert!(managed_fields("{").is_empty());
    }
}
