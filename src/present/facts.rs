//! The most telling fact of an object that is made, per kind.

use serde_json::Value;

use super::View;
use super::words::{count, list, some_of};
use crate::plan::Change;
use crate::resource::PackId;

/// What a reader wants to know first of a new object. To teach a kind, add a row.
pub(super) fn fact(view: &View<'_>, change: &Change) -> Option<String> {
    let resource = change.resource.as_ref()?;
    let body = Body(&resource.body.value);
    let entry = change.address.entry.as_ref();
    let fact = match (change.address.kind.as_str(), entry) {
        ("Gateway", Some(entry)) => listener(&body, &entry.key)?,
        ("Namespace", None) => labels(&body),
        // All that a pack holds of its Namespace.
        (_, Some(entry)) if entry.list == "metadata" => labels(&body),
        (_, Some(entry)) => body.text(&format!("/metadata/{}/{}", entry.list, pointer(&entry.key)))?.to_owned(),
        ("Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "ReplicaSet", _) => images(&body, "/spec/template/spec")?,
        ("CronJob", _) => images(&body, "/spec/jobTemplate/spec/template/spec")?,
        ("Pod", _) => images(&body, "/spec")?,
        ("Service", _) => service(&body),
        ("HTTPRoute", _) => routes(&body)?,
        ("GRPCRoute" | "TLSRoute", _) => some_of(&body.texts("/spec/hostnames"), 2),
        ("Certificate", _) => {
            let kind = body.text("/spec/issuerRef/kind").unwrap_or("Issuer");
            format!("by {kind} {}", body.text("/spec/issuerRef/name")?)
        }
        ("Gateway", None) => count(body.items("/spec/listeners").len(), "listener"),
        ("SecurityPolicy", _) => policy(&body),
        ("Secret", _) => secret(view, change, &body),
        ("ConfigMap", _) => config_map(change, &body),
        ("Role" | "ClusterRole", _) => role(&body),
        ("RoleBinding" | "ClusterRoleBinding", _) => subjects(&body)?,
        ("NebariApp", _) => app(&body)?,
        ("client", _) => client(&body),
        ("PersistentVolumeClaim", _) => body.text("/spec/resources/requests/storage")?.to_owned(),
        ("Ingress", _) => some_of(&body.each_text("/spec/rules", "/host"), 2),
        ("CustomResourceDefinition", _) => format!("versions {}", list(&body.each_text("/spec/versions", "/name"))),
        ("HTTPRouteFilter", _) => format!("answers {}", body.at("/spec/directResponse/statusCode")?),
        ("Application", _) => body.text("/spec/source/repoURL")?.to_owned(),
        ("ReferenceGrant", _) => format!("from {}", some_of(&body.each_text("/spec/from", "/namespace"), 2)),
        _ => resource.api_version.clone(),
    };
    (!fact.is_empty()).then(|| view.cut(&fact, 120))
}

/// A body with lenient access: what is not there tells nothing.
struct Body<'b>(&'b Value);

impl<'b> Body<'b> {
    fn at(&self, pointer: &str) -> Option<&'b Value> {
        self.0.pointer(pointer)
    }

    fn text(&self, pointer: &str) -> Option<&'b str> {
        self.at(pointer)?.as_str()
    }

    fn items(&self, pointer: &str) -> &'b [Value] {
        self.at(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn texts(&self, pointer: &str) -> Vec<&'b str> {
        self.items(pointer).iter().filter_map(Value::as_str).collect()
    }

    fn each_text(&self, list: &str, inner: &str) -> Vec<&'b str> {
        self.items(list).iter().filter_map(|item| item.pointer(inner)?.as_str()).collect()
    }

    fn keys(&self, pointer: &str) -> usize {
        self.at(pointer).and_then(Value::as_object).map_or(0, serde_json::Map::len)
    }
}

fn pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn images(body: &Body<'_>, pod: &str) -> Option<String> {
    let images = body.each_text(&format!("{pod}/containers"), "/image");
    match images.as_slice() {
        [] => None,
        [one] => Some(format!("image {one}")),
        several => Some(format!("images {}", some_of(several, 1))),
    }
}

fn service(body: &Body<'_>) -> String {
    let ports: Vec<String> =
        body.items("/spec/ports").iter().filter_map(|port| Some(port.get("port")?.to_string())).collect();
    let ports = match ports.as_slice() {
        [] => "no port".into(),
        [one] => format!("port {one}"),
        several => format!("ports {}", some_of(several, 3)),
    };
    match body.text("/spec/type") {
        Some(kind) if kind != "ClusterIP" => format!("{kind}, {ports}"),
        _ => ports,
    }
}

fn routes(body: &Body<'_>) -> Option<String> {
    let rules: Vec<String> = body.items("/spec/rules").iter().map(rule).collect();
    (!rules.is_empty()).then(|| some_of(&rules, 1))
}

/// `/ -> dash:8080`.
fn rule(rule: &Value) -> String {
    let rule = Body(rule);
    let mut paths = rule.each_text("/matches", "/path/value");
    if paths.is_empty() {
        paths.push("/");
    }
    let backends: Vec<String> = rule
        .items("/backendRefs")
        .iter()
        .filter_map(|backend| {
            let name = backend.get("name")?.as_str()?;
            let namespace = backend.get("namespace").and_then(Value::as_str).map(|at| format!("{at}/"));
            let port = backend.get("port").map(|port| format!(":{port}"));
            Some(format!("{}{name}{}", namespace.unwrap_or_default(), port.unwrap_or_default()))
        })
        .collect();
    let target = if backends.is_empty() { "no backend".into() } else { some_of(&backends, 1) };
    format!("{} -> {target}", some_of(&paths, 2))
}

