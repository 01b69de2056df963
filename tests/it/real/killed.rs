//! A run that ends early, by force or by Ctrl-C, and the one that finishes it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt as _;
use tempfile::TempPath;
use tokio::time::sleep;

use super::apps::App;
use super::first_apply::secret_value;
use super::lab::{Lab, copied};
use super::packctl::{Packctl, interrupt};
use crate::env::Env;
use crate::proxy::{Fate, Fault, Proxy, Writes};

/// Points that are tried at the same time.
const AT_ONCE: usize = 4;

/// A lab whose two servers are reached through proxies that count and break writes.
struct Wire {
    lab: Lab,
    writes: Writes,
    apps: [App; 2],
    input: String,
    kubeconfig: TempPath,
    keycloak: Proxy,
    _kubernetes: Proxy,
}

impl Wire {
    async fn open() -> Self {
        let (env, lab, writes) = (Env::get(), Lab::open().await, Writes::new());
        let kubernetes = Proxy::start(&env.apiserver, &writes).await;
        let keycloak = Proxy::start(&env.keycloak_url, &writes).await;
        let kubeconfig = env.kubeconfig_for(&kubernetes.url, &env.token);
        let apps = [lab.app("open"), lab.app("guarded")];
        let input = lab.input("apps", &apps);
        Self { lab, writes, apps, input, kubeconfig, keycloak, _kubernetes: kubernetes }
    }

    fn packctl(&self) -> Packctl {
        let mut packctl = self.lab.packctl();
        packctl.kubeconfig = self.kubeconfig.to_path_buf();
        packctl.keycloak.clone_from(&self.keycloak.url);
        packctl
    }

    /// The writes that changed something. A write that is refused because a status moved the version does not.
    fn effective(&self) -> usize {
        let ok = |fate| matches!(fate, Fate::Answered(status) | Fate::Swallowed(status) if status.is_success());
        self.writes.all().iter().filter(|write| ok(write.fate)).count()
    }

    /// Runs from another folder, asserts that all is as wanted, and says how many writes there were in all.
    async fn finish(self) -> usize {
        self.lab.free_leases();
        let elsewhere = self.lab.path("elsewhere");
        let input = copied(&self.input, &elsewhere.join("input"));
        let mut packctl = self.packctl();
        packctl.folder = elsewhere;
        packctl.run(&["apply", "--yes", "-f", &input]).await.succeeds();
        let writes = self.effective();
        self.lab.at_rest(&input).await;
        assert_eq!(self.effective(), writes);

        let guarded = &self.apps[1];
        let clients = self.lab.clients().await;
        assert_eq!(clients.len(), 1, "{clients:#?}");
        assert_eq!(clients[0]["clientId"], guarded.client_id());
        let value = self.lab.realm.client_secret(clients[0]["id"].as_str().expect("a client has an id")).await;
        let secret = self.lab.get("secret", self.lab.namespace(), "guarded-oidc-client");
        assert_eq!(secret_value(&secret, "client-secret"), value);
        assert_eq!(self.lab.stand_in.opened().await.len(), 2);
        self.lab.close().await;
        writes
    }
}

/// Kills a run at its k-th write, and finishes it. Says how many writes both sent.
async fn killed_at(k: usize, fault: Fault) -> usize {
    let wire = Wire::open().await;
    wire.writes.break_at(k, fault);
    let packctl = wire.packctl();
    let mut child = packctl.start(&["apply", "--yes", "-f", &wire.input]);
    tokio::select! {
        () = wire.writes.held() => {}
        ended = child.wait() => panic!("it ended before write {k}: {ended:?}"),
    }
    child.kill().await.expect("it can be killed");
    wire.writes.release().await;
    wire.finish().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_or_after_any_write_a_run_from_another_folder_converges() {
    let wire = Wire::open().await;
    wire.packctl().run(&["apply", "--yes", "-f", &wire.input]).await.succeeds();
    let all = wire.effective();
    assert_eq!(wire.finish().await, all, "the second run writes nothing");
    assert!(all >= 20, "two apps are made of more than {all} writes");

    let points: Vec<_> =
        (1..=all).flat_map(|k| [Fault::HoldBefore, Fault::HoldAfter].map(|fault| (k, fault))).collect();
    let tried = futures::stream::iter(points).map(|(k, fault)| {
        let point = tokio::spawn(killed_at(k, fault));
        async move { (k, fault, point.await.ok()) }
    });
    let mut tried: Vec<_> = tried.buffer_unordered(AT_ONCE).collect().await;
    tried.sort_by_key(|(k, fault, _)| (*k, *fault == Fault::HoldAfter));
    let wrong: Vec<_> = tried.iter().filter(|(.., writes)| writes.is_none_or(|writes| writes > all + 1)).collect();
    assert!(wrong.is_empty(), "of {all} writes, (at, how, writes in all): {wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_it_says_what_is_done_and_what_not_and_the_next_run_finishes() {
    let wire = Wire::open().await;
    let packctl = wire.packctl();
    let args = ["apply", "--yes", "-f", &wire.input];
    let child = packctl.start(&args);
    while wire.writes.all().len() < 6 {
        sleep(Duration::from_millis(2)).await;
    }
    interrupt(&child).await;
    let ended = packctl.ended(child, &args).await.exits(130);
    let said = ended.line_with("Interrupted: ");
    let numbers: Vec<usize> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert!(matches!(numbers[..], [done, all] if 0 < done && done < all), "{said}");
    for route in ["open-route", "guarded-route"] {
        let undone: BTreeSet<&str> = ended.err.lines().filter(|line| line.contains(route)).collect();
        assert!(undone.iter().any(|line| line.contains("not done")), "{undone:#?}");
    }
    let before = wire.effective();
    let all = wire.finish().await;
    assert!(before < all, "the next run did the rest");
}
