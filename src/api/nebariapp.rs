//! NebariApp: one web application on a Nebari platform (`reconcilers.nebari.dev/v1`).
//!
//! The CRD is the one place that says what it may be; what is judged, explained and written about it comes from there.

/// API group.
pub const GROUP: &str = "reconcilers.nebari.dev";
/// Kind.
pub const KIND: &str = "NebariApp";

/// The CRD as packctl installs it.
pub fn crd_yaml() -> &'static str {
    include_str!("../schema/crds/reconcilers.nebari.dev_nebariapps.yaml")
}

/// Where packctl does something else with a field than nebari-operator v0.1.0, and why.
pub fn difference(field: &str) -> Option<&'static str> {
    DIFFERENCES.iter().find(|(known, _)| *known == field).map(|(_, text)| *text)
}

/// The fields that [`difference`] knows, with its texts.
pub const DIFFERENCES: &[(&str, &str)] = &[
    (
        "spec.hostname",
        "nebari-operator gives a hostname to whoever has the older listener; packctl refuses the app that comes second, and both \
         of two new ones, because a host belongs to who serves it now.",
    ),
    (
        "spec.service.namespace",
        "nebari-operator writes a route that cannot work. packctl makes the ReferenceGrant that it needs, for this one Service, \
         where the Namespace of the Service carries the label `routes-from.packctl.nebari.dev/NAMESPACE: \"true\"`.",
    ),
    (
        "spec.routing.publicRoutes",
        "nebari-operator leaves the public route open after the list was emptied or the login switched off; packctl deletes it.",
    ),
    (
        "spec.routing.tls.secretName",
        "nebari-operator takes any Secret of the gateway's namespace; packctl asks that its certificate covers the hostname.",
    ),
    (
        "spec.routing.annotations",
        "nebari-operator copies them all; packctl takes those that the environment allows (`allow.routeAnnotations`), since an \
         annotation can change what the gateway does.",
    ),
    (
        "spec.auth.enabled",
        "nebari-operator deletes the policy when the login is switched off and makes it anew when it is switched on; packctl \
         keeps one policy for every route, so nothing is open in between.",
    ),
    (
        "spec.auth.provider",
        "With `generic-oidc` nebari-operator leaves the route open; packctl protects it, with an issuer that the environment \
         names.",
    ),
    (
        "spec.auth.groups",
        "nebari-operator makes the groups and shows them on the landing page, but lets everybody in who can log in; packctl \
         refuses an app with groups until it can let members only in (`PK0402`).",
    ),
    ("spec.auth.clientSecretRef", "nebari-operator ignores it; packctl uses it."),
    ("spec.auth.redirectURI", "nebari-operator appends any text to the hostname; packctl refuses what is no path."),
    (
        "spec.auth.scopes",
        "nebari-operator takes any scope; packctl takes openid, profile, email, groups and those that the environment allows \
         (`allow.scopes`), and, where it makes the client, for now only the first three (`PK0402`).",
    ),
    ("spec.auth.issuerURL", "nebari-operator asks any URL; packctl takes the issuers that stand in the environment."),
    (
        "spec.auth.spaClient.clientId",
        "nebari-operator takes over, and later deletes, whatever client has this id; packctl refuses an app with \
         such a client for now (`PK0402`).",
    ),
    (
        "spec.auth.keycloakConfig.groups[].members",
        "nebari-operator adds anybody to any group; packctl refuses an app with such groups for now (`PK0402`).",
    ),
    (
        "spec.auth.keycloakConfig.protocolMappers",
        "nebari-operator makes any mapper, also one that gives the app's users an administrator's role; packctl refuses \
         an app with mappers for now (`PK0402`).",
    ),
    (
        "spec.auth.tokenExchange.enabled",
        "nebari-operator lets every such app exchange tokens with every other; packctl refuses an app with it for now (`PK0402`).",
    ),
    (
        "spec.gateway",
        "nebari-operator leaves the old listener when an app moves to another gateway; packctl removes it.",
    ),
    ("spec.landingPage.externalUrl", "nebari-operator takes any text; packctl asks for an http or https URL."),
];
