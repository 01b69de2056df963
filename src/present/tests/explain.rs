use super::super::samples::*;
use super::super::{Style, explain};
use super::style;
use crate::plan::Plan;
use crate::resource::{Address, AppId};

pub(super) fn explained(plan: &Plan, address: &Address, style: Style) -> String {
    let mut out = String::new();
    explain(&mut out, plan, address, &style);
    out
}

#[test]
fn explain_a_route_that_is_made() {
    let route = Address::namespaced(GATEWAY, "HTTPRoute", "bi", "dash-route");
    insta::assert_snapshot!(explained(&quickstart(), &route, style(100)), @r#"
    + HTTPRoute/bi/dash-route: create, by packctl
      address  kubernetes:gateway.networking.k8s.io/HTTPRoute/bi/dash-route
      app      bi/dash, at packs/dash/nebariapp.yaml:7
      pack     quickstart/packs/dash, at packs/dash.yaml:1
      version  v1
      owner    app/bi/dash: goes when it goes
      hand     whole object, as field manager packctl

    fields
      spec.hostnames[0] "dash.example.com"  <- NebariApp spec.hostname at packs/dash/nebariapp.yaml:7
      spec.rules[0].backendRefs[0].name "dash"  <- rule: one policy for every route
      spec.rules[0].backendRefs[0].port 8080  <- rule: one policy for every route
      spec.rules[0].backendRefs[0].weight 1  <- rule: one policy for every route
      spec.rules[0].matches[0].path.type "PathPrefix"  <- rule: one policy for every route
      spec.rules[0].matches[0].path.value "/"  <- rule: one policy for every route

    steps
      6 close
        only if it does not exist
        after 4 create SecurityPolicy/envoy-gateway-system/lock-tls-dash-bi: nothing is attached to an
          open listener
        waits for the lock to be accepted
      7 open
        only if it does not exist
        waits for certificate, listener programmed, policy and route accepted
    "#);
}

#[test]
fn explain_drift() {
    let route = Address::namespaced(GATEWAY, "HTTPRoute", "web", "welcome-route");
    insta::assert_snapshot!(explained(&quickstart(), &route, style(100)), @r"
    ~ HTTPRoute/web/welcome-route: update, by packctl
      address  kubernetes:gateway.networking.k8s.io/HTTPRoute/web/welcome-route
      app      web/welcome, at packs/welcome/nebariapp.yaml:9
      pack     quickstart/packs/welcome, at packs/welcome.yaml:1
      from     packs/welcome/nebariapp.yaml:9
      version  v1
      hand     whole object, as field manager packctl

    fields
      spec.rules[0].backendRefs[0].port
        9090 -> 8080
        drift, by kubectl-edit, 20 November 2026 14:02:33 UTC (Update)
        <- NebariApp spec.service.port at packs/welcome/nebariapp.yaml:14

    steps
      1 update
        only if it is u-1 as seen, fingerprint 00000000000000000000000000000007
    ");
}

#[test]
fn explain_text_line_by_line_and_what_is_not_there() {
    let plan = everything();
    let config = Address::namespaced("", "ConfigMap", "analytics", "superset");
    insta::assert_snapshot!(explained(&plan, &config, style(100)), @r#"
    ~ ConfigMap/analytics/superset: update, by packctl
      address  kubernetes:core/ConfigMap/analytics/superset
      pack     prod/argocd/superset, at apps/superset.yaml:12
      from     charts/superset/values.yaml:60
      version  v1
      hand     whole object, as field manager packctl

    fields
      data["superset_config.py"]
          import os
          A = 1
        - B = 2
        + B = 3
        + C = 4
        <- charts/superset/values.yaml:60

    steps
      2 update
        only if it is u-1 as seen, fingerprint 00000000000000000000000000000007
    "#);
    for (address, expected) in [
        (Address::cluster_scoped("", "Namespace", "old"), "stays: others have objects in it"),
        (Address::app(&AppId::new("web", "shop")), "could not be planned: the realm could not be read"),
        (Address::cluster_scoped("", "Namespace", "x"), "is not part of this plan"),
    ] {
        assert!(explained(&plan, &address, style(200)).contains(expected));
    }
}

#[test]
fn what_the_lock_is_for_stands_with_the_lock() {
    let lock = Address::namespaced(ENVOY, "SecurityPolicy", "envoy-gateway-system", "lock-tls-dash-bi");
    let text = explained(&quickstart(), &lock, style(100));
    let after = text.split("\n\n").last();
    assert_eq!(
        after,
        Some("1 step after it\n  6 close HTTPRoute/bi/dash-route: nothing is attached to an open listener\n")
    );
}
