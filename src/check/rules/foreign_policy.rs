//! PK0408: somebody else's SecurityPolicy targets the app's route or listener.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::{Facts, Rule};
use crate::derive::{App, Names};
use crate::diagnostic::Diagnostic;
use crate::resource::Address;

pub(crate) struct ForeignPolicy;

impl Rule for ForeignPolicy {
    fn code(&self) -> &'static str {
        "PK0408"
    }

    fn docs(&self) -> &'static str {
        "A SecurityPolicy that packctl did not make targets a route of an app, by name or by labels, or the app's listener.\n\
         \n\
         Envoy Gateway lets the older policy win and ignores the other one: a policy that says only `cors` would open an app \
         that asks for login.\n\
         \n\
         What to do: delete the other policy, or take its rules into the app's own configuration."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let policies = Policies::of(facts);
        let mut findings = Vec::new();
        for (id, ground) in &facts.desired.grounds {
            let names = Names::of(id);
            let own = [names.policy(), names.public_policy(), names.lock(&ground.gateway)];
            let mut found: Vec<(&Address, String)> = Vec::new();
            for route in [names.route(), names.public_route()] {
                let on_route = policies.on_route(&id.namespace, &route.name, || labels_of(facts, &route));
                found.extend(on_route.into_iter().map(|policy| (policy, route.short())));
            }
            let listener = names.listener(&ground.gateway);
            let on_listener =
                policies.on_listener(&ground.gateway.namespace, &ground.gateway.name, &names.listener_name());
            found.extend(on_listener.into_iter().map(|policy| (policy, listener.short())));
            for (policy, what) in found.into_iter().filter(|(policy, _)| !own.contains(policy)) {
                findings.push(
                    Diagnostic::error(
                        self.code(),
                        format!("app/{id}: {} targets {what}; the older policy wins", policy.short()),
                    )
                    .app(id)
                    .object(policy)
                    .place(facts.desired.apps.get(id).and_then(App::place))
                    .help(format!("delete {}, then plan again", policy.short())),
                );
            }
        }
        findings
    }
}

/// All policies by what they target.
#[derive(Default)]
struct Policies<'f> {
    /// By namespace and name of the HTTPRoute.
    routes: BTreeMap<(&'f str, &'f str), Vec<&'f Address>>,
    /// By namespace and name of the Gateway, and the listener's name.
    listeners: BTreeMap<(&'f str, &'f str, &'f str), Vec<&'f Address>>,
    /// Those that select HTTPRoutes by labels, by namespace.
    selecting: BTreeMap<&'f str, Vec<(&'f Address, &'f Value)>>,
}

impl<'f> Policies<'f> {
    fn of(facts: Facts<'f>) -> Self {
        let mut policies = Self::default();
        for (address, value) in facts.will_be("gateway.envoyproxy.io", "SecurityPolicy") {
            let namespace = address.namespace.as_deref().unwrap_or_default();
            let spec = value.get("spec").unwrap_or(&Value::Null);
            for target in list(spec, "targetRefs").chain(spec.get("targetRef")) {
                let text = |key: &str| target.get(key).and_then(Value::as_str);
                match (text("kind"), text("name"), text("sectionName")) {
                    (Some("HTTPRoute"), Some(name), _) => {
                        policies.routes.entry((namespace, name)).or_default().push(address);
                    }
                    (Some("Gateway"), Some(name), Some(section)) => {
                        policies.listeners.entry((namespace, name, section)).or_default().push(address);
                    }
                    _ => {}
                }
            }
            for selector in list(spec, "targetSelectors") {
                if selector.get("kind").and_then(Value::as_str) == Some("HTTPRoute") {
                    policies.selecting.entry(namespace).or_default().push((address, selector));
                }
            }
        }
        policies
    }

    fn on_route(&self, namespace: &str, name: &str, labels: impl Fn() -> Value) -> Vec<&'f Address> {
        let mut found = self.routes.get(&(namespace, name)).cloned().unwrap_or_default();
        if let Some(selecting) = self.selecting.get(namespace) {
            let labels = labels();
            found.extend(
                selecting.iter().filter(|(_, selector)| selects(selector, &labels)).map(|(address, _)| *address),
            );
        }
        found
    }

    fn on_listener(&self, namespace: &str, gateway: &str, listener: &str) -> Vec<&'f Address> {
        self.listeners.get(&(namespace, gateway, listener)).cloned().unwrap_or_default()
    }
}

/// The labels that the route has or will have: a selector may match one that somebody else put on the live route.
fn labels_of(facts: Facts<'_>, route: &Address) -> Value {
    let live = facts.world.get(route).live().and_then(|live| live.value().pointer("/metadata/labels"));
    let wanted = facts.desired.wanted.get(route).and_then(|wanted| wanted.body.value.pointer("/metadata/labels"));
    if live.is_none() && wanted.is_none() {
        // No such route, so nothing that could be selected.
        return Value::Null;
    }
    let both = [live, wanted].into_iter().flatten().filter_map(Value::as_object).flatten();
    both.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn selects(selector: &Value, labels: &Value) -> bool {
    // An expression is taken as a match: better refused than opened.
    let expressions = list(selector, "matchExpressions").next().is_some();
    let matches = selector.get("matchLabels").and_then(Value::as_object);
    !labels.is_null()
        && (expressions
            || matches.is_none_or(|wanted| wanted.iter().all(|(key, value)| labels.get(key) == Some(value))))
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}
