//! Whether a route was ever open without what protects it, told from every state that the API server had.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::envoy_gateway::CONTROLLER;
use super::gateway_api::{Target, admits, by_age, label, namespace_or, parents, selected, targets};
use super::world::{Event, Kind, Name, World, generation, list, text};

/// A moment from which on a route was open although a rule says no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Violation {
    /// The `resourceVersion` of the write with which it began.
    pub(crate) at: u64,
    pub(crate) route: String,
    pub(crate) why: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: HTTPRoute {}: {}", self.at, self.route, self.why)
    }
}

/// Follows the routes of apps from event to event.
///
/// The events are those of all kinds in the order of their resourceVersions. Gateways, HTTPRoutes, SecurityPolicies and
/// Namespaces count.
pub(crate) struct Judge {
    gateways: BTreeSet<Name>,
    guarded: BTreeSet<Name>,
    world: World,
    routes: BTreeMap<Name, Followed>,
    opened: BTreeSet<Name>,
    violations: Vec<Violation>,
}

#[derive(Clone, Default)]
struct Followed {
    doors: BTreeSet<Door>,
    attached: BTreeMap<Listener, Lock>,
    told: BTreeSet<String>,
}

/// A way in: listener, host, backend.
type Door = (Listener, String, String);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Listener {
    gateway: Name,
    name: String,
}

/// What the lock of a listener was when a route attached to it: `Err` says what it lacked.
type Lock = Result<(), String>;

impl Judge {
    /// `before` is the world before the first event; what is wrong in it already is nobody's fault here.
    pub(crate) fn new(gateways: BTreeSet<Name>, guarded: BTreeSet<Name>, before: World) -> Self {
        let mut judge = Self {
            gateways,
            guarded,
            world: before,
            routes: BTreeMap::new(),
            opened: BTreeSet::new(),
            violations: Vec::new(),
        };
        judge.follow(0);
        judge.opened.clear();
        judge.violations.clear();
        judge
    }

    pub(crate) fn see(&mut self, event: &Event) {
        self.world.see(event);
        self.follow(event.version);
    }

    pub(crate) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The routes of apps that were opened at least once: without them no violation would mean nothing.
    pub(crate) fn opened(&self) -> &BTreeSet<Name> {
        &self.opened
    }

    fn follow(&mut self, at: u64) {
        let mut routes = BTreeMap::new();
        let mut violations = Vec::new();
        for (name, route) in self.world.all(Kind::HttpRoute) {
            let Some(app) = self.app(name, route) else { continue };
            let before = self.routes.get(name).cloned().unwrap_or_default();
            let attached: BTreeMap<Listener, Lock> = self
                .attached(name, route)
                .into_iter()
                .map(|listener| {
                    let then = before.attached.get(&listener).cloned();
                    let lock = then.unwrap_or_else(|| self.lock(&listener, Strictly::Accepted));
                    (listener, lock)
                })
                .collect();
            let doors = doors(name, route, attached.keys());
            let opens = !doors.is_subset(&before.doors);
            if opens {
                self.opened.insert(name.clone());
            }
            let wrong =
                if doors.is_empty() { BTreeSet::new() } else { self.wrong(&app, name, route, &attached, opens) };
            // An anchor that is not there yet and one that does not reach the listener yet are one trouble, told once.
            let of_anchor = |why: &&String| why.contains("anchor");
            let continues = before.told.iter().any(|told| of_anchor(&told));
            for why in wrong.difference(&before.told).filter(|why| !(continues && of_anchor(why))) {
                violations.push(Violation { at, route: name.to_string(), why: why.clone() });
            }
            routes.insert(name.clone(), Followed { doors, attached, told: wrong });
        }
        self.routes = routes;
        self.violations.extend(violations);
    }

