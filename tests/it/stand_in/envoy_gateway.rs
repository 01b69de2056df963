//! The statuses that Envoy Gateway 1.6 gives, computed from one state of the world.
//!
//! Reasons and messages are those of its translator; its order of work too: policies on rules, then on routes, then on
//! listeners, then on whole Gateways, the oldest first.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::gateway_api::{GATEWAY_API, Parent, Target, admits, by_age, namespace_or, parents, selected, targets};
use super::world::{Kind, Name, World, generation, list, text};

pub(super) const CONTROLLER: &str = "gateway.envoyproxy.io/gatewayclass-controller";

/// The status of each object that hangs on one of these Gateways, without the times of its conditions.
pub(super) fn statuses(world: &World, gateways: &BTreeSet<Name>, address: &str) -> BTreeMap<(Kind, Name), Value> {
    let translator = Translator { world, gateways, address };
    let mut statuses = BTreeMap::new();
    for name in gateways {
        if let Some(gateway) = world.get(Kind::Gateway, name) {
            statuses.insert((Kind::Gateway, name.clone()), translator.gateway(gateway));
        }
    }
    for (name, route) in world.all(Kind::HttpRoute) {
        if let Some(status) = translator.route(route) {
            statuses.insert((Kind::HttpRoute, name.clone()), status);
        }
    }
    for (name, status) in translator.policies() {
        statuses.insert((Kind::SecurityPolicy, name), status);
    }
    statuses
}

struct Translator<'a> {
    world: &'a World,
    gateways: &'a BTreeSet<Name>,
    address: &'a str,
}

