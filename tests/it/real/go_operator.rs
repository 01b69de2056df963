//! The objects of an app as nebari-operator v0.1.0 leaves them: its shapes, written by Update as field manager `manager`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::apps::App;
use super::lab::Lab;
use crate::env::Env;

/// The value that the operator once gave the client of every app with login.
pub(super) const SECRET: &str = "value-that-the-go-operator-made";

const MANAGER: &str = "--field-manager=manager";

/// Applies an app's input with kubectl, and makes what the operator makes of it.
pub(super) fn deliver(lab: &Lab, app: &App) {
    let env = Env::get();
    env.kubectl_with(&["apply", "-f", "-"], &app.yaml());
    let uid = lab.get("nebariapp", &app.namespace, &app.name)["metadata"]["uid"].clone();
    let mut objects = vec![certificate(lab, app), route(lab, app, &uid)];
    if app.login() {
        objects.extend([secret(app), role(app, &uid), binding(app, &uid), policy(lab, app, &uid)]);
    }
    let all = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    env.kubectl_with(&["create", MANAGER, "-f", "-"], &all.to_string());
    let add = json!([{"op": "add", "path": "/spec/listeners/-", "value": listener(lab, app)}]);
    env.kubectl(&["patch", "gateway", "gateway", "-n", &lab.gateways, "--type=json", MANAGER, "-p", &add.to_string()]);
    // Its finalizer and its status are on every app that it saw.
    let finalizer = json!({"metadata": {"finalizers": ["apps.nebari.dev/finalizer"]}});
    let args = ["patch", "nebariapp", &app.name, "-n", &app.namespace, "--type=merge", MANAGER];
    env.kubectl(&[&args[..], &["-p", &finalizer.to_string()]].concat());
    let ready = json!({"type": "Ready", "status": "True", "reason": "ReconcileSuccess",
        "message": "NebariApp reconciled successfully", "lastTransitionTime": "2026-08-14T10:00:00Z"});
    let status = json!({"status": {"observedGeneration": 1, "hostname": app.host(), "conditions": [ready]}});
    env.kubectl(&[&args[..], &["--subresource=status", "-p", &status.to_string()]].concat());
}

/// What it leaves of an app that once had login and a public path; and a route of another name, which is not its own.
pub(super) fn leave_behind(lab: &Lab, app: &App) {
    let uid = lab.get("nebariapp", &app.namespace, &app.name)["metadata"]["uid"].clone();
    let public = |name: &str, host: String| {
        let mut public = route(lab, app, &uid);
        public["metadata"]["name"] = json!(format!("{name}-public-route"));
        public["metadata"]["labels"]["nebari.dev/route-type"] = json!("public");
        public["spec"]["hostnames"] = json!([host]);
        public["spec"]["rules"][0]["matches"] = json!([{"path": {"type": "Exact", "value": "/public"}}]);
        public
    };
    let other = public("other", format!("other.{}", app.host()));
    let objects = [public(&app.name, app.host()), other, secret(app), role(app, &uid), binding(app, &uid)];
    let all = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    Env::get().kubectl_with(&["create", MANAGER, "-f", "-"], &all.to_string());
}

fn labels(app: &App) -> Value {
    json!({
        "app.kubernetes.io/name": "nebariapp",
        "app.kubernetes.io/instance": app.name,
        "app.kubernetes.io/managed-by": "nebari-operator",
    })
}

fn owner(app: &App, uid: &Value) -> Value {
    json!([{
        "apiVersion": "reconcilers.nebari.dev/v1", "kind": "NebariApp", "name": app.name, "uid": uid,
        "controller": true, "blockOwnerDeletion": true,
    }])
}

fn certificate(lab: &Lab, app: &App) -> Value {
    let App { name, namespace, .. } = app;
    json!({
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {
            "name": format!("{name}-{namespace}-cert"), "namespace": lab.gateways,
            "labels": {
                "app.kubernetes.io/managed-by": "nebari-operator",
                "nebari.dev/nebariapp-name": name,
                "nebari.dev/nebariapp-namespace": namespace,
            },
        },
        "spec": {
            "secretName": format!("{name}-{namespace}-tls"),
            "dnsNames": [app.host()],
            "issuerRef": {"name": "selfsigned-issuer", "kind": "ClusterIssuer"},
        },
    })
}

fn listener(lab: &Lab, app: &App) -> Value {
    let App { name, namespace, .. } = app;
    json!({
        "name": app.listener(),
        "hostname": app.host(),
        "port": 443,
        "protocol": "HTTPS",
        "tls": {
            "mode": "Terminate",
            "certificateRefs": [{"name": format!("{name}-{namespace}-tls"), "namespace": lab.gateways}],
        },
        "allowedRoutes": {"namespaces": {
            "from": "Selector", "selector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        }},
    })
}

fn route(lab: &Lab, app: &App, uid: &Value) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": format!("{}-route", app.name), "namespace": app.namespace,
            "labels": labels(app),
            "annotations": {"nebari.dev/tls-enabled": "true"},
            "ownerReferences": owner(app, uid),
        },
        "spec": {
            "parentRefs": [{"name": "gateway", "namespace": lab.gateways, "sectionName": app.listener()}],
            "hostnames": [app.host()],
            "rules": [{
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [{"name": app.name, "port": app.port}],
            }],
        },
    })
}

fn secret(app: &App) -> Value {
    let encoded = |text: &str| BASE64_STANDARD.encode(text);
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": format!("{}-oidc-client", app.name), "namespace": app.namespace, "labels": labels(app),
        },
        "data": {"client-id": encoded(&app.client_id()), "client-secret": encoded(SECRET), "issuer-url": ""},
    })
}

fn role(app: &App, uid: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {
            "name": format!("{}-oidc-secret-reader", app.name), "namespace": app.namespace,
            "ownerReferences": owner(app, uid),
        },
        "rules": [{
            "apiGroups": [""], "resources": ["secrets"], "resourceNames": [format!("{}-oidc-client", app.name)],
            "verbs": ["get"],
        }],
    })
}

fn binding(app: &App, uid: &Value) -> Value {
    let name = format!("{}-oidc-secret-reader", app.name);
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": app.namespace, "ownerReferences": owner(app, uid)},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": app.name, "namespace": app.namespace}],
    })
}

fn policy(lab: &Lab, app: &App, uid: &Value) -> Value {
    let realm = format!("http://keycloak-keycloakx-http.keycloak.svc.cluster.local:8080/realms/{}", lab.realm.name);
    json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "SecurityPolicy",
        "metadata": {
            "name": format!("{}-security", app.name), "namespace": app.namespace, "ownerReferences": owner(app, uid),
        },
        "spec": {
            "targetRefs": [{
                "group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": format!("{}-route", app.name),
            }],
            "oidc": {
                "provider": {"issuer": realm, "tokenEndpoint": format!("{realm}/protocol/openid-connect/token")},
                "clientID": app.client_id(),
                "clientSecret": {
                    "group": "", "kind": "Secret", "name": format!("{}-oidc-client", app.name), "namespace": app.namespace,
                },
                "redirectURL": format!("https://{}/oauth2/callback", app.host()),
                "logoutPath": "/logout",
                "scopes": ["openid", "profile", "email"],
                // Of an app that once asked for it.
                "forwardAccessToken": true,
            },
        },
    })
}
