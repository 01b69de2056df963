//! What nebari-operator made for an app, seen from its marks.
//!
//! It leaves much behind when an app changes: the public route when `publicRoutes` is emptied, listener and Certificate when
//! TLS is switched off or the Gateway changes, Secret, Role and binding when the login is. packctl, in its place, takes that
//! away. Nothing of others may go: the name must be the operator's for this app, it must have written the object, the object
//! must say whose it is, and nobody else may apply it.

use serde_json::{Value, json};

use super::desired::Left;
use super::names::{APP_NAMESPACE, CERT_MANAGER, GATEWAY_API, Names, listener};
use super::standing::{OPERATOR, argo_cd, evidence, is_named};
use crate::observed::{Live, ManagedEntry, Operation, TakeOver, Taken, World};
use crate::resource::{Address, AppId, FieldPath, PackId};

/// The app that nebari-operator made a whole object for, if it did.
pub(super) fn whole(live: &Live, world: &World) -> Option<(AppId, Left)> {
    let app = named(live)?;
    let names = Names::of(&app);
    let certificate = format!("{}-{}-cert", app.name, app.namespace);
    let its_own = [
        names.route(),
        names.public_route(),
        names.policy(),
        names.secret(),
        names.role(),
        names.role_binding(),
        Address { name: certificate, ..live.address.clone() },
    ];
    let is_certificate = (live.address.group.as_str(), live.address.kind.as_str()) == (CERT_MANAGER, "Certificate");
    let expected = if is_certificate { &its_own[6..] } else { &its_own[..6] };
    let made = live.managed().iter().any(is_operators);
    let applied = live.managed().iter().any(|entry| entry.is_apply() && entry.subresource.is_empty());
    let foreign = applied || argo_cd(live).is_some() || live.label(PackId::MARK).is_some();
    if !made || foreign || !expected.contains(&live.address) {
        return None;
    }
    let evidence = evidence(&app, live, world)?;
    Some((app, Left { evidence, over: TakeOver::default() }))
}

/// The app that an object may be of, by its owner, its labels, or the Secret's label beside its namespace.
fn named(live: &Live) -> Option<AppId> {
    if let Some((kind, name, _)) = live.controller() {
        return (kind == "NebariApp").then(|| Some(AppId::new(live.address.namespace.clone()?, name)))?;
    }
    if live.label("app.kubernetes.io/managed-by") != Some("nebari-operator") {
        return None;
    }
    match (live.label(APP_NAMESPACE), live.label(super::names::APP_NAME)) {
        (Some(namespace), Some(name)) => Some(AppId::new(namespace, name)),
        _ => Some(AppId::new(live.address.namespace.clone()?, live.label("app.kubernetes.io/instance")?)),
    }
}

/// The listener of an app's name on a Gateway, if nebari-operator made it in the shape that only this app's has: names may
/// read as those of two apps (`a-b` in `c`, `a` in `b-c`), the namespace that it admits is one.
pub(super) fn entry(app: &AppId, gateway: &Live) -> Option<(Address, Left)> {
    let name = Names::of(app).listener_name();
    let found = listener(gateway.value(), &name)?;
    let admits = json!({"matchLabels": {"kubernetes.io/metadata.name": app.namespace}});
    let has_shape = found.get("protocol").and_then(Value::as_str) == Some("HTTPS")
        && found.pointer("/allowedRoutes/namespaces/selector") == Some(&admits);
    let of_entry = |path: &FieldPath| path.0.get(2).is_some_and(|step| is_named(step, &name));
    let holders = gateway.managed().iter().filter(|entry| entry.subresource != "status").filter_map(|entry| {
        let (fields, _) = entry.fields.split(&mut |path| of_entry(path));
        (!fields.is_empty()).then_some((entry, fields))
    });
    let holders: Vec<_> = holders.collect();
    let made = holders.iter().any(|(entry, _)| is_operators(entry));
    if !has_shape || !made || argo_cd(gateway).is_some() || holders.iter().any(|(entry, _)| entry.is_apply()) {
        return None;
    }
    let mut over = TakeOver::default();
    for (entry, fields) in holders {
        over.becomes.absorb(&fields);
        over.from.push(Taken::of(entry, fields));
    }
    let address = gateway.address.clone().with_entry("listeners", &name);
    Some((address, Left { evidence: "its name and its namespace are the app's", over }))
}

fn is_operators(entry: &ManagedEntry) -> bool {
    entry.manager == OPERATOR && entry.operation == Operation::Update && entry.subresource.is_empty()
}

/// The kinds that it makes, besides the listener.
pub(super) const KINDS: [(&str, &str); 6] = [
    (GATEWAY_API, "HTTPRoute"),
    (super::names::ENVOY_GATEWAY, "SecurityPolicy"),
    (CERT_MANAGER, "Certificate"),
    ("", "Secret"),
    (super::names::RBAC, "Role"),
    (super::names::RBAC, "RoleBinding"),
];
