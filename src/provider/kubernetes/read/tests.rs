use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::fake::{Fake, Reply, html, ok, refusal, with_headers};
use super::*;
use crate::provider::Provider as _;

const ROUTES: &str = "/apis/gateway.networking.k8s.io/v1/httproutes";
const GROUP: &str = "gateway.networking.k8s.io";

fn item(namespace: &str, name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace, "uid": format!("uid-{name}"), "resourceVersion": "7"}})
}

fn page(items: &[Value], next: &str) -> Reply {
    ok(json!({"kind": "HTTPRouteList", "metadata": {"continue": next}, "items": items}))
}

fn forbidden() -> Reply {
    let message = "httproutes.gateway.networking.k8s.io is forbidden: User \"dev\" cannot list resource \"httproutes\"";
    refusal(403, "Forbidden", message, json!({"kind": "httproutes"}))
}

fn coverage<'r>(reading: &'r Reading, group: &str, kind: &str) -> &'r Coverage {
    let found = reading.coverage.iter().find(|(list, _)| list.group == group && list.kind == kind);
    found.map(|(_, coverage)| coverage).expect("asked")
}

fn names(reading: &Reading) -> Vec<String> {
    reading.objects.iter().map(|live| live.address.short()).collect()
}

#[tokio::test]
async fn pages_follow_each_other_and_items_are_cut_out_as_they_are() {
    let fake = Fake::new(|call| {
        if call.uri.contains("continue=two%2B2") {
            page(&[item("b", "y")], "")
        } else {
            page(&[item("a", "x")], "two+2")
        }
    });
    let mut set = ReadSet::default();
    set.list_labelled(GROUP, "HTTPRoute", "nebari.dev/nebariapp-name=a");
    let reading = fake.cluster().read(&set).await;
    assert_eq!(names(&reading), ["HTTPRoute/a/x", "HTTPRoute/b/y"]);
    assert_eq!((reading.objects[0].uid.as_str(), reading.objects[0].version.as_str()), ("uid-x", "7"));
    assert_eq!(reading.objects[0].raw(), item("a", "x").to_string());
    assert_eq!(coverage(&reading, GROUP, "HTTPRoute"), &Coverage::Complete);
    assert_eq!(reading.requests, 2);
    let selector = "labelSelector=nebari.dev%2Fnebariapp-name%3Da";
    assert_eq!(
        fake.log(),
        [format!("GET {ROUTES}?limit=500&{selector}"), format!("GET {ROUTES}?limit=500&{selector}&continue=two%2B2"),]
    );
}

#[tokio::test]
async fn an_expired_token_starts_the_list_again() {
    let asked = AtomicUsize::new(0);
    let fake = Fake::new(move |call| {
        let nth = asked.fetch_add(1, Ordering::Relaxed);
        match (call.uri.contains("continue"), nth) {
            (false, _) => page(&[item("a", "x")], "t"),
            (true, 1) => refusal(410, "Expired", "The provided continue parameter is too old", json!({})),
            (true, _) => page(&[item("a", "y")], ""),
        }
    });
    let mut set = ReadSet::default();
    set.list(GROUP, "HTTPRoute");
    let reading = fake.cluster().read(&set).await;
    assert_eq!(names(&reading), ["HTTPRoute/a/x", "HTTPRoute/a/y"]);
    assert_eq!(reading.requests, 4);
}

#[tokio::test]
async fn a_list_that_always_expires_ends_as_unreadable() {
    let fake = Fake::new(|call| match call.uri.contains("continue") {
        false => page(&[item("a", "x")], "t"),
        true => refusal(410, "Expired", "too old", json!({})),
    });
    let mut set = ReadSet::default();
    set.list(GROUP, "HTTPRoute");
    let reading = fake.cluster().read(&set).await;
    assert_eq!(coverage(&reading, GROUP, "HTTPRoute"), &Coverage::Unreadable("too old".into()));
    assert!(reading.objects.is_empty(), "half a list is no list");
}

