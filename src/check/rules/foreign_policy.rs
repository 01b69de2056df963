//! PK0408: somebody else's SecurityPolicy targets the app's route or listener.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::check::{Facts, Rule};
use crate::derive::Names;
use crate::diagnostic::Diagnostic;
use crate::resource::Address;

pub(crate) struct ForeignPolicy;

impl Rule for ForeignPolicy {
    fn code(&self) -> &'static str {
        "PK0408"
    }

    fn docs(&self) -> &'static str {
        "A SecurityPolicy that packctl did not make targets the route of an app, by name or by labels, or the app's listener.\n\
         \n\
         Envoy Gateway lets the older policy win and ignores the other one: a policy that says only `cors` would open an app \
         that asks for login.\n\
         \n\
         What to do: delete the other policy, or take its rules into the app's own configuration."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut by_namespace: BTreeMap<&str, Vec<(&Address, &Value)>> = BTreeMap::new();
        for (address, value) in facts.will_be("gateway.envoyproxy.io", "SecurityPolicy") {
            let namespace = address.namespace.as_deref().unwrap_or_default();
            by_namespace.entry(namespace).or_default().push((address, value));
        }
        let mut findings = Vec::new();
        for (id, ground) in &facts.desired.grounds {
            let names = Names::of(id);
            let routes = [names.route(), names.public_route()];
            let own = [names.policy(), names.public_policy(), names.lock(&ground.gateway)];
            let labels = routes.each_ref().map(|route| labels_of(facts, route));
            let namespaces = BTreeSet::from([id.namespace.as_str(), ground.gateway.namespace.as_str()]);
            let near = namespaces.iter().filter_map(|namespace| by_namespace.get(namespace)).flatten();
            for (policy, value) in near {
                if own.contains(policy) {
                    continue;
                }
                let namespace = policy.namespace.as_deref();
                let spec = value.get("spec").unwrap_or(&Value::Null);
                let on_route = routes.iter().zip(&labels).find(|(route, labels)| {
                    namespace == Some(&id.namespace)
                        && (targets(spec, "HTTPRoute", &route.name, None) || selects(spec, "HTTPRoute", labels))
                });
                let on_listener = namespace == Some(&ground.gateway.namespace)
                    && targets(spec, "Gateway", &ground.gateway.name, Some(&names.listener_name()));
                if on_route.is_some() || on_listener {
                    let listener = || names.listener(&ground.gateway).short();
                    let what = on_route.map_or_else(listener, |(route, _)| route.short());
                    findings.push(
                        Diagnostic::error(
                            self.code(),
                            format!("app/{id}: {} targets {what}; the older policy wins", policy.short()),
                        )
                        .app(id)
                        .object(policy)
                        .place(facts.desired.apps.get(id).and_then(crate::derive::App::place))
                        .help(format!("delete {}, then plan again", policy.short())),
                    );
                }
            }
        }
        findings
    }
}

/// The labels that the route has or will have: a selector may match one that somebody else put on the live route.
fn labels_of(facts: Facts<'_>, route: &Address) -> Value {
    let live = facts.world.get(route).live().and_then(|live| live.value().pointer("/metadata/labels"));
    let wanted = facts.desired.wanted.get(route).and_then(|wanted| wanted.body.value.pointer("/metadata/labels"));
    let both = [live, wanted].into_iter().flatten().filter_map(Value::as_object).flatten();
    both.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn targets(spec: &Value, kind: &str, name: &str, section: Option<&str>) -> bool {
    let many = spec.get("targetRefs").and_then(Value::as_array).into_iter().flatten();
    many.chain(spec.get("targetRef")).any(|target| {
        let text = |key: &str| target.get(key).and_then(Value::as_str);
        text("kind") == Some(kind)
            && text("name") == Some(name)
            && (section.is_none() || text("sectionName") == section)
    })
}

fn selects(spec: &Value, kind: &str, labels: &Value) -> bool {
    spec.get("targetSelectors").and_then(Value::as_array).into_iter().flatten().any(|selector| {
        if selector.get("kind").and_then(Value::as_str) != Some(kind) {
            return false;
        }
        // An expression is taken as a match: better refused than opened.
        let expressions =
            selector.get("matchExpressions").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        let matches = selector.get("matchLabels").and_then(Value::as_object);
        expressions || matches.is_none_or(|wanted| wanted.iter().all(|(key, value)| labels.get(key) == Some(value)))
    })
}