/// `HTTPS 443`, of a listener in the body that holds it alone or with its Gateway.
fn listener(body: &Body<'_>, name: &str) -> Option<String> {
    let named = |listener: &&Value| listener.get("name").and_then(Value::as_str) == Some(name);
    let listener = Body(body.items("/spec/listeners").iter().find(named).unwrap_or(body.0));
    Some(format!("{} {}", listener.text("/protocol")?, listener.at("/port")?))
}

fn policy(body: &Body<'_>) -> String {
    let rules = body.items("/spec/authorization/rules");
    let claims = |name: &str| -> Vec<&str> {
        let claims = rules.iter().flat_map(|rule| Body(rule).items("/principal/jwt/claims"));
        let named = claims.filter(|claim| claim.get("name").and_then(Value::as_str) == Some(name));
        named.flat_map(|claim| Body(claim).texts("/values")).collect()
    };
    let login = body.at("/spec/oidc").is_some();
    match (login, body.text("/spec/authorization/defaultAction")) {
        (true, _) => {
            let mut parts = vec!["login".to_owned()];
            let (clients, groups) = (claims("azp"), claims("groups"));
            if !clients.is_empty() {
                parts.push(format!("azp {}", some_of(&clients, 1)));
            }
            match groups.as_slice() {
                [] => {}
                [one] => parts.push(format!("group {one}")),
                several => parts.push(format!("groups {}", some_of(several, 1))),
            }
            parts.join(", ")
        }
        (false, Some("Allow")) if rules.is_empty() => "allows all".into(),
        (false, Some("Deny")) if rules.is_empty() => {
            let gateways = body.each_text("/spec/targetRefs", "/kind").contains(&"Gateway");
            if gateways { "denies all without own policy".into() } else { "denies all".into() }
        }
        (false, Some(action)) => format!("{}, else {action}", count(rules.len(), "rule")),
        (false, None) => "no login, no rule".into(),
    }
}

fn secret(view: &View<'_>, change: &Change, body: &Body<'_>) -> String {
    let unknown = change.resource.as_ref().map(|resource| &resource.body.unknown);
    let keys = body.keys("/data") + body.keys("/stringData") + unknown.map_or(0, |unknown| unknown.len());
    match unknown.and_then(|unknown| unknown.values().next()) {
        Some(first) => format!("{}, secret {}", count(keys, "key"), view.known_after(Some(first))),
        None => count(keys, "key"),
    }
}

fn config_map(change: &Change, body: &Body<'_>) -> String {
    if change.pack.as_ref().map(PackId::record_name).as_ref() == Some(&change.address.name) {
        return "record of this pack".into();
    }
    count(body.keys("/data") + body.keys("/binaryData"), "key")
}

/// The widest rule, and how many more there are.
fn role(body: &Body<'_>) -> String {
    let rules = body.items("/rules");
    let wide = |rule: &&Value| {
        let rule = Body(rule);
        ["/verbs", "/resources", "/apiGroups"].iter().any(|of| rule.texts(of).contains(&"*"))
    };
    let Some(rule) = rules.iter().find(wide).or(rules.first()) else { return "no rule".into() };
    let rule = Body(rule);
    let names = rule.texts("/resourceNames");
    let what = if names.is_empty() { rule.texts("/resources") } else { names };
    let told = format!("{} {}", rule.texts("/verbs").join(", "), some_of(&what, 2));
    match rules.len() - 1 {
        0 => told,
        more => format!("{told} and {}", count(more, "more rule")),
    }
}

fn subjects(body: &Body<'_>) -> Option<String> {
    let subjects: Vec<String> = body
        .items("/subjects")
        .iter()
        .filter_map(|subject| Some(format!("{} {}", subject.get("kind")?.as_str()?, subject.get("name")?.as_str()?)))
        .collect();
    (!subjects.is_empty()).then(|| some_of(&subjects, 1))
}

fn labels(body: &Body<'_>) -> String {
    let labels: Vec<String> = body
        .at("/metadata/labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        // Our own mark says nothing about the namespace.
        .filter(|(key, _)| *key != PackId::MARK)
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    match labels.as_slice() {
        [] => "no labels".into(),
        [one] => format!("label {one}"),
        several => format!("labels {}", some_of(several, 1)),
    }
}

/// `dash.example.com, login keycloak`.
fn app(body: &Body<'_>) -> Option<String> {
    let host = body.text("/spec/hostname")?;
    if body.at("/spec/routing").is_none() {
        return Some(format!("{host}, no route"));
    }
    let login = match body.at("/spec/auth/enabled") {
        Some(Value::Bool(true)) => format!("login {}", body.text("/spec/auth/provider").unwrap_or("keycloak")),
        _ => "no login".into(),
    };
    Some(format!("{host}, {login}"))
}

/// `redirect /oauth2/callback`.
fn client(body: &Body<'_>) -> String {
    let paths: Vec<&str> = body.texts("/redirectUris").into_iter().map(path_of).collect();
    let public = if body.at("/publicClient") == Some(&Value::Bool(true)) { "public, " } else { "" };
    let redirects = if paths.is_empty() { "no redirect".into() } else { format!("redirect {}", some_of(&paths, 1)) };
    format!("{public}{redirects}")
}

/// The path of a URL; the whole text where it is none.
fn path_of(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else { return url };
    rest.find('/').map_or("/", |slash| &rest[slash..])
}