    /// The app of a route; `None` for a route that is nobody's app: the anchor, a neighbour's.
    fn app(&self, name: &Name, route: &Value) -> Option<App> {
        let of_guarded = self
            .guarded
            .iter()
            .any(|app| app.namespace == name.namespace && name.name == format!("{}-route", app.name));
        let instance = label(route, "app.kubernetes.io/instance").unwrap_or_default();
        let is_made_for_app = label(route, "app.kubernetes.io/name") == Some("nebariapp")
            && (name.name == format!("{instance}-route") || name.name == format!("{instance}-public-route"));
        (of_guarded || is_made_for_app).then(|| App {
            guarded: of_guarded,
            policy: Name::new(
                name.namespace.as_str(),
                format!("{}-security", name.name.strip_suffix("-route").unwrap_or(&name.name)),
            ),
        })
    }

    fn attached(&self, name: &Name, route: &Value) -> BTreeSet<Listener> {
        let mut attached = BTreeSet::new();
        for parent in parents(route).filter(|parent| self.gateways.contains(&parent.gateway)) {
            let Some(gateway) = self.world.get(Kind::Gateway, &parent.gateway) else { continue };
            for listener in selected(gateway, &parent) {
                if admits(&self.world, &parent.gateway.namespace, listener, &name.namespace) {
                    let gateway = parent.gateway.clone();
                    attached.insert(Listener { gateway, name: text(listener, "/name").to_owned() });
                }
            }
        }
        attached
    }

    /// Everything that is wrong with this open route. What only an opening asks for is asked when `opens`.
    fn wrong(
        &self,
        app: &App,
        name: &Name,
        route: &Value,
        attached: &BTreeMap<Listener, Lock>,
        opens: bool,
    ) -> BTreeSet<String> {
        let mut wrong = BTreeSet::new();
        match self.world.get(Kind::SecurityPolicy, &app.policy) {
            None => {
                wrong.insert(format!("open without its policy {}", app.policy));
            }
            Some(policy) => {
                let login = app.guarded || policy.pointer("/spec/oidc").is_some();
                wrong.extend(self.not_in_force(&app.policy, policy, name, route));
                wrong.extend(if login { without_login(policy) } else { without_allow(policy) });
                if login {
                    // A policy has no status before its route exists, so only a route that was closed first passes.
                    if opens && let Err(status) = accepted(policy, attached.keys().map(|one| &one.gateway)) {
                        wrong.insert(format!("opened before its policy {} was accepted: {status}", app.policy));
                    }
                    wrong.extend(attached.keys().filter_map(|listener| self.no_anchor(listener).err()));
                }
            }
        }
        for (listener, then) in attached {
            if let Err(why) = then {
                wrong.insert(format!("attached to listener {} before its lock was accepted: {why}", listener.name));
            }
            if let Err(why) = self.lock(listener, Strictly::InForce) {
                wrong.insert(format!("open on listener {} without its lock: {why}", listener.name));
            }
        }
        wrong
    }

    /// Whether this policy is the one that Envoy Gateway uses for the route.
    fn not_in_force(&self, policy: &Name, object: &Value, route: &Name, of_route: &Value) -> Vec<String> {
        let whole = Target { kind: Kind::HttpRoute, name: route.clone(), section: None };
        let mut wrong = Vec::new();
        if !targets(&self.world, object).contains(&whole) {
            wrong.push(format!("its policy {policy} does not target it"));
        }
        let mut is_older = true;
        for (other, object) in by_age(&self.world) {
            if other == policy {
                is_older = false;
                continue;
            }
            for target in targets(&self.world, object) {
                if target == whole && is_older {
                    wrong.push(format!("policy {other} is older than its policy {policy} and counts instead"));
                }
                if let Some(section) = &target.section
                    && target.name == *route
                    && list(of_route, "/spec/rules").iter().any(|rule| text(rule, "/name") == section)
                {
                    wrong.push(format!("policy {other} counts for its rule {section}"));
                }
            }
        }
        wrong
    }

