//! The rules, one file each.

use std::fmt::Display;

use crate::derive::App;
use crate::diagnostic::Diagnostic;

pub(super) mod annotations;
pub(super) mod clear_text_login;
pub(super) mod client_secret;
pub(super) mod consent;
pub(super) mod deny_redirect;
pub(super) mod foreign_object;
pub(super) mod foreign_policy;
pub(super) mod forwarded_token;
pub(super) mod gateway_class;
pub(super) mod hostname;
pub(super) mod identity;
pub(super) mod inside_issuer;
pub(super) mod issuer;
pub(super) mod landing_page;
pub(super) mod last_listener;
pub(super) mod listener;
pub(super) mod listener_limit;
pub(super) mod long_names;
pub(super) mod no_route;
pub(super) mod old_crd;
pub(super) mod operator_settings;
pub(super) mod opted_in;
pub(super) mod paths;
pub(super) mod public_routes;
pub(super) mod redirect;
pub(super) mod rejected_policy;
pub(super) mod same_certificate;
pub(super) mod same_tile;
pub(super) mod schema;
pub(super) mod scopes;
pub(super) mod secret_reference;
pub(super) mod service;
pub(super) mod service_account;
pub(super) mod tls_secret;
pub(super) mod unsupported;
pub(super) mod url;

/// An error about a field of an app (JSON pointer); it stops the app.
fn error(code: &str, app: &App, pointer: &str, message: impl Display) -> Diagnostic {
    at(Diagnostic::error(code, format!("app/{}: {message}", app.id)), app, pointer)
}

/// A warning about a field of an app (JSON pointer).
fn warning(code: &str, app: &App, pointer: &str, message: impl Display) -> Diagnostic {
    at(Diagnostic::warning(code, format!("app/{}: {message}", app.id)), app, pointer)
}

fn at(finding: Diagnostic, app: &App, pointer: &str) -> Diagnostic {
    finding.app(&app.id).field(dotted(pointer)).place(app.place_of(pointer))
}

/// A JSON pointer as people write the path: `/spec/routing/routes/0` is `spec.routing.routes[0]`.
pub(super) fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        if part.chars().all(|c| c.is_ascii_digit()) && !part.is_empty() {
            path.push_str(&format!("[{part}]"));
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&part.replace("~1", "/").replace("~0", "~"));
        }
    }
    path
}
