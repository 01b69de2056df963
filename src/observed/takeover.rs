//! Fields that pass from other field managers to us.
//!
//! Server-side apply never takes a field off an object that another manager holds too, so what somebody else once wrote would
//! stay for ever. Before an object becomes ours, the fields of those who made it are handed over in `metadata.managedFields`,
//! as kubectl does when it moves from client-side to server-side apply (k8s.io/client-go `util/csaupgrade`).

use serde_json::{Value, json};

use super::{FieldSet, Live, ManagedEntry, Operation};
use crate::resource::FieldPath;

/// The fields that one manager loses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The field manager.
    pub manager: String,
    /// How it wrote them.
    pub operation: Operation,
    /// Empty, or `scale`.
    pub subresource: String,
    /// The version that it wrote.
    pub api_version: String,
    /// When it last wrote, RFC 3339.
    pub time: Option<String>,
    /// What it loses.
    pub fields: FieldSet,
}

/// The fields that pass to one of our field managers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakeOver {
    /// From whom.
    pub from: Vec<Taken>,
    /// What becomes ours: all that is taken, or less where nobody needs to hold it (a default of the server).
    pub becomes: FieldSet,
}

impl Taken {
    /// What an entry loses.
    pub fn of(entry: &ManagedEntry, fields: FieldSet) -> Self {
        Self {
            manager: entry.manager.clone(),
            operation: entry.operation,
            subresource: entry.subresource.clone(),
            api_version: entry.api_version.clone(),
            time: entry.time.clone(),
            fields,
        }
    }
}

impl TakeOver {
    /// What others hold of fields that are ours already, `manager` being us.
    pub fn of_others(live: &Live, manager: &str, paths: &[&FieldPath]) -> Self {
        let others = live
            .managed()
            .iter()
            .filter(|entry| entry.subresource != "status" && !(entry.manager == manager && entry.is_apply()));
        let lose = |entry: &ManagedEntry| {
            let mut theirs =
                |held: &FieldPath| paths.iter().any(|path| path.starts_with(held) || held.starts_with(path));
            entry.fields.split(&mut theirs).0
        };
        let from = others.map(|entry| Taken::of(entry, lose(entry))).filter(|taken| !taken.fields.is_empty());
        Self { from: from.collect(), becomes: FieldSet::default() }
    }

    /// Whether nothing passes.
    pub fn is_empty(&self) -> bool {
        self.from.is_empty()
    }

    /// The names of those who lose fields, each once, in order.
    pub fn managers(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.from.iter().map(|taken| taken.manager.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// `metadata.managedFields` of a live object afterwards, where `manager` is ours and writes `api_version`.
    pub fn managed_fields(&self, live: &Live, manager: &str, api_version: &str) -> Value {
        let raw = live.whole().pointer("/metadata/managedFields").cloned().unwrap_or_else(|| json!([]));
        if raw.as_array().is_none_or(|raw| raw.len() != live.managed().len()) {
            // Entries that could not be read must not be lost.
            return raw;
        }
        let mut entries = Vec::new();
        let mut ours = self.becomes.clone();
        for (raw, entry) in raw.as_array().into_iter().flatten().zip(live.managed()) {
            if entry.manager == manager && entry.is_apply() && entry.subresource.is_empty() {
                ours.absorb(&entry.fields);
                continue;
            }
            let loses = |taken: &&Taken| {
                (&taken.manager, taken.operation, &taken.subresource, &taken.api_version)
                    == (&entry.manager, entry.operation, &entry.subresource, &entry.api_version)
            };
            let Some(taken) = self.from.iter().find(loses) else {
                entries.push(raw.clone());
                continue;
            };
            let (_, rest) = entry.fields.split(&mut |path| taken.fields.contains(path));
            if !rest.is_empty() {
                let mut raw = raw.clone();
                raw["fieldsV1"] = rest.to_fields_v1();
                entries.push(raw);
            }
        }
        if entries.is_empty() && ours.is_empty() {
            // An empty list is how a server is told to forget everybody; the next apply would find fields of nobody.
            self.from.iter().for_each(|taken| ours.absorb(&taken.fields));
        }
        if !ours.is_empty() {
            let mut entry = json!({
                "manager": manager, "operation": "Apply", "apiVersion": api_version,
                "fieldsType": "FieldsV1", "fieldsV1": ours.to_fields_v1(),
            });
            let time = self.from.iter().filter_map(|taken| taken.time.as_deref()).max();
            if let Some(time) = time {
                entry["time"] = json!(time);
            }
            entries.push(entry);
        }
        entries.into()
    }

    /// The object as it is when the fields have passed, and nothing else happened.
    pub fn applied_to(&self, live: &Live, manager: &str, api_version: &str) -> Live {
        let mut value = live.whole();
        if let Some(metadata) = value.get_mut("metadata") {
            metadata["managedFields"] = self.managed_fields(live, manager, api_version);
        }
        Live::from_value(live.address.clone(), value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Address;

    #[test]
    fn what_is_taken_leaves_its_manager_and_joins_ours() {
        let entry = |manager: &str, operation: &str, fields: Value| {
            json!({
                "manager": manager, "operation": operation, "apiVersion": "v1", "time": "2026-11-20T14:02:00Z",
                "fieldsType": "FieldsV1", "fieldsV1": fields,
            })
        };
        let both = json!({"f:data": {".": {}, "f:a": {}, "f:b": {}}});
        let live = Live::from_value(
            Address::namespaced("", "ConfigMap", "a", "x"),
            json!({"metadata": {"name": "x", "managedFields": [
                entry("kubectl", "Update", both.clone()),
                entry("helm", "Update", json!({"f:data": {"f:c": {}}})),
            ]}}),
        );
        let fields = FieldSet::from_fields_v1(&json!({"f:data": {"f:a": {}}}));
        let taken = Taken {
            manager: "kubectl".into(),
            operation: Operation::Update,
            subresource: String::new(),
            api_version: "v1".into(),
            time: Some("2026-11-20T14:02:00Z".into()),
            fields: fields.clone(),
        };
        let over = TakeOver { from: vec![taken], becomes: fields.clone() };
        let after = over.applied_to(&live, "packctl", "v1");
        assert_eq!(after.applied_by("packctl"), Some(&fields));
        let kubectl = after.managed().iter().find(|entry| entry.manager == "kubectl").expect("it keeps b");
        assert!(
            kubectl.fields.contains(&FieldPath::of("data.b")) && !kubectl.fields.contains(&FieldPath::of("data.a"))
        );
        assert!(after.managed().iter().any(|entry| entry.manager == "helm"));
    }

    #[test]
    fn the_last_entry_is_not_taken_away_without_one_of_ours() {
        let fields = json!({"f:metadata": {"f:labels": {"f:a": {}}}});
        let entry = json!({
            "manager": "kubectl-label", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": fields,
        });
        let live = Live::from_value(
            Address::cluster_scoped("", "Namespace", "a"),
            json!({"metadata": {"name": "a", "managedFields": [entry]}}),
        );
        let path = FieldPath::of("metadata.labels.a");
        let over = TakeOver::of_others(&live, "packctl-entry", &[&path]);
        let after = over.applied_to(&live, "packctl-entry", "v1");
        assert_eq!(after.applied_by("packctl-entry"), Some(&FieldSet::from_fields_v1(&fields)));
        assert_eq!(after.managed().len(), 1);
    }
}
