use serde_json::json;

use super::super::samples::*;
use super::super::{Style, text};
use super::explain::explained;
use super::style;
use crate::diff::Class;
use crate::plan::{Action, Change, Plan};
use crate::resource::{Address, AppId, FieldPath};

fn shown(plan: &Plan, style: Style) -> String {
    let mut out = String::new();
    text::plan(&mut out, plan, &style);
    out
}

#[test]
fn the_quickstart_at_120() {
    insta::assert_snapshot!(shown(&quickstart(), style(120)), @r"
    quickstart  snapshot examples/quickstart/world: 17 objects of 11 kinds; realm nebari: 3 clients; all readable

    opens   https://dash.example.com, new: anyone who can log in to realm nebari      packs/dash/nebariapp.yaml:7
    drift   web/welcome: 1 field changed by kubectl-edit, 20 November 2026 14:02 UTC  packs/welcome/nebariapp.yaml:9

    dash     new, direct  packs/dash.yaml
      + ConfigMap/bi/packctl-pack-0fb54c77cd052dc5              record of this pack               1
      + Deployment/bi/dash                                      image example/dash:2.1.0          2
        at packs/dash/deployment.yaml:1
      + Service/bi/dash                                         port 8080                         2
        at packs/dash/service.yaml:1
      + app/bi/dash                                             dash.example.com, login keycloak  2
        at packs/dash/nebariapp.yaml:1
        + Certificate/envoy-gateway-system/dash-bi-cert         by ClusterIssuer letsencrypt      3
        + client/bi-dash                                        redirect /oauth2/callback         3
        + Gateway/nebari-gateway#listeners[name=tls-dash-bi]    HTTPS 443                         3
        + Role/bi/dash-oidc-secret-reader                       get dash-oidc-client              3
        + RoleBinding/bi/dash-oidc-secret-reader                ServiceAccount dash               3
        + Secret/bi/dash-oidc-client                            3 keys, secret known after 3      4
        + SecurityPolicy/envoy-gateway-system/lock-tls-dash-bi  denies all without own policy     4
        + SecurityPolicy/bi/dash-security                       login, azp bi-dash                5
        + HTTPRoute/bi/dash-route                               / -> dash:8080                    6 closed, 7 opened
          6 waits for the lock to be accepted
          7 waits for certificate, listener programmed, policy and route accepted

    welcome  1 change, 1 drift, direct  packs/welcome.yaml
      ~ Deployment/web/welcome                                  image 1.4.0 -> 1.5.0              1
        at packs/welcome/deployment.yaml:17
        app/web/welcome
        ~ HTTPRoute/web/welcome-route                           backendRefs[0].port 9090 -> 8080  1
          drift, by kubectl-edit, 20 November 2026 14:02 UTC

    13 to add, 1 to change, 0 to replace, delete, adopt; 1 drifted, to be set back.
    Next: packctl apply --snapshot examples/quickstart/world, with the same inputs; it writes into the snapshot.
    ");
}

#[test]
fn the_quickstart_at_80() {
    let shown = shown(&quickstart(), style(80));
    assert!(shown.lines().all(|line| line.chars().count() <= 80 && line.trim_end() == line));
    insta::assert_snapshot!(shown, @r"
    quickstart  snapshot examples/quickstart/world: 17 objects of 11 kinds; realm
                nebari: 3 clients; all readable

    opens   https://dash.example.com, new: anyone who can log in to realm nebari
            packs/dash/nebariapp.yaml:7
    drift   web/welcome: 1 field changed by kubectl-edit, 20 November 2026 14:02 UTC
            packs/welcome/nebariapp.yaml:9

    dash     new, direct  packs/dash.yaml
      + ConfigMap/bi/packctl-pack-0fb54c77cd052dc5                                 1
                                                 record of this pack
      + Deployment/bi/dash                       image example/dash:2.1.0          2
        at packs/dash/deployment.yaml:1
      + Service/bi/dash                          port 8080                         2
        at packs/dash/service.yaml:1
      + app/bi/dash                              dash.example.com, login keycloak  2
        at packs/dash/nebariapp.yaml:1
        + Certificate/envoy-gateway-system/dash-bi-cert                            3
                                                 by ClusterIssuer letsencrypt
        + client/bi-dash                         redirect /oauth2/callback         3
        + Gateway/nebari-gateway#listeners[name=tls-dash-bi]                       3
                                                 HTTPS 443
        + Role/bi/dash-oidc-secret-reader        get dash-oidc-client              3
        + RoleBinding/bi/dash-oidc-secret-reader                                   3
                                                 ServiceAccount dash
        + Secret/bi/dash-oidc-client             3 keys, secret known after 3      4
        + SecurityPolicy/envoy-gateway-system/lock-tls-dash-bi                     4
                                                 denies all without own policy
        + SecurityPolicy/bi/dash-security        login, azp bi-dash                5
        + HTTPRoute/bi/dash-route                / -> dash:8080   6 closed, 7 opened
          6 waits for the lock to be accepted
          7 waits for certificate, listener programmed, policy and route accepted

    welcome  1 change, 1 drift, direct  packs/welcome.yaml
      ~ Deployment/web/welcome                   image 1.4.0 -> 1.5.0              1
        at packs/welcome/deployment.yaml:17
        app/web/welcome
        ~ HTTPRoute/web/welcome-route            backendRefs[0].port 9090 -> 8080  1
          drift, by kubectl-edit, 20 November 2026 14:02 UTC

    13 to add, 1 to change, 0 to replace, delete, adopt; 1 drifted, to be set back.
    Next: packctl apply --snapshot examples/quickstart/world, with the same inputs;
      it writes into the snapshot.
    ");
}

#[test]
fn everything_at_120() {
    insta::assert_snapshot!(shown(&everything(), style(120)), @r#"
    prod  https://10.0.0.1:6443 as alice: 41 objects of 9 kinds; realm nebari: 9 clients; 1 not readable; partial, 1 blocked
    unread   HTTPRoutes outside of analytics and web: alice may not list them
    blocked  app/web/shop: the realm could not be read

    error     app/analytics/atlas: host bi.example.com is served by app/web/other [PK0201]  apps/atlas.yaml:9
              help: choose another host
    deletes   PersistentVolumeClaim/analytics/superset-data, with its data, no longer in its pack
    replaces  Job/analytics/superset-init, because of image 4.1.0 -> 4.1.2                  charts/superset/values.yaml:40
    closes    https://shop.example.com/public: anyone                                       shop.yaml:3
    drift     Deployment/analytics/superset: 1 field changed by kubectl-scale, 20 November 2026 14:02 UTC
              charts/superset/values.yaml:12
    keeps     Namespace/old: others have objects in it
    warning   app/analytics/atlas: the cookie may grow over 4096 bytes [PK0302]

    superset  upgrade 0.3.0 -> 0.4.1, 8 changes, 1 replacement, 2 deletions, 1 drift, 1 in doubt  apps/superset.yaml:12
      ~ ConfigMap/analytics/superset                                                              2
                                                         data["superset_config.py"] 2 lines added, 1 removed
        at charts/superset/values.yaml:60
      ~ Secret/analytics/superset-db                     data.password (secret 1) -> (secret 3)   2
        at charts/superset/values.yaml:70
      ~ 5 objects                                                                                 2
                                                         labels["helm.sh/chart"] "superset-0.3.0" -> "superset-0.4.1"
        Service/analytics/beat, Service/analytics/flower, Service/analytics/redis and 2 more
      ~ Deployment/analytics/superset                    image 4.1.0 -> 4.1.2                     3
        at charts/superset/values.yaml:12
        replicas 9 -> 2; drift, by kubectl-scale, 20 November 2026 14:02 UTC
        paused true stays; no longer declared, also owned by an unknown hand
        strategy.type none -> "Recreate"
        and 2 more fields, 2 labels of the chart version; --all
        restarts every pod
    -/+ Job/analytics/superset-init                      made anew, image 4.1.0 -> 4.1.2          4
        at charts/superset/values.yaml:40
      - ConfigMap/analytics/superset-old                 no longer in its pack                    9
      - PersistentVolumeClaim/analytics/superset-data    no longer in its pack                    9
      ? Widget/analytics/w                               size {a: 1} -> [1, 2]
        in doubt: the kind has no schema

    no pack   3 deletions, 1 adoption, 1 left to the operator
        app/web/shop
        ! client/web-shop                                adopted, fullScopeAllowed true -> false  1
          not ours before, set by an unknown hand
        - HTTPRoute/web/shop-public-route                the app no longer asks for it            2
        - SecurityPolicy/web/shop-public-security        the app no longer asks for it            3
          3 waits for HTTPRoute/web/shop-public-route to be gone
        - Namespace/web#labels[name=nebari.dev/managed]                                           4
                                                         let go: our fields are taken off, the object stays
        + HTTPRoute/web/shop-route                       left to the operator: the Lease d77e3dc7.nebari.dev is held

    lgtm and mlflow in sync, as far as planned: 2 objects.

    8 to change, 1 to replace, 5 to delete, 1 to adopt, 0 to add; 1 drifted, to be set back; 1 left to the operator; 1 in
      doubt; 1 blocked; 1 app refused.
    Next: packctl apply, with the same inputs.
    "#);
}

#[test]
fn everything_at_80_with_all() {
    let style = Style { all: true, unicode: true, ..style(80) };
    insta::assert_snapshot!(shown(&everything(), style), @r#"
    prod  https://10.0.0.1:6443 as alice: 41 objects of 9 kinds; realm nebari:
          9 clients; 1 not readable; partial, 1 blocked
    unread   HTTPRoutes outside of analytics and web: alice may not list them
    blocked  app/web/shop: the realm could not be read

    error     app/analytics/atlas: host bi.example.com is served by app/web/other
              [PK0201]  apps/atlas.yaml:9
              help: choose another host
    deletes   PersistentVolumeClaim/analytics/superset-data, with its data, no
              longer in its pack
    replaces  Job/analytics/superset-init, because of
              spec.template.spec.containers[0].image 4.1.0 -> 4.1.2
              charts/superset/values.yaml:40
    closes    https://shop.example.com/public: anyone
              shop.yaml:3
    drift     Deployment/analytics/superset: 1 field changed by kubectl-scale,
              20 November 2026 14:02 UTC  charts/superset/values.yaml:12
    keeps     Namespace/old: others have objects in it
    warning   app/analytics/atlas: the cookie may grow over 4096 bytes [PK0302]

    lgtm      in sync  apps/lgtm.yaml:12
        Service/lgtm/main                 in sync

    mlflow    in sync  apps/mlflow.yaml:12
        Service/mlflow/main               in sync

    superset  upgrade 0.3.0 -> 0.4.1, 8 changes, 1 replacement, 2 deletions,
              1 drift, 1 in doubt
              apps/superset.yaml:12
      ~ ConfigMap/analytics/superset                                               2
        data["superset_config.py"] 2 lines added, 1 removed
        at charts/superset/values.yaml:60
      ~ Secret/analytics/superset-db      data.password (secret 1) -> (secret 3)   2
        at charts/superset/values.yaml:70
      ~ Service/analytics/beat                                                     2
        metadata.labels["helm.sh/chart"] "superset-0.3.0" -> "superset-0.4.1"
        at charts/superset/values.yaml:3
      ~ Service/analytics/flower                                                   2
        metadata.labels["helm.sh/chart"] "superset-0.3.0" -> "superset-0.4.1"
        at charts/superset/values.yaml:3
      ~ Service/analytics/redis                                                    2
        metadata.labels["helm.sh/chart"] "superset-0.3.0" -> "superset-0.4.1"
        at charts/superset/values.yaml:3
      ~ Service/analytics/web                                                      2
        metadata.labels["helm.sh/chart"] "superset-0.3.0" -> "superset-0.4.1"
        at charts/superset/values.yaml:3
      ~ Service/analytics/worker                                                   2
        metadata.labels["helm.sh/chart"] "superset-0.3.0" -> "superset-0.4.1"
        at charts/superset/values.yaml:3
      ~ Deployment/analytics/superset                                              3
        spec.template.spec.containers[0].image 4.1.0 -> 4.1.2
        at charts/superset/values.yaml:12
        spec.replicas 9 -> 2; drift, by kubectl-scale, 20 November 2026 14:02 UTC
        spec.paused true stays; no longer declared, also owned by an unknown hand
        spec.strategy.type none -> "Recreate"
        spec.minReadySeconds 1 removed
        spec.progressDeadlineSeconds 1 -> 2
        metadata.labels["helm.sh/chart"] "superset-0.3.0" -> "superset-0.4.1"
        metadata.labels["app.kubernetes.io/version"] "4.1.0" -> "4.1.2"
        restarts every pod
    -/+ Job/analytics/superset-init                                                4
        made anew, spec.template.spec.containers[0].image 4.1.0 -> 4.1.2
        at charts/superset/values.yaml:40
      - ConfigMap/analytics/superset-old  no longer in its pack                    9
      - PersistentVolumeClaim/analytics/superset-data                              9
                                          no longer in its pack
        Service/superset/main             in sync
      ? Widget/analytics/w                spec.size {a: 1} -> [1, 2]
        in doubt: the kind has no schema

    no pack   3 deletions, 1 adoption, 1 left to the operator
        app/web/shop
        ! client/web-shop                 adopted, fullScopeAllowed true -> false  1
          not ours before, set by an unknown hand
        - HTTPRoute/web/shop-public-route                                          2
                                          the app no longer asks for it
        - SecurityPolicy/web/shop-public-security                                  3
                                          the app no longer asks for it
          3 waits for HTTPRoute/web/shop-public-route to be gone
        - Namespace/web#labels[name=nebari.dev/managed]                            4
          let go: our fields are taken off, the object stays
        + HTTPRoute/web/shop-route
          left to the operator: the Lease d77e3dc7.nebari.dev is held

    error     app/analytics/atlas: host bi.example.com is served by app/web/other
              [PK0201]  apps/atlas.yaml:9
              help: choose another host
    deletes   PersistentVolumeClaim/analytics/superset-data, with its data, no
              longer in its pack
    replaces  Job/analytics/superset-init, because of
              spec.template.spec.containers[0].image 4.1.0 -> 4.1.2
              charts/superset/values.yaml:40
    closes    https://shop.example.com/public: anyone
              shop.yaml:3
    drift     Deployment/analytics/superset: 1 field changed by kubectl-scale,
              20 November 2026 14:02 UTC  charts/superset/values.yaml:12
    keeps     Namespace/old: others have objects in it
    warning   app/analytics/atlas: the cookie may grow over 4096 bytes [PK0302]

    8 to change, 1 to replace, 5 to delete, 1 to adopt, 0 to add; 1 drifted, to be
      set back; 1 left to the operator; 1 in doubt; 1 blocked; 1 app refused.
    Next: packctl apply, with the same inputs.
    "#);
}

#[test]
fn nothing_to_do_is_one_line() {
    let mut plan = quickstart();
    plan.steps.clear();
    plan.openings.clear();
    for change in plan.changes.values_mut() {
        *change = Change {
            pack: change.pack.clone(),
            ..super::super::samples::change(change.address.clone(), Action::None, None)
        };
    }
    insta::assert_snapshot!(shown(&plan, style(120)), @r"
    quickstart  snapshot examples/quickstart/world: 17 objects of 11 kinds; realm nebari: 3 clients; all readable
    Nothing to do: 18 objects in sync.
    ");
    plan.unreadable.push(("Secrets of bi".into(), "forbidden".into()));
    insta::assert_snapshot!(shown(&plan, style(120)), @r"
    quickstart  snapshot examples/quickstart/world: 17 objects of 11 kinds; realm nebari: 3 clients; 1 not readable
    unread  Secrets of bi: forbidden
    Nothing to do: 18 objects in sync, as far as it could be read.
    ");
}

#[test]
fn colour_is_on_the_verb_and_says_nothing_that_the_text_does_not() {
    let colored = shown(&everything(), Style { color: true, ..style(120) });
    assert_eq!(console::strip_ansi_codes(&colored), shown(&everything(), style(120)));
    for (line, expected) in [
        ("Job/analytics/superset-init  ", "\u{1b}[31m\u{1b}[1m-/+\u{1b}[0m Job"),
        ("HTTPRoute/web/shop-public-route", "\u{1b}[31m\u{1b}[1m-\u{1b}[0m HTTP"),
        ("client/web-shop", "\u{1b}[36m!\u{1b}[0m client"),
    ] {
        let row = colored.lines().find(|row| row.contains(line)).unwrap_or_default();
        assert!(row.contains(expected), "{row:?}");
    }
    let drift = shown(&quickstart(), Style { color: true, ..style(120) });
    assert!(drift.contains("\u{1b}[35m~\u{1b}[0m HTTPRoute/web/welcome-route"), "{drift}");
}

#[test]
fn a_long_plan_repeats_what_people_must_read() {
    let mut plan = quickstart();
    for number in 0..70 {
        let address = Address::namespaced("", "Service", "bi", &format!("s{number:02}"));
        add(&mut plan, created(address, json!({}), None), 2);
    }
    let shown = shown(&plan, style(120));
    assert_eq!(shown.matches("opens   https://dash.example.com").count(), 2);
    assert!(!self::shown(&quickstart(), style(120)).contains("opens   https://dash.example.com, new: anyone\n"));
}

#[test]
fn hostile_names_and_values_are_shown_not_obeyed() {
    let mut plan = Plan { cluster: "a\u{1b}]0;x\u{7}".into(), ..Plan::default() };
    plan.seen.server = "https://h\u{202e}moc".into();
    let address = Address::namespaced("", "ConfigMap", "ns", "x\r\n+ Secret/ns/fake");
    let path = FieldPath::of("data").field("k\u{9b}31m");
    let fields = vec![field(path, Some("a\u{1b}[2J".into()), Some("b\u{2066}".into()), edited("m\u{8}\u{8}"))];
    let body = resource(&address, json!({}), Some(place("f\u{1b}[0m.yaml", 1)));
    add(&mut plan, Change { fields, ..change(address.clone(), Action::Update, Some(body)) }, 1);
    plan.apps.insert(AppId::new("a", "b"), None);
    let text = shown(&plan, style(160)) + &explained(&plan, &address, style(160));
    assert!(!text.chars().any(|c| c != '\n' && super::super::visible::is_hidden(c)));
    insta::assert_snapshot!(text, @r#"
    a\u{1b}]0;x\u{7}  https://h\u{202e}moc: 0 objects of 0 kinds; all readable

    drift   ConfigMap/ns/x\u{d}\u{a}+ Secret/ns/fake: 1 field changed by m\u{8}\u{8}, 20 November 2026 14:02 UTC  f\u{1b}[0m.yaml:1

    objects  1 drift
      ~ ConfigMap/ns/x\u{d}\u{a}+ Secret/ns/fake  data.k\u{9b}31m "a\u{1b}[2J" -> "b\u{2066}"  1  f\u{1b}[0m.yaml:1
        drift, by m\u{8}\u{8}, 20 November 2026 14:02 UTC

    0 to add, change, replace, delete, adopt; 1 drifted, to be set back.
    Next: packctl apply, with the same inputs.
    ~ ConfigMap/ns/x\u{d}\u{a}+ Secret/ns/fake: update, by packctl
      address  kubernetes:core/ConfigMap/ns/x\u{d}\u{a}+ Secret/ns/fake
      from     f\u{1b}[0m.yaml:1
      version  v1
      hand     whole object, as field manager packctl

    fields
      data.k\u{9b}31m
        "a\u{1b}[2J" -> "b\u{2066}"
        drift, by m\u{8}\u{8}, 20 November 2026 14:02:33 UTC (Update)
        <- f\u{1b}[0m.yaml:1

    steps
      1 update
        only if it is u-1 as seen, fingerprint 00000000000000000000000000000007
    "#);
}

#[test]
fn two_objects_of_one_short_name_show_their_addresses() {
    let mut plan = Plan::default();
    for group in ["a.io", "b.io"] {
        add(&mut plan, created(Address::namespaced(group, "Widget", "ns", "w"), json!({}), None), 1);
    }
    let shown = shown(&plan, style(100));
    assert!(shown.contains("+ kubernetes:a.io/Widget/ns/w") && shown.contains("+ kubernetes:b.io/Widget/ns/w"));
}

#[test]
fn any_plan_fits_on_paper() {
    let mut plan = everything();
    let long = "x".repeat(5000);
    let path = FieldPath::of("data.long");
    let address = Address::namespaced("", "ConfigMap", "ns", &"n".repeat(200));
    let fields = vec![field(path, None, Some(long.into()), Class::Pending)];
    add(&mut plan, Change { fields, ..change(address, Action::Update, None) }, 1);
    for width in [0, 1, 20, 40, 79, 80, 81, 100, 160, 300] {
        let text = shown(&plan, style(width));
        assert!(text.len() < 20_000 && text.contains("(5000 characters)"), "{width}: {text}");
        assert!(text.lines().all(|line| line == line.trim_end()));
    }
}
