//! The steps of an app's routes: closed, guarded, opened.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Builder, title};
use crate::derive::{App, Attachment, CertificateSource, Ground, HTTP, HTTPS, Names, RoutePath};
use crate::diff::{Class, FieldChange};
use crate::observed::{Live, World};
use crate::plan::types::{Act, Change, Precondition, Probe, Until};
use crate::resource::{Address, AppId, Cause, FieldPath, Hand, Resource};

impl<'b> Builder<'b> {
    /// Closes a route that is open without a login that the app asks for, or that moves to another host or listener.
    ///
    /// It comes before the policy: a policy's status tells nothing about a route that is attached elsewhere, and a change that
    /// stops halfway leaves the app closed. Nothing where there is no such route; else the id of the step.
    pub(super) fn close_before_its_policy(&mut self, app: &'b AppId) -> Option<usize> {
        let (ground, derived) = self.desired.grounds.get(app).zip(self.desired.apps.get(app))?;
        let names = Names::of(app);
        let address = names.route();
        let resource = self.desired.wanted.get(&address)?;
        let live = self.world.get(&address).live().filter(|route| weight(route.value()) > 0);
        let moves = live.is_some() && derived.login() && self.acting.get(&address).is_some_and(|change| moves(change));
        if !moves && !opens_without_login(derived, self.world, self.acting.get(&names.policy()).copied()) {
            return None;
        }
        let (only_if, force) = self.conditions.get(&address).cloned()?;
        let (waits, after) = if moves {
            let [_, _, anchor] = ground.gateway.anchor();
            let needs = [names.lock(&ground.gateway), names.listener(&ground.gateway), anchor];
            let wanted = needs.iter().filter(|need| self.desired.wanted.contains_key(*need));
            let steps = wanted.filter_map(|need| self.last.get(need));
            let after = steps.map(|step| (*step, "nothing is attached before lock and anchor are there")).collect();
            (self.attach_waits(app, ground), after)
        } else {
            (Vec::new(), BTreeMap::new())
        };
        let act = Act::Apply { resource: Arc::new(closed(resource)), force };
        Some(self.push(&address, "close", act, waits, after, only_if))
    }

    pub(super) fn write_route(
        &mut self,
        app: &'b AppId,
        change: &'b Change,
        resource: &Arc<Resource>,
        mut after: BTreeMap<usize, &'static str>,
        only_if: Precondition,
        force: bool,
    ) {
        const OPENED: &str = "the route is opened when its policy is in force";
        let address = &change.address;
        let Some((ground, derived)) = self.desired.grounds.get(app).zip(self.desired.apps.get(app)) else { return };
        let names = Names::of(app);
        let live_weight = change.before.as_deref().map(weight);
        let attached = live_weight.is_some_and(|weight| weight > 0) && !moves(change);
        let attach = if attached { Vec::new() } else { self.attach_waits(app, ground) };
        let served = served(app, ground, names.policy(), address.clone());
        let apply = |resource: Arc<Resource>, force| Act::Apply { resource, force };
        let last = if !derived.login() {
            self.push(address, title(change.action), apply(Arc::clone(resource), force), attach, after, only_if)
        } else if let Some(before) = self.last.get(address).copied() {
            after.insert(before, OPENED);
            after.extend(self.other_listener(ground, derived));
            let opening = [self.attach_waits(app, ground), served.clone(), login_answers(derived, ground)].concat();
            self.push(address, "open", apply(Arc::clone(resource), false), opening, after, Precondition::After(before))
        } else if attached {
            // What stands behind it may change: the policy of this plan is in force before that is reached.
            let policy = vec![Until::PolicyAccepted(names.policy())];
            self.push(address, title(change.action), apply(Arc::clone(resource), force), policy, after, only_if)
        } else if live_weight == Some(0) && !moves(change) {
            after.extend(self.other_listener(ground, derived));
            let opening = [attach, served.clone(), login_answers(derived, ground)].concat();
            self.push(address, "open", apply(Arc::clone(resource), force), opening, after, only_if)
        } else {
            // Closed first: a policy has no status before its route exists, so nothing could be awaited.
            let opening = [attach.clone(), served.clone(), login_answers(derived, ground)].concat();
            let before = self.push(address, "close", apply(Arc::new(closed(resource)), force), attach, after, only_if);
            let mut after = BTreeMap::from([(before, OPENED)]);
            after.extend(self.other_listener(ground, derived));
            self.push(address, "open", apply(Arc::clone(resource), false), opening, after, Precondition::After(before))
        };
        self.check(address, last, served, ground, derived);
    }

