use std::collections::BTreeMap;

use serde_json::json;

use super::*;

const NOW: &str = "2026-11-24T12:00:00Z";
const LATER: &str = "2026-11-24T13:00:00Z";

struct World(BTreeMap<Address, Value>);

impl World {
    /// A Gateway with a listener, an app with a Service, a route, and a Certificate.
    fn new() -> Self {
        let mut world = Self(BTreeMap::new());
        let open = json!({"namespaces": {"from": "Selector", "selector": {"matchLabels": {"kubernetes.io/metadata.name": "apps"}}}});
        let listeners = json!([
            {"name": "own", "port": 443, "hostname": "a.example.com", "protocol": "HTTPS", "allowedRoutes": open},
        ]);
        world.put(GATEWAY_API, "Gateway", "gw-system", "gw", json!({"spec": {"listeners": listeners}}));
        world.put("", "Service", "apps", "web", json!({"spec": {"ports": [{"port": 80}]}}));
        let parent = json!({"group": GATEWAY_API, "kind": "Gateway", "name": "gw", "namespace": "gw-system", "sectionName": "own"});
        let rules = json!([{"backendRefs": [{"name": "web", "port": 80}]}]);
        world.put(
            GATEWAY_API,
            "HTTPRoute",
            "apps",
            "app-route",
            json!({"spec": {"parentRefs": [parent], "hostnames": ["a.example.com"], "rules": rules}}),
        );
        world.put(
            CERT_MANAGER,
            "Certificate",
            "gw-system",
            "cert",
            json!({"spec": {"secretName": "tls", "dnsNames": ["a.example.com"]}}),
        );
        world
    }

    fn put(&mut self, group: &str, kind: &str, namespace: &str, name: &str, mut object: Value) {
        object["metadata"]["namespace"] = namespace.into();
        object["metadata"]["name"] = name.into();
        object["metadata"]["generation"] = 3.into();
        self.0.insert(Address::namespaced(group, kind, namespace, name), object);
    }

    fn policy(&mut self, name: &str, made: &str, spec: Value) {
        self.put(
            ENVOY_GATEWAY,
            "SecurityPolicy",
            "apps",
            name,
            json!({"metadata": {"creationTimestamp": made}, "spec": spec}),
        );
    }

    /// Plays until nothing is left to do.
    fn play(&mut self, now: &str) {
        let deeds = deeds(&self.0.iter().collect(), now);
        for deed in deeds {
            match deed {
                Deed::Status { of, status, .. } => self.0.get_mut(&of).expect("there")["status"] = status,
                Deed::Secret { at, object } => drop(self.0.insert(at, object)),
            }
        }
        assert_eq!(super::deeds(&self.0.iter().collect(), now), [], "it is at rest after one turn");
    }

    /// `Type=Status Reason` of each condition.
    fn told(&self, group: &str, kind: &str, namespace: &str, name: &str, at: &str) -> Vec<String> {
        let object = &self.0[&Address::namespaced(group, kind, namespace, name)];
        let conditions = list(object, &format!("/status{at}/conditions")).iter();
        let conditions = conditions.inspect(|condition| assert_eq!(condition["observedGeneration"], 3));
        conditions
            .map(|one| format!("{}={} {}", text(one, "/type"), text(one, "/status"), text(one, "/reason")))
            .collect()
    }

    fn route(&self) -> Vec<String> {
        self.told(GATEWAY_API, "HTTPRoute", "apps", "app-route", "/parents/0")
    }

    fn told_of(&self, policy: &str) -> Vec<String> {
        self.told(ENVOY_GATEWAY, "SecurityPolicy", "apps", policy, "/ancestors/0")
    }
}

fn on_route() -> Value {
    json!([{"group": GATEWAY_API, "kind": "HTTPRoute", "name": "app-route"}])
}

#[test]
fn what_is_as_it_should_be_is_ready_at_once_and_keeps_its_time() {
    let mut world = World::new();
    world.policy("app", NOW, json!({"targetRefs": on_route(), "authorization": {"defaultAction": "Allow"}}));
    world.play(NOW);
    assert_eq!(world.route(), ["Accepted=True Accepted", "ResolvedRefs=True ResolvedRefs"]);
    assert_eq!(world.told_of("app"), ["Accepted=True Accepted"]);
    assert_eq!(world.told(CERT_MANAGER, "Certificate", "gw-system", "cert", ""), ["Ready=True Ready"]);
    let gateway = &world.0[&Address::namespaced(GATEWAY_API, "Gateway", "gw-system", "gw")];
    assert_eq!(gateway["status"]["listeners"][0]["attachedRoutes"], 1);
    assert!(
        world
            .told(GATEWAY_API, "Gateway", "gw-system", "gw", "/listeners/0")
            .contains(&"Programmed=True Programmed".into())
    );
    let secret = &world.0[&Address::namespaced("", "Secret", "gw-system", "tls")];
    assert_eq!((text(secret, "/type"), secret["data"].get("tls.key")), ("kubernetes.io/tls", None));
    let before = world.0.clone();
    world.play(LATER);
    assert_eq!(world.0, before);
}

