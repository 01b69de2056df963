//! Secret values of a snapshot: taken in when it is opened, numbered when it is recorded.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::resource::{Address, LAST_APPLIED, PUBLIC_KEYS, SecretId, Secrets};

/// Attributes of Keycloak clients that hold secrets.
const SECRET_ATTRIBUTES: [&str; 3] =
    ["client.secret.rotated", "saml.encryption.private.key", "saml.signing.private.key"];

/// How a secret is written where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Base64,
    Plain,
}

/// What a folder's files say in the place of secrets.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Numbers.
    pub(super) numbers: Numbers,
    /// Values themselves, by the objects that have them.
    pub(super) plain: BTreeMap<SecretId, BTreeSet<Address>>,
}

/// Replaces every secret value of an object by the placeholder of its id, and notes what stood there. Errors are a JSON pointer
/// and what is wrong there, never a value.
pub(super) fn take_in(
    address: &Address,
    object: &mut Value,
    secrets: &Secrets,
    written: &mut Written,
) -> Vec<(String, &'static str)> {
    let mut errors = Vec::new();
    if is_secret(address) {
        if object.get("stringData").is_some() {
            errors.push(("/stringData".into(), "is never part of a live Secret: write base64 under `data`"));
        }
        for (key, value) in object.get("data").and_then(Value::as_object).into_iter().flatten() {
            if !value.is_string() {
                errors.push((format!("/data/{key}"), "is no text"));
            }
        }
    }
    visit(address, object, &mut |form, key, text| {
        if let Some(number) = SecretId::from_placeholder(text) {
            let id = secrets.intern_placeholder(text);
            written.numbers.know(id, number);
            return Some(id.placeholder());
        }
        let id = match (form, decoded(text)) {
            (Form::Plain, _) => secrets.intern(text.as_bytes()),
            (Form::Base64, Some(bytes)) if PUBLIC_KEYS.contains(&key) => return Some(STANDARD.encode(bytes)),
            (Form::Base64, Some(bytes)) => secrets.intern(&bytes),
            (Form::Base64, None) => {
                errors.push((format!("/data/{key}"), "is neither base64 nor packctl-secret:NUMBER"));
                return None;
            }
        };
        written.plain.entry(id).or_default().insert(address.clone());
        Some(id.placeholder())
    });
    errors
}

fn is_secret(address: &Address) -> bool {
    !address.is_keycloak() && address.group.is_empty() && address.kind == "Secret"
}

/// Base64 as the API server reads it: line breaks do not count.
fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.replace(['\n', '\r'], "")).ok()
}

/// The secrets that an object holds, as their placeholders say.
pub(super) fn ids(address: &Address, object: &Value) -> BTreeSet<SecretId> {
    let mut found = BTreeSet::new();
    visit(address, &mut object.clone(), &mut |_, _, text| {
        found.extend(SecretId::from_placeholder(text));
        None
    });
    found
}

/// Numbers for the secrets of a folder, given in the order in which objects are passed.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers(BTreeMap<SecretId, u32>);

impl Numbers {
    /// A number that nothing has.
    pub(super) fn next(&self) -> SecretId {
        SecretId(self.0.values().max().map_or(1, |last| last.saturating_add(1)))
    }

    /// Notes the number of a secret.
    pub(super) fn know(&mut self, id: SecretId, number: SecretId) {
        self.0.insert(id, number.0);
    }

    /// Replaces the ids of this run by the recording's own numbers. A value that no provider took in is taken in here.
    pub(super) fn renumber(&mut self, address: &Address, object: &mut Value, secrets: &Secrets) {
        visit(address, object, &mut |form, key, text| {
            let id = match (SecretId::from_placeholder(text), form) {
                (Some(id), _) => id,
                (None, Form::Base64) if PUBLIC_KEYS.contains(&key) => return None,
                (None, Form::Base64) => secrets.intern(decoded(text).as_deref().unwrap_or(text.as_bytes())),
                (None, Form::Plain) => secrets.intern(text.as_bytes()),
            };
            let next = self.next().0;
            Some(SecretId(*self.0.entry(id).or_insert(next)).placeholder())
        });
    }
}

