//! What opens and closes for people outside: the addresses that are served now against those that will be.

use std::collections::BTreeMap;

use serde_json::Value;

use super::steps::{opens_without_login, weight};
use super::types::{Action, Actor, Opening, Plan};
use crate::derive::{DeleteRule, Desired, Names};
use crate::diagnostic::Place;
use crate::observed::World;
use crate::resource::{Address, AppId};

/// Who reaches an address.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Audience {
    Anyone,
    /// Who can log in there: the issuer.
    Login(String),
}

impl Audience {
    fn words(&self) -> String {
        match self {
            Self::Anyone => "anyone".into(),
            Self::Login(issuer) => format!("anyone who can log in {}", at(issuer)),
        }
    }
}

fn at(issuer: &str) -> String {
    match issuer.rsplit_once("/realms/") {
        Some((_, realm)) => format!("to realm {realm}"),
        None => format!("at {issuer}"),
    }
}

/// The openings of all apps that the plan changes.
pub(super) fn openings(desired: &Desired, world: &World, plan: &Plan) -> Vec<Opening> {
    let mut openings = Vec::new();
    let routes = plan.changes.values().filter(|change| change.action != Action::None);
    let mut apps: Vec<&AppId> = routes.filter_map(|change| change.app.as_ref()).collect();
    apps.sort();
    apps.dedup();
    for app in apps {
        let names = Names::of(app);
        let pairs = [(names.route(), names.policy()), (names.public_route(), names.public_policy())];
        for (number, (route, policy)) in pairs.iter().enumerate() {
            let live = |address: &Address| world.get(address).live().map(|live| live.value());
            let mut before = surface(live(route), live(policy));
            let derived = desired.apps.get(app);
            if number == 0 && derived.is_some_and(|app| opens_without_login(app, world, plan.changes.get(policy))) {
                // A login that somebody made a hole in keeps nobody out.
                before.values_mut().for_each(|audience| *audience = Audience::Anyone);
            }
            let after = surface(after(route, world, plan), after(policy, world, plan));
            let asks_itself = derived.is_some_and(|derived| derived.auth() && !derived.login());
            let place = || place(desired, app, number);
            for (url, audience) in &after {
                let suffix = if number == 0 && asks_itself { "; the app itself asks for the login" } else { "" };
                let (verb, words) = match (before.get(url), audience) {
                    (Some(same), now) if same == now => continue,
                    (None, now) => ("opens", now.words()),
                    (Some(Audience::Anyone), Audience::Login(issuer)) => {
                        ("closes", format!("everyone who cannot log in {}", at(issuer)))
                    }
                    (Some(was), now) => ("opens", format!("{}, so far {}", now.words(), was.words())),
                };
                let audience = format!("{words}{suffix}");
                openings.push(Opening { app: app.clone(), verb, url: url.clone(), audience, place: place() });
            }
            for url in before.keys().filter(|url| !after.contains_key(*url)) {
                let place = desired.apps.contains_key(app).then(place).flatten();
                let audience = "everyone".into();
                openings.push(Opening { app: app.clone(), verb: "closes", url: url.clone(), audience, place });
            }
        }
    }
    openings.sort();
    openings
}

/// What an app serves now: each address, and who reaches it.
pub(super) fn served(app: &AppId, world: &World) -> BTreeMap<String, String> {
    let names = Names::of(app);
    let live = |address: &Address| world.get(address).live().map(|live| live.value());
    let pairs = [(names.public_route(), names.public_policy()), (names.route(), names.policy())];
    let surfaces = pairs.iter().flat_map(|(route, policy)| surface(live(route), live(policy)));
    surfaces.map(|(url, audience)| (url, audience.words())).collect()
}

fn place(desired: &Desired, app: &AppId, number: usize) -> Option<Place> {
    let field = if number == 0 { "/spec/hostname" } else { "/spec/routing/publicRoutes" };
    desired.apps.get(app)?.place_of(field)
}

/// An object as the plan leaves it.
fn after<'p>(address: &Address, world: &'p World, plan: &'p Plan) -> Option<&'p Value> {
    let live = || world.get(address).live().map(|live| live.value());
    match plan.changes.get(address) {
        // What the operator leaves behind stays open.
        Some(change) if change.rule == Some(DeleteRule::NotWanted) && change.actor != Actor::Packctl => live(),
        Some(change) if change.action == Action::Delete => None,
        Some(change) => change.resource.as_ref().map(|resource| &resource.body.value).or_else(live),
        None => live(),
    }
}

/// The addresses that a route serves, and to whom.
fn surface(route: Option<&Value>, policy: Option<&Value>) -> BTreeMap<String, Audience> {
    let Some(route) = route.filter(|route| weight(route) > 0) else { return BTreeMap::new() };
    let texts = |value: &Value, pointer: &str, key: &str| -> Vec<String> {
        let items = value.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| item.pointer(key)?.as_str().map(str::to_owned)).collect()
    };
    let audience = match policy.and_then(|policy| policy.pointer("/spec/oidc/provider/issuer")?.as_str()) {
        Some(issuer) => Audience::Login(issuer.to_owned()),
        None => Audience::Anyone,
    };
    let plain = texts(route, "/spec/parentRefs", "/sectionName").contains(&crate::derive::HTTP.to_owned());
    let scheme = if plain { "http" } else { "https" };
    let mut paths = texts(route, "/spec/rules/0/matches", "/path/value");
    if paths.is_empty() {
        paths.push("/".into());
    }
    let mut served = BTreeMap::new();
    for host in texts(route, "/spec/hostnames", "") {
        for path in &paths {
            let path = if path == "/" { "" } else { path };
            served.insert(format!("{scheme}://{host}{path}"), audience.clone());
        }
    }
    served
}
