//! Writes: POST of a new client, PUT of the owned fields alone, DELETE.
//!
//! A PUT of fewer fields leaves the others as they are, so a representation that was read is never sent back. Keycloak's
//! client policies may rewrite what was sent without a word: the answer to a write is what is read back after it.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::transport::Fault;
use super::{Keycloak, endpoint};
use crate::provider::{Verb, Write, WriteError, Written};
use crate::resource::{Address, SecretId};

/// Keycloak says of all of them that the client already exists.
const DUPLICATES: &str = "a clientId or id that is taken and two mappers of one name are answered so";

impl Keycloak {
    pub(super) async fn perform(&self, write: &Write) -> Result<Written, WriteError> {
        if let Some(reason) = self.address_out_of_reach(&write.address) {
            return Err(WriteError::Rejected(reason));
        }
        match &write.verb {
            Verb::Apply { body, uid: None, .. } => self.create(&write.address, body).await,
            Verb::Apply { body, uid: Some(id), .. } => self.update(&write.address, id, body).await,
            Verb::Create { .. } | Verb::HandOver { .. } | Verb::Finalizers { .. } => {
                Err(WriteError::Rejected("Keycloak has no field managers".into()))
            }
            Verb::Delete { uid, .. } => self.delete(&write.address, uid).await,
        }
    }

    async fn create(&self, address: &Address, body: &Value) -> Result<Written, WriteError> {
        let mut body = self.outgoing(address, body)?;
        if let Value::Object(fields) = &mut body {
            fields.entry("clientId").or_insert_with(|| address.name.as_str().into());
        }
        match self.call(Method::POST, &self.admin_url(&["clients"]), Some(&body)).await {
            Ok(answer) if answer.status == StatusCode::CREATED => {}
            Ok(answer) => return Err(self.write_error(self.transport.stranger(answer.status, "no 201"))),
            Err(Fault::Answered { status: 409, keycloak: true, reason }) => {
                return Err(match self.client_by_name(&address.name).await {
                    Ok(None) => WriteError::Rejected(format!("{reason}; {DUPLICATES}")),
                    _ => WriteError::Changed(format!("client {} already exists", address.name)),
                });
            }
            Err(fault) => return Err(self.write_error(fault)),
        }
        let live = match self.client_by_name(&address.name).await {
            Ok(Some(live)) => live,
            Ok(None) => return Err(WriteError::OutcomeUnknown(format!("{address} was created and is not there"))),
            Err(fault) => return Err(not_read_back(address, &fault)),
        };
        Ok(Written { created: true, live: Some(live) })
    }

    async fn update(&self, address: &Address, id: &str, body: &Value) -> Result<Written, WriteError> {
        let body = self.outgoing(address, body)?;
        let url = self.client_url(address, id)?;
        self.call(Method::PUT, &url, Some(&body)).await.map_err(|fault| self.write_error(fault))?;
        let live = self.client_by_id(id).await.map_err(|fault| not_read_back(address, &fault))?;
        Ok(Written { created: false, live: Some(live) })
    }

    async fn delete(&self, address: &Address, id: &str) -> Result<Written, WriteError> {
        let gone = Ok(Written { created: false, live: None });
        let url = self.client_url(address, id)?;
        match self.call(Method::DELETE, &url, None).await {
            Ok(_) => gone,
            Err(Fault::Answered { status: 404, keycloak: true, .. }) => {
                // The same status for a realm or a context path that does not exist, where nothing is known of the client.
                self.client_by_name(&address.name).await.map_err(|fault| self.write_error(fault))?;
                gone
            }
            Err(fault) => Err(self.write_error(fault)),
        }
    }

    fn client_url(&self, address: &Address, id: &str) -> Result<reqwest::Url, WriteError> {
        if endpoint::is_segment(id) {
            Ok(self.admin_url(&["clients", id]))
        } else {
            Err(WriteError::NotFound(format!("{address}: no client of Keycloak has the id `{id}`")))
        }
    }

    /// The body as it goes out. The placeholder of a secret is replaced in the field `secret` and nowhere else: the same
    /// text in a field that anybody may read would publish the secret.
    fn outgoing(&self, address: &Address, body: &Value) -> Result<Value, WriteError> {
        let Value::Object(fields) = body else {
            return Err(WriteError::Rejected(format!("{address}: the body is no object")));
        };
        let mut fields = fields.clone();
        match fields.get("clientId") {
            Some(Value::String(name)) if *name == address.name => {}
            None => {}
            Some(other) => {
                return Err(WriteError::Rejected(format!("{address}: the body would rename the client to {other}")));
            }
        }
        if let Some(Value::String(secret)) = fields.get_mut("secret") {
            match SecretId::from_placeholder(secret) {
                Some(id) => *secret = self.secret_value(address, id)?,
                None => {
                    self.secrets.intern(secret.as_bytes());
                }
            }
        }
        Ok(Value::Object(fields))
    }

    fn secret_value(&self, address: &Address, id: SecretId) -> Result<String, WriteError> {
        self.secrets
            .expose(id)
            .and_then(|value| String::from_utf8(value).ok())
            // Secrets of a snapshot are known by name only, and that name is kept as a text with a NUL in it.
            .filter(|value| !value.is_empty() && !value.contains(char::is_control))
            .ok_or_else(|| WriteError::Rejected(format!("{address}: the value of the client's secret is not known")))
    }

    fn write_error(&self, fault: Fault) -> WriteError {
        let endpoint = &self.endpoint;
        match fault {
            Fault::Unsent(reason) | Fault::NoToken { refused: false, reason } => WriteError::Unavailable(reason),
            Fault::NoToken { refused: true, reason } => WriteError::Forbidden(reason),
            Fault::Lost(reason) => WriteError::OutcomeUnknown(reason),
            Fault::Answered { status, keycloak: true, reason } => match status {
                401 => {
                    WriteError::Forbidden(format!("Keycloak at {endpoint} refuses a token that it gave a moment ago"))
                }
                403 => WriteError::Forbidden(format!(
                    "Keycloak at {endpoint}: user `{}` may not write clients of realm `{}`: {reason}; {}",
                    self.login.username(),
                    self.realm,
                    self.grant("manage-clients")
                )),
                404 => WriteError::NotFound(format!("{reason} (Keycloak at {endpoint}, realm `{}`)", self.realm)),
                409 => WriteError::Rejected(format!("{reason}; {DUPLICATES}")),
                429 => WriteError::Unavailable(format!("Keycloak at {endpoint} answers 429: {reason}")),
                // Keycloak rolls back, and answers so for values beyond its columns.
                500 => WriteError::Rejected(format!(
                    "Keycloak at {endpoint} answers 500: {reason}; a name, description or URI over 255 characters is \
                     answered so, anything else is in its log"
                )),
                408 | 501.. => WriteError::OutcomeUnknown(format!("Keycloak at {endpoint} answers {status}: {reason}")),
                _ => WriteError::Rejected(reason),
            },
            // 3xx and 4xx come from before Keycloak; a gateway that says 502 to 504 may have passed the request on.
            Fault::Answered { status, keycloak: false, reason } => match status {
                300..=407 | 409..=499 => WriteError::Unavailable(reason),
                _ => WriteError::OutcomeUnknown(reason),
            },
        }
    }
}

fn not_read_back(address: &Address, fault: &Fault) -> WriteError {
    WriteError::OutcomeUnknown(format!("{address} was written and could not be read back: {fault}"))
}