#[test]
fn a_policy_has_no_status_before_its_route_is_there() {
    let mut world = World::new();
    world.policy("app", NOW, json!({"targetRefs": on_route()}));
    let route = world.0.remove(&Address::namespaced(GATEWAY_API, "HTTPRoute", "apps", "app-route")).expect("there");
    world.play(NOW);
    assert_eq!(world.told_of("app"), [""; 0]);
    world.put(GATEWAY_API, "HTTPRoute", "apps", "app-route", route);
    world.play(NOW);
    assert_eq!(world.told_of("app"), ["Accepted=True Accepted"]);
}

#[test]
fn a_policy_without_its_secret_or_beside_an_older_one_is_not_accepted() {
    let mut world = World::new();
    world.policy("app", LATER, json!({"targetRefs": on_route(), "oidc": {"clientSecret": {"name": "oidc"}}}));
    world.play(NOW);
    assert_eq!(world.told_of("app"), ["Accepted=False Invalid"]);
    world.put("", "Secret", "apps", "oidc", json!({"data": {"client-secret": "packctl-secret:1"}}));
    world.play(NOW);
    assert_eq!(world.told_of("app"), ["Accepted=True Accepted"]);
    world.policy("tenant", NOW, json!({"targetRefs": on_route(), "cors": {}}));
    world.play(NOW);
    assert_eq!(
        (world.told_of("tenant"), world.told_of("app")),
        (vec!["Accepted=True Accepted".into()], vec!["Accepted=False Conflicted".into()])
    );
}

#[test]
fn a_lock_is_overridden_by_the_policies_of_the_routes_below_it() {
    let mut world = World::new();
    world.policy("app", NOW, json!({"targetRefs": on_route()}));
    let listener = json!([{"group": GATEWAY_API, "kind": "Gateway", "name": "gw", "sectionName": "own"}]);
    let lock = json!({"spec": {"targetRefs": listener, "authorization": {"defaultAction": "Deny"}}});
    world.put(ENVOY_GATEWAY, "SecurityPolicy", "gw-system", "lock", lock);
    world.play(NOW);
    let told = world.told(ENVOY_GATEWAY, "SecurityPolicy", "gw-system", "lock", "/ancestors/0");
    assert_eq!(told, ["Accepted=True Accepted", "Overridden=True Overridden"]);
}

#[test]
fn a_route_that_leads_nowhere_or_is_not_admitted_is_not_accepted() {
    let route = Address::namespaced(GATEWAY_API, "HTTPRoute", "apps", "app-route");
    let cases: [(&str, Value, [&str; 2]); 4] = [
        ("/spec/rules/0/backendRefs/0/port", json!(81), ["Accepted=True Accepted", "ResolvedRefs=False PortNotFound"]),
        (
            "/spec/rules/0/backendRefs/0/name",
            json!("no"),
            ["Accepted=True Accepted", "ResolvedRefs=False BackendNotFound"],
        ),
        (
            "/spec/parentRefs/0/sectionName",
            json!("no"),
            ["Accepted=False NoMatchingParent", "ResolvedRefs=True ResolvedRefs"],
        ),
        (
            "/spec/hostnames/0",
            json!("b.example.com"),
            ["Accepted=False NoMatchingListenerHostname", "ResolvedRefs=True ResolvedRefs"],
        ),
    ];
    for (pointer, value, told) in cases {
        let mut world = World::new();
        *world.0.get_mut(&route).expect("there").pointer_mut(pointer).expect("a field") = value;
        world.play(NOW);
        assert_eq!(world.route(), told, "{pointer}");
    }
    let mut world = World::new();
    let mut elsewhere = world.0.remove(&route).expect("there");
    elsewhere["spec"]["rules"][0]["backendRefs"] = json!([]);
    world.put(GATEWAY_API, "HTTPRoute", "others", "app-route", elsewhere);
    world.play(NOW);
    let told = world.told(GATEWAY_API, "HTTPRoute", "others", "app-route", "/parents/0");
    assert_eq!(told, ["Accepted=False NotAllowedByListeners", "ResolvedRefs=True ResolvedRefs"]);
}

#[test]
fn listeners_of_one_port_and_host_conflict() {
    let mut world = World::new();
    let gateway = world.0.get_mut(&Address::namespaced(GATEWAY_API, "Gateway", "gw-system", "gw")).expect("there");
    let mut again = gateway["spec"]["listeners"][0].clone();
    again["name"] = "again".into();
    gateway["spec"]["listeners"].as_array_mut().expect("a list").push(again);
    world.play(NOW);
    assert!(
        world
            .told(GATEWAY_API, "Gateway", "gw-system", "gw", "/listeners/0")
            .contains(&"Programmed=False Invalid".into())
    );
    assert_eq!(world.route()[0], "Accepted=False NoReadyListeners");
}
