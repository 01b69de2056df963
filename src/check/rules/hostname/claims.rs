//! Who has, or asks for, which hostname.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::{Facts, host, path};
use crate::derive::{APP_NAME, APP_NAMESPACE, App, Attachment, Names, RoutePath, listeners};
use crate::resource::{Address, AppId};

const GATEWAY_API: &str = "gateway.networking.k8s.io";

/// The kinds that have hostnames.
pub(super) const KINDS: [(&str, &str); 6] = [
    (GATEWAY_API, "HTTPRoute"),
    (GATEWAY_API, "GRPCRoute"),
    (GATEWAY_API, "TLSRoute"),
    (GATEWAY_API, "Gateway"),
    ("networking.k8s.io", "Ingress"),
    ("reconcilers.nebari.dev", "NebariApp"),
];

/// Objects that answer a challenge of a certificate authority, for some minutes and for whoever asked for the certificate.
const SOLVER: &str = "acme.cert-manager.io/http01-solver";

/// The apps of the inputs by the host that they ask for, with all of their paths.
pub(super) type Wanted<'f> = BTreeMap<&'f str, Vec<(&'f App, Vec<RoutePath>)>>;

/// Argo CD's own settings.
pub(super) fn argo_cd() -> Address {
    Address::namespaced("", "ConfigMap", "argocd", "argocd-cm")
}

/// One object, or listener, that has hostnames.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    /// The object or the listener.
    pub(super) address: Address,
    /// Its hostnames; some begin with `*.`.
    pub(super) hosts: Vec<String>,
    /// The app that it is, or is derived from.
    pub(super) app: Option<AppId>,
    /// The paths that it takes; `None` where that cannot be told.
    pub(super) paths: Option<Vec<RoutePath>>,
    live: bool,
}

impl Claim {
    fn new(address: &Address, hosts: Vec<String>) -> Self {
        Self { address: address.clone(), hosts, app: None, paths: None, live: false }
    }

    /// What an app asks for.
    fn of_app(app: &App, address: Address) -> Self {
        let paths = app.paths().into_iter().chain(app.public_paths()).collect();
        Self { app: Some(app.id.clone()), paths: Some(paths), ..Self::new(&address, vec![app.hostname().to_owned()]) }
    }

    /// What a route serves.
    pub(super) fn of_route(address: &Address, route: &Value) -> Self {
        let matches = list(route, "/spec/rules").flat_map(|rule| list(rule, "/matches"));
        let label = |key: &str| route.pointer("/metadata/labels").and_then(|labels| labels.get(key)?.as_str());
        let app = label(APP_NAMESPACE).zip(label(APP_NAME)).map(|(namespace, name)| AppId::new(namespace, name));
        let app = app.filter(|app| address.namespace.as_ref() == Some(&app.namespace));
        let hosts = list(route, "/spec/hostnames").filter_map(Value::as_str).map(str::to_owned).collect();
        Self { app, paths: matches.map(path::of_match).collect(), ..Self::new(address, hosts) }
    }

    /// Whether it belongs to this app itself, or is the listener that the app attaches to.
    pub(super) fn is_of(&self, app: &App, facts: Facts<'_>) -> bool {
        let names = Names::of(&app.id);
        let attachment = facts.desired.grounds.get(&app.id).and_then(|ground| ground.attachment.as_ref());
        let attached = match attachment {
            Some(Attachment::Shared) => "https",
            Some(Attachment::Plain) => "http",
            Some(Attachment::Own { .. }) | None => &names.listener_name(),
        };
        self.address == names.route()
            || self.address == names.public_route()
            || self.address.as_app().as_ref() == Some(&app.id)
            || self.address.entry.as_ref().is_some_and(|entry| entry.key == names.listener_name() || entry.key == attached)
            // An app without a route brings its own.
            || !app.routed() && self.address.namespace.as_ref() == Some(&app.id.namespace)
    }

    /// Whether it takes requests now, and by the host's own name: a wildcard's are those that nobody else takes.
    pub(super) fn is_live_route(&self) -> bool {
        self.live
            && matches!(self.address.kind.as_str(), "HTTPRoute" | "GRPCRoute" | "TLSRoute" | "Ingress")
            && !self.hosts.iter().any(|host| host.starts_with('*'))
    }
}

