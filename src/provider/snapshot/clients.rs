//! What Keycloak makes of a write to a client: a POST fills in its defaults, a PUT merges by field.
//!
//! Pure. Measured on Keycloak 26.5; client policies and rights are not played.

use serde_json::{Map, Value, json};

use super::identity::uuid;
use crate::provider::WriteError;
use crate::resource::Address;

/// Fields that a representation may have; Keycloak refuses others.
const FIELDS: [&str; 45] = [
    "id",
    "clientId",
    "name",
    "description",
    "type",
    "rootUrl",
    "adminUrl",
    "baseUrl",
    "surrogateAuthRequired",
    "enabled",
    "alwaysDisplayInConsole",
    "clientAuthenticatorType",
    "secret",
    "registrationAccessToken",
    "defaultRoles",
    "redirectUris",
    "webOrigins",
    "notBefore",
    "bearerOnly",
    "consentRequired",
    "standardFlowEnabled",
    "implicitFlowEnabled",
    "directAccessGrantsEnabled",
    "serviceAccountsEnabled",
    "authorizationServicesEnabled",
    "directGrantsOnly",
    "publicClient",
    "frontchannelLogout",
    "protocol",
    "attributes",
    "authenticationFlowBindingOverrides",
    "fullScopeAllowed",
    "nodeReRegistrationTimeout",
    "registeredNodes",
    "protocolMappers",
    "clientTemplate",
    "useTemplateConfig",
    "useTemplateScope",
    "useTemplateMappers",
    "defaultClientScopes",
    "optionalClientScopes",
    "authorizationSettings",
    "access",
    "origin",
    "scopeMappings",
];

/// What else a write needs.
pub(super) struct Making<'m> {
    /// Unix seconds.
    pub(super) now: i64,
    /// How many clients had this name before in this run.
    pub(super) made_before: usize,
    /// Gives the placeholder of a secret that nobody had before.
    pub(super) new_secret: &'m mut dyn FnMut() -> String,
}

/// A new client of `body`.
pub(super) fn create(address: &Address, body: &Value, making: Making<'_>) -> Result<Value, WriteError> {
    let given = fields(address, body)?;
    let mut client = defaults();
    let is_public = given.get("publicClient") == Some(&Value::Bool(true));
    let id = uuid(&format!("{address} {} {}", making.now, making.made_before));
    client.insert("id".into(), id.into());
    client.insert("clientId".into(), address.name.as_str().into());
    let mut attributes = Map::from_iter([("realm_client".to_owned(), json!("false"))]);
    if given.contains_key("protocol") {
        attributes.insert("backchannel.logout.session.required".into(), "true".into());
        attributes.insert("backchannel.logout.revoke.offline.tokens".into(), "false".into());
    }
    if !is_public && !given.contains_key("secret") {
        client.insert("secret".into(), (making.new_secret)().into());
        attributes.insert("client.secret.creation.time".into(), making.now.to_string().into());
    }
    client.insert("attributes".into(), attributes.into());
    const SCOPES: [&str; 2] = ["defaultClientScopes", "optionalClientScopes"];
    if SCOPES.iter().any(|list| given.contains_key(*list)) {
        // One list given stands for both.
        for list in SCOPES {
            client.insert(list.into(), given.get(list).cloned().unwrap_or_else(|| json!([])));
        }
    }
    if !given.contains_key("webOrigins") {
        client.insert("webOrigins".into(), origins(given));
    }
    overlay(&mut client, given);
    settle(&mut client, making.new_secret);
    Ok(Value::Object(client))
}

/// A live client after a PUT of `body`.
pub(super) fn update(address: &Address, live: &Value, body: &Value, making: Making<'_>) -> Result<Value, WriteError> {
    let given = fields(address, body)?;
    let mut client = live.as_object().cloned().unwrap_or_default();
    overlay(&mut client, given);
    if let (Some(public), false) = (given.get("publicClient"), given.contains_key("frontchannelLogout")) {
        // Seen, not explained: the one sets the other.
        client.insert("frontchannelLogout".into(), public.clone());
    }
    settle(&mut client, making.new_secret);
    Ok(Value::Object(client))
}

/// The origins of redirect URIs: what a new client gets that names none.
fn origins(given: &Map<String, Value>) -> Value {
    let uris = given.get("redirectUris").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let origin = |uri: &str| {
        let (scheme, rest) = uri.split_once("://").filter(|(scheme, _)| ["http", "https"].contains(scheme))?;
        Some(format!("{scheme}://{}", rest.split(['/', '?', '#']).next().unwrap_or_default()))
    };
    uris.filter_map(origin).map(Value::from).collect()
}

