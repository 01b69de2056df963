//! One write: what the servers make of it, what the controllers make of that, and then the files.

use std::collections::BTreeMap;

use serde_json::Value;

use super::clients::{self, Making};
use super::identity::identified;
use super::played::{self, Deed, Objects};
use super::server::{Apply, Server, Stored};
use super::store::whole;
use super::{Contents, Snapshot, State};
use crate::observed::Live;
use crate::provider::{Verb, Write, WriteError, Written};
use crate::resource::Address;

/// Objects as they will be; `None`: gone.
pub(super) type Changes = BTreeMap<Address, Option<Value>>;

impl Snapshot {
    pub(super) fn perform(&self, write: &Write) -> Result<Written, WriteError> {
        let address = write.address.object();
        let state = &mut *self.state();
        let before = state.contents.objects.get(&address).map(whole);
        if before.is_none() {
            state.contents.may_be_made(&address, &self.shown)?;
        }
        let turn = Turn { snapshot: self, now: (self.clock)() };
        let after = if address.is_keycloak() {
            turn.client(state, &address, before.as_ref(), &write.verb)?
        } else {
            turn.object(state, &address, before.as_ref(), write)?
        };
        let last = after.as_ref().map(|stored| stored.object().clone());
        let after = match after {
            Some(Stored::Object(object)) => Some(object),
            Some(Stored::Gone(_)) | None => None,
        };
        let created = before.is_none() && after.is_some();
        if before != after {
            let mut changes = Changes::from([(address.clone(), after)]);
            if played::watches(&address) {
                turn.play(state, &mut changes)?;
            }
            state.commit(self, Some(&address), changes)?;
        }
        let live = match &write.verb {
            Verb::Delete { .. } => None,
            Verb::Apply { .. } | Verb::Create { .. } | Verb::HandOver { .. } | Verb::Finalizers { .. } => {
                let now = state.contents.objects.get(&address).cloned();
                now.or_else(|| last.map(|last| Live::from_value(address.clone(), last)))
            }
        };
        Ok(Written { created, live })
    }

    /// Lets the controllers catch up with the world as it was recorded or written by hand.
    ///
    /// # Errors
    /// What cannot be written, with the file.
    pub fn play(&self) -> Result<(), WriteError> {
        let state = &mut *self.state();
        let mut changes = Changes::new();
        Turn { snapshot: self, now: (self.clock)() }.play(state, &mut changes)?;
        state.commit(self, None, changes)
    }
}

impl Contents {
    /// Whether an object that is not there may be made.
    fn may_be_made(&self, address: &Address, shown: &str) -> Result<(), WriteError> {
        if let Some(reason) = self.single(address) {
            return Err(WriteError::Forbidden(format!("{shown} does not hold {}: {reason}", address.short())));
        }
        let Some(namespace) = &address.namespace else { return Ok(()) };
        let home = Address::cluster_scoped("", "Namespace", namespace);
        if !self.objects.contains_key(&home) && self.single(&home).is_none() {
            return Err(WriteError::NotFound(format!("namespaces {namespace:?} not found")));
        }
        Ok(())
    }
}

impl State {
    /// Puts changes into the files, and then into the world.
    fn commit(&mut self, snapshot: &Snapshot, first: Option<&Address>, changes: Changes) -> Result<(), WriteError> {
        let Self { contents, store } = self;
        for address in changes.iter().filter(|(_, value)| value.is_none()).map(|(address, _)| address) {
            store.forget(address, contents);
        }
        store.write(&snapshot.secrets, contents, first, &changes)?;
        for (address, value) in changes {
            match value {
                Some(value) => contents.objects.insert(address.clone(), Live::from_value(address, value)),
                None => contents.objects.remove(&address),
            };
        }
        Ok(())
    }
}

/// One moment of the world.
struct Turn<'t> {
    snapshot: &'t Snapshot,
    now: jiff::Timestamp,
}

