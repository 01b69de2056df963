//! Takes secret values out of client representations before anything keeps them.
//!
//! A page is sliced, not decoded: only the names of a client's fields are looked at, and the spans of secret values are
//! replaced by placeholders. Every occurrence of a repeated field is replaced.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::resource::Secrets;

/// A client without its secret values.
pub(super) struct Concealed {
    /// Keycloak's internal id.
    pub(super) id: String,
    /// The name that people know.
    pub(super) client_id: String,
    /// The representation, with placeholders.
    pub(super) raw: String,
}

/// Slices a JSON list of clients; `None` if it is no such list.
pub(super) fn clients(page: &str, secrets: &Secrets) -> Option<Vec<Concealed>> {
    let items: Vec<&RawValue> = serde_json::from_str(page).ok()?;
    items.into_iter().map(|item| client(item.get(), secrets)).collect()
}

/// Conceals one client; `None` if the text is no client.
pub(super) fn client(raw: &str, secrets: &Secrets) -> Option<Concealed> {
    let mut id = None;
    let mut client_id = None;
    let mut hidden = Vec::new();
    for (name, value) in fields(raw)? {
        match name.as_str() {
            "id" => id = Some(string(value)?),
            "clientId" => client_id = Some(string(value)?),
            "secret" | "registrationAccessToken" => hidden.push(value),
            "attributes" if value.get() != "null" => {
                hidden
                    .extend(fields(value.get())?.into_iter().filter(|(key, _)| is_secret(key)).map(|(_, value)| value));
            }
            _ => {}
        }
    }
    let mut concealed = String::with_capacity(raw.len());
    let mut kept = 0;
    for value in hidden.into_iter().filter(|value| value.get() != "null") {
        let span = span(raw, value)?;
        // A value that is no string is hidden all the same.
        let secret = string(value).unwrap_or_else(|| value.get().to_owned());
        concealed.push_str(raw.get(kept..span.start)?);
        concealed.push('"');
        concealed.push_str(&secrets.intern(secret.as_bytes()).placeholder());
        concealed.push('"');
        kept = span.end;
    }
    concealed.push_str(raw.get(kept..)?);
    Some(Concealed { id: id?, client_id: client_id?, raw: concealed })
}

/// `client.secret.rotated` is the former secret in clear; SAML clients keep private keys in attributes.
fn is_secret(attribute: &str) -> bool {
    attribute == "client.secret.rotated" || attribute.ends_with(".private.key")
}

fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// The place of a value inside the text that it was sliced from.
fn span(text: &str, value: &RawValue) -> Option<Range<usize>> {
    let start = (value.get().as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let span = start..start.checked_add(value.get().len())?;
    (text.get(span.clone())? == value.get()).then_some(span)
}

fn fields(object: &str) -> Option<Vec<(String, &RawValue)>> {
    serde_json::from_str::<Fields<'_>>(object).ok().map(|fields| fields.0)
}

/// The fields of a JSON object in their order, repeated ones too.
struct Fields<'t>(Vec<(String, &'t RawValue)>);

impl<'de: 't, 't> Deserialize<'de> for Fields<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Collect).map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_secret_value_becomes_a_placeholder_and_nothing_else_changes() {
        let secrets = Secrets::default();
        let raw = r#"{ "id":"1", "secret" : "canary \"one\"","clientId":"a","name":"secret",
            "attributes":{"client.secret.creation.time":"17","client.secret.rotate\u0064":"canary two","saml.signing.private.key":"canary 3"},
            "registrationAccessToken":"canary four","secret":"canary five","protocolMappers":[{"config":{"secret":"shown"}}] }"#;
        let concealed = client(raw, &secrets).expect("a client");
        assert!(!concealed.raw.contains("canary"), "{}", concealed.raw);
        assert_eq!((concealed.id.as_str(), concealed.client_id.as_str()), ("1", "a"));
        let value: Value = serde_json::from_str(&concealed.raw).expect("JSON");
        let text = |value: &str| json!(secrets.intern(value.as_bytes()).placeholder());
        let expected = json!({
            "id": "1", "clientId": "a", "name": "secret", "secret": text("canary five"),
            "attributes": {
                "client.secret.creation.time": "17",
                "client.secret.rotated": text("canary two"),
                "saml.signing.private.key": text("canary 3"),
            },
            "registrationAccessToken": text("canary four"),
            "protocolMappers": [{"config": {"secret": "shown"}}],
        });
        assert_eq!(value, expected);
        assert_eq!(secrets.mask("canary \"one\""), "(secret)");
    }

    #[test]
    fn odd_shapes_are_hidden_or_refused() {
        let secrets = Secrets::default();
        let odd = client(r#"{"id":"1","clientId":"a","secret":{"value":"canary"},"attributes":null}"#, &secrets)
            .expect("a client");
        assert!(!odd.raw.contains("canary"));
        let none = client(r#"{"id":"1","clientId":"a","secret":null}"#, &secrets).expect("a client");
        assert_eq!(none.raw, r#"{"id":"1","clientId":"a","secret":null}"#);
        for bad in ["[]", "{}", r#"{"id":1,"clientId":"a"}"#, r#"{"id":"1","clientId":"a","attributes":[]}"#, "<html>"]
        {
            assert!(client(bad, &secrets).is_none(), "{bad}");
        }
        assert!(clients("{}", &secrets).is_none());
        assert_eq!(clients("[]", &secrets).map(|list| list.len()), Some(0));
    }
}
