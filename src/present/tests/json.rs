use serde_json::{Value, json};

use super::super::json::{PlanDocument, document, text, write};
use super::super::samples::*;
use crate::diff::Class;
use crate::plan::{Action, Change, Plan};
use crate::resource::{Address, FieldPath, PathStep};

fn parsed(plan: &Plan) -> Value {
    serde_json::from_str(&write(plan)).expect("our own JSON")
}

fn of<'v>(document: &'v Value, list: &str, address: &str) -> &'v Value {
    document[list]
        .as_array()
        .expect("our own JSON")
        .iter()
        .find(|change| change["address"] == address)
        .expect("our own JSON")
}

#[test]
fn a_document_reads_back_as_it_was_written() {
    for plan in [quickstart(), everything(), Plan::default()] {
        let written = write(&plan);
        let read: PlanDocument = serde_json::from_str(&written).expect("our own JSON");
        assert_eq!(read, document(&plan));
        assert_eq!(text(&read), written);
        assert!(written.ends_with("}\n"));
    }
}

#[test]
fn a_reader_ignores_what_a_later_minor_version_adds() {
    let mut later = parsed(&quickstart());
    later["format_version"] = "1.9".into();
    later["new"] = json!({"x": 1});
    later["resource_changes"][0]["packctl"]["new"] = true.into();
    later["steps"][0]["only_if"]["new"] = true.into();
    let read: PlanDocument = serde_json::from_value(later).expect("our own JSON");
    assert_eq!(read.format_version, "1.9");
}

