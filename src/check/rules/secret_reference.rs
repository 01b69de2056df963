//! PK0430: pods need a Secret that nobody makes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::check::certificate::Makers;
use crate::check::unread::Unread;
use crate::check::{Facts, Found, Rule, workload};
use crate::derive::Names;
use crate::diagnostic::Diagnostic;
use crate::resource::{Address, AppId, Resource};

pub(crate) struct SecretReference;

/// Groups whose objects never make a Secret: those of Kubernetes itself (no dot, or these endings) and of the platform.
const NO_MAKERS: [&str; 5] =
    [".k8s.io", "gateway.envoyproxy.io", "reconcilers.nebari.dev", "argoproj.io", "monitoring.coreos.com"];

impl Rule for SecretReference {
    fn code(&self) -> &'static str {
        "PK0430"
    }

    fn docs(&self) -> &'static str {
        "A workload of the inputs takes a variable or a volume from a Secret, and neither the inputs, nor an app's login, nor \
         the cluster has it, or it lacks the key.\n\
         \n\
         The pods would stay in `CreateContainerConfigError` or `ContainerCreating`. The Secret of a login is \
         `NAME-oidc-client`, where NAME is the NebariApp's; it has the keys `client-id`, `client-secret` and `issuer-url`, and \
         is there only when the app has a login and its client is made here. A Secret that a Certificate, a Job or an object \
         of another controller in the same namespace names, or is named after, counts as made by it. What is `optional` is \
         not looked at.\n\
         \n\
         What to do: correct the name or the key, make the Secret, or mark the reference as optional."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let (mut findings, mut unread) = (Vec::new(), Unread::default());
        let makers = Makers::of(facts);
        let mut others: Option<BTreeMap<&str, Vec<&Resource>>> = None;
        for resource in facts.desired.wanted.values() {
            let (kind, namespace) = (resource.address.kind.as_str(), resource.address.namespace.as_deref());
            let Some(namespace) = namespace.filter(|_| resource.app.is_none()) else { continue };
            for (name, keys) in workload::secrets(kind, &resource.body.value) {
                let address = Address::namespaced("", "Secret", namespace, name);
                let problem = match facts.find(&address) {
                    Found::Unreadable(reason) => {
                        unread.add(reason, address.short());
                        continue;
                    }
                    Found::There(_) => {
                        let has = self::keys(&address, facts);
                        let lacks: Vec<&str> = keys.into_iter().filter(|key| !has.contains(*key)).collect();
                        if lacks.is_empty() {
                            continue;
                        }
                        let has = has.into_iter().collect::<Vec<_>>().join(", ");
                        format!("has no key `{}`; it has {has}", lacks.join("`, `"))
                    }
                    Found::Absent => {
                        let others = others.get_or_insert_with(|| possible_makers(facts));
                        let near = others.get(namespace).into_iter().flatten();
                        if makers.make(&address) || near.into_iter().any(|other| may_make(other, name)) {
                            continue;
                        }
                        format!("is made by nobody{}", hint(namespace, name, facts))
                    }
                };
                findings.push(
                    Diagnostic::warning(
                        self.code(),
                        format!("{} needs {}, which {problem}", resource.address.short(), address.short()),
                    )
                    .object(&resource.address)
                    .place(resource.place().cloned())
                    .help("its pods do not start until it is there; correct the reference, or make the Secret"),
                );
            }
        }
        findings.extend(unread.findings(self.code()));
        findings
    }
}

/// The keys of a Secret as it will be: ours, and those that others put there.
fn keys(address: &Address, facts: Facts<'_>) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut add = |value: &Value| {
        let data = value.get("data").and_then(Value::as_object);
        keys.extend(data.into_iter().flatten().map(|(key, _)| key.clone()));
    };
    if let Some(live) = facts.world.get(address).live() {
        add(live.value());
    }
    if let Some(wanted) = facts.desired.wanted.get(address) {
        add(&wanted.body.value);
        // Such as the client's secret, which is known when the client is there.
        let unknown = wanted.body.unknown.keys().map(ToString::to_string);
        keys.extend(unknown.filter_map(|path| path.strip_prefix("data.").map(str::to_owned)));
    }
    keys
}

/// Objects of the inputs that may make a Secret, by namespace: Jobs and what they read, and objects of other controllers.
fn possible_makers(facts: Facts<'_>) -> BTreeMap<&str, Vec<&Resource>> {
    let mut makers: BTreeMap<&str, Vec<&Resource>> = BTreeMap::new();
    for resource in facts.desired.wanted.values().filter(|resource| resource.app.is_none()) {
        let (group, kind) = (resource.address.group.as_str(), resource.address.kind.as_str());
        let custom = group.contains('.') && !NO_MAKERS.iter().any(|known| group.ends_with(known));
        if custom || matches!(kind, "Job" | "CronJob" | "ConfigMap") {
            makers.entry(resource.address.namespace.as_deref().unwrap_or_default()).or_default().push(resource);
        }
    }
    makers
}

/// Whether an object names a Secret, or the Secret is named after it.
fn may_make(maker: &Resource, secret: &str) -> bool {
    let own = !matches!(maker.address.kind.as_str(), "Job" | "CronJob" | "ConfigMap");
    let after =
        own && secret.strip_prefix(&maker.address.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    // A Job that only waits for the Secret, as every other pod does, makes nothing.
    let needs = workload::secrets(&maker.address.kind, &maker.body.value).contains_key(secret);
    after || !needs && workload::mentions(&maker.body.value, secret)
}

/// Who could have been meant.
fn hint(namespace: &str, secret: &str, facts: Facts<'_>) -> String {
    let of = |name: &str| facts.desired.apps.get(&AppId::new(namespace, name));
    if let Some(app) = secret.strip_suffix("-oidc-client").and_then(of) {
        let why = match (app.auth(), app.generic_oidc()) {
            (false, _) => "has no login",
            (true, true) => "logs in at another issuer",
            (true, false) => "does not make its client",
        };
        return format!("; app/{} {why}", app.id);
    }
    if !secret.contains("oidc") {
        return String::new();
    }
    let apps = facts.desired.apps.values().filter(|app| app.id.namespace == namespace && app.provisions_client());
    let made: Vec<String> = apps.map(|app| Names::of(&app.id).secret().name).collect();
    match made.as_slice() {
        [] => String::new(),
        made => format!("; the logins of this namespace make {}", made.join(", ")),
    }
}
