//! What cert-manager does about a Certificate: says that it is issuing, writes the Secret, says that it is ready.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::world::{Kind, Name, World, generation, list, text};

/// The next write for a Certificate.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Step {
    Status(Value),
    /// Make the Secret, or issue anew into the one that is there.
    Secret(Value),
}

pub(super) fn next(world: &World, certificate: &Value) -> Step {
    let name = Name::new(text(certificate, "/metadata/namespace"), text(certificate, "/spec/secretName"));
    let secret = world.get(Kind::Secret, &name);
    let issued = secret.is_some_and(|secret| {
        text(secret, "/metadata/annotations/cert-manager.io~1alt-names") == alt_names(certificate)
            && text(secret, "/metadata/annotations/cert-manager.io~1certificate-name")
                == text(certificate, "/metadata/name")
    });
    if issued {
        return Step::Status(ready(certificate));
    }
    let is_issuing = list(certificate, "/status/conditions").iter().any(|condition| {
        text(condition, "/type") == "Issuing"
            && text(condition, "/status") == "True"
            && condition["observedGeneration"] == generation(certificate)
    });
    if is_issuing { Step::Secret(issue(certificate, &name, secret)) } else { Step::Status(issuing(certificate)) }
}

fn alt_names(certificate: &Value) -> String {
    list(certificate, "/spec/dnsNames").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
}

fn condition(certificate: &Value, kind: &str, status: bool, reason: &str, message: &str) -> Value {
    json!({
        "type": kind,
        "status": if status { "True" } else { "False" },
        "reason": reason,
        "message": message,
        "observedGeneration": generation(certificate),
    })
}

fn issuing(certificate: &Value) -> Value {
    let message = "Issuing certificate as Secret does not exist";
    json!({"conditions": [
        condition(certificate, "Issuing", true, "DoesNotExist", message),
        condition(certificate, "Ready", false, "DoesNotExist", message),
    ]})
}

fn ready(certificate: &Value) -> Value {
    let message = "Certificate is up to date and has not expired";
    json!({
        "conditions": [condition(certificate, "Ready", true, "Ready", message)],
        "notBefore": "2026-01-01T00:00:00Z",
        "notAfter": "2126-01-01T00:00:00Z",
        "renewalTime": "2125-12-01T00:00:00Z",
        "revision": 1,
    })
}

/// Nobody speaks TLS with it, so any bytes do.
fn issue(certificate: &Value, name: &Name, secret: Option<&Value>) -> Value {
    let mut metadata = json!({
        "name": name.name,
        "namespace": name.namespace,
        "labels": {"controller.cert-manager.io/fao": "true"},
        "annotations": {
            "cert-manager.io/alt-names": alt_names(certificate),
            "cert-manager.io/certificate-name": certificate["metadata"]["name"],
            "cert-manager.io/issuer-kind": certificate["spec"]["issuerRef"]["kind"],
            "cert-manager.io/issuer-name": certificate["spec"]["issuerRef"]["name"],
        },
    });
    if let Some(secret) = secret {
        metadata["resourceVersion"] = secret["metadata"]["resourceVersion"].clone();
    }
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": metadata,
        "data": {
            "tls.crt": BASE64_STANDARD.encode(format!("a certificate for {}", alt_names(certificate))),
            "tls.key": BASE64_STANDARD.encode("a key of nobody"),
        },
    })
}