/// Conditions by type: the later one of a type wins, as in the translator.
#[derive(Default)]
struct Conditions(Vec<(&'static str, bool, String, String)>);

impl Conditions {
    fn set(&mut self, kind: &'static str, status: bool, reason: &str, message: impl Into<String>) {
        let condition = (kind, status, reason.to_owned(), message.into());
        match self.0.iter_mut().find(|(other, ..)| *other == kind) {
            Some(same) => *same = condition,
            None => self.0.push(condition),
        }
    }

    fn has(&self, kind: &str) -> bool {
        self.0.iter().any(|(other, ..)| *other == kind)
    }

    fn is_false(&self, kind: &str) -> bool {
        self.0.iter().any(|(other, status, ..)| *other == kind && !status)
    }

    fn at(&self, generation: i64) -> Value {
        self.0
            .iter()
            .map(|(kind, status, reason, message)| {
                json!({
                    "type": kind,
                    "status": if *status { "True" } else { "False" },
                    "reason": reason,
                    "message": message,
                    "observedGeneration": generation,
                })
            })
            .collect()
    }
}

impl Translator<'_> {
    fn ours<'a>(&self, route: &'a Value) -> impl Iterator<Item = (Parent<'a>, &Value)> {
        parents(route)
            .filter(|parent| self.gateways.contains(&parent.gateway))
            .filter_map(|parent| Some((self.world.get(Kind::Gateway, &parent.gateway)?, parent)))
            .map(|(gateway, parent)| (parent, gateway))
    }

    // --- Gateways ---

    fn gateway(&self, gateway: &Value) -> Value {
        let generation = generation(gateway);
        let mut conditions = Conditions::default();
        conditions.set("Accepted", true, "Accepted", "The Gateway has been scheduled by Envoy Gateway");
        conditions.set(
            "Programmed",
            true,
            "Programmed",
            "Address assigned to the Gateway, 1/1 envoy replicas available",
        );
        let listeners: Vec<Value> = list(gateway, "/spec/listeners")
            .iter()
            .map(|listener| {
                json!({
                    "name": listener["name"],
                    "attachedRoutes": self.attached_routes(gateway, listener),
                    "supportedKinds": [
                        {"group": GATEWAY_API, "kind": "HTTPRoute"},
                        {"group": GATEWAY_API, "kind": "GRPCRoute"},
                    ],
                    "conditions": self.listener(gateway, listener).at(generation),
                })
            })
            .collect();
        json!({
            "addresses": [{"type": "IPAddress", "value": self.address}],
            "conditions": conditions.at(generation),
            "listeners": listeners,
        })
    }

    fn listener(&self, gateway: &Value, listener: &Value) -> Conditions {
        let mut conditions = Conditions::default();
        let same_place =
            |other: &&Value| other["port"] == listener["port"] && other["hostname"] == listener["hostname"];
        if list(gateway, "/spec/listeners").iter().filter(same_place).count() > 1 {
            let message = "All listeners for a given port must use a unique hostname";
            conditions.set("Conflicted", true, "HostnameConflict", message);
        }
        if text(listener, "/protocol") == "HTTPS"
            && let Err(message) = self.certificates(gateway, listener)
        {
            conditions.set("ResolvedRefs", false, "InvalidCertificateRef", message);
        }
        if conditions.0.is_empty() {
            let message = "Sending translated listener configuration to the data plane";
            conditions.set("Programmed", true, "Programmed", message);
            conditions.set("Accepted", true, "Accepted", "Listener has been successfully translated");
        } else {
            let message = "Listener is invalid, see other Conditions for details.";
            conditions.set("Programmed", false, "Invalid", message);
        }
        if !conditions.has("ResolvedRefs") {
            conditions.set("ResolvedRefs", true, "ResolvedRefs", "Listener references have been resolved");
        }
        conditions
    }

    fn certificates(&self, gateway: &Value, listener: &Value) -> Result<(), String> {
        let home = text(gateway, "/metadata/namespace");
        for reference in list(listener, "/tls/certificateRefs") {
            let name = Name::new(namespace_or(reference, home), text(reference, "/name"));
            let secret = self.world.get(Kind::Secret, &name).ok_or_else(|| format!("Secret {name} does not exist."))?;
            if text(secret, "/type") != "kubernetes.io/tls" {
                return Err(format!("Secret {name} must be of type kubernetes.io/tls."));
            }
        }
        Ok(())
    }

    fn is_ready(&self, gateway: &Value, listener: &Value) -> bool {
        !self.listener(gateway, listener).is_false("Programmed")
    }

    fn attached_routes(&self, gateway: &Value, listener: &Value) -> usize {
        let name = Name::of(gateway);
        self.world
            .all(Kind::HttpRoute)
            .flat_map(|(route, object)| parents(object).map(move |parent| (route, parent)))
            .filter(|(_, parent)| parent.gateway == name && selected(gateway, parent).contains(&listener))
            .filter(|(route, _)| admits(self.world, &name.namespace, listener, &route.namespace))
            .count()
    }

    // --- HTTPRoutes ---

    /// `None` for a route that names none of our Gateways.
    fn route(&self, route: &Value) -> Option<Value> {
        let generation = generation(route);
        let mut entries: Vec<Value> = self
            .ours(route)
            .map(|(parent, gateway)| {
                let conditions = self.parent(route, &parent, gateway);
                json!({
                    "parentRef": parent.reference,
                    "controllerName": CONTROLLER,
                    "conditions": conditions.at(generation),
                })
            })
            .collect();
        if entries.is_empty() {
            return None;
        }
        let namespace = text(route, "/metadata/namespace");
        let is_ours = |entry: &Value| {
            let gateway = Name::new(namespace_or(&entry["parentRef"], namespace), text(entry, "/parentRef/name"));
            text(entry, "/controllerName") == CONTROLLER && self.gateways.contains(&gateway)
        };
        entries.extend(list(route, "/status/parents").iter().filter(|entry| !is_ours(entry)).cloned());
        Some(json!({"parents": entries}))
    }

    fn parent(&self, route: &Value, parent: &Parent<'_>, gateway: &Value) -> Conditions {
        let mut conditions = Conditions::default();
        let namespace = text(route, "/metadata/namespace");
        let selected = selected(gateway, parent);
        let admitting =
            selected.iter().filter(|listener| admits(self.world, &parent.gateway.namespace, listener, namespace));
        // An anchor's trap is here: one listener that admits the route is enough for Accepted=True.
        let (accepted, reason, message) = if selected.is_empty() {
            (false, "NoMatchingParent", "No listeners match this parent ref")
        } else if admitting.count() == 0 {
            let message = "No listeners included by this parent ref allowed this attachment.";
            (false, "NotAllowedByListeners", message)
        } else if !selected.iter().any(|listener| self.is_ready(gateway, listener)) {
            (false, "NoReadyListeners", "There are no ready listeners for this parent ref")
        } else {
            (true, "Accepted", "Route is accepted")
        };
        conditions.set("Accepted", accepted, reason, message);
        self.references(route, &mut conditions);
        if !conditions.has("ResolvedRefs") {
            let message = "Resolved all the Object references for the Route";
            conditions.set("ResolvedRefs", true, "ResolvedRefs", message);
        }
        if accepted && !conditions.is_false("Accepted") && !selected.iter().any(|listener| meets(route, listener)) {
            let message =
                "There were no hostname intersections between the HTTPRoute and this parent ref's Listener(s).";
            conditions.set("Accepted", false, "NoMatchingListenerHostname", message);
        }
        conditions
    }

    fn references(&self, route: &Value, conditions: &mut Conditions) {
        let namespace = text(route, "/metadata/namespace");
        for (index, rule) in list(route, "/spec/rules").iter().enumerate() {
            for filter in list(rule, "/filters") {
                let name = text(filter, "/extensionRef/name");
                if text(filter, "/extensionRef/kind") == "HTTPRouteFilter"
                    && self.world.get(Kind::HttpRouteFilter, &Name::new(namespace, name)).is_none()
                {
                    let message = format!("Unable to translate HTTPRouteFilter: {namespace}/{name}");
                    conditions.set("ResolvedRefs", false, "BackendNotFound", message.as_str());
                    conditions.set("Accepted", false, "UnsupportedValue", message);
                }
            }
            for (backend, reference) in list(rule, "/backendRefs").iter().enumerate() {
                if let Err((reason, why)) = self.backend(reference, namespace) {
                    let message = format!("Failed to process route rule {index} backendRef {backend}: {why}.");
                    conditions.set("ResolvedRefs", false, reason, message);
                }
            }
        }
    }

    fn backend(&self, reference: &Value, namespace: &str) -> Result<(), (&'static str, String)> {
        let name = Name::new(namespace_or(reference, namespace), text(reference, "/name"));
        if name.namespace != namespace {
            let why = format!("backend ref to Service {name} not permitted by any ReferenceGrant");
            return Err(("RefNotPermitted", why));
        }
        let service = self
            .world
            .get(Kind::Service, &name)
            .ok_or_else(|| ("BackendNotFound", format!("service {name} not found")))?;
        let port = &reference["port"];
        match list(service, "/spec/ports").iter().any(|one| one["port"] == *port) {
            true => Ok(()),
            false => Err(("PortNotFound", format!("TCP Port {port} not found on Service {name}"))),
        }
    }

    // --- SecurityPolicies ---

    /// A policy whose target is not there gets no status at all, so it is not in the answer.
    fn policies(&self) -> BTreeMap<Name, Value> {
        let policies: Vec<_> =
            by_age(self.world).into_iter().map(|(name, policy)| (name, policy, targets(self.world, policy))).collect();
        let mut verdicts = Verdicts::default();
        for (kind, whole) in
            [(Kind::HttpRoute, false), (Kind::HttpRoute, true), (Kind::Gateway, false), (Kind::Gateway, true)]
        {
            for (name, policy, targets) in &policies {
                for target in targets.iter().filter(|target| target.kind == kind && target.section.is_none() == whole) {
                    match kind {
                        Kind::HttpRoute => self.on_route(&mut verdicts, name, policy, target),
                        _ => self.on_gateway(&mut verdicts, name, policy, target),
                    }
                }
            }
        }
        verdicts.ancestors.into_iter().map(|(name, ours)| (name.clone(), self.policy_status(&name, ours))).collect()
    }

    fn policy_status(&self, name: &Name, ours: Vec<(Value, Conditions)>) -> Value {
        let policy = self.world.get(Kind::SecurityPolicy, name).unwrap_or(&Value::Null);
        let is_ours = |entry: &Value| {
            let gateway = Name::new(text(entry, "/ancestorRef/namespace"), text(entry, "/ancestorRef/name"));
            text(entry, "/controllerName") == CONTROLLER && self.gateways.contains(&gateway)
        };
        let entries = ours.into_iter().map(|(ancestor, conditions)| {
            json!({
                "ancestorRef": ancestor,
                "controllerName": CONTROLLER,
                "conditions": conditions.at(generation(policy)),
            })
        });
        let others = list(policy, "/status/ancestors").iter().filter(|entry| !is_ours(entry)).cloned();
        json!({"ancestors": entries.chain(others).collect::<Vec<_>>()})
    }

    fn on_route(&self, verdicts: &mut Verdicts, name: &Name, policy: &Value, target: &Target) {
        let Some(route) = self.world.get(Kind::HttpRoute, &target.name) else { return };
        let parents: Vec<_> = self.ours(route).collect();
        let ancestors: Vec<Value> =
            parents.iter().map(|(parent, _)| ancestor(&parent.gateway, parent.section)).collect();
        for (parent, _) in &parents {
            let listener = (parent.gateway.clone(), parent.section.unwrap_or_default().to_owned());
            verdicts.routes_with_policies.entry(listener).or_default().insert(target.name.to_string());
        }
        let refused = match &target.section {
            Some(section) if !list(route, "/spec/rules").iter().any(|rule| text(rule, "/name") == section) => {
                Some(("TargetNotFound", format!("No section name {section} found for HTTPRoute {}", target.name)))
            }
            _ => verdicts.taken(target).then(|| {
                let what = match &target.section {
                    Some(section) => format!("RouteRule {}/{section}", target.name.name),
                    None => format!("HTTPRoute {}", target.name.name),
                };
                ("Conflicted", format!("Unable to target {what}, another SecurityPolicy has already attached to it"))
            }),
        };
        let rules = verdicts.sections_of(target);
        for ancestor in ancestors {
            let conditions = verdicts.conditions(name, ancestor);
            if let Some((reason, message)) = &refused {
                conditions.set("Accepted", false, reason, message.as_str());
                continue;
            }
            if let Err(message) = self.login_secret(policy) {
                conditions.set("Accepted", false, "Invalid", message);
            } else if !conditions.has("Accepted") {
                conditions.set("Accepted", true, "Accepted", "Policy has been accepted.");
            }
            if !rules.is_empty() {
                let rules = rules.join(" ");
                let message = format!(
                    "This policy is being overridden by other securityPolicies for these route rules: [{rules}]"
                );
                conditions.set("Overridden", true, "Overridden", message);
            }
        }
    }

    fn on_gateway(&self, verdicts: &mut Verdicts, name: &Name, policy: &Value, target: &Target) {
        if !self.gateways.contains(&target.name) {
            return;
        }
        let Some(gateway) = self.world.get(Kind::Gateway, &target.name) else { return };
        let refused = match &target.section {
            Some(section) if !list(gateway, "/spec/listeners").iter().any(|one| text(one, "/name") == section) => {
                Some(("TargetNotFound", format!("No section name {section} found for Gateway {}", target.name)))
            }
            _ => verdicts.taken(target).then(|| {
                let what = match &target.section {
                    Some(section) => format!("Listener {}/{section}", target.name.name),
                    None => format!("Gateway {}", target.name.name),
                };
                ("Conflicted", format!("Unable to target {what}, another SecurityPolicy has already attached to it"))
            }),
        };
        let mut overriding = Vec::new();
        let sections = verdicts.sections_of(target);
        if !sections.is_empty() {
            overriding.push(format!("these listeners: [{}]", sections.join(" ")));
        }
        let routes = verdicts.routes_below(target);
        if !routes.is_empty() {
            overriding.push(format!("these routes: [{}]", routes.into_iter().collect::<Vec<_>>().join(" ")));
        }
        let conditions = verdicts.conditions(name, ancestor(&target.name, target.section.as_deref()));
        if let Some((reason, message)) = refused {
            conditions.set("Accepted", false, reason, message);
            return;
        }
        if let Err(message) = self.login_secret(policy) {
            conditions.set("Accepted", false, "Invalid", message);
        } else if !conditions.has("Accepted") {
            conditions.set("Accepted", true, "Accepted", "Policy has been accepted.");
        }
        if !overriding.is_empty() {
            let message =
                format!("This policy is being overridden by other securityPolicies for {}", overriding.join(" and "));
            conditions.set("Overridden", true, "Overridden", message);
        }
    }

    fn login_secret(&self, policy: &Value) -> Result<(), String> {
        let Some(reference) = policy.pointer("/spec/oidc/clientSecret") else { return Ok(()) };
        let name = Name::new(namespace_or(reference, text(policy, "/metadata/namespace")), text(reference, "/name"));
        let secret =
            self.world.get(Kind::Secret, &name).ok_or_else(|| format!("OIDC: secret {name} does not exist."))?;
        match BASE64_STANDARD.decode(text(secret, "/data/client-secret")) {
            Ok(value) if !value.is_empty() => Ok(()),
            _ => Err(format!("OIDC: client secret not found in secret {name}.")),
        }
    }
}

