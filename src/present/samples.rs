//! Plans made by hand, for the tests of this module.

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Place};
use crate::diff::{Class, FieldChange, Fingerprint, Who};
use crate::observed::Seen;
use crate::plan::{Act, Action, Actor, Change, DeleteRule, Opening, PackSummary, Plan, Precondition, Step, Until};
use crate::resource::{Address, AppId, Body, Cause, FieldPath, Hand, PackId, PathStep, Resource, Unknown};

pub(super) const GATEWAY: &str = "gateway.networking.k8s.io";
pub(super) const ENVOY: &str = "gateway.envoyproxy.io";

pub(super) fn place(file: &str, line: u32) -> Place {
    Place { file: file.into(), line, column: 1 }
}

pub(super) fn resource(address: &Address, body: Value, from: Option<Place>) -> Resource {
    let api_version = body.get("apiVersion").and_then(Value::as_str).unwrap_or("v1").to_owned();
    Resource {
        address: address.clone(),
        api_version,
        body: Body::from(body),
        owner: None,
        hand: if address.is_keycloak() { Hand::Record } else { Hand::Whole },
        app: None,
        pack: None,
        causes: from.into_iter().map(|place| (FieldPath::default(), Cause::Input(place))).collect(),
    }
}

pub(super) fn change(address: Address, action: Action, resource: Option<Resource>) -> Change {
    Change {
        address,
        action,
        actor: Actor::Packctl,
        fields: Vec::new(),
        resource,
        before: None,
        rule: None,
        app: None,
        pack: None,
        steps: Vec::new(),
        notes: Vec::new(),
    }
}

pub(super) fn created(address: Address, body: Value, from: Option<Place>) -> Change {
    let resource = resource(&address, body, from);
    change(address, Action::Create, Some(resource))
}

pub(super) fn field(path: FieldPath, before: Option<Value>, after: Option<Value>, class: Class) -> FieldChange {
    FieldChange { path, before, after, unknown: false, class }
}

pub(super) fn edited(name: &str) -> Class {
    Class::Drift(Who::Manager { name: name.into(), operation: "Update", time: Some("2026-11-20T14:02:33Z".into()) })
}

/// Adds a change with one step.
pub(super) fn add(plan: &mut Plan, change: Change, wave: usize) {
    add_steps(plan, change, &[(wave, "", vec![])]);
}