fn fields<'b>(address: &Address, body: &'b Value) -> Result<&'b Map<String, Value>, WriteError> {
    let Value::Object(fields) = body else {
        return Err(WriteError::Rejected(format!("{address}: the body is no object")));
    };
    if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        let message = format!("Unrecognized field {unknown:?} (class ClientRepresentation), not marked as ignorable");
        return Err(WriteError::Rejected(message));
    }
    match fields.get("clientId") {
        Some(id) if *id != address.name => {
            Err(WriteError::Rejected(format!("{address}: the body would rename the client to {id}")))
        }
        _ => Ok(fields),
    }
}

fn overlay(client: &mut Map<String, Value>, given: &Map<String, Value>) {
    for (name, value) in given {
        match (name.as_str(), value) {
            // An existing client's scopes have endpoints of their own; a new one's are set by then.
            ("id" | "clientId" | "access" | "defaultClientScopes" | "optionalClientScopes", _) => {}
            ("attributes" | "authenticationFlowBindingOverrides", Value::Object(given)) => {
                let own = client.entry(name.clone()).or_insert_with(|| json!({}));
                if let Some(own) = own.as_object_mut() {
                    for (key, value) in given {
                        match value {
                            Value::Null => drop(own.remove(key)),
                            Value::String(text) if text.is_empty() => drop(own.remove(key)),
                            value => drop(own.insert(key.clone(), value.clone())),
                        }
                    }
                }
            }
            ("protocolMappers", Value::Array(given)) => {
                let own = client.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
                let client_id = client.get("id").cloned().unwrap_or_default();
                let mappers = given.iter().map(|mapper| self::mapper(mapper, &own, &client_id));
                client.insert(name.clone(), mappers.collect());
            }
            (_, Value::Null) => {}
            (_, value) => {
                client.insert(name.clone(), value.clone());
            }
        }
    }
}

/// A mapper keeps the id of the one of its name.
fn mapper(given: &Value, own: &[Value], client_id: &Value) -> Value {
    let mut mapper = given.clone();
    let Some(fields) = mapper.as_object_mut() else { return mapper };
    let before = own.iter().find(|other| other.get("name") == fields.get("name"));
    let id = before.and_then(|before| before.get("id")).cloned().unwrap_or_else(|| {
        let name = fields.get("name").cloned().unwrap_or_default();
        uuid(&format!("{client_id} mapper {name}")).into()
    });
    fields.insert("id".into(), id);
    fields.entry("consentRequired").or_insert(Value::Bool(false));
    if let Some(config) = fields.get_mut("config").and_then(Value::as_object_mut) {
        config.retain(|_, value| !matches!(value, Value::Null) && value.as_str() != Some(""));
    }
    mapper
}

/// What follows from the rest: a public client has no secret, a confidential one has, empties are absent.
fn settle(client: &mut Map<String, Value>, new_secret: &mut dyn FnMut() -> String) {
    let is = |client: &Map<String, Value>, name: &str| client.get(name) == Some(&Value::Bool(true));
    if is(client, "publicClient") {
        client.remove("secret");
    } else if !client.contains_key("secret") && !is(client, "bearerOnly") {
        client.insert("secret".into(), new_secret().into());
    }
    for name in ["name", "description", "protocolMappers"] {
        let is_empty = match client.get(name) {
            Some(Value::String(text)) => text.is_empty(),
            Some(Value::Array(items)) => items.is_empty(),
            _ => false,
        };
        if is_empty {
            client.remove(name);
        }
    }
    for list in ["redirectUris", "webOrigins", "defaultClientScopes", "optionalClientScopes"] {
        // Sets there; in order here, so that the same client is the same bytes.
        if let Some(items) = client.get_mut(list).and_then(Value::as_array_mut) {
            items.sort_by_key(ToString::to_string);
            items.dedup();
        }
    }
}

fn defaults() -> Map<String, Value> {
    let defaults = json!({
        "surrogateAuthRequired": false, "enabled": true, "alwaysDisplayInConsole": false,
        "clientAuthenticatorType": "client-secret", "redirectUris": [], "webOrigins": [], "notBefore": 0,
        "bearerOnly": false, "consentRequired": false, "standardFlowEnabled": true, "implicitFlowEnabled": false,
        "directAccessGrantsEnabled": false, "serviceAccountsEnabled": false, "publicClient": false,
        "frontchannelLogout": false, "protocol": "openid-connect", "authenticationFlowBindingOverrides": {},
        "fullScopeAllowed": true, "nodeReRegistrationTimeout": -1,
        "defaultClientScopes": ["acr", "basic", "email", "profile", "roles", "web-origins"],
        "optionalClientScopes": ["address", "microprofile-jwt", "offline_access", "organization", "phone"],
    });
    match defaults {
        Value::Object(defaults) => defaults,
        _ => Map::new(),
    }
}
