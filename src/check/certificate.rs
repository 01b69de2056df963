//! What the certificate in a TLS Secret says. Certificates are public; the key beside them is never looked at.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;

use super::{Facts, host};
use crate::derive::Gateway;
use crate::resource::Address;

/// The first certificate of `tls.crt`: the one that a server shows as its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    /// The DNS names that it is for.
    pub(super) names: Vec<String>,
    /// From when it is valid.
    pub(super) not_before: Timestamp,
    /// Until when.
    pub(super) not_after: Timestamp,
}

impl Certificate {
    /// Reads a Secret of type `kubernetes.io/tls`; the error says what is wrong with it, after "it".
    pub(super) fn of_secret(secret: &Value) -> Result<Self, String> {
        match secret.get("type").and_then(Value::as_str) {
            Some("kubernetes.io/tls") => {}
            Some(other) => return Err(format!("is of type {other}, not kubernetes.io/tls")),
            None => return Err("has no type, it must be kubernetes.io/tls".into()),
        }
        let value = |key: &str| {
            let text = secret.get("data").and_then(|data| data.get(key)).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).ok_or(format!("lacks the key `{key}`"))
        };
        value("tls.key")?;
        let pem = STANDARD.decode(value("tls.crt")?).map_err(|_| "holds no base64 in `tls.crt`")?;
        Self::of_pem(&pem).ok_or_else(|| "holds no certificate in PEM form in `tls.crt`".into())
    }

    fn of_pem(text: &[u8]) -> Option<Self> {
        let pem = Pem::iter_from_buffer(text).next()?.ok().filter(|pem| pem.label == "CERTIFICATE")?;
        let certificate = pem.parse_x509().ok()?;
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.into_iter().flat_map(|found| &found.value.general_names);
        let names = names.filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        });
        let time = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
        Some(Self {
            names: names.collect(),
            not_before: time(certificate.validity().not_before)?,
            not_after: time(certificate.validity().not_after)?,
        })
    }

    /// Why browsers would not take it for `host`, after "it"; `None` when they would, as far as is known.
    pub(super) fn unfit(&self, wanted: &str, now: Option<Timestamp>) -> Option<String> {
        if !self.names.iter().any(|name| host::certifies(name, wanted)) {
            let names = if self.names.is_empty() { "no DNS name".into() } else { self.names.join(", ") };
            return Some(format!("is for {names}, not for {wanted}"));
        }
        let now = now?;
        if now > self.not_after {
            return Some(format!("expired at {}", self.not_after));
        }
        (now < self.not_before).then(|| format!("is not valid before {}", self.not_before))
    }
}

/// The Certificates by the Secret that they make.
pub(super) struct Makers<'f>(BTreeMap<(&'f str, &'f str), &'f Value>);

impl<'f> Makers<'f> {
    pub(super) fn of(facts: Facts<'f>) -> Self {
        let certificates = facts.will_be("cert-manager.io", "Certificate").filter_map(|(address, certificate)| {
            let secret = certificate.pointer("/spec/secretName")?.as_str()?;
            Some(((address.namespace.as_deref()?, secret), certificate))
        });
        Self(certificates.collect())
    }

    /// Whether a Certificate makes this Secret.
    pub(super) fn make(&self, secret: &Address) -> bool {
        self.0.contains_key(&(secret.namespace.as_deref().unwrap_or_default(), secret.name.as_str()))
    }

    /// The DNS names of the Certificate that makes a Secret.
    pub(super) fn names(&self, secret: &Address) -> Option<Vec<&'f str>> {
        let certificate = self.0.get(&(secret.namespace.as_deref()?, secret.name.as_str()))?;
        let names = certificate.pointer("/spec/dnsNames").and_then(Value::as_array);
        Some(names.into_iter().flatten().filter_map(Value::as_str).collect())
    }
}