    /// A listener of an app alone (`tls-*`) has a lock. On a shared one it would hit every neighbour.
    fn lock(&self, listener: &Listener, strictly: Strictly) -> Lock {
        if !listener.name.starts_with("tls-") {
            return Ok(());
        }
        let name = Name::new(listener.gateway.namespace.as_str(), format!("lock-{}", listener.name));
        let Some(lock) = self.world.get(Kind::SecurityPolicy, &name) else {
            return Err(format!("there is no policy {name}"));
        };
        let section =
            Target { kind: Kind::Gateway, name: listener.gateway.clone(), section: Some(listener.name.clone()) };
        denies(&name, lock)?;
        let first = by_age(&self.world).into_iter().find(|(_, one)| targets(&self.world, one).contains(&section));
        match first {
            Some((first, _)) if *first == name => {}
            Some((first, _)) => return Err(format!("policy {first} has the listener")),
            None => return Err(format!("policy {name} does not target the listener")),
        }
        match strictly {
            Strictly::InForce => Ok(()),
            Strictly::Accepted => {
                accepted(lock, [&listener.gateway]).map_err(|status| format!("policy {name}: {status}"))
            }
        }
    }

    fn no_anchor(&self, listener: &Listener) -> Result<(), String> {
        let Listener { gateway, name: listener } = listener;
        let name = Name::new(gateway.namespace.as_str(), format!("packctl-anchor-{}", gateway.name));
        let whole = Target { kind: Kind::HttpRoute, name: name.clone(), section: None };
        let is_on_gateway = self
            .world
            .get(Kind::HttpRoute, &name)
            .is_some_and(|anchor| parents(anchor).any(|parent| parent.gateway == *gateway && parent.section.is_none()));
        if !is_on_gateway {
            return Err(format!("open without the anchor {name} on its Gateway"));
        }
        match self.world.get(Kind::SecurityPolicy, &name) {
            Some(policy) if targets(&self.world, policy).contains(&whole) => denies(&name, policy)?,
            _ => return Err(format!("open while the anchor {name} has no policy")),
        }
        let of_gateway = self.world.get(Kind::Gateway, gateway);
        let refusing = of_gateway.into_iter().flat_map(|object| list(object, "/spec/listeners")).any(|one| {
            text(one, "/name") == listener && !admits(&self.world, &gateway.namespace, one, &gateway.namespace)
        });
        if refusing {
            return Err(format!("open on listener {listener}, which does not admit the anchor's namespace"));
        }
        Ok(())
    }
}

struct App {
    guarded: bool,
    policy: Name,
}

enum Strictly {
    /// Accepted, and that at its generation.
    Accepted,
    /// The right object with the right content: an edit of it keeps the old version in force until the new one is.
    InForce,
}

fn doors<'a>(name: &Name, route: &Value, attached: impl Iterator<Item = &'a Listener>) -> BTreeSet<Door> {
    let mut backends = BTreeSet::new();
    for rule in list(route, "/spec/rules") {
        for backend in list(rule, "/backendRefs") {
            if backend.get("weight").is_none_or(|weight| *weight != 0) {
                let namespace = namespace_or(backend, &name.namespace);
                backends.insert(format!("{namespace}/{}:{}", text(backend, "/name"), backend["port"]));
            }
        }
    }
    let mut hosts: Vec<_> = list(route, "/spec/hostnames").iter().filter_map(Value::as_str).collect();
    if hosts.is_empty() {
        hosts.push("*");
    }
    let mut doors = BTreeSet::new();
    for listener in attached {
        for host in &hosts {
            doors.extend(backends.iter().map(|backend| (listener.clone(), (*host).to_owned(), backend.clone())));
        }
    }
    doors
}

/// Accepted for each of these Gateways at the policy's generation; `Err` is what its status says instead.
fn accepted<'a>(policy: &Value, gateways: impl IntoIterator<Item = &'a Name>) -> Result<(), String> {
    let generation = generation(policy);
    for gateway in gateways {
        let mut entries = list(policy, "/status/ancestors")
            .iter()
            .filter(|entry| text(entry, "/controllerName") == CONTROLLER)
            .filter(|entry| text(entry, "/ancestorRef/namespace") == gateway.namespace)
            .filter(|entry| text(entry, "/ancestorRef/name") == gateway.name)
            .flat_map(|entry| list(entry, "/conditions"))
            .filter(|condition| text(condition, "/type") == "Accepted")
            .peekable();
        if entries.peek().is_none() {
            return Err("it has no status".to_owned());
        }
        for condition in entries {
            let observed = condition["observedGeneration"].as_i64().unwrap_or(0);
            if observed != generation {
                return Err(format!("its status is of generation {observed}, it is {generation}"));
            }
            if text(condition, "/status") != "True" {
                return Err(format!("Accepted=False, {}", text(condition, "/reason")));
            }
        }
    }
    Ok(())
}