    /// The route of the paths without login is open from the start: there is nothing to close.
    pub(super) fn write_public_route(
        &mut self,
        app: &'b AppId,
        change: &'b Change,
        resource: &Arc<Resource>,
        after: BTreeMap<usize, &'static str>,
        only_if: Precondition,
        force: bool,
    ) {
        let address = &change.address;
        let Some((ground, derived)) = self.desired.grounds.get(app).zip(self.desired.apps.get(app)) else { return };
        let attached = change.before.is_some() && !moves(change);
        let attach = if attached { Vec::new() } else { self.attach_waits(app, ground) };
        let act = Act::Apply { resource: Arc::clone(resource), force };
        let last = self.push(address, title(change.action), act, attach, after, only_if);
        let served = served(app, ground, Names::of(app).public_policy(), address.clone());
        self.check(address, last, served, ground, derived);
    }

    /// The step that takes the listener away to which the requests for the app's host went so far.
    fn other_listener(&self, ground: &Ground, app: &App) -> Option<(usize, &'static str)> {
        let step = self.released.get(&(ground.gateway.address(), app.hostname().to_owned()))?;
        Some((*step, "the listener of this hostname takes its requests until it goes"))
    }

    fn check(&mut self, address: &Address, last: usize, served: Vec<Until>, ground: &Ground, app: &App) {
        let mut after = BTreeMap::from([(last, "what was written is checked")]);
        after.extend(self.other_listener(ground, app));
        self.push(address, "check", Act::Nothing, served, after, Precondition::Nothing);
    }

    /// What must hold before a route is attached to a listener.
    fn attach_waits(&self, app: &AppId, ground: &Ground) -> Vec<Until> {
        let names = Names::of(app);
        let gateway = &ground.gateway;
        let [_, anchor_policy, anchor_route] = gateway.anchor();
        let anchored = [Until::PolicyAccepted(anchor_policy), Until::RouteAccepted(anchor_route.clone())];
        let own = matches!(ground.attachment, Some(Attachment::Own { .. }));
        let lock = own.then(|| Until::PolicyAccepted(names.lock(gateway)));
        let carried_traffic = self.world.get(&gateway.address()).live().is_some_and(|live| {
            let there = crate::derive::listener(live.value(), &names.listener_name()).is_some();
            there && !self.anchored_from_the_start(app, live, &anchor_route)
        });
        // Connections from before the anchor live on without the authorization filter until they are drained. A listener that
        // is shared has carried traffic for sure.
        let drained = (carried_traffic || !own).then_some(Until::Drained(anchor_route));
        lock.into_iter().chain(anchored).chain(drained).collect()
    }

    /// Whether the anchor was there when the app's listener was last written: then the listener never carried traffic without it.
    fn anchored_from_the_start(&self, app: &AppId, gateway: &Live, anchor: &Address) -> bool {
        let hand = Hand::entry(&app.to_string(), "listener");
        let managed = gateway.managed().iter().find(|entry| entry.manager == hand.manager());
        let listener = managed.and_then(|entry| entry.time.as_deref());
        let anchor = self.world.get(anchor).live().and_then(|live| live.text("/metadata/creationTimestamp"));
        // RFC 3339 in UTC sorts as text.
        listener.zip(anchor).is_some_and(|(listener, anchor)| anchor <= listener)
    }
}

/// What must hold for a route to be served as its policy says.
fn served(app: &AppId, ground: &Ground, policy: Address, route: Address) -> Vec<Until> {
    let mut served = vec![Until::PolicyAccepted(policy), Until::RouteAccepted(route)];
    served.extend(listener(app, ground).map(Until::ListenerProgrammed));
    if let Some(Attachment::Own { certificate: CertificateSource::ClusterIssuer(_), .. }) = &ground.attachment {
        served.push(Until::CertificateReady(Names::of(app).certificate(&ground.gateway)));
    }
    served
}

/// The listener that an app's routes attach to.
fn listener(app: &AppId, ground: &Ground) -> Option<Address> {
    let gateway = &ground.gateway;
    Some(match ground.attachment.as_ref()? {
        Attachment::Own { .. } => Names::of(app).listener(gateway),
        Attachment::Shared => gateway.address().with_entry("listeners", HTTPS),
        Attachment::Plain => gateway.address().with_entry("listeners", HTTP),
    })
}

