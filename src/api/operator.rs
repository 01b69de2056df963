//! The settings of nebari-operator: environment variables of its Deployment, with its meaning and its defaults (v0.1.0).
//!
//! Only what stands there as text is read. What a variable takes from a Secret or a ConfigMap is unknown, and said to come from
//! there; the administrator's credential stays a reference.

use std::collections::BTreeMap;

use serde_json::Value;

use super::environment::{Environment, Gateways, Issuer, KeycloakSettings, Listeners, ObjectRef};

/// The operator's settings as an environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OperatorSettings {
    /// What they say; what they leave open is absent.
    pub environment: Environment,
    /// For each key of the environment (`keycloak.realm`) what gave it, or why it is unknown: `KEYCLOAK_REALM`.
    pub from: BTreeMap<&'static str, String>,
}

/// What is known of one variable.
#[derive(Clone, Debug, PartialEq)]
enum Variable<'v> {
    Unset,
    Text(&'v str),
    /// Its value stands elsewhere: where.
    Elsewhere(String),
}

impl OperatorSettings {
    /// Reads the Deployment `deployment` of `namespace`; `None` where it runs no container that could be the operator's.
    pub fn of(deployment: &Value, namespace: &str) -> Option<Self> {
        let containers = deployment.pointer("/spec/template/spec/containers")?.as_array()?;
        let named = |container: &&Value| container.get("name").and_then(Value::as_str) == Some("manager");
        let container =
            containers.iter().find(named).or_else(|| containers.first().filter(|_| containers.len() == 1))?;
        let variables = Variables(container);
        let mut settings = Self::default();
        settings.gateways();
        settings.issuer(&variables);
        if variables.flag("KEYCLOAK_ENABLED") {
            settings.keycloak(&variables, namespace);
        }
        Some(settings)
    }

    /// They stand in its code.
    fn gateways(&mut self) {
        let gateway = |name: &str| Some(ObjectRef { namespace: "envoy-gateway-system".into(), name: name.into() });
        let (public, internal) = (gateway("nebari-gateway"), gateway("nebari-internal-gateway"));
        self.environment.gateways = Some(Gateways { public, internal });
        for key in ["gateways.public", "gateways.internal"] {
            self.from.insert(key, "nebari-operator knows no other".into());
        }
    }

    /// Without an issuer all apps are on the listener `https`.
    fn issuer(&mut self, variables: &Variables<'_>) {
        const NAME: &str = "TLS_CLUSTER_ISSUER_NAME";
        let issuer = self.text("issuer.clusterIssuer", NAME, "none", variables);
        self.from.insert("listeners", self.from["issuer.clusterIssuer"].clone());
        let Some(issuer) = issuer else { return };
        let issuer = if issuer.is_empty() { "none".to_owned() } else { issuer };
        self.environment.listeners = Some(if issuer == "none" { Listeners::Shared } else { Listeners::Own });
        self.environment.issuer = Some(Issuer { cluster_issuer: issuer });
    }

    fn keycloak(&mut self, variables: &Variables<'_>, namespace: &str) {
        let url = self.url(variables);
        let external = self.text("keycloak.externalURL", "KEYCLOAK_EXTERNAL_URL", "", variables);
        let external_url = external.map(|url| url.trim_end_matches('/').to_owned()).filter(|url| !url.is_empty());
        let realm = self.text("keycloak.realm", "KEYCLOAK_REALM", "nebari", variables);
        let admin_secret = self.admin_secret(variables, namespace);
        self.environment.keycloak = Some(KeycloakSettings { url, external_url, realm, admin_secret });
    }

