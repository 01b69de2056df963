use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

/// The quickstart's plan of `reference/output.md`, section 4.
pub(in crate::present) fn quickstart() -> Plan {
    let mut plan = Plan {
        cluster: "quickstart".into(),
        seen: Seen { server: "examples/quickstart/world".into(), snapshot: true, ..Seen::default() },
        read: (17, 11),
        realm: Some(("nebari".into(), 3)),
        ..Plan::default()
    };
    let pack = |name: &str| PackId { cluster: "quickstart".into(), namespace: "packs".into(), name: name.into() };
    for name in ["dash", "welcome"] {
        let place = Some(place(&format!("packs/{name}.yaml"), 1));
        let id = pack(name);
        plan.packs.insert(id.clone(), PackSummary { id, place, before: None, after: None, objects: 4 });
    }
    dash(&mut plan, &pack("dash"));
    welcome(&mut plan, &pack("welcome"));
    plan
}

fn dash(plan: &mut Plan, pack: &PackId) {
    let app = AppId::new("bi", "dash");
    let at = |file: &str, line| Some(place(&format!("packs/dash/{file}"), line));
    let egns = "envoy-gateway-system";
    plan.apps.insert(app.clone(), at("nebariapp.yaml", 7));
    plan.openings.push(Opening {
        app: app.clone(),
        verb: "opens",
        url: "https://dash.example.com".into(),
        audience: "anyone who can log in to realm nebari".into(),
        place: at("nebariapp.yaml", 7),
    });
    let record = Address::namespaced("", "ConfigMap", "bi", &pack.record_name());
    let direct = [
        (created(record, json!({"data": {"a": "1"}}), None), 1),
        (
            created(
                Address::namespaced("apps", "Deployment", "bi", "dash"),
                json!({"spec": {"template": {"spec": {"containers": [{"name": "dash", "image": "example/dash:2.1.0"}]}}}}),
                at("deployment.yaml", 1),
            ),
            2,
        ),
        (
            created(
                Address::namespaced("", "Service", "bi", "dash"),
                json!({"spec": {"ports": [{"port": 8080}]}}),
                at("service.yaml", 1),
            ),
            2,
        ),
    ];
    for (change, wave) in direct {
        add(plan, Change { pack: Some(pack.clone()), ..change }, wave);
    }
    let own = created(
        Address::app(&app),
        json!({"spec": {"hostname": "dash.example.com", "routing": {}, "auth": {"enabled": true}}}),
        at("nebariapp.yaml", 1),
    );
    add(plan, Change { pack: Some(pack.clone()), app: Some(app.clone()), ..own }, 2);
    let derived = |address: Address, body: Value| Change { app: Some(app.clone()), ..created(address, body, None) };
    let client = Address::client("nebari", "bi-dash");
    let lock = Address::namespaced(ENVOY, "SecurityPolicy", egns, "lock-tls-dash-bi");
    let policy = Address::namespaced(ENVOY, "SecurityPolicy", "bi", "dash-security");
    let route = Address::namespaced(GATEWAY, "HTTPRoute", "bi", "dash-route");
    let certificate = Address::namespaced("cert-manager.io", "Certificate", egns, "dash-bi-cert");
    let listener =
        Address::namespaced(GATEWAY, "Gateway", egns, "nebari-gateway").with_entry("listeners", "tls-dash-bi");
    let reader = "dash-oidc-secret-reader";
    let rbac = "rbac.authorization.k8s.io";
    let derived_objects = [
        (client.clone(), json!({"redirectUris": ["https://dash.example.com/oauth2/callback"]}), 3),
        (certificate.clone(), json!({"spec": {"issuerRef": {"name": "letsencrypt", "kind": "ClusterIssuer"}}}), 3),
        (
            listener.clone(),
            json!({"spec": {"listeners": [{"name": "tls-dash-bi", "protocol": "HTTPS", "port": 443}]}}),
            3,
        ),
        (
            Address::namespaced(rbac, "Role", "bi", reader),
            json!({"rules": [{"resources": ["secrets"], "resourceNames": ["dash-oidc-client"], "verbs": ["get"]}]}),
            3,
        ),
        (
            Address::namespaced(rbac, "RoleBinding", "bi", reader),
            json!({"subjects": [{"kind": "ServiceAccount", "name": "dash", "namespace": "bi"}]}),
            3,
        ),
        (
            lock.clone(),
            json!({"spec": {
                "targetRefs": [{"kind": "Gateway", "name": "nebari-gateway", "sectionName": "tls-dash-bi"}],
                "authorization": {"defaultAction": "Deny"},
            }}),
            4,
        ),
        (
            policy.clone(),
            json!({"spec": {
                "targetRefs": [{"kind": "HTTPRoute", "name": "dash-route"}],
                "oidc": {"clientID": "bi-dash"},
                "authorization": {"defaultAction": "Deny", "rules": [
                    {"action": "Allow", "principal": {"jwt": {"claims": [{"name": "azp", "values": ["bi-dash"]}]}}},
                ]},
            }}),
            5,
        ),
    ];
    for (address, body, wave) in derived_objects {
        add(plan, derived(address, body), wave);
    }
    let secret = Address::namespaced("", "Secret", "bi", "dash-oidc-client");
    let mut secret = derived(secret, json!({"data": {"client-id": "bi-dash", "issuer-url": "https://kc"}}));
    if let Some(resource) = secret.resource.as_mut().map(Arc::make_mut) {
        let path = FieldPath::of("data.client-secret");
        resource.body.unknown.insert(path, Unknown::SecretOf(client));
    }
    add(plan, secret, 4);
    let body = json!({"spec": {"hostnames": ["dash.example.com"], "rules": [{
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"name": "dash", "port": 8080, "weight": 1}],
    }]}});
    let mut opened = derived(route.clone(), body);
    if let Some(resource) = opened.resource.as_mut().map(Arc::make_mut) {
        let host = Cause::App { field: "spec.hostname".into(), place: at("nebariapp.yaml", 7) };
        resource.owner = Some(Address::app(&app));
        resource.causes.insert(FieldPath::of("spec.hostnames"), host);
        resource.causes.insert(FieldPath::of("spec.rules"), Cause::Rule("one policy for every route"));
    }
    let waits = [
        (6, "close", vec![Until::PolicyAccepted(lock)]),
        (
            7,
            "open",
            vec![
                Until::PolicyAccepted(policy),
                Until::RouteAccepted(route.clone()),
                Until::CertificateReady(certificate),
                Until::ListenerProgrammed(listener),
            ],
        ),
    ];
    add_steps(plan, opened, &waits);
    // The route is closed until the lock is accepted: step 10 is the lock's.
    let lock_step = plan.steps.iter().find(|step| step.address.name.starts_with("lock-")).map(|step| step.id);
    for step in plan.steps.iter_mut().filter(|step| step.title == "close") {
        step.after.extend(lock_step.map(|id| (id, "nothing is attached to an open listener")));
    }
}

