//! Certificates: the Secret is written and the Certificate is ready.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::conditions::Conditions;
use super::{CERT_MANAGER, Deed, Name, Objects, generation, list, text};
use crate::resource::Address;

pub(super) fn deeds(objects: &Objects<'_>, now: &str) -> Vec<Deed> {
    let mut deeds = Vec::new();
    for (of, certificate) in objects.of_kind(CERT_MANAGER, "Certificate") {
        let name = Name::new(of.namespace.as_deref().unwrap_or_default(), text(certificate, "/spec/secretName"));
        // A Secret that is there is a certificate that somebody has already.
        if !name.name.is_empty() && objects.get("", "Secret", &name).is_none() {
            let at = Address::namespaced("", "Secret", &name.namespace, &name.name);
            deeds.push(Deed::Secret { at, object: secret(certificate, &name) });
        }
        let status = ready(certificate, now);
        if certificate.get("status") != Some(&status) {
            deeds.push(Deed::Status { of: of.clone(), status, manager: "cert-manager-certificates-readiness" });
        }
    }
    deeds
}

fn ready(certificate: &Value, now: &str) -> Value {
    let before = certificate.get("status");
    let mut conditions = Conditions::default();
    conditions.set("Ready", true, "Ready", "Certificate is up to date and has not expired");
    json!({"conditions": conditions.written(before, generation(certificate), now), "revision": 1})
}

/// Nobody speaks TLS with it, so any bytes do. The key is left to who keeps secrets.
fn secret(certificate: &Value, name: &Name) -> Value {
    let hosts: Vec<&str> = list(certificate, "/spec/dnsNames").iter().filter_map(Value::as_str).collect();
    let hosts = hosts.join(",");
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {
            "name": name.name,
            "namespace": name.namespace,
            "labels": {"controller.cert-manager.io/fao": "true"},
            "annotations": {
                "cert-manager.io/alt-names": hosts,
                "cert-manager.io/certificate-name": text(certificate, "/metadata/name"),
                "cert-manager.io/issuer-group": text(certificate, "/spec/issuerRef/group"),
                "cert-manager.io/issuer-kind": text(certificate, "/spec/issuerRef/kind"),
                "cert-manager.io/issuer-name": text(certificate, "/spec/issuerRef/name"),
            },
        },
        "data": {"tls.crt": STANDARD.encode(format!("a certificate for {hosts}"))},
    })
}
