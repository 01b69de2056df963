//! An app's routes: the main one, the one of the paths without login, and the grant for a Service elsewhere.

use serde_json::{Map, Value, json};

use super::app::{App, Attachment, Ground, RoutePath};
use super::names::{APP_NAME, APP_NAMESPACE, GATEWAY_API, Names};
use crate::resource::{Address, Hand, Resource};

/// Name of the listener that apps without TLS attach to.
pub(crate) const HTTP: &str = "http";
/// Name of the listener that apps share.
pub(crate) const HTTPS: &str = "https";

/// The main HTTPRoute, open. No rule has a name: a stranger's policy could target it.
pub(super) fn route(app: &App, ground: &Ground) -> Option<Resource> {
    // The app's own annotations first: the operator's key wins.
    let mut annotations: Map<String, Value> =
        app.annotations().map(|(key, value)| (key.to_owned(), value.into())).collect();
    annotations.insert("nebari.dev/tls-enabled".into(), tls_enabled(app).into());
    let metadata = json!({"labels": labels(app), "annotations": annotations});
    let causes = [("spec.rules", "spec.routing.routes"), ("metadata.annotations", "spec.routing.annotations")];
    http_route(app, ground, Names::of(&app.id).route(), metadata, &app.paths(), &causes)
}

/// The HTTPRoute of the paths that people reach without login.
pub(super) fn public_route(app: &App, ground: &Ground) -> Option<Resource> {
    let paths = app.public_paths();
    if paths.is_empty() {
        return None;
    }
    let mut labels = labels(app);
    labels["nebari.dev/route-type"] = json!("public");
    let metadata = json!({"labels": labels, "annotations": {"nebari.dev/tls-enabled": tls_enabled(app)}});
    let causes = [("spec.rules", "spec.routing.publicRoutes")];
    http_route(app, ground, Names::of(&app.id).public_route(), metadata, &paths, &causes)
}

fn tls_enabled(app: &App) -> &'static str {
    if app.scheme() == "https" { "true" } else { "false" }
}

fn http_route(
    app: &App,
    ground: &Ground,
    address: Address,
    metadata: Value,
    paths: &[RoutePath],
    causes: &[(&str, &str)],
) -> Option<Resource> {
    let section = section(app, ground.attachment.as_ref()?);
    let (service, port) = app.service();
    let matches: Vec<Value> =
        paths.iter().map(|path| json!({"path": {"type": path.kind, "value": path.prefix}})).collect();
    let mut backend = json!({"group": "", "kind": "Service", "name": service, "port": port, "weight": 1});
    if app.service_namespace() != app.id.namespace {
        backend["namespace"] = json!(app.service_namespace());
    }
    let causes = [causes, &[("spec.hostnames", "spec.hostname"), ("spec.parentRefs", "spec.gateway")]].concat();
    Some(Resource {
        address,
        api_version: "gateway.networking.k8s.io/v1".into(),
        body: json!({
            "metadata": metadata,
            "spec": {
                "parentRefs": [{
                    "group": GATEWAY_API, "kind": "Gateway",
                    "name": ground.gateway.name, "namespace": ground.gateway.namespace,
                    "sectionName": section,
                }],
                "hostnames": [app.hostname()],
                "rules": [{"matches": matches, "backendRefs": [backend]}],
            },
        })
        .into(),
        owner: Some(Address::app(&app.id)),
        hand: Hand::Whole,
        app: Some(app.id.clone()),
        pack: app.pack.clone(),
        causes: app.causes(&causes),
    })
}

/// The listener's name.
fn section(app: &App, attachment: &Attachment) -> String {
    match attachment {
        Attachment::Own { .. } => Names::of(&app.id).listener_name(),
        Attachment::Shared => HTTPS.into(),
        Attachment::Plain => HTTP.into(),
    }
}

/// The grant by which the app's routes reach a Service in another namespace: that Service alone, from this namespace alone.
///
/// The rule PK0412 sees to it that the other namespace agrees.
pub(super) fn grant(app: &App) -> Option<Resource> {
    let namespace = app.service_namespace();
    if !app.routed() || namespace == app.id.namespace {
        return None;
    }
    let (service, _) = app.service();
    Some(Resource {
        address: Names::of(&app.id).grant(namespace),
        // The version that every supported release of Gateway API serves.
        api_version: "gateway.networking.k8s.io/v1beta1".into(),
        body: json!({
            "metadata": {"labels": labels(app)},
            "spec": {
                "from": [{"group": GATEWAY_API, "kind": "HTTPRoute", "namespace": app.id.namespace}],
                "to": [{"group": "", "kind": "Service", "name": service}],
            },
        })
        .into(),
        owner: None,
        hand: Hand::Whole,
        app: Some(app.id.clone()),
        pack: app.pack.clone(),
        causes: app.causes(&[("spec", "spec.service.namespace")]),
    })
}

/// The Go operator's labels, and the two by which derived objects are found.
pub(super) fn labels(app: &App) -> Value {
    json!({
        "app.kubernetes.io/name": "nebariapp",
        "app.kubernetes.io/instance": app.id.name,
        "app.kubernetes.io/managed-by": "nebari-operator",
        APP_NAME: app.id.name,
        APP_NAMESPACE: app.id.namespace,
    })
}
