use serde_json::{Value, json};

use super::*;

/// A cluster on which everything happens that a row can say.
pub(in crate::present) fn everything() -> Plan {
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
        seen: Seen {
            server: "https://10.0.0.1:6443".into(),
            user: Some("alice".into()),
            snapshot: false,
            version: None,
            ..Seen::default()
        },
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
    secret.before = Some(json!({"data": {"user": "packctl-secret:12", "password": "packctl-secret:31"}}).into());
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
