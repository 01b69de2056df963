//! Secrets on their way in and out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::resource::{LAST_APPLIED, PUBLIC_KEYS, SecretId, Secrets};

/// Whether objects of this kind carry secret values.
pub(super) fn is_secret(group: &str, kind: &str) -> bool {
    group.is_empty() && kind == "Secret"
}

/// A Secret's JSON text with its values interned and replaced by their placeholders; `None` if it is no JSON.
pub(super) fn conceal(text: &str, secrets: &Secrets) -> Option<String> {
    let mut object: Value = serde_json::from_str(text).ok()?;
    for field in ["data", "stringData"] {
        for (key, value) in object.get_mut(field).and_then(Value::as_object_mut).into_iter().flatten() {
            if PUBLIC_KEYS.contains(&key.as_str()) {
                continue;
            }
            let text = value.as_str().unwrap_or_default();
            let decoded = if field == "data" { STANDARD.decode(text).ok() } else { None };
            let id = secrets.intern(decoded.as_deref().unwrap_or(text.as_bytes()));
            *value = id.placeholder().into();
        }
    }
    // kubectl keeps a copy of the whole manifest here, values included.
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    Some(object.to_string())
}

/// Fills the values into the `data` of a Secret that is about to be sent.
///
/// Only there: a placeholder's text in any other object is a text that somebody wrote, and filling it in would publish a
/// secret.
pub(super) fn reveal(body: &mut Value, secrets: &Secrets) -> Result<(), String> {
    for (key, value) in body.get_mut("data").and_then(Value::as_object_mut).into_iter().flatten() {
        let Some(id) = value.as_str().and_then(SecretId::from_placeholder) else { continue };
        let bytes = secrets.expose(id).ok_or_else(|| format!("the value of data.{key} is not known in this run"))?;
        *value = STANDARD.encode(bytes).into();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_leave_as_placeholders_and_come_back_as_they_were() {
        let secrets = Secrets::default();
        let text = json!({
            "metadata": {"name": "s", "annotations": {LAST_APPLIED: "{\"stringData\":{\"a\":\"canary-value\"}}", "x": "y"}},
            "data": {"client-secret": STANDARD.encode("canary-value"), "client-id": STANDARD.encode("a-b"), "empty": ""},
        })
        .to_string();
        let concealed = conceal(&text, &secrets).expect("JSON");
        assert!(!concealed.contains("canary") && !concealed.contains(&STANDARD.encode("canary-value")), "{concealed}");
        let mut value: Value = serde_json::from_str(&concealed).expect("JSON");
        assert_eq!(value["data"]["client-id"], STANDARD.encode("a-b"));
        assert_eq!(value["metadata"]["annotations"], json!({"x": "y"}));

        reveal(&mut value, &secrets).expect("known");
        assert_eq!(value["data"]["client-secret"], STANDARD.encode("canary-value"));
        assert_eq!(value["data"]["empty"], "");
    }

    #[test]
    fn an_unknown_placeholder_is_refused_without_its_text() {
        let mut body = json!({"data": {"k": "packctl-secret:7"}});
        assert_eq!(reveal(&mut body, &Secrets::default()), Err("the value of data.k is not known in this run".into()));
    }
}
