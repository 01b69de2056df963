//! The CRDs that are compiled in: the platform's and our own.

use std::sync::OnceLock;

use super::{Schema, read_crd};

/// The schema of a kind that is compiled in.
pub(super) fn schema(group: &str, kind: &str) -> Option<&'static Schema> {
    let (_, _, crd) = CRDS.iter().find(|(known, name, _)| *known == group && *name == kind)?;
    crd.schema.get_or_init(|| read_crd(&serde_saphyr::from_str(crd.text).ok()?).map(|(_, schema)| schema)).as_ref()
}

/// One of them, parsed when it is first asked for: together they are a megabyte of YAML.
struct Embedded {
    text: &'static str,
    schema: OnceLock<Option<Schema>>,
}

macro_rules! embedded {
    ($([$group:literal] $($kind:literal = $file:literal,)*)*) => {
        [$($((
            $group,
            $kind,
            Embedded { text: include_str!(concat!("crds/", $group, "_", $file, ".yaml")), schema: OnceLock::new() },
        ),)*)*]
    };
}

/// The embedded CRDs by group and kind: the platform's and our own.
static CRDS: [(&str, &str, Embedded); 16] = embedded! {
    ["reconcilers.nebari.dev"]
        "NebariApp" = "nebariapps",
    ["gateway.networking.k8s.io"]
        "Gateway" = "gateways",
        "GatewayClass" = "gatewayclasses",
        "GRPCRoute" = "grpcroutes",
        "HTTPRoute" = "httproutes",
        "ReferenceGrant" = "referencegrants",
    ["gateway.envoyproxy.io"]
        "Backend" = "backends",
        "BackendTrafficPolicy" = "backendtrafficpolicies",
        "ClientTrafficPolicy" = "clienttrafficpolicies",
        "EnvoyProxy" = "envoyproxies",
        "HTTPRouteFilter" = "httproutefilters",
        "SecurityPolicy" = "securitypolicies",
    ["cert-manager.io"]
        "Certificate" = "certificates",
        "CertificateRequest" = "certificaterequests",
        "ClusterIssuer" = "clusterissuers",
        "Issuer" = "issuers",
};
