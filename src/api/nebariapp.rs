//! NebariApp: one web application on a Nebari platform (`reconcilers.nebari.dev/v1`).
//!
//! [`NebariApp::parse`] checks what the API server would check, field by field, and names the field of every error. The CRD
//! itself is [`crd_yaml`]; a test holds both equal.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::resource::AppId;

mod choices;
mod reader;
mod spec;
mod status;

#[cfg(test)]
mod tests;

pub use choices::{ConditionStatus, GatewayName, HeaderMatch, IdentityProvider, PathType};
pub use reader::FieldError;
pub(crate) use reader::nearest;
pub use spec::{
    Auth, HeaderRule, HealthCheck, KeycloakConfig, KeycloakGroup, LandingPage, NebariAppSpec, ProtocolMapper,
    RoutePath, Routing, ServiceRef, SpaClient, Switch, Tls,
};
pub use status::{Condition, GatewayRef, NebariAppStatus, SecretRef, ServiceDiscovery};

use reader::{Fields, Reader, any_text, dns_name, integer, list, object, open_object, text, texts};

/// The CRD as packctl installs it.
pub fn crd_yaml() -> &'static str {
    include_str!("../schema/crds/reconcilers.nebari.dev_nebariapps.yaml")
}

/// What packctl uses of an object's metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Given by the server.
    pub uid: Option<String>,
    /// Given by the server.
    pub resource_version: Option<String>,
    /// Raised by the server with each change of `spec`.
    pub generation: Option<i64>,
    /// When it was made, RFC 3339.
    pub creation_timestamp: Option<String>,
    /// When its deletion was asked for, RFC 3339.
    pub deletion_timestamp: Option<String>,
    /// Its labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// Its annotations.
    pub annotations: Option<BTreeMap<String, String>>,
    /// Who has to agree to its end.
    pub finalizers: Option<Vec<String>>,
}

/// One web application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NebariApp {
    /// Its name and what the server says of it.
    pub metadata: Metadata,
    /// What it asks for.
    pub spec: NebariAppSpec,
    /// What its controller found and did.
    pub status: Option<NebariAppStatus>,
}

impl NebariApp {
    /// API group.
    pub const GROUP: &str = "reconcilers.nebari.dev";
    /// API version.
    pub const VERSION: &str = "v1";
    /// Group and version, as `apiVersion` has them.
    pub const API_VERSION: &str = "reconcilers.nebari.dev/v1";
    /// Kind.
    pub const KIND: &str = "NebariApp";
    /// Plural name in URLs.
    pub const PLURAL: &str = "nebariapps";

    /// Reads and checks an object. `apiVersion` and `kind` may be missing, as in the items of a list.
    ///
    /// Like the API server, it takes `null` for an absent field. Unknown fields are errors, but in `status`: what a newer
    /// controller writes there makes no app wrong. Defaults are left to [`NebariApp::with_defaults`].
    pub fn parse(value: &Value) -> Result<Self, Vec<FieldError>> {
        let mut reader = Reader::default();
        let app = object(app)(&mut reader, value).unwrap_or_default();
        reader.finish(app)
    }

    /// The object as JSON, without what is absent.
    pub fn to_value(&self) -> Value {
        let mut value = super::without_nulls(serde_json::to_value(self).unwrap_or_default());
        if let Value::Object(map) = &mut value {
            map.insert("apiVersion".into(), Self::API_VERSION.into());
            map.insert("kind".into(), Self::KIND.into());
        }
        value
    }

    /// The app as the API server would store it: the CRD's defaults filled in, inside objects that are there.
    pub fn with_defaults(mut self) -> Self {
        let spec = &mut self.spec;
        spec.gateway.get_or_insert_default();
        if let Some(tls) = spec.routing.as_mut().and_then(|routing| routing.tls.as_mut()) {
            tls.enabled.get_or_insert(true);
        }
        if let Some(auth) = &mut spec.auth {
            auth.enabled.get_or_insert(false);
            auth.provider.get_or_insert_default();
            auth.provision_client.get_or_insert(true);
            auth.enforce_at_gateway.get_or_insert(true);
            for rule in auth.deny_redirect.iter_mut().flatten() {
                rule.kind.get_or_insert_default();
            }
            if let Some(client) = &mut auth.spa_client {
                client.enabled.get_or_insert(false);
            }
            for switch in [&mut auth.device_flow_client, &mut auth.token_exchange].into_iter().flatten() {
                switch.enabled.get_or_insert(false);
            }
        }
        if let Some(page) = &mut spec.landing_page {
            page.enabled.get_or_insert(false);
            page.priority.get_or_insert(100);
            if let Some(check) = &mut page.health_check {
                check.enabled.get_or_insert(false);
                check.path.get_or_insert_with(|| "/health".into());
                check.interval_seconds.get_or_insert(30);
                check.timeout_seconds.get_or_insert(5);
            }
        }
        self
    }

    /// Its namespace and name.
    pub fn app_id(&self) -> AppId {
        AppId::new(&self.metadata.namespace, &self.metadata.name)
    }

    /// Whether visitors have to log in.
    pub fn login(&self) -> bool {
        self.spec.auth.as_ref().and_then(|auth| auth.enabled).unwrap_or(false)
    }
}

fn app(fields: &mut Fields<'_, '_>) -> NebariApp {
    fields.optional("apiVersion", |reader, value| constant(reader, value, NebariApp::API_VERSION));
    fields.optional("kind", |reader, value| constant(reader, value, NebariApp::KIND));
    NebariApp {
        metadata: fields.required("metadata", object(metadata)),
        spec: fields.required("spec", object(spec::spec)),
        status: fields.optional("status", open_object(status::status)),
    }
}

fn constant(reader: &mut Reader, value: &Value, expected: &str) -> Option<()> {
    let text = any_text(reader, value)?;
    (text == expected).then_some(()).or_else(|| {
        reader.error(format!("must be `{expected}`"));
        None
    })
}

fn metadata(fields: &mut Fields<'_, '_>) -> Metadata {
    fields.ignore(&["deletionGracePeriodSeconds", "generateName", "managedFields", "ownerReferences", "selfLink"]);
    Metadata {
        name: fields.required("name", dns_name(1..=253)),
        namespace: fields.required("namespace", text(1..)),
        uid: fields.optional("uid", any_text),
        resource_version: fields.optional("resourceVersion", any_text),
        generation: fields.optional("generation", integer(i64::MIN..=i64::MAX)),
        creation_timestamp: fields.optional("creationTimestamp", any_text),
        deletion_timestamp: fields.optional("deletionTimestamp", any_text),
        labels: fields.optional("labels", texts),
        annotations: fields.optional("annotations", texts),
        finalizers: fields.optional("finalizers", list(any_text)),
    }
}
