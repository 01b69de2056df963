//! Names that people gave: NebariApps and packs.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A NebariApp by namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AppId {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

impl AppId {
    /// Builds an id from its two parts.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A pack deployment that people named: an Argo CD Application or an entry of `packs:`.
///
/// The identity, not the source, decides what a pack may delete.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PackId {
    /// The cluster as the environment names it.
    pub cluster: String,
    /// Namespace of the Application; `packs` for an entry of `packctl.yaml`.
    pub namespace: String,
    /// Name of the Application or of the entry.
    pub name: String,
}

impl PackId {
    /// Label (hash) and annotation (readable identity) on every object of a pack delivered `direct`.
    pub const MARK: &str = "packctl.nebari.dev/pack";

    /// The label value: 16 hex digits of sha256 of `cluster/namespace/name`.
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(self.to_string()), 16)
    }

    /// Name of the ConfigMap that records the pack in its destination namespace.
    pub fn record_name(&self) -> String {
        format!("packctl-pack-{}", self.hash())
    }
}

impl fmt::Display for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.cluster, self.namespace, self.name)
    }
}

/// The first `digits` lower-case hex digits of `bytes`.
pub(crate) fn hex(bytes: &[u8], digits: usize) -> String {
    let mut text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(digits);
    text
}