impl Turn<'_> {
    fn time(&self) -> String {
        self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    fn object(
        &self,
        state: &mut State,
        address: &Address,
        before: Option<&Value>,
        write: &Write,
    ) -> Result<Option<Stored>, WriteError> {
        let now = self.time();
        let server = self.server(address, &now)?;
        if server.api_version(address) != write.api_version {
            let message = format!(
                "{} serves {} as {}, not as {}",
                self.snapshot.shown,
                address.kind,
                server.api_version(address),
                write.api_version
            );
            return Err(WriteError::NotFound(message));
        }
        match &write.verb {
            Verb::Apply { body, manager, force, uid, version } => {
                let apply = Apply { body, manager, force: *force, uid: uid.as_deref(), version: version.as_deref() };
                let mut stored = server.apply(address, before, &apply)?;
                if let (None, Stored::Object(object)) = (before, &mut stored) {
                    identified(address, object, state.store.made_before(address));
                }
                Ok(Some(stored))
            }
            Verb::Create { .. } if before.is_some() => Err(WriteError::Changed(server.exists(address))),
            Verb::Create { body, manager } => {
                let mut object = server.create(address, body, manager)?;
                identified(address, &mut object, state.store.made_before(address));
                Ok(Some(Stored::Object(object)))
            }
            Verb::HandOver { managed_fields, uid, version } => {
                let before = before.ok_or_else(|| WriteError::NotFound(server.not_found(address)))?;
                server.hand_over(address, before, managed_fields, uid, version).map(Some)
            }
            Verb::Finalizers { finalizers, uid, version } => {
                let before = before.ok_or_else(|| WriteError::NotFound(server.not_found(address)))?;
                server.put_finalizers(address, before, finalizers, uid, version).map(Some)
            }
            Verb::Delete { uid, version } => {
                let Some(before) = before else { return Ok(None) };
                if (address.group.as_str(), address.kind.as_str()) == ("", "Namespace") {
                    return Err(WriteError::Rejected("a snapshot does not play the deletion of a Namespace".into()));
                }
                server.delete(address, before, uid, version).map(Some)
            }
        }
    }

    fn client(
        &self,
        state: &mut State,
        address: &Address,
        before: Option<&Value>,
        verb: &Verb,
    ) -> Result<Option<Stored>, WriteError> {
        let gone = |id: &str| WriteError::NotFound(format!("Could not find client (id `{id}`)"));
        let is = |client: &Value, id: &str| client.get("id").and_then(Value::as_str) == Some(id);
        let made_before = state.store.made_before(address);
        let making = Making {
            now: self.now.as_second(),
            made_before,
            new_secret: &mut || state.store.new_secret(&self.snapshot.secrets),
        };
        match (verb, before) {
            (Verb::Create { .. } | Verb::HandOver { .. } | Verb::Finalizers { .. }, _) => {
                Err(WriteError::Rejected("Keycloak has no such write".into()))
            }
            (Verb::Apply { uid: None, .. }, Some(_)) => {
                Err(WriteError::Changed(format!("client {} already exists", address.name)))
            }
            (Verb::Apply { body, uid: None, .. }, None) => {
                clients::create(address, body, making).map(Stored::Object).map(Some)
            }
            (Verb::Apply { body, uid: Some(id), .. }, Some(before)) if is(before, id) => {
                clients::update(address, before, body, making).map(Stored::Object).map(Some)
            }
            (Verb::Apply { uid: Some(id), .. }, _) => Err(gone(id)),
            (Verb::Delete { uid, .. }, Some(before)) if is(before, uid) => Ok(Some(Stored::Gone(before.clone()))),
            // Another one of its name stays, as on the server.
            (Verb::Delete { .. }, Some(before)) => Ok(Some(Stored::Object(before.clone()))),
            (Verb::Delete { .. }, None) => Ok(None),
        }
    }

    fn server<'s>(&'s self, address: &Address, now: &'s str) -> Result<Server<'s>, WriteError> {
        let info = self.snapshot.kinds.get(&address.group, &address.kind).ok_or_else(|| {
            let group = if address.group.is_empty() { "core" } else { &address.group };
            WriteError::NotFound(format!("{} serves no {} of {group}", self.snapshot.shown, address.kind))
        })?;
        Ok(Server { info, schema: self.snapshot.schemas.get(&address.group, &address.kind), now })
    }

    /// Adds what the controllers make of the world with these changes.
    fn play(&self, state: &mut State, changes: &mut Changes) -> Result<(), WriteError> {
        let now = self.time();
        let contents = &state.contents;
        let unchanged = contents.objects.iter().filter(|(address, _)| !changes.contains_key(*address));
        let unchanged = unchanged.filter(|(address, _)| played::watches(address));
        let changed = changes.iter().filter_map(|(address, value)| Some((address, value.as_ref()?)));
        let objects: Objects<'_> = unchanged.map(|(address, live)| (address, live.value())).chain(changed).collect();
        for deed in played::deeds(&objects, &now) {
            match deed {
                Deed::Status { of, status, manager } => {
                    let server = self.server(&of, &now)?;
                    let live = match changes.get(&of) {
                        Some(value) => value.clone(),
                        None => contents.objects.get(&of).map(whole),
                    };
                    let Some(live) = live else { continue };
                    let object = server.put_status(&of, &live, &status, manager);
                    changes.insert(of, Some(object));
                }
                Deed::Secret { at, mut object } => {
                    // Where Secrets could not be read, there may be one.
                    if contents.single(&at).is_some() {
                        continue;
                    }
                    object["data"]["tls.key"] = state.store.new_secret(&self.snapshot.secrets).into();
                    let server = self.server(&at, &now)?;
                    let mut object = server.create(&at, &object, "cert-manager-certificates-issuing")?;
                    identified(&at, &mut object, state.store.made_before(&at));
                    changes.insert(at, Some(object));
                }
            }
        }
        Ok(())
    }
}
