//! A plan walked write by write, in an order that it allows, and what must hold before, between and after.

use std::collections::{BTreeMap, BTreeSet};

use packctl::plan::{Plan, Step, Until};
use packctl::resource::Address;
use serde_json::Value;

use super::model::Model;
use super::shape::Shape;
use crate::stand_in::Dice;

const GATEWAY_API: &str = "gateway.networking.k8s.io";
const ENVOY_GATEWAY: &str = "gateway.envoyproxy.io";

/// Which of the steps that may be next is next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Preference {
    /// As the plan lists them.
    Listed,
    /// What goes, as early as it may.
    DeletesFirst,
    /// The routes as late as they may.
    RoutesLast,
    /// The routes as early as they may.
    RoutesFirst,
    /// By chance.
    Chance(u64),
}

/// An order in which the steps may be walked.
pub(super) fn order(plan: &Plan, preference: Preference) -> Vec<usize> {
    let mut by_chance: Vec<usize> = (0..plan.steps.len()).collect();
    if let Preference::Chance(seed) = preference {
        Dice::new(seed).shuffle(&mut by_chance);
    }
    let is_route = |step: &Step| step.address.kind == "HTTPRoute";
    let goes = |step: &Step| matches!(step.title, "delete" | "release");
    let rank = |step: &Step| match preference {
        Preference::Listed => step.id,
        Preference::DeletesFirst => usize::from(!goes(step)),
        Preference::RoutesLast => usize::from(is_route(step)),
        Preference::RoutesFirst => usize::from(!is_route(step)),
        Preference::Chance(_) => by_chance[step.id],
    };
    let mut left: Vec<&Step> = plan.steps.iter().collect();
    left.sort_by_key(|step| (rank(step), step.id));
    let (mut order, mut done) = (Vec::new(), BTreeSet::new());
    while !left.is_empty() {
        let next = left.iter().position(|step| step.after.keys().all(|before| done.contains(before)));
        let step = left.remove(next.expect("steps that wait for each other"));
        done.insert(step.id);
        order.push(step.id);
    }
    order
}

/// Walks the first steps of an order: what is there then, and everything that was wrong on the way.
pub(super) fn walk(from: &Model, plan: &Plan, steps: &[usize], shape: &Shape) -> (Model, Vec<String>) {
    let mut now = from.clone();
    let mut wrong = BTreeSet::new();
    for id in steps {
        let step = &plan.steps[*id];
        let before = now.clone();
        now.step(step);
        let found = Moment { first: from, before: &before, now: &now, step, shape }.wrong();
        wrong.extend(found.into_iter().map(|why| format!("after {} {}: {why}", step.title, step.address.short())));
    }
    (now, wrong.into_iter().collect())
}

/// The world right after a step.
struct Moment<'m> {
    /// Before the plan.
    first: &'m Model,
    before: &'m Model,
    now: &'m Model,
    step: &'m Step,
    shape: &'m Shape,
}

/// Where a route is attached, and to which hosts.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Place {
    gateway: Address,
    section: String,
    host: String,
}

impl Place {
    fn own(&self) -> bool {
        self.section.starts_with("tls-")
    }

    fn listener<'m>(&self, world: &'m Model) -> Option<&'m Value> {
        list(world.get(&self.gateway)?, "/spec/listeners").iter().find(|one| one["name"] == *self.section)
    }

    fn lock(&self) -> Address {
        let namespace = self.gateway.namespace.as_deref().unwrap_or_default();
        Address::namespaced(ENVOY_GATEWAY, "SecurityPolicy", namespace, &format!("lock-{}", self.section))
    }

    /// Policy and route.
    fn anchor(&self) -> [Address; 2] {
        let namespace = self.gateway.namespace.as_deref().unwrap_or_default();
        let name = format!("packctl-anchor-{}", self.gateway.name);
        [(ENVOY_GATEWAY, "SecurityPolicy"), (GATEWAY_API, "HTTPRoute")]
            .map(|(group, kind)| Address::namespaced(group, kind, namespace, &name))
    }

    fn has_lock(&self, world: &Model) -> bool {
        world.get(&self.lock()).is_some_and(|lock| {
            text(lock, "/spec/authorization/defaultAction") == "Deny"
                && list(lock, "/spec/targetRefs")
                    .iter()
                    .any(|target| target["name"] == *self.gateway.name && target["sectionName"] == *self.section)
        })
    }
}

