//! PK0440: a live nebari-operator works with other settings than packctl.

use serde_json::Value;

use crate::check::{Facts, Rule};
use crate::derive::operator_settings;
use crate::diagnostic::Diagnostic;

pub(crate) struct OperatorSettings;

impl Rule for OperatorSettings {
    fn code(&self) -> &'static str {
        "PK0440"
    }

    fn docs(&self) -> &'static str {
        "nebari-operator is alive, and the variables of its Deployment say something else than the environment that packctl was \
         given.\n\
         \n\
         What is derived from apps is left to the operator, so it follows the operator's settings; on the day that packctl takes \
         over it would change to those of the environment: other certificates, another realm, another login.\n\
         \n\
         What to do: correct the environment, or the variable; `packctl config` shows where each value comes from."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let Some((settings, deployment)) = operator_settings(facts.world) else { return Vec::new() };
        let value = |environment| serde_json::to_value(environment).unwrap_or_default();
        let (ours, theirs) = (value(facts.environment), value(&settings.environment));
        let mut findings = Vec::new();
        for (key, from) in &settings.from {
            let pointer = format!("/{}", key.replace('.', "/"));
            let of = |all: &Value| all.pointer(&pointer).filter(|found| !found.is_null()).map(shown);
            let (Some(ours), Some(theirs)) = (of(&ours), of(&theirs)) else { continue };
            if ours != theirs {
                let message =
                    format!("the environment says `{key}: {ours}`, nebari-operator works with `{theirs}` ({from})");
                findings.push(
                    Diagnostic::warning(self.code(), message)
                        .object(&deployment)
                        .field(*key)
                        .help("correct the environment, or the variable of the Deployment"),
                );
            }
        }
        findings
    }
}

/// A URL may end in a slash; an object is told as `namespace/name`.
fn shown(value: &Value) -> String {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    match (value.as_str(), text("namespace"), text("name")) {
        (Some(text), _, _) => text.trim_end_matches('/').to_owned(),
        (None, Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        _ => value.to_string(),
    }
}
