//! The keycloak provider.