/// What the translator remembers from one policy to the next.
#[derive(Default)]
struct Verdicts {
    ancestors: BTreeMap<Name, Vec<(Value, Conditions)>>,
    attached: BTreeSet<(Kind, Name, Option<String>)>,
    routes_with_policies: BTreeMap<(Name, String), BTreeSet<String>>,
}

impl Verdicts {
    /// Whether an older policy has this target; else it is this one's from now on.
    fn taken(&mut self, target: &Target) -> bool {
        !self.attached.insert((target.kind, target.name.clone(), target.section.clone()))
    }

    /// For a target without a section: its sections that have a policy of their own.
    fn sections_of(&self, target: &Target) -> Vec<String> {
        if target.section.is_some() {
            return Vec::new();
        }
        let same = |(kind, name, _): &&(Kind, Name, Option<String>)| *kind == target.kind && *name == target.name;
        self.attached.iter().filter(same).filter_map(|(_, _, section)| section.clone()).collect()
    }

    /// The routes below a Gateway or a listener that have policies; those without a section are below every listener.
    fn routes_below(&self, target: &Target) -> BTreeSet<String> {
        let below = |section: &str| match &target.section {
            Some(wanted) => section == wanted || section.is_empty(),
            None => true,
        };
        let listeners = self.routes_with_policies.iter();
        listeners
            .filter(|((gateway, section), _)| *gateway == target.name && below(section))
            .flat_map(|(_, routes)| routes.clone())
            .collect()
    }