fn denies(name: &Name, policy: &Value) -> Result<(), String> {
    let by_default = text(policy, "/spec/authorization/defaultAction") == "Deny";
    if by_default && list(policy, "/spec/authorization/rules").is_empty() {
        Ok(())
    } else {
        Err(format!("policy {name} does not deny everything"))
    }
}

fn without_login(policy: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let lacks = |pointer| policy.pointer(pointer).is_none();
    if lacks("/spec/oidc") {
        wrong.push("its policy has no login (oidc)".to_owned());
    }
    if lacks("/spec/jwt") {
        wrong.push("its policy checks no token (jwt)".to_owned());
    }
    if text(policy, "/spec/authorization/defaultAction") != "Deny" {
        wrong.push("its policy does not deny by default".to_owned());
    }
    let client = text(policy, "/spec/oidc/clientID");
    let rules = list(policy, "/spec/authorization/rules");
    if rules.is_empty() {
        wrong.push("its policy has no rule that names its client in azp".to_owned());
    }
    for rule in rules.iter().filter(|rule| text(rule, "/action") != "Deny") {
        let names_client = list(rule, "/principal/jwt/claims").iter().any(|claim| {
            text(claim, "/name") == "azp" && list(claim, "/values").iter().any(|value| value.as_str() == Some(client))
        });
        if !names_client {
            let name = text(rule, "/name");
            wrong.push(format!("rule {name:?} of its policy lets tokens of other clients in: no azp names {client}"));
        }
    }
    wrong
}