/// All claims that matter to the wanted hosts, by host and by the domain of a wildcard.
#[derive(Default)]
pub(super) struct Claims {
    exact: BTreeMap<String, Vec<Claim>>,
    wildcard: BTreeMap<String, Vec<Claim>>,
}

impl Claims {
    pub(super) fn of(facts: Facts<'_>, wanted: &Wanted<'_>) -> Self {
        let mut claims = Self::default();
        for (group, kind) in KINDS {
            match kind {
                "Gateway" => claims.listeners(facts, wanted),
                "NebariApp" => claims.apps(facts, wanted),
                _ => claims.routes(group, kind, facts, wanted),
            }
        }
        claims
    }

    /// Every claim on a host, by its own name or by a wildcard.
    pub(super) fn on<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c Claim> {
        let wildcards = host::above(name).filter_map(|domain| self.wildcard.get(domain));
        self.exact.get(name).into_iter().chain(wildcards).flatten()
    }

    fn add(&mut self, claim: &Claim, wanted: &Wanted<'_>) {
        for host in &claim.hosts {
            if let Some(domain) = host.strip_prefix("*.") {
                self.wildcard.entry(domain.to_owned()).or_default().push(claim.clone());
            } else if wanted.contains_key(host.as_str()) {
                self.exact.entry(host.clone()).or_default().push(claim.clone());
            }
        }
    }

    fn routes(&mut self, group: &str, kind: &str, facts: Facts<'_>, wanted: &Wanted<'_>) {
        for (address, route) in facts.will_be(group, kind) {
            let live = facts.world.get(address).live();
            // A route that is derived and not live yet serves nobody: its app is a newcomer, and judged as an app.
            let derived = facts.desired.wanted.get(address).is_some_and(|resource| resource.app.is_some());
            let solver = route.pointer("/metadata/labels").is_some_and(|labels| labels.get(SOLVER).is_some());
            if derived && live.is_none() || solver || redirects_only(route) {
                continue;
            }
            let claim = if kind == "Ingress" {
                let hosts = list(route, "/spec/rules").filter_map(|rule| rule.get("host")?.as_str().map(str::to_owned));
                Claim::new(address, hosts.collect())
            } else {
                // What is served now counts, not what this plan makes of it.
                Claim::of_route(address, live.filter(|_| derived).map_or(route, |live| live.value()))
            };
            self.add(&Claim { live: live.is_some(), ..claim }, wanted);
        }
    }

    fn listeners(&mut self, facts: Facts<'_>, wanted: &Wanted<'_>) {
        for live in facts.world.of_kind(GATEWAY_API, "Gateway") {
            for listener in listeners(live.value()) {
                let text = |key: &str| listener.get(key).and_then(Value::as_str).unwrap_or_default();
                let address = live.address.clone().with_entry("listeners", text("name"));
                // The platform's own listeners carry everybody's hosts.
                let platform = text("hostname").starts_with('*') && ["http", "https"].contains(&text("name"));
                if !platform && !facts.desired.unwanted.contains_key(&address) {
                    self.add(&Claim::new(&address, vec![text("hostname").to_owned()]), wanted);
                }
            }
        }
    }

    /// Live apps that are not in the inputs; those of the inputs are judged as they will be, not as they are.
    fn apps(&mut self, facts: Facts<'_>, wanted: &Wanted<'_>) {
        for live in facts.world.of_kind("reconcilers.nebari.dev", "NebariApp") {
            let Some(id) = live.address.as_app() else { continue };
            if facts.desired.apps.contains_key(&id) || facts.desired.unwanted.contains_key(&live.address) {
                continue;
            }
            let app = App { id, value: live.value().clone(), pack: None, document: None };
            self.add(&Claim::of_app(&app, live.address.clone()), wanted);
        }
    }
}

/// Whether a route does nothing but send browsers to https.
fn redirects_only(route: &Value) -> bool {
    let redirects = |rule: &Value| {
        list(rule, "/backendRefs").next().is_none()
            && list(rule, "/filters")
                .any(|filter| filter.pointer("/requestRedirect/scheme").and_then(Value::as_str) == Some("https"))
    };
    list(route, "/spec/rules").next().is_some() && list(route, "/spec/rules").all(redirects)
}

fn list<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}