/// Masks what else of an object's texts is known to be secret. What tells which object it is stays: a value that is also a
/// name is no secret by that name, and a file must agree with its path.
pub(super) fn mask(object: &mut Value, secrets: &Secrets) {
    // Asked once for the whole object, not for each of its texts: hardly any object repeats a secret.
    let text = object.to_string();
    if secrets.mask(&text) == text {
        return;
    }
    let Value::Object(map) = object else { return };
    for (name, value) in map {
        match name.as_str() {
            "apiVersion" | "kind" | "clientId" | "id" => {}
            "metadata" => {
                for (name, value) in value.as_object_mut().into_iter().flatten() {
                    if matches!(name.as_str(), "annotations" | "labels") {
                        mask_all(value, secrets);
                    }
                }
            }
            _ => mask_all(value, secrets),
        }
    }
}

fn mask_all(value: &mut Value, secrets: &Secrets) {
    match value {
        Value::String(text) => *text = secrets.mask(text),
        Value::Array(items) => items.iter_mut().for_each(|item| mask_all(item, secrets)),
        Value::Object(map) => map.values_mut().for_each(|value| mask_all(value, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

type Replace<'a> = dyn FnMut(Form, &str, &str) -> Option<String> + 'a;

fn visit(address: &Address, object: &mut Value, replace: &mut Replace<'_>) {
    if address.is_keycloak() {
        for key in ["secret", "registrationAccessToken"] {
            put(object, key, Form::Plain, replace);
        }
        if let Some(attributes) = object.get_mut("attributes") {
            for key in SECRET_ATTRIBUTES {
                put(attributes, key, Form::Plain, replace);
            }
        }
    } else if is_secret(address) {
        all(object, "data", Form::Base64, replace);
        all(object, "stringData", Form::Plain, replace);
        // kubectl keeps a copy of the whole Secret, values included.
        if let Some(Value::String(copy)) =
            object.pointer_mut(&format!("/metadata/annotations/{}", escaped(LAST_APPLIED)))
        {
            *copy = match serde_json::from_str::<Value>(copy) {
                Ok(mut last) if last.is_object() => {
                    all(&mut last, "data", Form::Base64, replace);
                    all(&mut last, "stringData", Form::Plain, replace);
                    last.to_string()
                }
                _ => "(secret)".into(),
            };
        }
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn all(object: &mut Value, field: &str, form: Form, replace: &mut Replace<'_>) {
    let Some(map) = object.get_mut(field) else { return };
    let keys: Vec<String> = map.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default();
    for key in keys {
        put(map, &key, form, replace);
    }
}

fn put(map: &mut Value, key: &str, form: Form, replace: &mut Replace<'_>) {
    if let Some(Value::String(text)) = map.get_mut(key)
        && let Some(placeholder) = replace(form, key, text)
    {
        *text = placeholder;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_become_ids_on_both_sides_and_public_keys_stay() {
        let secrets = Secrets::default();
        let secret = Address::namespaced("", "Secret", "team", "app-oidc-client");
        let client = Address::client("nebari", "team-app");
        let mut object = json!({
            "data": {"client-id": "dGVhbS1hcHA=", "client-secret": "Y2FuYXJ5LXZhbHVl", "other": "packctl-secret:7"},
            "metadata": {"annotations": {LAST_APPLIED: r#"{"data":{"client-secret":"Y2FuYXJ5LXZhbHVl"}}"#}},
        });
        let mut keycloak =
            json!({"secret": "canary-value", "attributes": {"client.secret.rotated": "packctl-secret:7"}});
        let mut written = Written::default();
        assert!(take_in(&secret, &mut object, &secrets, &mut written).is_empty());
        assert!(take_in(&client, &mut keycloak, &secrets, &mut written).is_empty());
        assert_eq!(written.numbers.next(), SecretId(8));
        assert_eq!(written.plain.values().map(BTreeSet::len).collect::<Vec<_>>(), [2]);
        assert_eq!(object["data"]["client-secret"], keycloak["secret"]);
        assert_eq!(object["data"]["other"], keycloak["attributes"]["client.secret.rotated"]);
        assert_eq!(object["data"]["client-id"], "dGVhbS1hcHA=");
        let copy: Value =
            serde_json::from_str(object["metadata"]["annotations"][LAST_APPLIED].as_str().unwrap()).unwrap();
        assert_eq!(copy["data"]["client-secret"], keycloak["secret"]);

        let mut broken = json!({"data": {"key": "not base64!"}});
        assert_eq!(
            take_in(&secret, &mut broken, &secrets, &mut Written::default()),
            [("/data/key".into(), "is neither base64 nor packctl-secret:NUMBER")]
        );
    }
}
