//! The floor: the same lists, read by the same client in the fastest way, all at once, their bodies dropped.

use std::path::Path;
use std::time::Instant;

use http::Request;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::task::JoinSet;

/// As many as packctl asks for at a time.
const PAGE: usize = 500;

/// One list: its path with the query, and whether pages are the better way.
#[derive(Clone, Debug)]
pub(crate) struct List {
    path: String,
    paged: bool,
}

impl List {
    /// Tries both ways.
    pub(crate) async fn better(client: &Client, path: String) -> Self {
        let mut best = [f64::INFINITY; 2];
        for _ in 0..3 {
            for paged in [false, true] {
                let start = Instant::now();
                read(client, &Self { path: path.clone(), paged }).await;
                let best = &mut best[usize::from(paged)];
                *best = best.min(start.elapsed().as_secs_f64());
            }
        }
        Self { path, paged: best[1] < best[0] }
    }

    /// A line of the file that [`run`] reads.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", if self.paged { "pages" } else { "whole" }, self.path)
    }
}

/// What the process does that is measured beside packctl: reads every list of a file, with this kubeconfig.
pub(crate) async fn run(kubeconfig: &Path, lists: &Path) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("the kubeconfig is readable");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let client = Client::try_from(config.expect("it names a server and a user")).expect("a client can be made of it");
    let mut tasks = JoinSet::new();
    for line in std::fs::read_to_string(lists).expect("the lists are written").lines() {
        let (way, path) = line.split_once(' ').expect("a line is a way and a path");
        let (client, list) = (client.clone(), List { path: path.to_owned(), paged: way == "pages" });
        tasks.spawn(async move { read(&client, &list).await });
    }
    while let Some(read) = tasks.join_next().await {
        read.expect("a list is read");
    }
}

/// Reads a list to its end, and gives its number of bytes.
async fn read(client: &Client, list: &List) -> usize {
    let mut length = 0;
    let mut token = String::new();
    loop {
        let join = if list.path.contains('?') { '&' } else { '?' };
        let query = match (list.paged, token.is_empty()) {
            (false, _) => String::new(),
            (true, true) => format!("{join}limit={PAGE}"),
            (true, false) => format!("{join}limit={PAGE}&continue={token}"),
        };
        let request = Request::get(format!("{}{query}", list.path)).header("accept", "application/json");
        let response = client.send(request.body(Body::empty()).expect("a request")).await.expect("an answer");
        assert!(response.status().is_success(), "{}: {}", list.path, response.status());
        let bytes = response.into_body().collect_bytes().await.expect("a body");
        length += bytes.len();
        token = continues(&bytes);
        if token.is_empty() {
            return length;
        }
    }
}

/// The token of the next page. It stands before the items, so nothing is decoded.
fn continues(page: &[u8]) -> String {
    let head = String::from_utf8_lossy(&page[..page.len().min(2_000)]);
    let token = head.split_once("\"continue\":\"").and_then(|(_, rest)| rest.split_once('"'));
    token.map(|(token, _)| token.to_owned()).unwrap_or_default()
}