    fn conditions(&mut self, policy: &Name, ancestor: Value) -> &mut Conditions {
        let ancestors = self.ancestors.entry(policy.clone()).or_default();
        let index = ancestors.iter().position(|(other, _)| *other == ancestor).unwrap_or_else(|| {
            ancestors.push((ancestor, Conditions::default()));
            ancestors.len() - 1
        });
        &mut ancestors[index].1
    }
}

fn ancestor(gateway: &Name, section: Option<&str>) -> Value {
    let mut ancestor = Map::new();
    ancestor.insert("group".into(), GATEWAY_API.into());
    ancestor.insert("kind".into(), "Gateway".into());
    ancestor.insert("name".into(), gateway.name.clone().into());
    ancestor.insert("namespace".into(), gateway.namespace.clone().into());
    if let Some(section) = section {
        ancestor.insert("sectionName".into(), section.into());
    }
    ancestor.into()
}

/// Whether a route and a listener have a host in common.
fn meets(route: &Value, listener: &Value) -> bool {
    let hostnames = list(route, "/spec/hostnames");
    let of_listener = text(listener, "/hostname");
    let covers = |wide: &str, narrow: &str| {
        wide.strip_prefix('*').is_some_and(|suffix| suffix.starts_with('.') && narrow.ends_with(suffix))
    };
    of_listener.is_empty()
        || hostnames.is_empty()
        || hostnames
            .iter()
            .filter_map(Value::as_str)
            .any(|hostname| hostname == of_listener || covers(of_listener, hostname) || covers(hostname, of_listener))
}

