//! PK0418: the login could not come back.

use super::error;
use crate::check::{Facts, Rule, path};
use crate::derive::App;
use crate::diagnostic::Diagnostic;

pub(crate) struct Redirect;

/// Where the gateway logs people out.
const LOGOUT: &str = "/logout";

impl Rule for Redirect {
    fn code(&self) -> &'static str {
        "PK0418"
    }

    fn docs(&self) -> &'static str {
        "`spec.auth.redirectURI` is no path of the app's host, or the gateway would not see the answer of the login there.\n\
         \n\
         It is the path behind `https://HOSTNAME`: it begins with one `/` and has no scheme, host, query, fragment, `..` or \
         blank. A `*` is possible at its end where the app itself asks for the login. Where the gateway does: no `*`, neither \
         `/` nor the logout path `/logout`, and one of `spec.routing.routes` must take it, closer than any of `publicRoutes`; \
         the gateway looks for the answer on the route with the login alone.\n\
         \n\
         What to do: set another `redirectURI`, or add its path to `spec.routing.routes` (`pathType: Exact`)."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let with_login = facts.desired.apps.values().filter(|app| app.auth());
        with_login
            .filter_map(|app| {
                let (problem, help) = shape(app).or_else(|| reach(app))?;
                let uri = app.redirect_path();
                Some(
                    error(
                        self.code(),
                        app,
                        "/spec/auth/redirectURI",
                        format!("the login cannot come back to `{uri}`: {problem}"),
                    )
                    .help(help),
                )
            })
            .collect()
    }
}

/// What is wrong with the path itself, and what to do.
fn shape(app: &App) -> Option<(String, String)> {
    let uri = app.redirect_path();
    let help = "write the path behind the hostname, such as `/oauth2/callback`";
    let stem = uri.strip_suffix('*').unwrap_or(uri);
    let problem = if !uri.starts_with('/') {
        "it does not begin with `/`"
    } else if uri.starts_with("//") || uri.contains('\\') || uri.contains("://") {
        "it leads to another host"
    } else if uri.contains(['?', '#']) {
        "it has a query or a fragment"
    } else if uri.chars().any(|c| c.is_whitespace() || c.is_control()) {
        "it has a blank or a control character"
    } else if uri.split('/').any(|segment| segment == "." || segment == "..") {
        "it has `.` or `..` between slashes"
    } else if stem.contains('*') || uri.contains('*') && app.login() {
        "it has a `*`, and anybody's page below it would do"
    } else {
        return None;
    };
    Some((problem.into(), help.into()))
}

/// Why the gateway would not see the answer.
fn reach(app: &App) -> Option<(String, String)> {
    if !app.login() {
        return None;
    }
    let uri = app.redirect_path();
    let help = "set another path, such as `/oauth2/callback`";
    if uri == "/" || uri == LOGOUT {
        let what = if uri == "/" { "every visit begins there" } else { "the gateway logs people out there" };
        return Some((what.into(), help.into()));
    }
    let own = path::closeness(&app.paths(), uri);
    let public = path::closeness(&app.public_paths(), uri);
    if own.is_none() {
        let add = format!(
            "add `{{pathPrefix: {uri}, pathType: Exact}}` to `spec.routing.routes`, or set `redirectURI` below one of them"
        );
        return Some(("none of `spec.routing.routes` takes it".into(), add));
    }
    (public >= own).then(|| {
        let help =
            "make the public path narrower, or add the path of `redirectURI` to `spec.routing.routes` as `Exact`";
        ("`spec.routing.publicRoutes` takes it, where there is no login".into(), help.into())
    })
}