    /// How Envoy reaches Keycloak: the address of the issuer that the operator is told. Without one it is where the operator
    /// itself reaches Keycloak, which is proven daily; the default of the issuer is nobody's word.
    fn url(&mut self, variables: &Variables<'_>) -> Option<String> {
        const KEY: &str = "keycloak.url";
        const ISSUER: [(&str, &str); 4] = [
            ("KEYCLOAK_ISSUER_SERVICE_NAME", "keycloak-keycloakx-http"),
            ("KEYCLOAK_ISSUER_SERVICE_NAMESPACE", "keycloak"),
            ("KEYCLOAK_ISSUER_SERVICE_PORT", "8080"),
            ("KEYCLOAK_ISSUER_CONTEXT_PATH", ""),
        ];
        let told: Vec<&str> =
            ISSUER.iter().map(|(name, _)| *name).filter(|name| variables.get(name) != Variable::Unset).collect();
        let url = "KEYCLOAK_URL";
        if told.is_empty() && variables.get(url) != Variable::Unset {
            return self.text(KEY, url, "", variables).map(|url| url.trim_end_matches('/').to_owned());
        }
        let mut parts = Vec::new();
        for (name, default) in ISSUER {
            parts.push(self.text(KEY, name, default, variables)?);
        }
        // A port that is none is the default.
        let port = if parts[2].parse::<u16>().is_ok() { parts[2].as_str() } else { "8080" };
        self.from.insert(KEY, if told.is_empty() { format!("default of {}", ISSUER[0].0) } else { told.join(", ") });
        let url = format!("http://{}.{}.svc.cluster.local:{port}{}", parts[0], parts[1], parts[3]);
        Some(url.trim_end_matches('/').to_owned())
    }

    /// The Secret of the administrator. An empty name means that user and password are variables: of one Secret they are that
    /// Secret, as a text they are nothing that is looked at.
    fn admin_secret(&mut self, variables: &Variables<'_>, namespace: &str) -> Option<ObjectRef> {
        const KEY: &str = "keycloak.adminSecret";
        let name = self.text(KEY, "KEYCLOAK_ADMIN_SECRET_NAME", "nebari-realm-admin-credentials", variables)?;
        if !name.is_empty() {
            let from = self.from[KEY].clone();
            let namespace = self.text(KEY, "KEYCLOAK_ADMIN_SECRET_NAMESPACE", "keycloak", variables)?;
            self.from.insert(KEY, from);
            return Some(ObjectRef { namespace, name });
        }
        let of = |variable: &str, keys: [&str; 2]| {
            let (secret, key) = variables.secret(variable)?;
            keys.contains(&key).then_some(secret)
        };
        let username = of("KEYCLOAK_ADMIN_USERNAME", ["username", "admin-username"]);
        let password = of("KEYCLOAK_ADMIN_PASSWORD", ["password", "admin-password"]);
        self.from.insert(KEY, "KEYCLOAK_ADMIN_USERNAME, KEYCLOAK_ADMIN_PASSWORD".into());
        let name = username.zip(password).filter(|(username, password)| username == password)?.0;
        Some(ObjectRef { namespace: namespace.into(), name: name.into() })
    }

    /// A variable's value, noting where `key` comes from.
    fn text(&mut self, key: &'static str, name: &str, default: &str, variables: &Variables<'_>) -> Option<String> {
        let (value, from) = match variables.get(name) {
            Variable::Text(text) => (Some(text.to_owned()), name.to_owned()),
            Variable::Unset => (Some(default.to_owned()), format!("default of {name}")),
            Variable::Elsewhere(place) => (None, format!("{name} is {place}, which is not read")),
        };
        self.from.insert(key, from);
        value
    }
}

/// The variables of a container.
struct Variables<'c>(&'c Value);