#[cfg(test)]
mod tests {
    use super::super::world::Event;
    use super::*;

    /// A Gateway with one ready listener for `*.example.test`, and what is added.
    fn world(objects: &[(Kind, Value)]) -> World {
        let gateway = json!({
            "metadata": {"namespace": "gw-system", "name": "gw", "generation": 3},
            "spec": {"listeners": [{
                "name": "http", "port": 80, "protocol": "HTTP", "hostname": "*.example.test",
                "allowedRoutes": {"namespaces": {"from": "All"}},
            }]},
        });
        let mut world = World::default();
        for (kind, object) in [(Kind::Gateway, gateway)].iter().chain(objects) {
            world.see(&Event::new(*kind, object.clone(), false));
        }
        world
    }

    fn route(hostname: &str) -> Value {
        json!({
            "metadata": {"namespace": "apps", "name": "app", "generation": 2, "labels": {"team": "a"}},
            "spec": {
                "parentRefs": [
                    {"name": "gw", "namespace": "gw-system", "sectionName": "http"},
                    {"name": "gw", "namespace": "elsewhere"},
                ],
                "hostnames": [hostname],
                "rules": [{"name": "main", "backendRefs": [{"name": "app", "port": 80}]}],
            },
            "status": {"parents": [{"parentRef": {"name": "gw", "namespace": "elsewhere"}, "controllerName": "other"}]},
        })
    }