impl Moment<'_> {
    fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (route, policy) in [("dash-route", "dash-security"), ("dash-public-route", "dash-public-security")] {
            let policy = Address::namespaced(ENVOY_GATEWAY, "SecurityPolicy", "bi", policy);
            let address = Address::namespaced(GATEWAY_API, "HTTPRoute", "bi", route);
            let Some(route) = self.now.get(&address) else { continue };
            if self.now.get(&policy).is_none() {
                wrong.push(format!("{} is there without its policy", address.short()));
            }
            self.attachment(&address, route, &mut wrong);
            if weight(route) > 0 {
                self.backend(route, &mut wrong);
            }
        }
        self.login(&mut wrong);
        self.opening(&mut wrong);
        self.listeners(&mut wrong);
        self.public_paths(&mut wrong);
        wrong
    }

    fn attachment(&self, address: &Address, route: &Value, wrong: &mut Vec<String>) {
        let before = self.before.get(address).map(places).unwrap_or_default();
        for place in places(route) {
            let section = &place.section;
            if place.listener(self.now).is_none() {
                wrong.push(format!("{} is on listener {section}, which is not there", address.short()));
            }
            if place.own() && !place.has_lock(self.now) {
                wrong.push(format!("{} is on listener {section} without its lock", address.short()));
            }
            if place.anchor().iter().any(|part| self.now.get(part).is_none()) {
                wrong.push(format!("{} is on a Gateway without its anchor", address.short()));
            }
            if !before.contains(&place) && place.own() && !self.waits(&Until::PolicyAccepted(place.lock())) {
                wrong.push(format!("{} is attached to {section} whose lock is not awaited", address.short()));
            }
        }
    }

    fn backend(&self, route: &Value, wrong: &mut Vec<String>) {
        for backend in list(route, "/spec/rules").iter().flat_map(|rule| list(rule, "/backendRefs")) {
            let namespace = text(backend, "/namespace");
            let granted = self.now.addresses().any(|address| {
                address.kind == "ReferenceGrant"
                    && address.namespace.as_deref() == Some(namespace)
                    && self.now.get(address).is_some_and(|grant| {
                        list(grant, "/spec/to").iter().any(|to| to["name"] == backend["name"])
                            && list(grant, "/spec/from").iter().any(|from| from["namespace"] == "bi")
                    })
            });
            if !namespace.is_empty() && !granted {
                wrong.push("the route may not reach its Service".into());
            }
        }
    }

    /// Nobody gets in without the login that the app asks for, from the first write to its route or policy on.
    fn login(&self, wrong: &mut Vec<String>) {
        let (route, policy) = (route(), policy());
        let Some(object) = self.now.get(&route).filter(|route| weight(route) > 0) else { return };
        if let Some(secret) = self.now.get(&policy).and_then(|policy| policy.pointer("/spec/oidc/clientSecret")) {
            let address = Address::namespaced("", "Secret", text(secret, "/namespace"), text(secret, "/name"));
            let has = |secret: &Value| secret.pointer("/data/client-secret").is_some();
            if !self.now.get(&address).is_some_and(has) {
                wrong.push(format!("the login's {} is not there", address.short()));
            }
        }
        let guarded = |world: &Model| world.get(&policy).is_some_and(|policy| guards(policy, "dash-route"));
        if !self.shape.login() {
            return;
        }
        if guarded(self.now) {
            // The gateway needs a moment for the login; requests that get in meanwhile would keep their connections.
            if !guarded(self.before) {
                wrong.push("the login comes into force while the route is open".into());
            }
            return;
        }
        let untouched = |address: &Address| self.now.get(address) == self.first.get(address);
        if !(untouched(&route) && untouched(&policy)) {
            let hosts: Vec<String> = places(object).into_iter().map(|place| place.host).collect();
            wrong.push(format!("open at {} without login", hosts.join(", ")));
        }
    }

    /// What raises a weight from 0, or opens another place, waits for all that makes the login hold there.
    fn opening(&self, wrong: &mut Vec<String>) {
        if !self.shape.login() {
            return;
        }
        let route = route();
        let open = |world: &Model| match world.get(&route) {
            Some(route) if weight(route) > 0 => places(route),
            _ => BTreeSet::new(),
        };
        let (was, is) = (open(self.before), open(self.now));
        for place in is.difference(&was) {
            if !self.before.get(&route).is_some_and(|route| weight(route) == 0 && places(route).contains(place)) {
                wrong.push(format!("opened at {} without being closed there first", place.host));
            }
            let others = list(self.now.get(&place.gateway).unwrap_or(&Value::Null), "/spec/listeners");
            if others.iter().any(|other| other["hostname"] == *place.host && other["name"] != *place.section) {
                wrong.push(format!("opened while another listener takes the requests for {}", place.host));
            }
            let [anchor_policy, anchor_route] = place.anchor();
            let listener = place.gateway.clone().with_entry("listeners", &place.section);
            let mut needed = vec![
                Until::PolicyAccepted(policy()),
                Until::RouteAccepted(route.clone()),
                Until::ListenerProgrammed(listener),
                Until::PolicyAccepted(anchor_policy),
                Until::RouteAccepted(anchor_route.clone()),
            ];
            needed.push(if place.own() { Until::PolicyAccepted(place.lock()) } else { Until::Drained(anchor_route) });
            let namespace = place.gateway.namespace.as_deref().unwrap_or_default();
            let certificate = Address::namespaced("cert-manager.io", "Certificate", namespace, "dash-bi-cert");
            let of_listener = || {
                let of = place.listener(self.now)?.pointer("/tls/certificateRefs/0/name")?.as_str()?;
                Some(of.to_owned())
            };
            if place.own() && of_listener().as_deref() == Some("dash-bi-tls") {
                needed.push(Until::CertificateReady(certificate));
            }
            let missing = needed.iter().filter(|until| !self.waits(until));
            wrong.extend(missing.map(|until| {
                format!("opened at {} without waiting for {} {}", place.host, until.words(), until.address().short())
            }));
        }
    }

    fn waits(&self, until: &Until) -> bool {
        self.step.waits.contains(until)
    }

    /// The API server refuses two listeners of one port and hostname.
    fn listeners(&self, wrong: &mut Vec<String>) {
        for gateway in self.now.addresses().filter(|address| address.kind == "Gateway") {
            let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
            for listener in self.now.get(gateway).into_iter().flat_map(|gateway| list(gateway, "/spec/listeners")) {
                *seen.entry((listener["port"].to_string(), listener["hostname"].to_string())).or_default() += 1;
            }
            for ((port, hostname), _) in seen.into_iter().filter(|(_, count)| *count > 1) {
                wrong.push(format!("{} has two listeners for {hostname}:{port}", gateway.short()));
            }
        }
    }

    /// A path that is made private closes at once: nothing has to be done before.
    fn public_paths(&self, wrong: &mut Vec<String>) {
        let public = Address::namespaced(GATEWAY_API, "HTTPRoute", "bi", "dash-public-route");
        if self.step.address == public
            && self.step.title == "delete"
            && self.shape.login()
            && !self.step.after.is_empty()
        {
            wrong.push("the public paths close after something else".into());
        }
    }
}