fn welcome(plan: &mut Plan, pack: &PackId) {
    let app = AppId::new("web", "welcome");
    let at = |file: &str, line| Some(place(&format!("packs/welcome/{file}"), line));
    plan.apps.insert(app.clone(), at("nebariapp.yaml", 9));
    let record = Address::namespaced("", "ConfigMap", "web", &pack.record_name());
    let quiet = |address: Address| Change { pack: Some(pack.clone()), ..change(address, Action::None, None) };
    for change in [
        quiet(record),
        quiet(Address::namespaced("", "Service", "web", "welcome")),
        Change { app: Some(app.clone()), ..quiet(Address::app(&app)) },
    ] {
        plan.changes.insert(change.address.clone(), change);
    }
    let deployment = Address::namespaced("apps", "Deployment", "web", "welcome");
    let image = FieldPath::of("spec.template.spec.containers")
        .step(PathStep::Key(vec![("name".into(), "\"welcome\"".into())]))
        .field("image");
    let body = |tag: &str| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "welcome", "namespace": "web"},
            "spec": {"template": {"spec": {"containers": [{"name": "welcome", "image": format!("example/welcome:{tag}")}]}}}})
    };
    let mut live = body("1.4.0");
    live["metadata"]["uid"] = "u-1".into();
    live["metadata"]["managedFields"] = json!([{"manager": "packctl"}]);
    live["status"] = json!({"replicas": 1});
    let updated = Change {
        pack: Some(pack.clone()),
        fields: vec![field(
            image,
            Some("example/welcome:1.4.0".into()),
            Some("example/welcome:1.5.0".into()),
            Class::Pending,
        )],
        before: Some(live.into()),
        ..change(
            deployment.clone(),
            Action::Update,
            Some(resource(&deployment, body("1.5.0"), at("deployment.yaml", 17))),
        )
    };
    add(plan, updated, 1);
    let route = Address::namespaced(GATEWAY, "HTTPRoute", "web", "welcome-route");
    let port = FieldPath::of("spec.rules").index(0).field("backendRefs").index(0).field("port");
    let body = |port: u32| json!({"spec": {"rules": [{"backendRefs": [{"name": "welcome", "port": port}]}]}});
    let mut declared = resource(&route, body(8080), at("nebariapp.yaml", 9));
    declared
        .causes
        .insert(port.clone(), Cause::App { field: "spec.service.port".into(), place: at("nebariapp.yaml", 14) });
    let drifted = Change {
        app: Some(app),
        pack: Some(pack.clone()),
        fields: vec![field(port, Some(9090.into()), Some(8080.into()), edited("kubectl-edit"))],
        before: Some(body(9090).into()),
        ..change(route, Action::Update, Some(declared))
    };
    add(plan, drifted, 1);
}
