//! The anchor of a Gateway: it keeps Envoy's authorization filter in every filter chain.
//!
//! Without it a policy does not act on connections that were opened before the policy (measured on Envoy Gateway 1.6.3; see the
//! guide, "Order is safety").

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::names::{ANCHOR_GATEWAY, ANCHOR_PATH, ENVOY_GATEWAY, GATEWAY_API, Gateway};
use crate::resource::{Cause, FieldPath, Hand, Resource};

/// The three objects of a Gateway's anchor: filter, policy, route.
pub fn anchor(gateway: &Gateway) -> [Resource; 3] {
    let [filter, policy, route] = gateway.anchor();
    let name = gateway.anchor_name();
    let labels = json!({"app.kubernetes.io/managed-by": "packctl", ANCHOR_GATEWAY: gateway.name});
    let resource = |address, api_version: &str, spec: Value| Resource {
        address,
        api_version: api_version.into(),
        body: json!({"metadata": {"labels": labels}, "spec": spec}).into(),
        owner: None,
        hand: Hand::Whole,
        app: None,
        pack: None,
        causes: BTreeMap::from([(
            FieldPath::default(),
            Cause::Rule("one anchor for each Gateway, before its first app"),
        )]),
    };
    [
        resource(filter, "gateway.envoyproxy.io/v1alpha1", json!({"directResponse": {"statusCode": 404}})),
        resource(
            policy,
            "gateway.envoyproxy.io/v1alpha1",
            json!({
                "targetRefs": [{"group": GATEWAY_API, "kind": "HTTPRoute", "name": name}],
                "authorization": {"defaultAction": "Deny"},
            }),
        ),
        resource(
            route,
            "gateway.networking.k8s.io/v1",
            json!({
                "parentRefs": [{
                    "group": GATEWAY_API, "kind": "Gateway", "name": gateway.name, "namespace": gateway.namespace,
                }],
                "rules": [{
                    "matches": [{"path": {"type": "Exact", "value": ANCHOR_PATH}}],
                    "filters": [{
                        "type": "ExtensionRef",
                        "extensionRef": {"group": ENVOY_GATEWAY, "kind": "HTTPRouteFilter", "name": name},
                    }],
                }],
            }),
        ),
    ]
}
