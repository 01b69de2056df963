use serde_json::{Value, json};

use super::super::samples::*;
use super::super::text;
use super::style;
use crate::plan::Plan;
use crate::present::tally;
use crate::present::tally::Totals;
use crate::resource::{Address, AppId};

/// The detail of the row for a new object.
fn fact(address: Address, body: Value) -> String {
    let mut plan = Plan::default();
    add(&mut plan, created(address, body, None), 1);
    let mut out = String::new();
    text::plan(&mut out, &plan, &style(400));
    let row = out.lines().find(|line| line.starts_with("  + ")).unwrap_or_default();
    let (_, rest) = row.split_at(4);
    let mut cells = rest.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).skip(1);
    let fact = cells.next().unwrap_or_default().to_owned();
    if fact == "1" { String::new() } else { fact }
}

fn pod(images: &[&str]) -> Value {
    let containers: Vec<Value> = images.iter().map(|image| json!({"image": image})).collect();
    json!({"spec": {"template": {"spec": {"containers": containers}}}})
}

#[test]
fn each_kind_tells_its_most_telling_fact() {
    let ports = json!([{"port": 80}, {"port": 443}]);
    let matches = json!([{"path": {"value": "/a"}}, {"path": {"value": "/b"}}]);
    let backends = json!([{"name": "x", "namespace": "n", "port": 1}]);
    let rules = json!([{"verbs": ["get", "list"], "resources": ["pods"]}, {"verbs": ["*"], "resources": ["*"]}]);
    let rows = [
        ("Deployment", pod(&["a:1"]), "image a:1"),
        ("StatefulSet", pod(&["a:1", "b:2", "c:3"]), "images a:1 and 2 more"),
        ("Service", json!({"spec": {"type": "LoadBalancer", "ports": ports}}), "LoadBalancer, ports 80 and 443"),
        (
            "HTTPRoute",
            json!({"spec": {"rules": [{"matches": matches, "backendRefs": backends}]}}),
            "/a and /b -> n/x:1",
        ),
        ("HTTPRoute", json!({"spec": {"rules": [{"filters": []}]}}), "/ -> no backend"),
        ("Certificate", json!({"spec": {"issuerRef": {"name": "ca"}}}), "by Issuer ca"),
        ("Secret", json!({"data": {"a": "packctl-secret:4"}, "stringData": {"b": ""}}), "2 keys"),
        ("ConfigMap", json!({}), "0 keys"),
        ("Role", json!({"rules": rules}), "* * and 1 more rule"),
        ("RoleBinding", json!({"subjects": [{"kind": "Group", "name": "g"}]}), "Group g"),
        ("Namespace", json!({"metadata": {"labels": {"a": "b", "packctl.nebari.dev/pack": "x"}}}), "label a=b"),
        ("PersistentVolumeClaim", json!({"spec": {"resources": {"requests": {"storage": "10Gi"}}}}), "10Gi"),
        ("Widget", json!({"apiVersion": "example.com/v1"}), "example.com/v1"),
    ];
    for (kind, body, expected) in rows {
        assert_eq!(fact(Address::namespaced("", kind, "ns", "x"), body), expected, "{kind}");
    }
    let client = json!({"publicClient": true, "redirectUris": ["https://h/a/*", "https://h"]});
    assert_eq!(fact(Address::client("r", "c"), client), "public, redirect /a/* and /");
    let app = |body| fact(Address::app(&AppId::new("ns", "a")), body);
    assert_eq!(app(json!({"spec": {"hostname": "h.io", "routing": {}}})), "h.io, no login");
    assert_eq!(app(json!({"spec": {"hostname": "h.io"}})), "h.io, no route");
    let label = Address::cluster_scoped("", "Namespace", "ns").with_entry("labels", "a.b/c");
    assert_eq!(fact(label, json!({"metadata": {"labels": {"a.b/c": "true"}}})), "true");
}

#[test]
fn a_policy_says_who_gets_in() {
    let policy = |spec: Value| fact(Address::namespaced(ENVOY, "SecurityPolicy", "ns", "x"), json!({"spec": spec}));
    assert_eq!(policy(json!({"authorization": {"defaultAction": "Allow"}})), "allows all");
    assert_eq!(policy(json!({"authorization": {"defaultAction": "Deny"}})), "denies all");
    let claims = json!([{"name": "azp", "values": ["a"]}, {"name": "groups", "values": ["/g", "/h", "/i"]}]);
    let rules = json!([{"principal": {"jwt": {"claims": claims}}}]);
    let authorization = json!({"defaultAction": "Deny", "rules": rules});
    assert_eq!(policy(json!({"oidc": {}, "authorization": authorization})), "login, azp a, groups /g and 2 more");
    assert_eq!(policy(json!({"authorization": authorization})), "1 rule, else Deny");
    assert_eq!(policy(json!({"cors": {}})), "no login, no rule");
}

#[test]
fn facts_of_broken_bodies_say_less_and_never_fail() {
    let kinds = "Deployment CronJob Pod Service HTTPRoute GRPCRoute Certificate Gateway SecurityPolicy Secret ConfigMap \
                 Role RoleBinding Namespace NebariApp client PersistentVolumeClaim Ingress CustomResourceDefinition \
                 HTTPRouteFilter Application ReferenceGrant";
    let odd =
        json!({"spec": [1], "data": "x", "rules": [null], "subjects": {"a": 1}, "redirectUris": [3], "metadata": 7});
    let half = json!({"spec": {"rules": "x", "ports": [{}], "template": []}});
    for kind in kinds.split_whitespace() {
        for body in [Value::Null, json!([]), odd.clone(), half.clone()] {
            fact(Address::namespaced("g", kind, "ns", "x"), body.clone());
            fact(Address::namespaced("g", kind, "ns", "x").with_entry("listeners", "k"), body);
        }
    }
}

#[test]
fn an_object_counts_where_its_reason_lies() {
    let totals = tally(&quickstart());
    assert_eq!(totals, Totals { add: 13, change: 1, drifted: 1, in_sync: 3, ..Totals::default() });
}