#[tokio::test]
async fn forbidden_everywhere_is_asked_by_namespace() {
    let fake = Fake::new(|call| match call.path() {
        "/apis/gateway.networking.k8s.io/v1/namespaces/a/httproutes" => page(&[item("a", "x")], ""),
        "/apis/gateway.networking.k8s.io/v1/namespaces/b/httproutes" => refusal(500, "", "boom", json!({})),
        _ => forbidden(),
    });
    let mut set = ReadSet::default();
    set.list(GROUP, "HTTPRoute").list("", "Namespace");
    set.namespaces.extend(["a".into(), "b".into(), "c".into()]);
    set.object(Address::namespaced(GROUP, "HTTPRoute", "a", "absent"));
    set.object(Address::namespaced(GROUP, "HTTPRoute", "c", "unknown"));
    let reading = fake.cluster().read(&set).await;
    let reason = "User \"dev\" cannot list resource \"httproutes\"; in namespace b: boom";
    assert_eq!(coverage(&reading, GROUP, "HTTPRoute"), &Coverage::Namespaces(["a".to_owned()].into(), reason.into()));
    assert!(matches!(coverage(&reading, "", "Namespace"), Coverage::Unreadable(_)), "cluster-scoped: no namespaces");
    let unknown = Address::namespaced(GROUP, "HTTPRoute", "c", "unknown");
    assert_eq!(reading.singles.keys().collect::<Vec<_>>(), [&unknown], "namespace a was read completely");
    assert!(reading.singles[&unknown].is_some());
}

#[tokio::test]
async fn forbidden_in_each_namespace_is_unreadable() {
    let fake = Fake::new(|_| forbidden());
    let mut set = ReadSet::default();
    set.list(GROUP, "HTTPRoute").namespaces.insert("a".into());
    let reading = fake.cluster().read(&set).await;
    let reason = "User \"dev\" cannot list resource \"httproutes\"".into();
    assert_eq!(coverage(&reading, GROUP, "HTTPRoute"), &Coverage::Unreadable(reason));
    assert_eq!(reading.requests, 2);
}

#[tokio::test]
async fn what_is_no_list_is_never_an_empty_list() {
    for body in ["{}", "[]", "null", "{\"kind\":\"Status\"}", "{\"kind\":\"XList\",\"items\":[{}]}", "nonsense"] {
        let fake = Fake::new(move |_| with_headers(200, &[], body));
        let mut set = ReadSet::default();
        set.list(GROUP, "HTTPRoute");
        let reading = fake.cluster().read(&set).await;
        assert!(matches!(coverage(&reading, GROUP, "HTTPRoute"), Coverage::Unreadable(_)), "{body}");
    }
    let fake = Fake::new(|_| ok(json!({"kind": "HTTPRouteList", "metadata": {}, "items": null})));
    let mut set = ReadSet::default();
    set.list(GROUP, "HTTPRoute");
    assert_eq!(coverage(&fake.cluster().read(&set).await, GROUP, "HTTPRoute"), &Coverage::Complete);
}

#[tokio::test]
async fn web_pages_and_redirects_are_not_kubernetes() {
    for (code, what) in [(200, "text/html"), (403, "text/html"), (302, "a redirect")] {
        let fake = Fake::new(move |_| match code {
            302 => with_headers(302, &[("location", "https://login/?token=canary")], ""),
            _ => html(code),
        });
        let mut set = ReadSet::default();
        set.list(GROUP, "HTTPRoute").namespaces.insert("a".into());
        let reading = fake.cluster().read(&set).await;
        let text = format!(
            "https://fake answered {what} (HTTP {code}), not Kubernetes; check the server in kubeconfig /home/a/config"
        );
        assert_eq!(coverage(&reading, GROUP, "HTTPRoute"), &Coverage::Unreadable(text));
        assert_eq!(reading.requests, 1);
    }
}

#[tokio::test]
async fn an_unserved_kind_needs_no_request() {
    let fake = Fake::new(|_| Reply::Broken);
    let mut set = ReadSet::default();
    set.list("x.io", "Thing").clients("nebari").object(Address::namespaced("x.io", "Other", "a", "b"));
    let reading = fake.cluster().read(&set).await;
    assert_eq!(reading.coverage.len(), 1, "Keycloak's lists are asked elsewhere");
    assert_eq!(coverage(&reading, "x.io", "Thing"), &Coverage::NoSuchKind);
    assert_eq!(reading.singles.get(&Address::namespaced("x.io", "Other", "a", "b")), Some(&None));
    assert_eq!(reading.requests, 0);
}