    fn policy(name: &str, created: &str, targets: Value) -> (Kind, Value) {
        let mut spec = targets;
        spec["authorization"] = json!({"defaultAction": "Deny"});
        let metadata = json!({"namespace": "apps", "name": name, "generation": 1, "creationTimestamp": created});
        (Kind::SecurityPolicy, json!({"metadata": metadata, "spec": spec}))
    }

    fn status(world: &World, kind: Kind, name: &str) -> Value {
        let namespace = if kind == Kind::Gateway { "gw-system" } else { "apps" };
        let mut statuses = statuses(world, &BTreeSet::from([Name::new("gw-system", "gw")]), "192.0.2.10");
        statuses.remove(&(kind, Name::new(namespace, name))).unwrap_or_default()
    }

    fn reasons(status: &Value, pointer: &str) -> Vec<String> {
        let short = |one: &Value| format!("{}={} {}", text(one, "/type"), text(one, "/status"), text(one, "/reason"));
        list(status, pointer).iter().map(short).collect()
    }

    #[test]
    fn a_route_is_told_about_our_parents_alone() {
        let service = json!({"metadata": {"namespace": "apps", "name": "app"}, "spec": {"ports": [{"port": 8080}]}});
        let world = world(&[(Kind::HttpRoute, route("a.example.test")), (Kind::Service, service)]);
        let status = status(&world, Kind::HttpRoute, "app");
        assert_eq!(status["parents"][0]["conditions"][0]["observedGeneration"], 2);
        let told = reasons(&status, "/parents/0/conditions");
        assert_eq!(told, ["Accepted=True Accepted", "ResolvedRefs=False PortNotFound"]);
        assert_eq!(status["parents"][1], route("")["status"]["parents"][0], "another controller's entry stays");
        assert_eq!(list(&status, "/parents").len(), 2);
    }

    #[test]
    fn a_host_that_no_listener_has_is_refused() {
        let world = world(&[(Kind::HttpRoute, route("example.org"))]);
        let told = reasons(&status(&world, Kind::HttpRoute, "app"), "/parents/0/conditions");
        assert_eq!(told[0], "Accepted=False NoMatchingListenerHostname");
    }

    #[test]
    fn the_older_policy_wins_and_one_on_a_rule_overrides_both() {
        let target = json!({"group": GATEWAY_API, "kind": "HTTPRoute", "name": "app"});
        let mut rule = target.clone();
        rule["sectionName"] = "main".into();
        let selector = json!({"group": GATEWAY_API, "kind": "HTTPRoute", "matchLabels": {"team": "a"}});
        let world = world(&[
            (Kind::HttpRoute, route("a.example.test")),
            policy("ours", "2026-11-24T10:00:01Z", json!({"targetRefs": [target]})),
            policy("older", "2026-11-24T10:00:00Z", json!({"targetSelectors": [selector]})),
            policy("rule", "2026-11-24T10:00:02Z", json!({"targetRefs": [rule]})),
            policy(
                "nowhere",
                "2026-11-24T10:00:00Z",
                json!({"targetRefs": [{
                    "group": GATEWAY_API, "kind": "HTTPRoute", "name": "no-such-route",
                }]}),
            ),
        ]);
        let told = |name| reasons(&status(&world, Kind::SecurityPolicy, name), "/ancestors/0/conditions");
        assert_eq!(told("older"), ["Accepted=True Accepted", "Overridden=True Overridden"]);
        assert_eq!(told("ours"), ["Accepted=False Conflicted"]);
        assert_eq!(told("rule"), ["Accepted=True Accepted"]);
        assert_eq!(status(&world, Kind::SecurityPolicy, "nowhere"), Value::Null);
    }

    #[test]
    fn listeners_of_one_port_and_host_conflict() {
        let mut twice = world(&[]).get(Kind::Gateway, &Name::new("gw-system", "gw")).cloned().unwrap();
        let mut second = twice["spec"]["listeners"][0].clone();
        second["name"] = "again".into();
        twice["spec"]["listeners"].as_array_mut().unwrap().push(second);
        let world = world(&[(Kind::Gateway, twice)]);
        let told = reasons(&status(&world, Kind::Gateway, "gw"), "/listeners/1/conditions");
        assert_eq!(told[..2], ["Conflicted=True HostnameConflict", "Programmed=False Invalid"]);
    }
}