/// The Secrets with a listener's certificates.
pub(crate) fn certificates_of(gateway: &Gateway, listener: &Value) -> Vec<Address> {
    let references = listener.pointer("/tls/certificateRefs").and_then(Value::as_array);
    references
        .into_iter()
        .flatten()
        .filter_map(|reference| {
            let text = |key: &str| reference.get(key).and_then(Value::as_str);
            let secret = text("kind").is_none_or(|kind| kind == "Secret");
            let name = text("name").filter(|_| secret)?;
            Some(Address::namespaced("", "Secret", text("namespace").unwrap_or(&gateway.namespace), name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Self-signed, for `*.example.com`, from 24 November 2026 to 31 October 2126.
    const WILDCARD: &str = "\
-----BEGIN CERTIFICATE-----
MIIBkDCCATWgAwIBAgIUIR+U2RPwE+0e/v/QPHTUdwaGOqgwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEd2lsZDAgFw0yNjExMjQxNDI4NThaGA8yMTI2MTAzMTE0Mjg1
OFowDzENMAsGA1UEAwwEd2lsZDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPlY
6WkOI4Kd+X9nAux4SvfLdCfwUIqDNlBKJwSNVTMaQR+V2I4qU1zOPjQrBy51cEyQ
4hJs5K8vILgiM2shSLujbTBrMB0GA1UdDgQWBBRMSUsKkXXA3B8gLXozWPxXnRx0
kTAfBgNVHSMEGDAWgBRMSUsKkXXA3B8gLXozWPxXnRx0kTAPBgNVHRMBAf8EBTAD
AQH/MBgGA1UdEQQRMA+CDSouZXhhbXBsZS5jb20wCgYIKoZIzj0EAwIDSQAwRgIh
ANtIDFXo5SZT5gmtjahWsiju1Hh7TQgMqyDpO7VZRvMeAiEArgQOhYOp9aYokAGc
4glsltn34RhKzZz0jD+ckGHvhaE=
-----END CERTIFICATE-----
";

    fn secret(kind: &str, certificate: &str) -> Value {
        json!({"type": kind, "data": {"tls.crt": STANDARD.encode(certificate), "tls.key": "packctl-secret:1"}})
    }

    #[test]
    fn a_certificate_does_for_its_names_in_its_time() {
        let certificate = Certificate::of_secret(&secret("kubernetes.io/tls", WILDCARD)).expect("a certificate");
        let at = |time: &str| Some(time.parse::<Timestamp>().expect("a time"));
        for (host, time, says) in [
            ("a.example.com", at("2030-01-01T00:00:00Z"), None),
            ("a.example.com", None, None),
            ("a.b.example.com", None, Some("is for *.example.com, not for a.b.example.com")),
            ("a.example.com", at("2126-10-31T14:28:59Z"), Some("expired at 2126-10-31T14:28:58Z")),
            ("a.example.com", at("2026-11-24T00:00:00Z"), Some("is not valid before 2026-11-24T14:28:58Z")),
        ] {
            assert_eq!(certificate.unfit(host, time).as_deref(), says, "{host} {time:?}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_said() {
        let no_key = json!({"type": "kubernetes.io/tls", "data": {"tls.crt": STANDARD.encode(WILDCARD)}});
        for (secret, says) in [
            (secret("Opaque", WILDCARD), "type Opaque"),
            (secret("kubernetes.io/tls", ""), "lacks the key `tls.crt`"),
            (secret("kubernetes.io/tls", "text"), "no certificate in PEM form"),
            (secret("kubernetes.io/tls", &WILDCARD.replace("MIIB", "XXXX")), "no certificate in PEM form"),
            (json!({"type": "kubernetes.io/tls", "data": {"tls.crt": "!", "tls.key": "x"}}), "no base64"),
            (no_key, "lacks the key `tls.key`"),
            (json!({}), "no type"),
        ] {
            let error = Certificate::of_secret(&secret).expect_err(says);
            assert!(error.contains(says), "{error}");
        }
    }
}