#[test]
fn a_change_has_the_shape_that_plan_viewers_know() {
    let document = parsed(&quickstart());
    insta::assert_json_snapshot!(of(&document, "resource_changes", "kubernetes:apps/Deployment/web/welcome"), @r#"
    {
      "action_reason": null,
      "address": "kubernetes:apps/Deployment/web/welcome",
      "change": {
        "actions": [
          "update"
        ],
        "after": {
          "metadata": {
            "name": "welcome",
            "namespace": "web"
          },
          "spec": {
            "template": {
              "spec": {
                "containers": [
                  {
                    "image": "example/welcome:1.5.0",
                    "name": "welcome"
                  }
                ]
              }
            }
          }
        },
        "after_sensitive": {},
        "after_unknown": {},
        "before": {
          "metadata": {
            "name": "welcome",
            "namespace": "web"
          },
          "spec": {
            "template": {
              "spec": {
                "containers": [
                  {
                    "image": "example/welcome:1.4.0",
                    "name": "welcome"
                  }
                ]
              }
            }
          }
        },
        "before_sensitive": {},
        "replace_paths": []
      },
      "index": null,
      "mode": "managed",
      "name": "welcome",
      "namespace": "web",
      "packctl": {
        "action": "update",
        "actor": "packctl",
        "actor_seen": null,
        "app": null,
        "cause": [
          {
            "column": 1,
            "file": "packs/welcome/deployment.yaml",
            "from": "input",
            "line": 17,
            "path": "",
            "what": null
          }
        ],
        "drift_by": [],
        "fields": [
          {
            "after": "example/welcome:1.5.0",
            "before": "example/welcome:1.4.0",
            "class": "pending",
            "manager": null,
            "path": "spec.template.spec.containers[name=welcome].image",
            "unknown": false,
            "why": null
          }
        ],
        "notes": [],
        "ownership": {
          "hand": "whole",
          "manager": "packctl",
          "owner": null
        },
        "pack": "quickstart/packs/welcome",
        "preconditions": [
          {
            "fingerprint": "00000000000000000000000000000007",
            "is": "unchanged",
            "uid": "u-1"
          }
        ],
        "rule": null,
        "steps": [
          14
        ]
      },
      "provider_name": "kubernetes",
      "type": "kubernetes/Deployment"
    }
    "#);
    assert_eq!(document["steps"][0]["only_if"], json!({"is": "absent"}));
    assert_eq!(document["applyable"], true);
    assert_eq!(document["complete"], true);
    assert_eq!(document["errored"], false);
}

#[test]
fn drift_stands_apart_as_declared_and_found() {
    let document = parsed(&quickstart());
    let drift = of(&document, "resource_drift", "kubernetes:gateway.networking.k8s.io/HTTPRoute/web/welcome-route");
    assert_eq!(drift["change"]["before"]["spec"]["rules"][0]["backendRefs"][0]["port"], 8080);
    assert_eq!(drift["change"]["after"]["spec"]["rules"][0]["backendRefs"][0]["port"], 9090);
    insta::assert_json_snapshot!(drift["packctl"]["drift_by"], @r#"
    [
      {
        "manager": "kubectl-edit",
        "operation": "Update",
        "path": "spec.rules[0].backendRefs[0].port",
        "time": "2026-11-20T14:02:33Z"
      }
    ]
    "#);
    assert_eq!(document["resource_drift"].as_array().expect("our own JSON").len(), 1);
}

#[test]
fn everything_has_its_actions_and_reasons() {
    let document = parsed(&everything());
    let rows: Vec<String> = document["resource_changes"]
        .as_array()
        .expect("our own JSON")
        .iter()
        .map(|change| {
            let packctl = &change["packctl"];
            let words = [&change["address"], &packctl["action"], &packctl["actor"], &change["action_reason"]];
            format!("{} {}", words.map(|word| word.as_str().unwrap_or("-")).join(" "), change["change"]["actions"])
        })
        .collect();
    insta::assert_snapshot!(rows.join("\n"), @r#"
    kubernetes:core/ConfigMap/analytics/superset update packctl - ["update"]
    kubernetes:core/ConfigMap/analytics/superset-old delete packctl delete_because_no_resource_config ["delete"]
    kubernetes:core/Namespace/web#labels[name=nebari.dev/managed] release packctl - ["forget"]
    kubernetes:core/PersistentVolumeClaim/analytics/superset-data delete packctl delete_because_no_resource_config ["delete"]
    kubernetes:core/Secret/analytics/superset-db update packctl - ["update"]
    kubernetes:core/Service/analytics/beat update packctl - ["update"]
    kubernetes:core/Service/analytics/flower update packctl - ["update"]
    kubernetes:core/Service/analytics/redis update packctl - ["update"]
    kubernetes:core/Service/analytics/web update packctl - ["update"]
    kubernetes:core/Service/analytics/worker update packctl - ["update"]
    kubernetes:core/Service/lgtm/main none packctl - ["no-op"]
    kubernetes:core/Service/mlflow/main none packctl - ["no-op"]
    kubernetes:core/Service/superset/main none packctl - ["no-op"]
    kubernetes:apps/Deployment/analytics/superset update packctl - ["update"]
    kubernetes:batch/Job/analytics/superset-init replace packctl replace_because_cannot_update ["delete","create"]
    kubernetes:example.com/Widget/analytics/w none packctl - ["no-op"]
    kubernetes:gateway.envoyproxy.io/SecurityPolicy/web/shop-public-security delete packctl delete_because_no_resource_config ["delete"]
    kubernetes:gateway.networking.k8s.io/HTTPRoute/web/shop-public-route delete packctl delete_because_no_resource_config ["delete"]
    kubernetes:gateway.networking.k8s.io/HTTPRoute/web/shop-route create operator - ["create"]
    keycloak:nebari/client/web-shop adopt packctl - ["update"]
    "#);
    let tail = ["complete", "errored", "totals", "unreadable", "blocked", "kept", "openings", "checks"];
    let tail: Value = tail.iter().map(|key| ((*key).to_owned(), document[*key].clone())).collect();
    insta::assert_json_snapshot!(tail, @r#"
    {
      "blocked": {
        "kubernetes:reconcilers.nebari.dev/NebariApp/web/shop": "the realm could not be read"
      },
      "checks": [
        {
          "app": {
            "name": "atlas",
            "namespace": "analytics"
          },
          "code": "PK0201",
          "field": null,
          "help": "choose another host",
          "message": "host bi.example.com is served by app/web/other",
          "object": null,
          "place": {
            "column": 1,
            "file": "apps/atlas.yaml",
            "line": 9
          },
          "severity": "error"
        },
        {
          "app": null,
          "code": "PK0302",
          "field": null,
          "help": null,
          "message": "the cookie may grow over 4096 bytes",
          "object": "kubernetes:reconcilers.nebari.dev/NebariApp/analytics/atlas",
          "place": null,
          "severity": "warning"
        }
      ],
      "complete": false,
      "errored": true,
      "kept": {
        "kubernetes:core/Namespace/old": "others have objects in it"
      },
      "openings": [
        {
          "app": "web/shop",
          "audience": "anyone",
          "place": {
            "column": 1,
            "file": "shop.yaml",
            "line": 3
          },
          "url": "https://shop.example.com/public",
          "verb": "closes"
        }
      ],
      "totals": {
        "add": 0,
        "adopt": 1,
        "change": 8,
        "delete": 5,
        "doubt": 1,
        "drifted": 1,
        "in_sync": 3,
        "operator": 1,
        "replace": 1
      },
      "unreadable": [
        {
          "what": "HTTPRoutes outside of analytics and web",
          "why": "alice may not list them"
        }
      ]
    }
    "#);
}

#[test]
fn unknown_values_and_secrets_are_marked() {
    let document = parsed(&quickstart());
    let secret = of(&document, "resource_changes", "kubernetes:core/Secret/bi/dash-oidc-client");
    assert_eq!(secret["change"]["after_unknown"], json!({"data": {"client-secret": true}}));
    assert_eq!(secret["change"]["after_sensitive"], json!({"data": {"client-secret": true}}));
    let document = parsed(&everything());
    let secret = of(&document, "resource_changes", "kubernetes:core/Secret/analytics/superset-db");
    assert_eq!(secret["change"]["before"]["data"], json!({"password": "packctl-secret:1", "user": "packctl-secret:2"}));
    assert_eq!(secret["change"]["before_sensitive"], json!({"data": {"password": true, "user": true}}));
    assert_eq!(secret["change"]["after"]["data"]["password"], "packctl-secret:3");
}

#[test]
fn secrets_have_the_numbers_of_the_plan_not_of_the_run() {
    let run = |ids: [u32; 2]| {
        let mut plan = Plan::default();
        for (name, id) in ["a", "b"].into_iter().zip(ids) {
            let address = Address::namespaced("", "Secret", "ns", name);
            let body =
                json!({"data": {"k": format!("packctl-secret:{id}"), "list": ["x", format!("u:packctl-secret:{id}")]}});
            add(&mut plan, created(address, body, None), 1);
        }
        for (name, id) in ["a", "b", "c"].into_iter().zip([ids[1], ids[0], ids[1]]) {
            let address = Address::namespaced("", "Secret", "other", name);
            let secret = Some(format!("packctl-secret:{id}").into());
            let fields = vec![field(FieldPath::of("data.k"), None, secret, Class::Pending)];
            add(&mut plan, Change { fields, ..change(address, Action::Update, None) }, 1);
        }
        plan.diagnostics
            .push(crate::diagnostic::Diagnostic::warning("PK1", format!("packctl-secret:{} is old", ids[1])));
        let mut shown = write(&plan);
        super::super::text::plan(&mut shown, &plan, &super::style(100));
        shown
    };
    let first = run([41, 7]);
    assert_eq!(first, run([7, 1234]));
    assert!(!first.contains("41") && first.contains("packctl-secret:2 is old") && first.contains("(secret 2) is old"));
    let parsed: PlanDocument =
        serde_json::from_str(first.split_inclusive("\n}\n").next().expect("our own JSON")).expect("our own JSON");
    assert_eq!(parsed.resource_changes[0].change.after_sensitive, json!({"data": {"k": true, "list": [false, true]}}));
}

#[test]
fn an_entry_shows_itself_and_not_its_neighbours() {
    let gateway = Address::namespaced(GATEWAY, "Gateway", "egns", "gw").with_entry("listeners", "a");
    let key = PathStep::Key(vec![("name".into(), "\"a\"".into())]);
    let host = FieldPath::of("spec.listeners").step(key.clone()).field("hostname");
    let tls = FieldPath::of("spec.listeners").step(key).field("tls").field("mode");
    let listeners = json!([{"name": "b", "hostname": "b.io"}, {"name": "a", "hostname": "a.io", "port": 443}]);
    let update = Change {
        fields: vec![
            field(host, Some("a.io".into()), None, Class::Pending),
            field(tls, None, Some("Terminate".into()), Class::Pending),
        ],
        before: Some(
            json!({"metadata": {"name": "gw", "uid": "u"}, "spec": {"listeners": listeners}, "status": {}}).into(),
        ),
        ..change(gateway, Action::Update, None)
    };
    let mut plan = Plan::default();
    add(&mut plan, update, 1);
    let document = parsed(&plan);
    let change = &document["resource_changes"][0];
    assert_eq!(change["index"], "listeners[name=a]");
    let entry = |fields: Value| json!({"metadata": {"name": "gw"}, "spec": {"listeners": [fields]}});
    assert_eq!(change["change"]["before"], entry(json!({"name": "a", "hostname": "a.io", "port": 443})));
    assert_eq!(change["change"]["after"], entry(json!({"name": "a", "port": 443, "tls": {"mode": "Terminate"}})));
}

#[test]
fn hostile_text_stays_exact_and_harmless() {
    let mut plan = Plan::default();
    let name = "x\u{202e}\u{9b}y\u{e0001}\u{1b}";
    add(&mut plan, created(Address::namespaced("", "ConfigMap", "ns", name), json!({}), None), 1);
    let written = write(&plan);
    assert!(!written.chars().any(|c| c != '\n' && super::super::visible::is_hidden(c)));
    assert_eq!(parsed(&plan)["resource_changes"][0]["name"], name);
}
