//! Two people apply the same at the same time, and what the Lease between them does.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::lab::Lab;
use super::packctl::interrupt;
use crate::env::Env;

/// The Lease as `holder` would have it, renewed now.
fn lease(lab: &Lab, name: &str, holder: &str, renewed: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": lab.gateways},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renewed},
    })
}

/// Waits until a run has made the first of its objects that others see.
async fn begun(lab: &Lab) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while lab.get("httproute", &lab.gateways, "packctl-anchor-gateway").is_null() {
        assert!(Instant::now() < deadline, "it does not begin");
        sleep(Duration::from_millis(200)).await;
    }
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_applies_at_once_the_second_waits_and_finds_nothing_to_do() {
    let lab = Lab::open().await;
    let guarded = lab.app("guarded");
    let input = lab.input("apps", &[lab.app("open"), guarded.clone()]);
    let packctl = lab.packctl();
    let mark = Env::get().mark();
    let args = ["apply", "--yes", "-f", &input];
    let (one, two) = futures::join!(packctl.run(&args), packctl.run(&args));
    let statuses = [one.status, two.status];
    assert!(matches!(statuses, [Some(0), Some(0 | 6)] | [Some(6), Some(0)]), "{one:?}\n{two:?}");
    let second =
        [&one, &two].into_iter().find(|ended| !ended.err.contains("Done: ")).expect("one of them did not write");
    assert!(second.err.contains("planning again") || second.status == Some(6), "{second:?}");

    let mut written: Vec<String> = lab
        .requests_of(&lab.user, mark)
        .into_iter()
        .filter(|request| request.is_write() && request.status < 300)
        .map(|request| request.uri)
        .collect();
    assert!(written.len() >= 19, "the log shows what was made: {written:#?}");
    written.sort();
    let route = format!("/httproutes/{}-route", guarded.name);
    let of_route = written.iter().filter(|uri| uri.contains(&route)).count();
    assert_eq!(of_route, 2, "it is closed and opened once: {written:#?}");
    written.retain(|uri| !uri.contains(&route));
    let before = written.len();
    written.dedup();
    assert_eq!(written.len(), before, "something was written twice: {written:#?}");

    lab.at_rest(&input).await;
    assert_eq!(lab.lease()["spec"]["holderIdentity"], "", "it was released");
    let clients: Vec<_> = lab.clients().await.into_iter().map(|client| client["clientId"].clone()).collect();
    assert_eq!(clients, [guarded.client_id()]);
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_somebody_renews_is_respected_and_one_that_nobody_renews_is_taken() {
    let lab = Lab::open().await;
    let input = lab.input("apps", &[lab.app("open")]);
    let env = Env::get();
    let apply = |name: &str, holder: &str, renewed: &str| {
        let body = lease(&lab, name, holder, renewed).to_string();
        env.kubectl_with(&["apply", "--server-side", "--force-conflicts", "--field-manager=bob", "-f", "-"], &body);
    };
    apply("packctl-apply", "bob's laptop", &now());
    let mark = env.mark();
    let packctl = lab.packctl();
    let args = ["apply", "--yes", "-f", &input];
    let run = packctl.run(&args);
    tokio::pin!(run);
    let refused = loop {
        tokio::select! {
            ended = &mut run => break ended,
            () = sleep(Duration::from_secs(2)) => apply("packctl-apply", "bob's laptop", &now()),
        }
    };
    let refused = refused.exits(6);
    refused.says("bob's laptop");
    let written = lab.requests_of(&lab.user, mark).into_iter().filter(|request| request.is_write()).count();
    assert_eq!(written, 0);

    // Bob is gone, and so is an operator that once led.
    apply("d77e3dc7.nebari.dev", "operator-0_gone", "2026-01-01T00:00:00.000000Z");
    lab.packctl().run(&args).await.succeeds().says("bob's laptop");
    assert_eq!(lab.lease()["spec"]["leaseTransitions"], 1);
    assert_eq!(lab.get("lease", &lab.gateways, "d77e3dc7.nebari.dev")["spec"]["holderIdentity"], "");
    lab.at_rest(&input).await;
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_loses_the_lease_stops_and_says_what_was_done() {
    let lab = Lab::silent().await;
    let input = lab.input("apps", &[lab.app("guarded")]);
    let packctl = lab.packctl();
    let args = ["apply", "--yes", "-f", &input];
    let child = packctl.start(&args);
    begun(&lab).await;
    let stolen = json!({"spec": {"holderIdentity": "bob's laptop"}}).to_string();
    Env::get().kubectl(&["patch", "lease", "packctl-apply", "-n", &lab.gateways, "--type=merge", "-p", &stolen]);
    let ended = packctl.ended(child, &args).await.exits(6);
    ended.says("packctl-apply is lost: bob's laptop has it");
    ended.says("not done: open HTTPRoute");
    assert_eq!(lab.lease()["spec"]["holderIdentity"], "bob's laptop", "what is not ours is not released");
    assert_eq!(lab.names("httproute", lab.namespace()), Vec::<String>::new());
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_it_gives_the_lease_back_and_without_a_place_for_it_it_goes_on() {
    let lab = Lab::silent().await;
    let input = lab.input("apps", &[lab.app("open")]);
    let packctl = lab.packctl();
    let args = ["apply", "--yes", "-f", &input];
    let child = packctl.start(&args);
    begun(&lab).await;
    assert!(
        lab.lease()["spec"]["holderIdentity"].as_str().is_some_and(|holder| holder.starts_with("packctl apply by "))
    );
    interrupt(&child).await;
    packctl.ended(child, &args).await.exits(130);
    assert_eq!(lab.lease()["spec"]["holderIdentity"], "");

    let mut elsewhere = lab.packctl();
    elsewhere.controller = "no-such-namespace".into();
    let ended = elsewhere.run(&[&args[..], &["--wait-limit", "1"]].concat()).await.exits(1);
    ended.says("no lock");
    ended.says("no-such-namespace");
    lab.close().await;
}
