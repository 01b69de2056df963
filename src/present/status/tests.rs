use std::collections::BTreeMap;

use super::*;
use crate::plan::{AppStatus, PackStatus, Plan, Problem, State, Status};
use crate::present::Style;
use crate::resource::{Address, AppId, PackId};

/// A pack with an app that waits, an app that is refused, and one that is fine.
fn sample() -> (Status, Plan) {
    let pack = PackId { cluster: "prod".into(), namespace: "argocd".into(), name: "shop".into() };
    let problem = |state, object: Option<Address>, why: &str| Problem { state, object, why: why.into() };
    let app = |name: &str, problems: Vec<Problem>| AppStatus {
        id: AppId::new("web", name),
        pack: (name == "shop").then(|| pack.clone()),
        urls: BTreeMap::from([(format!("https://{name}.example.com"), "anyone".to_owned())]),
        problems,
        pending: usize::from(name == "fine") * 2,
        drifted: usize::from(name == "fine"),
    };
    let deployment = Address::namespaced("apps", "Deployment", "web", "shop");
    let pods = problem(State::Waiting, Some(deployment), "1 of 2 pods available");
    let certificate = Address::namespaced("cert-manager.io", "Certificate", "gw", "shop-web-cert");
    let failed = problem(State::Failed, Some(certificate), "Ready=False: the order \u{1b}[2J failed");
    let refused = problem(State::Blocked, None, "host is served by app/web/fine [PK0406]");
    let mut plan = Plan { cluster: "prod".into(), ..Plan::default() };
    plan.unreadable.push(("Secrets".into(), "forbidden".into()));
    let apps = vec![app("fine", vec![]), app("refused", vec![refused]), app("shop", vec![failed, pods.clone()])];
    let packs = vec![PackStatus {
        id: pack,
        version: "1.4.0".into(),
        namespace: "web".into(),
        apps: BTreeMap::from([(AppId::new("web", "shop"), State::Failed)]),
        deployments: (0, 1),
        problems: vec![pods],
    }];
    (Status { packs, apps }, plan)
}

#[test]
fn each_app_says_where_it_is_and_what_is_wrong() {
    let (found, plan) = sample();
    let mut out = String::new();
    status(&mut out, &found, &plan, &Style::default());
    insta::assert_snapshot!(out, @r###"
    prod  : 0 objects of 0 kinds; 1 not readable
    unread  Secrets: forbidden

    packs
      failed   pack/argocd/shop  1.4.0; app/web/shop; 0 of 1 Deployment ready

    apps
      ready    app/web/fine     https://fine.example.com: anyone
               2 objects not as wanted, 1 changed by another hand; packctl plan
      blocked  app/web/refused  https://refused.example.com: anyone
               host is served by app/web/fine [PK0406]
      failed   app/web/shop     https://shop.example.com: anyone
               Certificate/gw/shop-web-cert: Ready=False: the order \u{1b}[2J failed
               Deployment/web/shop: 1 of 2 pods available

    1 pack, 3 apps: 1 ready, 1 blocked, 1 failed.
    "###);
}

#[test]
fn the_document_reads_back() {
    let (found, plan) = sample();
    let written = write(&found, &plan);
    let read: StatusDocument = serde_json::from_str(&written).expect("it is JSON");
    assert_eq!(read.totals, StatusTotals { ready: 1, waiting: 0, blocked: 1, failed: 1 });
    assert_eq!(read.apps[2].state, "failed");
    assert!(!read.complete && !written.contains('\u{1b}'));
}
