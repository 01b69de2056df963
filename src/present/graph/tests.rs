use super::*;
use crate::derive::Desired;
use crate::present::samples::resource;
use crate::resource::Resource;

/// A workload, what it mounts, and the Namespace of both; one name is hostile.
fn graph() -> ResourceGraph {
    let namespace = Address::cluster_scoped("", "Namespace", "web");
    let config = Address::namespaced("", "ConfigMap", "web", "a\"] --> x; \\ <b>\n|#quot;");
    let deployment = Address::namespaced("apps", "Deployment", "web", "shop");
    let mounts = serde_json::json!({
        "spec": {"template": {"spec": {"volumes": [{"configMap": {"name": config.name}}]}}},
    });
    let mut desired = Desired::default();
    let resources: [Resource; 3] = [
        resource(&namespace, serde_json::json!({}), None),
        resource(&config, serde_json::json!({}), None),
        resource(&deployment, mounts, None),
    ];
    desired.wanted.extend(resources.map(|resource| (resource.address.clone(), std::sync::Arc::new(resource))));
    crate::graph::build(&desired).expect("no circle")
}

#[test]
fn the_tree_names_the_reasons() {
    insta::assert_snapshot!(text(&graph()), @r###"
    Namespace/web
    |-- ConfigMap/web/a"] --> x; \ <b>\u{a}|#quot;  (it lives in this Namespace)
    `-- Deployment/web/shop  (it lives in this Namespace; also needs ConfigMap/web/a"] --> x; \ <b>\u{a}|#quot;)
    "###);
}

#[test]
fn labels_of_graphviz_cannot_end_early() {
    insta::assert_snapshot!(dot(&graph()), @r###"
    digraph {
        rankdir="LR"
        0 [ label = "ConfigMap/web/a\"] --> x; \\ <b>\\u{a}|#quot;" shape = box]
        1 [ label = "Namespace/web" shape = box]
        2 [ label = "Deployment/web/shop" shape = box]
        0 -> 2 [ label = "its pods read this ConfigMap" ]
        1 -> 0 [ label = "it lives in this Namespace" ]
        1 -> 2 [ label = "it lives in this Namespace" ]
    }
    "###);
}

#[test]
fn labels_of_mermaid_cannot_end_early() {
    insta::assert_snapshot!(mermaid(&graph()), @r###"
    flowchart LR
        n0["ConfigMap/web/a#34;#93; --#62; x#59; #92; #60;b#62;#92;u#123;a#125;#124;#35;quot#59;"]
        n1["Namespace/web"]
        n2["Deployment/web/shop"]
        n0 -->|"its pods read this ConfigMap"| n2
        n1 -->|"it lives in this Namespace"| n0
        n1 -->|"it lives in this Namespace"| n2
    "###);
}

#[test]
fn the_document_reads_back() {
    let written = json(&graph());
    let read: GraphDocument = serde_json::from_str(&written).expect("it is JSON");
    assert_eq!((read.nodes.len(), read.edges.len()), (3, 3));
    assert_eq!(super::super::json::pretty(&read), written);
}