impl<'c> Variables<'c> {
    fn find(&self, name: &str) -> Option<&'c Value> {
        let variables = self.0.get("env").and_then(Value::as_array)?;
        // Of two of one name the kubelet takes the second.
        variables.iter().rev().find(|variable| variable.get("name").and_then(Value::as_str) == Some(name))
    }

    fn get(&self, name: &str) -> Variable<'c> {
        let Some(variable) = self.find(name) else {
            let sources = self.0.get("envFrom").and_then(Value::as_array).filter(|sources| !sources.is_empty());
            return sources.map_or(Variable::Unset, |_| Variable::Elsewhere("perhaps in what `envFrom` names".into()));
        };
        if let Some(source) = variable.get("valueFrom").and_then(Value::as_object) {
            let place = source.iter().next().map(|(kind, reference)| {
                let text = |key: &str| reference.get(key).and_then(Value::as_str).unwrap_or_default();
                match kind.as_str() {
                    "secretKeyRef" => format!("key {} of Secret {}", text("key"), text("name")),
                    "configMapKeyRef" => format!("key {} of ConfigMap {}", text("key"), text("name")),
                    _ => format!("given by {kind}"),
                }
            });
            return Variable::Elsewhere(place.unwrap_or_else(|| "given by nothing".into()));
        }
        match variable.get("value").and_then(Value::as_str).unwrap_or_default() {
            text if text.contains("$(") => Variable::Elsewhere("made of other variables".into()),
            text => Variable::Text(text),
        }
    }

    /// `true`, `1` and `yes` are true; unset and empty are as the default.
    fn flag(&self, name: &str) -> bool {
        !matches!(self.get(name), Variable::Text(text) if !["", "true", "1", "yes"].contains(&text))
    }

    /// Name and key of the Secret that a variable comes from.
    fn secret(&self, name: &str) -> Option<(&'c str, &'c str)> {
        let reference = self.find(name)?.pointer("/valueFrom/secretKeyRef")?;
        Some((reference.get("name")?.as_str()?, reference.get("key")?.as_str()?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(container: Value) -> OperatorSettings {
        let deployment = json!({"spec": {"template": {"spec": {"containers": [{"name": "proxy"}, container]}}}});
        OperatorSettings::of(&deployment, "ops").expect("it has the container")
    }

    #[test]
    fn what_stands_elsewhere_is_unknown_and_a_secret_stays_a_reference() {
        let secret = |name: &str, key: &str| json!({"secretKeyRef": {"name": name, "key": key}});
        let found = settings(json!({"name": "manager", "env": [
            {"name": "KEYCLOAK_REALM", "valueFrom": {"configMapKeyRef": {"name": "kc", "key": "realm"}}},
            {"name": "KEYCLOAK_EXTERNAL_URL", "value": "https://$(HOST)/auth"},
            {"name": "KEYCLOAK_ADMIN_SECRET_NAME", "value": ""},
            {"name": "KEYCLOAK_ADMIN_USERNAME", "valueFrom": secret("admin", "username")},
            {"name": "KEYCLOAK_ADMIN_PASSWORD", "valueFrom": secret("admin", "password")},
            {"name": "TLS_CLUSTER_ISSUER_NAME", "value": "old"},
            {"name": "TLS_CLUSTER_ISSUER_NAME", "value": "new"},
        ]}));
        let keycloak = found.environment.keycloak.expect("it is enabled");
        assert_eq!((keycloak.realm, keycloak.external_url), (None, None));
        assert_eq!(keycloak.admin_secret, Some(ObjectRef { namespace: "ops".into(), name: "admin".into() }));
        assert_eq!(found.from["keycloak.realm"], "KEYCLOAK_REALM is key realm of ConfigMap kc, which is not read");
        assert_eq!(found.environment.issuer.map(|issuer| issuer.cluster_issuer).as_deref(), Some("new"));
    }

    #[test]
    fn a_password_as_text_is_no_setting_of_ours() {
        let found = settings(json!({"name": "manager", "env": [
            {"name": "KEYCLOAK_ADMIN_SECRET_NAME", "value": ""},
            {"name": "KEYCLOAK_ADMIN_USERNAME", "value": "admin"},
            {"name": "KEYCLOAK_ADMIN_PASSWORD", "value": "value-of-the-administrator"},
        ]}));
        assert_eq!(found.environment.keycloak.as_ref().and_then(|keycloak| keycloak.admin_secret.as_ref()), None);
        assert!(!format!("{found:?}").contains("value-of-the-administrator"));
    }

    #[test]
    fn the_address_for_envoy_is_that_of_the_issuer_where_one_is_told() {
        let url = |env: Value| settings(json!({"name": "manager", "env": env})).environment.keycloak?.url;
        let own = json!({"name": "KEYCLOAK_URL", "value": "http://kc.sso.svc.cluster.local/auth/"});
        assert_eq!(url(json!([own])).as_deref(), Some("http://kc.sso.svc.cluster.local/auth"));
        let path = json!({"name": "KEYCLOAK_ISSUER_CONTEXT_PATH", "value": "/auth"});
        let default = "http://keycloak-keycloakx-http.keycloak.svc.cluster.local:8080";
        assert_eq!(url(json!([own, path])), Some(format!("{default}/auth")));
        assert_eq!(url(json!([])).as_deref(), Some(default));
        assert_eq!(url(json!([{"name": "KEYCLOAK_ENABLED", "value": "no"}])), None);
    }

    #[test]
    fn what_may_come_from_a_whole_config_map_is_unknown() {
        let found = settings(json!({"name": "manager", "envFrom": [{"configMapRef": {"name": "kc"}}]}));
        assert_eq!(found.environment.issuer, None);
        assert_eq!(found.environment.listeners, None);
    }
}