fn without_allow(policy: &Value) -> Vec<String> {
    match text(policy, "/spec/authorization/defaultAction") {
        "Allow" => Vec::new(),
        action => vec![format!("its policy has no login and says {action:?} instead of Allow")],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::gateway_api::GATEWAY_API;
    use super::*;

    /// Hand-made writes, one resourceVersion each.
    struct Tape {
        judge: Judge,
        version: u64,
    }

    impl Tape {
        fn new(guarded: &[&str]) -> Self {
            let guarded = guarded.iter().map(|app| Name::new("apps", *app)).collect();
            let judge = Judge::new(BTreeSet::from([Name::new("gw-system", "gw")]), guarded, World::default());
            Self { judge, version: 0 }
        }

        fn write(&mut self, kind: Kind, mut object: Value) -> &mut Self {
            self.version += 1;
            object["metadata"]["resourceVersion"] = self.version.to_string().into();
            self.judge.see(&Event::new(kind, object, false));
            self
        }

        fn delete(&mut self, kind: Kind, mut object: Value) -> &mut Self {
            self.version += 1;
            object["metadata"]["resourceVersion"] = self.version.to_string().into();
            self.judge.see(&Event::new(kind, object, true));
            self
        }

        fn gateway(&mut self) -> &mut Self {
            self.write(Kind::Gateway, gateway(&["apps", "gw-system"]))
        }

        fn anchor(&mut self) -> &mut Self {
            let parents = json!([{"name": "gw"}]);
            let route = json!({
                "metadata": {"namespace": "gw-system", "name": "packctl-anchor-gw"},
                "spec": {"parentRefs": parents, "rules": [{"filters": [{"type": "ExtensionRef"}]}]},
            });
            let policy = json!({
                "metadata": {"namespace": "gw-system", "name": "packctl-anchor-gw"},
                "spec": {
                    "targetRefs": [{"group": GATEWAY_API, "kind": "HTTPRoute", "name": "packctl-anchor-gw"}],
                    "authorization": {"defaultAction": "Deny"},
                },
            });
            self.write(Kind::SecurityPolicy, policy).write(Kind::HttpRoute, route)
        }

        fn lock(&mut self) -> &mut Self {
            self.write(Kind::SecurityPolicy, lock()).write(Kind::SecurityPolicy, accept(lock(), "tls-app-apps"))
        }

        fn closed(&mut self) -> &mut Self {
            self.write(Kind::HttpRoute, route(0))
        }

        fn open(&mut self) -> &mut Self {
            self.write(Kind::HttpRoute, route(1))
        }

        fn accepted_policy(&mut self) -> &mut Self {
            self.write(Kind::SecurityPolicy, accept(policy(), "tls-app-apps"))
        }

        fn why(&self) -> Vec<String> {
            self.judge.violations().iter().map(|violation| violation.why.clone()).collect()
        }
    }

    fn gateway(admitted: &[&str]) -> Value {
        json!({
            "metadata": {"namespace": "gw-system", "name": "gw", "generation": 1},
            "spec": {"listeners": [{
                "name": "tls-app-apps", "port": 443, "protocol": "HTTPS", "hostname": "app.example.test",
                "allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchExpressions": [
                    {"key": "kubernetes.io/metadata.name", "operator": "In", "values": admitted},
                ]}}},
            }]},
        })
    }

    fn lock() -> Value {
        json!({
            "metadata": {"namespace": "gw-system", "name": "lock-tls-app-apps", "generation": 1},
            "spec": {
                "targetRefs": [{"group": GATEWAY_API, "kind": "Gateway", "name": "gw", "sectionName": "tls-app-apps"}],
                "authorization": {"defaultAction": "Deny"},
            },
        })
    }

    fn route(weight: u64) -> Value {
        json!({
            "metadata": {
                "namespace": "apps", "name": "app-route",
                "labels": {"app.kubernetes.io/name": "nebariapp", "app.kubernetes.io/instance": "app"},
            },
            "spec": {
                "parentRefs": [{"name": "gw", "namespace": "gw-system", "sectionName": "tls-app-apps"}],
                "hostnames": ["app.example.test"],
                "rules": [{"backendRefs": [{"name": "app", "port": 80, "weight": weight}]}],
            },
        })
    }

    fn policy() -> Value {
        json!({
            "metadata": {
                "namespace": "apps", "name": "app-security", "generation": 1,
                "creationTimestamp": "2026-11-24T10:00:10Z",
            },
            "spec": {
                "targetRefs": [{"group": GATEWAY_API, "kind": "HTTPRoute", "name": "app-route"}],
                "oidc": {"clientID": "apps-app"},
                "jwt": {"providers": [{"name": "keycloak"}]},
                "authorization": {"defaultAction": "Deny", "rules": [
                    {"name": "members", "action": "Allow",
                     "principal": {"jwt": {"provider": "keycloak", "claims": [{"name": "azp", "values": ["apps-app"]}]}}},
                ]},
            },
        })
    }

    fn allow() -> Value {
        let mut policy = policy();
        policy["spec"] = json!({
            "targetRefs": policy["spec"]["targetRefs"],
            "authorization": {"defaultAction": "Allow"},
        });
        policy
    }

    fn accept(mut policy: Value, section: &str) -> Value {
        let generation = policy["metadata"]["generation"].clone();
        policy["status"] = json!({"ancestors": [{
            "ancestorRef": {"group": GATEWAY_API, "kind": "Gateway", "namespace": "gw-system", "name": "gw", "sectionName": section},
            "controllerName": CONTROLLER,
            "conditions": [{"type": "Accepted", "status": "True", "reason": "Accepted", "observedGeneration": generation}],
        }]});
        policy
    }

    /// Gateway, anchor and lock as they should be, the policy written.
    fn prepared() -> Tape {
        let mut tape = Tape::new(&["app"]);
        tape.gateway().anchor().lock().write(Kind::SecurityPolicy, policy());
        tape
    }

    fn opened() -> Tape {
        let mut tape = prepared();
        tape.closed().accepted_policy().open();
        assert_eq!(tape.why(), [""; 0]);
        tape
    }

    #[test]
    fn the_secure_order_passes_and_counts_as_opened() {
        let tape = opened();
        assert_eq!(tape.judge.opened(), &BTreeSet::from([Name::new("apps", "app-route")]));
    }

    #[test]
    fn a_weight_raised_before_the_policy_is_accepted() {
        let mut tape = prepared();
        tape.closed().open();
        assert_eq!(tape.why(), ["opened before its policy apps/app-security was accepted: it has no status"]);
        assert_eq!(tape.judge.violations()[0].at, tape.version);
    }

    #[test]
    fn a_weight_raised_on_a_status_of_an_older_generation() {
        let mut tape = prepared();
        let mut edited = accept(policy(), "tls-app-apps");
        edited["metadata"]["generation"] = 2.into();
        tape.closed().write(Kind::SecurityPolicy, edited).open();
        let status = "its status is of generation 1, it is 2";
        assert_eq!(tape.why(), [format!("opened before its policy apps/app-security was accepted: {status}")]);
    }

    #[test]
    fn a_route_that_is_created_open() {
        let mut tape = prepared();
        tape.open();
        assert_eq!(tape.why().len(), 1);
        let mut no_weight = route(1);
        no_weight["spec"]["rules"][0]["backendRefs"][0].as_object_mut().unwrap().remove("weight");
        let mut tape = prepared();
        tape.write(Kind::HttpRoute, no_weight);
        assert_eq!(tape.why().len(), 1, "no weight is weight 1");
    }

    #[test]
    fn a_missing_lock_and_one_that_comes_after_the_route() {
        let missing = "there is no policy gw-system/lock-tls-app-apps";
        let mut tape = Tape::new(&["app"]);
        tape.gateway().anchor().write(Kind::SecurityPolicy, policy()).closed().accepted_policy().open();
        assert_eq!(
            tape.why(),
            [
                format!("attached to listener tls-app-apps before its lock was accepted: {missing}"),
                format!("open on listener tls-app-apps without its lock: {missing}"),
            ]
        );
        let mut tape = Tape::new(&["app"]);
        tape.gateway().anchor().write(Kind::SecurityPolicy, policy()).write(Kind::SecurityPolicy, lock());
        tape.closed().write(Kind::SecurityPolicy, accept(lock(), "tls-app-apps")).accepted_policy().open();
        let status = "policy gw-system/lock-tls-app-apps: it has no status";
        assert_eq!(tape.why(), [format!("attached to listener tls-app-apps before its lock was accepted: {status}")]);
    }

    #[test]
    fn a_lock_that_goes_while_the_route_is_open() {
        let mut tape = opened();
        tape.delete(Kind::SecurityPolicy, lock());
        assert_eq!(tape.why().len(), 1);
    }

    #[test]
    fn a_shared_listener_has_no_lock() {
        let mut shared = gateway(&["apps", "gw-system"]);
        shared["spec"]["listeners"][0]["name"] = "https".into();
        let on = |weight| {
            let mut route = route(weight);
            route["spec"]["parentRefs"][0]["sectionName"] = "https".into();
            route
        };
        let mut tape = Tape::new(&["app"]);
        tape.write(Kind::Gateway, shared).anchor().write(Kind::HttpRoute, on(0));
        tape.write(Kind::SecurityPolicy, accept(policy(), "https")).write(Kind::HttpRoute, on(1));
        assert_eq!(tape.why(), [""; 0]);
    }

    #[test]
    fn a_policy_without_azp_without_jwt_or_without_deny() {
        let with = |edit: fn(&mut Value)| {
            let mut policy = accept(policy(), "tls-app-apps");
            edit(&mut policy["spec"]);
            let mut tape = prepared();
            tape.closed().write(Kind::SecurityPolicy, policy).open();
            tape.why()
        };
        let no_azp = with(|spec| {
            spec["authorization"]["rules"][0]["principal"]["jwt"]["claims"] =
                json!([{"name": "groups", "values": ["/admins"]}]);
        });
        assert_eq!(no_azp, [r#"rule "members" of its policy lets tokens of other clients in: no azp names apps-app"#]);
        let another = with(|spec| {
            spec["authorization"]["rules"][0]["principal"]["jwt"]["claims"][0]["values"] = json!(["apps-other"]);
        });
        assert_eq!(another, no_azp);
        let no_rule = with(|spec| spec["authorization"]["rules"] = json!([]));
        assert_eq!(no_rule, ["its policy has no rule that names its client in azp"]);
        let no_jwt = with(|spec| drop(spec.as_object_mut().unwrap().remove("jwt")));
        assert_eq!(no_jwt, ["its policy checks no token (jwt)"]);
        let allow = with(|spec| spec["authorization"]["defaultAction"] = "Allow".into());
        assert_eq!(allow, ["its policy does not deny by default"]);
    }

    #[test]
    fn a_policy_deleted_while_open_and_one_deleted_after_the_route() {
        let mut tape = opened();
        tape.delete(Kind::SecurityPolicy, policy());
        assert_eq!(tape.why(), ["open without its policy apps/app-security"]);
        let mut tape = opened();
        tape.delete(Kind::HttpRoute, route(1))
            .delete(Kind::SecurityPolicy, policy())
            .delete(Kind::SecurityPolicy, lock());
        assert_eq!(tape.why(), [""; 0]);
    }

    #[test]
    fn the_same_wrong_is_told_once_and_again_after_it_was_right() {
        let mut tape = opened();
        tape.delete(Kind::SecurityPolicy, policy()).open().open();
        assert_eq!(tape.why().len(), 1);
        tape.accepted_policy().delete(Kind::SecurityPolicy, policy());
        assert_eq!(tape.why().len(), 2);
    }

    #[test]
    fn a_login_that_is_taken_away_or_edited_while_open() {
        let mut tape = opened();
        tape.write(Kind::SecurityPolicy, allow());
        assert_eq!(
            tape.why(),
            [
                "its policy checks no token (jwt)",
                "its policy does not deny by default",
                "its policy has no login (oidc)",
                "its policy has no rule that names its client in azp",
            ]
        );
        let mut edited = accept(policy(), "tls-app-apps");
        edited["metadata"]["generation"] = 2.into();
        edited["spec"]["oidc"]["logoutPath"] = "/bye".into();
        let mut tape = opened();
        tape.write(Kind::SecurityPolicy, edited);
        assert_eq!(tape.why(), [""; 0], "the old version is in force until the new one is");
    }

    #[test]
    fn a_policy_of_a_stranger() {
        let stranger = |name: &str, created: &str| {
            let mut stranger = policy();
            stranger["metadata"]["name"] = name.into();
            stranger["metadata"]["creationTimestamp"] = created.into();
            stranger["spec"] = json!({"targetRefs": stranger["spec"]["targetRefs"], "cors": {}});
            stranger
        };
        let with = |stranger: Value, weight_route: Value| {
            let mut tape = prepared();
            tape.write(Kind::SecurityPolicy, stranger).closed().accepted_policy().write(Kind::HttpRoute, weight_route);
            tape.why()
        };
        assert_eq!(
            with(stranger("tenant", "2026-11-24T10:00:09Z"), route(1)),
            ["policy apps/tenant is older than its policy apps/app-security and counts instead"]
        );
        assert_eq!(
            with(stranger("tenant", "2026-11-24T10:00:10Z"), route(1)),
            [""; 0],
            "same second: the name decides"
        );
        assert_eq!(with(stranger("aaa", "2026-11-24T10:00:10Z"), route(1)).len(), 1);
        assert_eq!(with(stranger("tenant", "2026-11-24T10:00:11Z"), route(1)), [""; 0]);

        let mut by_label = stranger("tenant", "2026-11-24T10:00:09Z");
        by_label["spec"] = json!({"targetSelectors": [
            {"group": GATEWAY_API, "kind": "HTTPRoute", "matchLabels": {"app.kubernetes.io/instance": "app"}},
        ]});
        assert_eq!(with(by_label, route(1)).len(), 1);

        let mut by_rule = stranger("tenant", "2026-11-24T10:00:11Z");
        by_rule["spec"]["targetRefs"][0]["sectionName"] = "main".into();
        assert_eq!(with(by_rule.clone(), route(1)), [""; 0], "our rules have no names");
        let mut named = route(1);
        named["spec"]["rules"][0]["name"] = "main".into();
        assert_eq!(with(by_rule, named), ["policy apps/tenant counts for its rule main"]);
    }

    #[test]
    fn an_anchor_that_is_missing_or_not_admitted() {
        let mut tape = Tape::new(&["app"]);
        tape.gateway().lock().write(Kind::SecurityPolicy, policy()).closed().accepted_policy().open();
        assert_eq!(tape.why(), ["open without the anchor gw-system/packctl-anchor-gw on its Gateway"]);
        let mut tape = Tape::new(&["app"]);
        tape.write(Kind::Gateway, gateway(&["apps"])).anchor().lock().write(Kind::SecurityPolicy, policy());
        tape.closed().accepted_policy().open();
        assert_eq!(tape.why(), ["open on listener tls-app-apps, which does not admit the anchor's namespace"]);
    }

    #[test]
    fn a_route_is_open_only_where_it_is_attached() {
        let mut tape = Tape::new(&["app"]);
        tape.open();
        assert_eq!(tape.why(), [""; 0], "no Gateway");
        tape.write(Kind::Gateway, gateway(&["gw-system"]));
        assert_eq!(tape.why(), [""; 0], "its namespace is not admitted");
        tape.gateway();
        assert!(tape.why().contains(&"open without its policy apps/app-security".to_owned()));
    }

    #[test]
    fn a_new_host_is_an_opening_and_a_new_path_is_none() {
        let mut edited = accept(policy(), "tls-app-apps");
        edited["metadata"]["generation"] = 2.into();
        let mut path = route(1);
        path["spec"]["rules"][0]["matches"] = json!([{"path": {"type": "PathPrefix", "value": "/x"}}]);
        let mut host = route(1);
        host["spec"]["hostnames"] = json!(["other.example.test"]);
        let mut tape = opened();
        tape.write(Kind::SecurityPolicy, edited).write(Kind::HttpRoute, path);
        assert_eq!(tape.why(), [""; 0]);
        tape.write(Kind::HttpRoute, host);
        assert_eq!(tape.why().len(), 1);
    }

    #[test]
    fn an_app_without_login_asks_for_an_allow_policy_and_the_lock() {
        let mut tape = Tape::new(&[]);
        tape.gateway().lock().write(Kind::SecurityPolicy, allow()).open();
        assert_eq!(tape.why(), [""; 0]);
        let mut tape = Tape::new(&[]);
        tape.gateway().lock().open();
        assert_eq!(tape.why(), ["open without its policy apps/app-security"]);
        let mut tape = Tape::new(&[]);
        tape.gateway().write(Kind::SecurityPolicy, allow()).open();
        assert_eq!(tape.why().len(), 2);
    }

    #[test]
    fn routes_of_others_are_not_judged() {
        let mut neighbour = route(1);
        neighbour["metadata"] = json!({"namespace": "apps", "name": "neighbour"});
        let mut elsewhere = route(1);
        elsewhere["spec"]["parentRefs"][0]["name"] = "other-gateway".into();
        let mut tape = Tape::new(&["app"]);
        tape.gateway().write(Kind::HttpRoute, neighbour).write(Kind::HttpRoute, elsewhere);
        assert_eq!(tape.why(), [""; 0]);
        assert!(tape.judge.opened().is_empty());
    }

    #[test]
    fn what_was_wrong_before_is_not_told() {
        let mut world = World::default();
        for (kind, object) in [(Kind::Gateway, gateway(&["apps"])), (Kind::HttpRoute, route(1))] {
            world.see(&Event::new(kind, object, false));
        }
        let guarded = BTreeSet::from([Name::new("apps", "app")]);
        let judge = Judge::new(BTreeSet::from([Name::new("gw-system", "gw")]), guarded, world);
        assert_eq!(judge.violations(), []);
    }
}