/// Adds a change with steps: wave, title (by action if empty), waits.
pub(super) fn add_steps(plan: &mut Plan, mut change: Change, steps: &[(usize, &'static str, Vec<Until>)]) {
    for (wave, title, waits) in steps {
        let id = plan.steps.len();
        let act = match (&change.resource, change.action) {
            (_, Action::Delete) | (None, _) => Act::Delete,
            (Some(resource), _) => Act::Apply { resource: Box::new(resource.clone()), force: false },
        };
        let title = match (*title, change.action) {
            ("", Action::Create) => "create",
            ("", Action::Delete) => "delete",
            ("", _) => "update",
            (title, _) => title,
        };
        let only_if = match change.action {
            Action::Create => Precondition::Absent,
            _ => {
                Precondition::Unchanged { uid: "u-1".into(), fingerprint: Fingerprint { hash: 7, secrets: Vec::new() } }
            }
        };
        let address = change.address.clone();
        plan.steps.push(Step { id, address, title, act, waits: waits.clone(), after: [].into(), only_if, wave: *wave });
        change.steps.push(id);
    }
    plan.changes.insert(change.address.clone(), change);
}

/// The quickstart's plan of `reference/output.md`, section 4.
pub(super) fn quickstart() -> Plan {
    let mut plan = Plan {
        cluster: "quickstart".into(),
        seen: Seen { server: "examples/quickstart/world".into(), user: None, snapshot: true },
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
    if let Some(resource) = &mut secret.resource {
        let path = FieldPath::of("data.client-secret");
        resource.body.unknown.insert(path, Unknown::SecretOf(client));
    }
    add(plan, secret, 4);
    let body = json!({"spec": {"hostnames": ["dash.example.com"], "rules": [{
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"name": "dash", "port": 8080, "weight": 1}],
    }]}});
    let mut opened = derived(route.clone(), body);
    if let Some(resource) = &mut opened.resource {
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
        before: Some(live),
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
        before: Some(body(9090)),
        ..change(route, Action::Update, Some(declared))
    };
    add(plan, drifted, 1);
}

/// A cluster on which everything happens that a row can say.
pub(super) fn everything() -> Plan {
    let pack = |name: &str| PackId { cluster: "prod".into(), namespace: "argocd".into(), name: name.into() };
    let summary = |name: &str, before: &str, after: &str| PackSummary {
        id: pack(name),
        place: Some(place(&format!("apps/{name}.yaml"), 12)),
        before: Some(before.into()),
        after: Some(after.into()),
        objects: 6,
    };
    let mut plan = Plan {
        cluster: "prod".into(),
        seen: Seen { server: "https://10.0.0.1:6443".into(), user: Some("alice".into()), snapshot: false },
        read: (41, 9),
        realm: Some(("nebari".into(), 9)),
        unreadable: vec![("HTTPRoutes outside of analytics and web".into(), "alice may not list them".into())],
        ..Plan::default()
    };
    for (name, before, after) in [("lgtm", "2.0.0", "2.0.0"), ("mlflow", "1.0", "1.0"), ("superset", "0.3.0", "0.4.1")]
    {
        plan.packs.insert(pack(name), summary(name, before, after));
        let quiet = Address::namespaced("", "Service", name, "main");
        let quiet = Change { pack: Some(pack(name)), ..change(quiet, Action::None, None) };
        plan.changes.insert(quiet.address.clone(), quiet);
    }
    superset(&mut plan, &pack("superset"));
    loose(&mut plan);
    plan.kept.insert(Address::cluster_scoped("", "Namespace", "old"), "others have objects in it".into());
    plan.blocked.insert(Address::app(&AppId::new("web", "shop")), "the realm could not be read".into());
    let shop = AppId::new("analytics", "atlas");
    plan.diagnostics
        .push(Diagnostic::warning("PK0302", "the cookie may grow over 4096 bytes").object(&Address::app(&shop)));
    plan.diagnostics.push(
        Diagnostic::error("PK0201", "host bi.example.com is served by app/web/other")
            .app(&shop)
            .place(Some(place("apps/atlas.yaml", 9)))
            .help("choose another host"),
    );
    plan
}

fn superset(plan: &mut Plan, pack: &PackId) {
    let of = |change: Change| Change { pack: Some(pack.clone()), ..change };
    let label = |key: &str, from: &str, to: &str| {
        field(FieldPath::of("metadata.labels").field(key), Some(from.into()), Some(to.into()), Class::Pending)
    };
    let chart = || label("helm.sh/chart", "superset-0.3.0", "superset-0.4.1");
    let updated = |address: Address, fields: Vec<FieldChange>, line: u32| {
        let body = resource(&address, json!({}), Some(place("charts/superset/values.yaml", line)));
        of(Change { fields, ..change(address, Action::Update, Some(body)) })
    };
    for name in ["web", "worker", "beat", "flower", "redis"] {
        add(plan, updated(Address::namespaced("", "Service", "analytics", name), vec![chart()], 3), 2);
    }
    let image = FieldPath::of("spec.template.spec.containers").index(0).field("image");
    let fields = vec![
        chart(),
        label("app.kubernetes.io/version", "4.1.0", "4.1.2"),
        field(image.clone(), Some("r.io/superset:4.1.0".into()), Some("r.io/superset:4.1.2".into()), Class::Pending),
        field(FieldPath::of("spec.replicas"), Some(9.into()), Some(2.into()), edited("kubectl-scale")),
        field(FieldPath::of("spec.paused"), Some(true.into()), None, Class::Stuck(Who::Unknown)),
        field(FieldPath::of("spec.strategy.type"), None, Some("Recreate".into()), Class::Pending),
        field(FieldPath::of("spec.minReadySeconds"), Some(1.into()), None, Class::Pending),
        field(FieldPath::of("spec.progressDeadlineSeconds"), Some(1.into()), Some(2.into()), Class::Pending),
    ];
    let mut web = updated(Address::namespaced("apps", "Deployment", "analytics", "superset"), fields, 12);
    web.notes.push("restarts every pod".into());
    add(plan, web, 3);
    let mut job = updated(
        Address::namespaced("batch", "Job", "analytics", "superset-init"),
        vec![field(image, Some("r.io/superset:4.1.0".into()), Some("r.io/superset:4.1.2".into()), Class::Pending)],
        40,
    );
    job.action = Action::Replace;
    add(plan, job, 4);
    let gone = |kind: &str, name: &str| {
        let address = Address::namespaced("", kind, "analytics", name);
        of(Change { rule: Some(DeleteRule::LeftPack), ..change(address, Action::Delete, None) })
    };
    add(plan, gone("PersistentVolumeClaim", "superset-data"), 9);
    add(plan, gone("ConfigMap", "superset-old"), 9);
    let config = FieldPath::of("data").field("superset_config.py");
    let (old, new) = ("import os\nA = 1\nB = 2\n", "import os\nA = 1\nB = 3\nC = 4\n");
    let config = field(config, Some(old.into()), Some(new.into()), Class::Pending);
    add(plan, updated(Address::namespaced("", "ConfigMap", "analytics", "superset"), vec![config], 60), 2);
    let secret = |id: u32| Some(Value::from(format!("packctl-secret:{id}")));
    let password = field(FieldPath::of("data.password"), secret(31), secret(8), Class::Pending);
    let mut secret = updated(Address::namespaced("", "Secret", "analytics", "superset-db"), vec![password], 70);
    secret.before = Some(json!({"data": {"user": "packctl-secret:12", "password": "packctl-secret:31"}}));
    add(plan, secret, 2);
    let doubt = Class::Doubt("the kind has no schema");
    let size = field(FieldPath::of("spec.size"), Some(json!({"a": 1})), Some(json!([1, 2])), doubt);
    let widget = Address::namespaced("example.com", "Widget", "analytics", "w");
    let doubtful = of(Change { fields: vec![size], ..change(widget, Action::None, None) });
    plan.changes.insert(doubtful.address.clone(), doubtful);
}

fn loose(plan: &mut Plan) {
    let app = AppId::new("web", "shop");
    plan.apps.insert(app.clone(), Some(place("shop.yaml", 3)));
    let derived = |change: Change| Change { app: Some(app.clone()), ..change };
    plan.openings.push(Opening {
        app: app.clone(),
        verb: "closes",
        url: "https://shop.example.com/public".into(),
        audience: "anyone".into(),
        place: Some(place("shop.yaml", 3)),
    });
    let route = Address::namespaced(GATEWAY, "HTTPRoute", "web", "shop-public-route");
    let gone = Change { rule: Some(DeleteRule::NotWanted), ..change(route.clone(), Action::Delete, None) };
    add(plan, derived(gone), 2);
    let policy = Address::namespaced(ENVOY, "SecurityPolicy", "web", "shop-public-security");
    let gone = Change { rule: Some(DeleteRule::NotWanted), ..change(policy, Action::Delete, None) };
    add_steps(plan, derived(gone), &[(3, "delete", vec![Until::Gone(route)])]);
    let label = Address::cluster_scoped("", "Namespace", "web").with_entry("labels", "nebari.dev/managed");
    add(plan, derived(change(label, Action::Release, None)), 4);
    let client = Address::client("nebari", "web-shop");
    let claimed = Class::Foreign(Who::Unknown);
    let fields = vec![field(FieldPath::of("fullScopeAllowed"), Some(true.into()), Some(false.into()), claimed)];
    let adopted = resource(&client, json!({"redirectUris": []}), None);
    add(plan, derived(Change { fields, ..change(client, Action::Adopt, Some(adopted)) }), 1);
    let main = Address::namespaced(GATEWAY, "HTTPRoute", "web", "shop-route");
    let seen = "the Lease d77e3dc7.nebari.dev is held".into();
    let left = Change { actor: Actor::Operator(seen), ..created(main, json!({}), None) };
    plan.changes.insert(left.address.clone(), derived(left));
}