/// The closed route is asked from outside at a path that is not public.
fn login_answers(app: &App, ground: &Ground) -> Vec<Until> {
    let public = app.public_paths();
    let is_public = |path: &RoutePath| public.iter().any(|public| public.prefix == path.prefix);
    let path = app.paths().into_iter().find(|path| !is_public(path));
    let probe = listener(&app.id, ground).zip(path).map(|(listener, path)| {
        Until::Answers(Probe { listener, scheme: app.scheme(), host: app.hostname().into(), path: path.prefix })
    });
    probe.into_iter().collect()
}

/// Whether a route changes its host or the listener that it is attached to.
fn moves(change: &Change) -> bool {
    let elsewhere = |field: &FieldChange| {
        ["spec.parentRefs", "spec.hostnames"].iter().any(|path| field.path.starts_with(&FieldPath::of(path)))
    };
    change.fields.iter().any(elsewhere)
}

/// Whether a policy asks for login and denies who has none.
///
/// That of nebari-operator asks for it and says no more. It is adopted in place: the login is in force before and after, and
/// to close every app on the day that packctl takes over would be an outage for nothing. Of ours all that decides who gets in
/// must be packctl's word: a rule that another hand added may allow anybody, a target that it moved protects nothing. What is
/// ours and differs because the input moved is the login of before, which is in force.
fn is_guarded(live: &Live, route: &Address, change: Option<&Change>) -> bool {
    let policy = live.value();
    if !is_on(policy, route) || policy.pointer("/spec/oidc").is_none() {
        return false;
    }
    if live.applied_by(Hand::MANAGER).is_none() {
        // Without `jwt` nobody looks at the token of a request that the login filter lets pass.
        return policy.pointer("/spec/oidc/passThroughAuthHeader") != Some(&Value::Bool(true));
    }
    let denies = policy.pointer("/spec/authorization/defaultAction").and_then(Value::as_str) == Some("Deny");
    let edited = |field: &FieldChange| {
        matches!(field.class, Class::Drift(_))
            && WHO_GETS_IN.iter().any(|path| field.path.starts_with(&FieldPath::of(path)))
    };
    denies && policy.pointer("/spec/jwt").is_some() && !change.is_some_and(|change| change.fields.iter().any(edited))
}

/// What of a policy decides who gets in, beside that it asks for login at all.
const WHO_GETS_IN: [&str; 3] = ["spec.targetRefs", "spec.jwt", "spec.authorization"];

/// Whether a policy is on a whole route: a section would be one rule of it, and packctl names none.
fn is_on(policy: &Value, route: &Address) -> bool {
    let targets = policy.pointer("/spec/targetRefs").and_then(Value::as_array).into_iter().flatten();
    let text = |target: &Value, key: &str| target.get(key).and_then(Value::as_str).map(str::to_owned);
    targets.chain(policy.pointer("/spec/targetRef")).any(|target| {
        text(target, "kind").as_deref() == Some("HTTPRoute")
            && text(target, "name").as_deref() == Some(&route.name)
            && text(target, "sectionName").is_none()
    })
}

/// The largest weight of a route's backends; 1 where none is written.
pub(in crate::plan) fn weight(route: &Value) -> u64 {
    let rules = route.pointer("/spec/rules").and_then(Value::as_array);
    let backends = rules.into_iter().flatten().filter_map(|rule| rule.get("backendRefs")?.as_array()).flatten();
    backends.map(|backend| backend.get("weight").and_then(Value::as_u64).unwrap_or(1)).max().unwrap_or(0)
}

/// The route with every weight at 0: it answers 500, or the login where a policy is in force.
fn closed(route: &Resource) -> Resource {
    let mut closed = route.clone();
    let rules = closed.body.value.pointer_mut("/spec/rules").and_then(Value::as_array_mut);
    for backend in rules.into_iter().flatten().filter_map(|rule| rule.get_mut("backendRefs")?.as_array_mut()).flatten()
    {
        backend["weight"] = json!(0);
    }
    closed.causes.insert(FieldPath::of("spec.rules"), Cause::Rule("closed until its policy is in force"));
    closed
}

/// Whether an app's live route is open to people without the login that the app asks for. `change` is the policy's.
pub(in crate::plan) fn opens_without_login(app: &App, world: &World, change: Option<&Change>) -> bool {
    let names = Names::of(&app.id);
    let (route, policy) = (world.get(&names.route()).live(), world.get(&names.policy()).live());
    app.login()
        && route.is_some_and(|route| weight(route.value()) > 0)
        && !policy.is_some_and(|policy| is_guarded(policy, &names.route(), change))
}
