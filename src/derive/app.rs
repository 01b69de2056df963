//! One NebariApp as the derivation sees it: as it will be.

use std::collections::BTreeMap;

use serde_json::Value;

use super::names::Gateway;
use crate::diagnostic::Place;
use crate::resource::{AppId, Cause, FieldPath, PackId};
use crate::yaml::Document;

/// A NebariApp as it will be after the apply: live fields that others own, our fields, defaults.
#[derive(Clone, Debug)]
pub struct App {
    /// Namespace and name.
    pub id: AppId,
    /// The whole object as it will be.
    pub value: Value,
    /// The pack that brings it, if one does.
    pub pack: Option<PackId>,
    /// The app in the input; `None` when only the live object speaks.
    pub document: Option<Document>,
}

/// A path of an app's routing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePath {
    /// The value.
    pub prefix: String,
    /// `PathPrefix` or `Exact`.
    pub kind: &'static str,
}

impl App {
    fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer)?.as_str()
    }

    /// `spec.hostname`.
    pub fn hostname(&self) -> &str {
        self.text("/spec/hostname").unwrap_or_default()
    }

    /// `spec.service`: name and port.
    pub fn service(&self) -> (&str, u64) {
        let port = self.value.pointer("/spec/service/port").and_then(Value::as_u64).unwrap_or_default();
        (self.text("/spec/service/name").unwrap_or_default(), port)
    }

    /// Whether people must log in.
    pub fn login(&self) -> bool {
        self.value.pointer("/spec/auth/enabled").and_then(Value::as_bool).unwrap_or(false)
    }

    /// `spec.serviceAccountName`, by default the app's name.
    pub fn service_account(&self) -> &str {
        self.text("/spec/serviceAccountName").unwrap_or(&self.id.name)
    }

    /// `spec.routing.routes`; none means everything below `/`.
    pub fn paths(&self) -> Vec<RoutePath> {
        let routes = self.value.pointer("/spec/routing/routes").and_then(Value::as_array);
        let paths: Vec<_> = routes
            .into_iter()
            .flatten()
            .map(|route| RoutePath {
                prefix: route.get("pathPrefix").and_then(Value::as_str).unwrap_or("/").to_owned(),
                kind: if route.get("pathType").and_then(Value::as_str) == Some("Exact") {
                    "Exact"
                } else {
                    "PathPrefix"
                },
            })
            .collect();
        if paths.is_empty() { vec![RoutePath { prefix: "/".into(), kind: "PathPrefix" }] } else { paths }
    }

    /// The app's own place in the input.
    pub fn place(&self) -> Option<Place> {
        self.place_of("")
    }

    /// The place of a field (JSON pointer), or of the nearest thing above it.
    pub fn place_of(&self, pointer: &str) -> Option<Place> {
        self.document.as_ref().map(|document| document.place(pointer))
    }

    /// The cause "this field of the app".
    pub fn cause(&self, field: &str) -> Cause {
        Cause::App { field: field.into(), place: self.place_of(&format!("/{}", field.replace('.', "/"))) }
    }

    /// Causes for a derived body: the app itself for the whole, and these fields for these paths.
    pub fn causes(&self, fields: &[(&str, &str)]) -> BTreeMap<FieldPath, Cause> {
        let mut causes: BTreeMap<_, _> =
            fields.iter().map(|(path, field)| (FieldPath::of(path), self.cause(field))).collect();
        causes.insert(FieldPath::default(), Cause::App { field: "spec".into(), place: self.place() });
        causes
    }
}

/// What the environment must say before an app can be derived.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The cluster's name, for marks.
    pub cluster: String,
    /// The Gateway of the app.
    pub gateway: Gateway,
    /// The port of the Gateway's listener `https`, else 443.
    pub port: u64,
    /// The ClusterIssuer.
    pub cluster_issuer: String,
    /// Keycloak, for apps with login.
    pub realm: Option<Realm>,
}

/// The realm of the apps, as the gateway and browsers reach it.
#[derive(Clone, Debug)]
pub struct Realm {
    /// Its name.
    pub name: String,
    /// `https://keycloak.example.com/realms/nebari`: the issuer in tokens.
    pub external: String,
    /// `http://keycloak.keycloak.svc.cluster.local:8080/realms/nebari`, as Envoy reaches it.
    pub internal: String,
}
