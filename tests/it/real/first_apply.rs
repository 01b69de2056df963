//! From nothing to an empty plan.

use serde_json::json;

use super::lab::Lab;
use crate::env::Env;
use crate::proxy::{Proxy, Writes};

pub(super) fn secret_value(secret: &serde_json::Value, key: &str) -> String {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    let text = secret["data"][key].as_str().unwrap_or_else(|| panic!("the Secret has a {key}"));
    String::from_utf8(BASE64_STANDARD.decode(text).expect("it is base64")).expect("it is text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_apply_makes_every_object_under_its_name_and_leaves_an_empty_plan() {
    let lab = Lab::open().await;
    let (open, guarded) = (lab.app("open"), lab.app("guarded"));
    let input = lab.input("apps", &[open.clone(), guarded.clone()]);
    let namespace = lab.namespace();
    let apply = lab.packctl().run(&["apply", "--yes", "-f", &input]).await.succeeds();
    apply.says("is not probed: its Gateway cannot be reached from here");
    lab.at_rest(&input).await;

    for (kind, named) in [
        ("nebariapp", vec!["guarded", "open"]),
        ("httproute", vec!["guarded-route", "open-route"]),
        ("securitypolicy", vec!["guarded-security", "open-security"]),
        ("secret", vec!["guarded-oidc-client"]),
        ("role", vec!["guarded-oidc-secret-reader"]),
        ("rolebinding", vec!["guarded-oidc-secret-reader"]),
    ] {
        assert_eq!(lab.names(kind, namespace), named, "{kind}");
    }
    for (kind, named) in [
        ("certificate", vec![format!("guarded-{namespace}-cert"), format!("open-{namespace}-cert")]),
        ("secret", vec![format!("guarded-{namespace}-tls"), format!("open-{namespace}-tls")]),
        ("httproute", vec!["packctl-anchor-gateway".into()]),
        ("httproutefilter", vec!["packctl-anchor-gateway".into()]),
        (
            "securitypolicy",
            vec![
                format!("lock-tls-guarded-{namespace}"),
                format!("lock-tls-open-{namespace}"),
                "packctl-anchor-gateway".into(),
            ],
        ),
    ] {
        assert_eq!(lab.names(kind, &lab.gateways), named, "{kind}");
    }
    for app in [&open, &guarded] {
        assert_eq!(lab.listener(&app.listener())["hostname"], app.host());
    }

    let client = lab.realm.client(&guarded.client_id()).await.expect("the client is there");
    assert_eq!(client["redirectUris"], json!([format!("https://{}/oauth2/callback", guarded.host())]));
    assert_eq!(lab.realm.client(&open.client_id()).await, None);
    let secret = lab.get("secret", namespace, "guarded-oidc-client");
    let id = client["id"].as_str().expect("a client has an id");
    let value = lab.realm.client_secret(id).await;
    assert_eq!(secret_value(&secret, "client-secret"), value);
    assert_eq!(secret_value(&secret, "client-id"), guarded.client_id());
    apply.never_says(&value);

    let opened = lab.stand_in.opened().await;
    assert_eq!(opened.len(), 2, "both were opened, or the stand-in has nothing to judge: {opened:?}");
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_apply_sends_no_write_to_either_server() {
    let lab = Lab::open().await;
    let input = lab.input("apps", &[lab.app("open"), lab.app("guarded")]);
    let writes = Writes::new();
    let keycloak = Proxy::start(&Env::get().keycloak_url, &writes).await;
    let mut packctl = lab.packctl();
    packctl.keycloak.clone_from(&keycloak.url);

    let before = Env::get().mark();
    packctl.run(&["apply", "--yes", "-f", &input]).await.succeeds();
    let first = lab.requests_of(&lab.user, before);
    let written = first.iter().filter(|request| request.is_write()).count();
    assert!(written >= 18, "the log shows the first one's writes: {first:#?}");
    let agent = &first[0].agent;
    assert!(agent.starts_with("packctl/"), "{agent}");
    let at_keycloak = writes.all().len();
    assert!(at_keycloak > 0, "and the proxy those to Keycloak");

    let between = Env::get().mark();
    packctl.run(&["apply", "--yes", "-f", &input]).await.succeeds().says("Nothing to do");
    let second = lab.requests_of(&lab.user, between);
    assert!(!second.is_empty(), "the log shows the second one's reads");
    let written: Vec<_> = second.iter().filter(|request| request.is_write()).collect();
    assert!(written.is_empty(), "{written:#?}");
    assert_eq!(writes.all().len(), at_keycloak);
    lab.close().await;
}