fn route() -> Address {
    Address::namespaced(GATEWAY_API, "HTTPRoute", "bi", "dash-route")
}

fn policy() -> Address {
    Address::namespaced(ENVOY_GATEWAY, "SecurityPolicy", "bi", "dash-security")
}

fn places(route: &Value) -> BTreeSet<Place> {
    let parents = list(route, "/spec/parentRefs").iter().map(|parent| {
        let gateway = Address::namespaced(GATEWAY_API, "Gateway", text(parent, "/namespace"), text(parent, "/name"));
        (gateway, text(parent, "/sectionName").to_owned())
    });
    let hosts: Vec<&str> = list(route, "/spec/hostnames").iter().filter_map(Value::as_str).collect();
    parents
        .flat_map(|(gateway, section)| {
            hosts.iter().map(move |host| Place {
                gateway: gateway.clone(),
                section: section.clone(),
                host: (*host).to_owned(),
            })
        })
        .collect()
}

fn weight(route: &Value) -> u64 {
    let backends = list(route, "/spec/rules").iter().flat_map(|rule| list(rule, "/backendRefs"));
    backends.map(|backend| backend.get("weight").and_then(Value::as_u64).unwrap_or(1)).max().unwrap_or(0)
}

/// Whether a policy lets only tokens of its own client in, and only after a login.
fn guards(policy: &Value, route: &str) -> bool {
    let client = &policy["spec"]["oidc"]["clientID"];
    let provider = &policy["spec"]["jwt"]["providers"][0];
    let rules = list(policy, "/spec/authorization/rules");
    let bound = |rule: &Value| {
        let jwt = &rule["principal"]["jwt"];
        let says = |name: &str, value: &Value| {
            list(jwt, "/claims")
                .iter()
                .any(|claim| claim["name"] == *name && claim["values"] == Value::from(vec![value.clone()]))
        };
        let by_azp = says("azp", client);
        let by_audience =
            says("iss", &provider["issuer"]) && provider["audiences"] == Value::from(vec![client.clone()]);
        rule["action"] == "Allow" && jwt["provider"] == provider["name"] && (by_azp || by_audience)
    };
    text(policy, "/spec/authorization/defaultAction") == "Deny"
        && client.is_string()
        && provider.pointer("/remoteJWKS/uri").is_some()
        && !rules.is_empty()
        && rules.iter().all(bound)
        && list(policy, "/spec/targetRefs")
            .iter()
            .any(|target| target["kind"] == "HTTPRoute" && target["name"] == *route)
}

fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
