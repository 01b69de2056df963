//! Several apps, folders and hands on one Gateway.

use serde_json::json;

use super::apps::App;
use super::lab::Lab;
use crate::env::Env;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_apps_from_two_folders_and_a_listener_by_kubectl_stay_beside_each_other() {
    let lab = Lab::with_namespaces(2).await;
    let (one, two) = (App::new(&lab.namespaces[0], "open"), App::new(&lab.namespaces[1], "guarded"));
    let first = lab.input("first", std::slice::from_ref(&one));
    let second = lab.input("second", std::slice::from_ref(&two));
    lab.applied(&first).await;
    let by_hand = json!([{"op": "add", "path": "/spec/listeners/-", "value": {
        "name": "by-hand", "port": 8080, "protocol": "HTTP", "hostname": "by-hand.example.test",
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }}]);
    let args = ["patch", "gateway", "gateway", "-n", &lab.gateways, "--type=json", "-p", &by_hand.to_string()];
    Env::get().kubectl(&args);
    lab.applied(&second).await;
    lab.at_rest(&first).await;

    let others = ["http", "https", "by-hand", &two.listener()].map(|name| lab.listener(name).to_string());
    assert!(others.iter().all(|listener| listener != "null"), "{others:#?}");
    assert_eq!(lab.listener(&one.listener())["hostname"], one.host());
    lab.packctl().run(&["destroy", "--yes", &one.address()]).await.succeeds();
    let left = ["http", "https", "by-hand", &two.listener()].map(|name| lab.listener(name).to_string());
    assert_eq!(left, others);
    assert_eq!(lab.gateway()["spec"]["listeners"].as_array().map(Vec::len), Some(4));
    lab.at_rest(&second).await;
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_with_a_mistake_is_left_as_it_is_and_the_good_one_beside_it_is_applied() {
    let lab = Lab::open().await;
    let bad = lab.app("bad");
    let before = lab.input("before", std::slice::from_ref(&bad));
    lab.applied(&before).await;
    let versions = |lab: &Lab| {
        let version =
            |kind: &str, name: &str| lab.get(kind, lab.namespace(), name)["metadata"]["resourceVersion"].clone();
        [version("nebariapp", "bad"), version("httproute", "bad-route"), version("securitypolicy", "bad-security")]
    };
    let untouched = (versions(&lab), lab.listener(&bad.listener()));

    let apps = [bad.clone().mistaken(), lab.app("new").mistaken(), lab.app("guarded")];
    let input = lab.input("now", &apps);
    let apply = lab.packctl().run(&["apply", "--yes", "-f", &input]).await.exits(4);
    apply.says("Service bad has no port 81");
    apply.says("now/new.yaml:11");
    assert_eq!((versions(&lab), lab.listener(&bad.listener())), untouched);
    assert_eq!(lab.names("httproute", lab.namespace()), ["bad-route", "guarded-route"]);
    assert_eq!(lab.names("nebariapp", lab.namespace()), ["bad", "guarded"]);
    assert_eq!(lab.stand_in.opened().await.len(), 2);
    let good = lab.input("good", &[lab.app("guarded")]);
    lab.at_rest(&good).await;
    lab.close().await;
}
