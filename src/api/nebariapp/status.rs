//! `status` of a NebariApp: what its controller found and did.

use serde::Serialize;

use super::choices::ConditionStatus;
use super::reader::{Fields, any_text, boolean, choice, integer, list, open_object};

/// What the controller found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NebariAppStatus {
    /// `Ready`, `TLSReady`, `RoutingReady`, `AuthReady`; one each.
    pub conditions: Option<Vec<Condition>>,
    /// Generation that was last carried out.
    pub observed_generation: Option<i64>,
    /// The hostname that is served.
    pub hostname: Option<String>,
    /// The Gateway that serves the app. The Go operator never writes it.
    pub gateway_ref: Option<GatewayRef>,
    /// The Secret with the client's id and secret. The Go operator never writes it.
    pub client_secret_ref: Option<SecretRef>,
    /// Hash of the auth settings that were last carried out.
    pub auth_config_hash: Option<String>,
    /// What the landing page shows.
    pub service_discovery: Option<ServiceDiscovery>,
}

impl NebariAppStatus {
    /// The condition of a type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.as_ref()?.iter().find(|condition| condition.kind == kind)
    }
}

/// One condition, as Kubernetes writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Its name.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in one word.
    pub reason: String,
    /// The details, for people.
    pub message: String,
    /// When `status` last changed.
    pub last_transition_time: String,
    /// Generation that it was set for.
    pub observed_generation: Option<i64>,
}

/// A Gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayRef {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
}

/// A Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: Option<String>,
}

/// What the landing page shows of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceDiscovery {
    /// The tile is shown.
    pub enabled: bool,
    /// Name on the tile.
    pub display_name: Option<String>,
    /// One sentence below the name.
    pub description: Option<String>,
    /// Where it leads.
    pub url: Option<String>,
    /// Icon.
    pub icon: Option<String>,
    /// Icon on a light background.
    pub icon_light: Option<String>,
    /// Icon on a dark background.
    pub icon_dark: Option<String>,
    /// Group of tiles.
    pub category: Option<String>,
    /// Place in its group.
    pub priority: Option<u16>,
    /// `public` when no login is asked for, else `private`.
    pub visibility: Option<String>,
    /// Groups whose members may use the app.
    pub required_groups: Option<Vec<String>>,
}

// Objects are open: a newer controller may write more, and an app is not wrong because of it.
pub(super) fn status(fields: &mut Fields<'_, '_>) -> NebariAppStatus {
    NebariAppStatus {
        conditions: fields.optional("conditions", list(open_object(condition))),
        observed_generation: fields.optional("observedGeneration", integer(i64::MIN..=i64::MAX)),
        hostname: fields.optional("hostname", any_text),
        gateway_ref: fields.optional("gatewayRef", open_object(gateway_ref)),
        client_secret_ref: fields.optional("clientSecretRef", open_object(secret_ref)),
        auth_config_hash: fields.optional("authConfigHash", any_text),
        service_discovery: fields.optional("serviceDiscovery", open_object(service_discovery)),
    }
}

fn condition(fields: &mut Fields<'_, '_>) -> Condition {
    Condition {
        kind: fields.required("type", any_text),
        status: fields.required("status", choice),
        reason: fields.required("reason", any_text),
        message: fields.required("message", any_text),
        last_transition_time: fields.required("lastTransitionTime", any_text),
        observed_generation: fields.optional("observedGeneration", integer(0..=i64::MAX)),
    }
}

fn gateway_ref(fields: &mut Fields<'_, '_>) -> GatewayRef {
    GatewayRef { name: fields.required("name", any_text), namespace: fields.required("namespace", any_text) }
}

fn secret_ref(fields: &mut Fields<'_, '_>) -> SecretRef {
    SecretRef { name: fields.required("name", any_text), namespace: fields.optional("namespace", any_text) }
}

fn service_discovery(fields: &mut Fields<'_, '_>) -> ServiceDiscovery {
    ServiceDiscovery {
        enabled: fields.required("enabled", boolean),
        display_name: fields.optional("displayName", any_text),
        description: fields.optional("description", any_text),
        url: fields.optional("url", any_text),
        icon: fields.optional("icon", any_text),
        icon_light: fields.optional("iconLight", any_text),
        icon_dark: fields.optional("iconDark", any_text),
        category: fields.optional("category", any_text),
        priority: fields.optional("priority", integer(0..=1000)),
        visibility: fields.optional("visibility", any_text),
        required_groups: fields.optional("requiredGroups", list(any_text)),
    }
}