#[tokio::test]
async fn single_objects_are_asked_by_name_only_where_no_list_answers() {
    let fake = Fake::new(|call| match call.path() {
        ROUTES => page(&[item("a", "x")], ""),
        "/api/v1/namespaces/a/services/there" => ok(item("a", "there")),
        "/api/v1/namespaces/a/services/gone" => {
            refusal(404, "NotFound", "services \"gone\" not found", json!({"name": "gone", "kind": "services"}))
        }
        "/api/v1/namespaces/a/services/proxy" => {
            with_headers(404, &[("content-type", "text/plain")], "404 page not found")
        }
        _ => {
            refusal(403, "Forbidden", "services \"no\" is forbidden: User \"dev\" cannot get it", json!({"name": "no"}))
        }
    });
    let service = |name| Address::namespaced("", "Service", "a", name);
    let mut set = ReadSet::default();
    set.list(GROUP, "HTTPRoute");
    set.object(Address::namespaced(GROUP, "HTTPRoute", "a", "x"));
    set.object(Address::namespaced(GROUP, "HTTPRoute", "a", "nowhere"));
    for name in ["there", "gone", "proxy", "no", ".."] {
        set.object(service(name));
    }
    set.object(Address::cluster_scoped("", "Service", "bare"));
    let reading = fake.cluster().read(&set).await;
    assert_eq!(names(&reading), ["HTTPRoute/a/x", "Service/a/there"]);
    assert_eq!(reading.singles.get(&service("gone")), Some(&None));
    let reason = |address: &Address| reading.singles.get(address).cloned().flatten().unwrap_or_default();
    assert_eq!(reason(&service("proxy")), "https://fake answered HTTP 404: 404 page not found");
    assert_eq!(reason(&service("no")), "User \"dev\" cannot get it");
    assert_eq!(reason(&service("..")), "`..` is no name of a Kubernetes object");
    assert!(reason(&Address::cluster_scoped("", "Service", "bare")).starts_with("Service lives in a namespace"));
    assert_eq!(reading.requests, 5);
}

#[tokio::test]
async fn reads_ask_again_three_times_at_most() {
    let asked = AtomicUsize::new(0);
    let fake = Fake::new(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::Broken,
        1 => with_headers(429, &[("retry-after", "0")], "slow down"),
        _ => page(&[], ""),
    });
    let mut set = ReadSet::default();
    set.list(GROUP, "HTTPRoute");
    let reading = fake.cluster().read(&set).await;
    assert_eq!((coverage(&reading, GROUP, "HTTPRoute"), reading.requests), (&Coverage::Complete, 3));

    let fake = Fake::new(|_| with_headers(503, &[], ""));
    let reading = fake.cluster().read(&set).await;
    let reason = Coverage::Unreadable("https://fake answered HTTP 503".into());
    assert_eq!((coverage(&reading, GROUP, "HTTPRoute"), reading.requests), (&reason, 3));

    let fake = Fake::new(|_| Reply::Silence);
    let reading = fake.cluster().read(&set).await;
    let reason = Coverage::Unreadable("https://fake gave no answer within 200ms".into());
    assert_eq!((coverage(&reading, GROUP, "HTTPRoute"), reading.requests), (&reason, 1));
}

#[tokio::test]
async fn no_secret_value_gets_into_a_reading() {
    let secret = |name: &str| {
        json!({"metadata": {"name": name, "namespace": "a", "uid": "u", "resourceVersion": "1", "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{\"stringData\":{\"client-secret\":\"canary-value\"}}"}},
            "data": {"client-secret": STANDARD.encode("canary-value"), "client-id": STANDARD.encode("a-app")}})
    };
    let fake = Fake::new(move |call| match call.path() {
        "/api/v1/secrets" => ok(json!({"kind": "SecretList", "metadata": {}, "items": [secret("listed")]})),
        "/api/v1/namespaces/a/secrets/named" => ok(secret("named")),
        _ => refusal(500, "InternalError", "the value canary-value is bad", json!({})),
    });
    let mut set = ReadSet::default();
    set.list_labelled("", "Secret", "nebari.dev/nebariapp-name");
    set.object(Address::namespaced("", "Secret", "a", "named"));
    let cluster = fake.cluster();
    let reading = cluster.read(&set).await;
    assert_eq!(names(&reading), ["Secret/a/listed", "Secret/a/named"]);
    for live in &reading.objects {
        assert_eq!(live.text("/data/client-secret"), Some("packctl-secret:0"));
        assert_eq!(live.text("/data/client-id"), Some(STANDARD.encode("a-app").as_str()));
        assert_eq!((live.uid.as_str(), live.version.as_str()), ("u", "1"));
    }
    let mut set = ReadSet::default();
    set.list("", "ConfigMap");
    let later = cluster.read(&set).await;
    let shown = format!("{reading:?}{later:?}");
    assert!(!shown.contains("canary") && !shown.contains(&STANDARD.encode("canary-value")), "{shown}");
    assert!(shown.contains("the value (secret) is bad"));
}
