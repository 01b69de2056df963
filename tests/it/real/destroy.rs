//! What is taken down, in which order, and what stays.

use super::lab::Lab;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn destroy_leaves_the_anchor_namespaces_and_tls_secrets_and_names_each() {
    let lab = Lab::open().await;
    let (open, guarded) = (lab.app("open"), lab.app("guarded"));
    let input = lab.input("apps", &[open.clone(), guarded.clone()]);
    lab.applied(&input).await;
    let (namespace, gateways) = (lab.namespace(), &lab.gateways);
    let gateway = format!("{gateways}/gateway");

    let refused = lab.packctl().run(&["destroy", "--yes", "--gateway", &gateway]).await.exits(4);
    refused.says(&open.listener());
    refused.says(&guarded.listener());
    assert_eq!(lab.names("httproute", gateways), ["packctl-anchor-gateway"]);

    let destroy = lab.packctl().run(&["destroy", "--yes", &open.address(), &guarded.address()]).await.succeeds();
    let tls = [format!("guarded-{namespace}-tls"), format!("open-{namespace}-tls")];
    for kind in ["nebariapp", "httproute", "securitypolicy", "secret", "role", "rolebinding"] {
        assert!(lab.names(kind, namespace).is_empty(), "{kind}");
    }
    for (kind, left) in [
        ("certificate", &[][..]),
        ("secret", &tls),
        ("httproute", &["packctl-anchor-gateway".to_owned()]),
        ("httproutefilter", &["packctl-anchor-gateway".to_owned()]),
        ("securitypolicy", &["packctl-anchor-gateway".to_owned()]),
    ] {
        assert_eq!(lab.names(kind, gateways), left, "{kind}");
    }
    assert_eq!(lab.gateway()["spec"]["listeners"].as_array().map(Vec::len), Some(2));
    assert_eq!(lab.realm.client(&guarded.client_id()).await, None);
    for kept in [tls[0].as_str(), &tls[1], "HTTPRoute/", "packctl destroy --gateway"] {
        assert!(destroy.line_with(kept).contains("keeps"), "{kept}");
    }

    lab.packctl().run(&["destroy", "--yes", "--gateway", &gateway]).await.succeeds();
    for kind in ["httproute", "httproutefilter", "securitypolicy"] {
        assert!(lab.names(kind, gateways).is_empty(), "{kind}");
    }
    lab.close().await;
}
