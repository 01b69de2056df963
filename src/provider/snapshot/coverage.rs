//! `coverage.json`: what could not be read when a snapshot was recorded.
//!
//! Each line names a list or an object. A text is the reason why it could not be read; `null` says that it was read, and is
//! needed only where the line of something wider says otherwise; `{"namespaces": [..], "otherwise": REASON}` says that a list
//! was read in these namespaces alone. What has no line was read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::layout::Subject;
use crate::observed::{Coverage, Kinds, ListOf, Observed, World};
use crate::resource::{Address, Secrets, Side};

/// What is known of lists and objects, where it is not simply "all of it".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Gaps {
    pub(super) lists: BTreeMap<ListOf, Coverage>,
    pub(super) objects: BTreeMap<Address, Option<String>>,
}

impl Gaps {
    /// Reads the file's content; the error says what is wrong with it.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let mut gaps = Self::default();
        for (key, value) in value.as_object().ok_or("it must be an object")? {
            let subject = Subject::parse(key).ok_or_else(|| {
                format!("`{key}` is neither a list (kubernetes:GROUP/KIND, keycloak:REALM/KIND) nor an address")
            })?;
            let wrong =
                || format!("`{key}` must be a reason, null, or {{\"namespaces\": [..], \"otherwise\": REASON}}");
            match subject {
                Subject::List(list) => {
                    gaps.lists.insert(list, coverage(value).ok_or_else(wrong)?);
                }
                Subject::Object(address) => {
                    let reason = match value {
                        Value::Null => None,
                        Value::String(reason) => Some(reason.clone()),
                        _ => return Err(wrong()),
                    };
                    gaps.objects.insert(address, reason);
                }
            }
        }
        Ok(gaps)
    }

    /// What a world could not read, and what it did not ask for.
    pub(super) fn of(world: &World, kinds: &Kinds) -> Self {
        let mut gaps = Self::default();
        let asked = |list: &ListOf| world.coverage(&list.side, &list.group, &list.kind);
        for (list, coverage) in world.coverages() {
            let unknown = list.side == Side::Kubernetes && kinds.get(&list.group, &list.kind).is_none();
            let told = match coverage {
                Coverage::Complete => list.selector.is_none() || asked(list) == Some(&Coverage::Complete),
                Coverage::NoSuchKind => unknown,
                Coverage::Namespaces(..) | Coverage::Unreadable(_) => false,
            };
            if !told {
                gaps.lists.insert(list.clone(), coverage.clone());
            }
            if let (Some(selector), None) = (&list.selector, asked(list)) {
                let reason = format!("only objects with the label {selector} were recorded");
                gaps.lists.entry(whole(list)).or_insert(Coverage::Unreadable(reason));
            }
        }
        let served = kinds.0.keys().map(|(group, kind)| (Side::Kubernetes, group, kind));
        let seen = world.objects().map(|live| &live.address).map(|of| (of.side.clone(), &of.group, &of.kind));
        for (side, group, kind) in served.chain(seen) {
            let list = ListOf { side, group: group.clone(), kind: kind.clone(), selector: None };
            if asked(&list).is_none() {
                gaps.lists.entry(list).or_insert(Coverage::Unreadable("it was not recorded".into()));
            }
        }
        for (address, reason) in world.singles() {
            // Where the list says the same, a line of its own says nothing.
            let told = match world.coverage(&address.side, &address.group, &address.kind) {
                Some(Coverage::Complete | Coverage::NoSuchKind) => reason.is_none(),
                _ => false,
            };
            if !told && !matches!(world.get(address), Observed::Present(_) | Observed::Leaving(_)) {
                gaps.objects.insert(address.clone(), reason.map(str::to_owned));
            }
        }
        gaps
    }

    /// The file's content, `None` when there is nothing to say.
    pub(super) fn write(&self, secrets: &Secrets) -> Option<Value> {
        let mut lines = Map::new();
        for (list, coverage) in &self.lists {
            let value = match coverage {
                Coverage::Complete => Value::Null,
                Coverage::Unreadable(reason) => secrets.mask(reason).into(),
                Coverage::NoSuchKind => "the server did not know the kind".into(),
                Coverage::Namespaces(namespaces, reason) => {
                    json!({"namespaces": namespaces, "otherwise": secrets.mask(reason)})
                }
            };
            lines.insert(Subject::List(list.clone()).to_string(), value);
        }
        for (address, reason) in &self.objects {
            let value = reason.as_ref().map_or(Value::Null, |reason| secrets.mask(reason).into());
            lines.insert(address.to_string(), value);
        }
        (!lines.is_empty()).then_some(Value::Object(lines))
    }
}

fn whole(list: &ListOf) -> ListOf {
    ListOf { selector: None, ..list.clone() }
}

fn coverage(value: &Value) -> Option<Coverage> {
    match value {
        Value::Null => Some(Coverage::Complete),
        Value::String(reason) => Some(Coverage::Unreadable(reason.clone())),
        Value::Object(map) if map.len() == 2 => {
            let names = map.get("namespaces")?.as_array()?;
            let namespaces: Option<BTreeSet<String>> = names.iter().map(|name| name.as_str().map(Into::into)).collect();
            Some(Coverage::Namespaces(namespaces?, map.get("otherwise")?.as_str()?.into()))
        }
        _ => None,
    }
}
