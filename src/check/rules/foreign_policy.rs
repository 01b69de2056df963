//! PK0408: somebody else's SecurityPolicy targets the app's route or listener.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::check::{Facts, Rule};
use crate::derive::Names;
use crate::diagnostic::Diagnostic;
use crate::observed::Live;

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
        let mut by_namespace: BTreeMap<&str, Vec<&Live>> = BTreeMap::new();
        for policy in facts.world.of_kind("gateway.envoyproxy.io", "SecurityPolicy") {
            by_namespace.entry(policy.address.namespace.as_deref().unwrap_or_default()).or_default().push(policy);
        }
        let mut findings = Vec::new();
        for (id, ground) in &facts.desired.grounds {
            let names = Names::of(id);
            let (route, own, lock) = (names.route(), names.policy(), names.lock(&ground.gateway));
            let labels = facts.desired.wanted.get(&route).map(|route| route.body.value.pointer("/metadata/labels"));
            let namespaces = BTreeSet::from([id.namespace.as_str(), ground.gateway.namespace.as_str()]);
            let near = namespaces.iter().filter_map(|namespace| by_namespace.get(namespace)).flatten();
            for policy in near {
                if policy.address == own || policy.address == lock {
                    continue;
                }
                let namespace = policy.address.namespace.as_deref();
                let spec = policy.value().get("spec").unwrap_or(&Value::Null);
                let on_route = namespace == Some(&id.namespace)
                    && (targets(spec, "HTTPRoute", &route.name, None)
                        || selects(spec, "HTTPRoute", labels.flatten().unwrap_or(&Value::Null)));
                let on_listener = namespace == Some(&ground.gateway.namespace)
                    && targets(spec, "Gateway", &ground.gateway.name, Some(&names.listener_name()));
                if on_route || on_listener {
                    let what = if on_route { route.short() } else { names.listener(&ground.gateway).short() };
                    findings.push(
                        Diagnostic::error(
                            self.code(),
                            format!("app/{id}: {} targets {what}; the older policy wins", policy.address.short()),
                        )
                        .app(id)
                        .object(&policy.address)
                        .place(facts.desired.apps.get(id).and_then(crate::derive::App::place))
                        .help(format!("delete {}, then plan again", policy.address.short())),
                    );
                }
            }
        }
        findings
    }
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
