//! What `packctl validate -o json` prints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;

/// The outcome of a validation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidateDocument {
    /// Objects that a schema was known for.
    pub checked: usize,
    /// Objects that none was known for, by `GROUP/VERSION KIND`.
    pub unchecked: BTreeMap<String, usize>,
    /// How many of the findings are errors.
    pub errors: usize,
    /// How many are warnings.
    pub warnings: usize,
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
}
