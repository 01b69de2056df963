//! What can be wrong with inputs and with the world, and where.

mod codes;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use codes::{PAGES, Page, page};

use crate::resource::{Address, AppId};

/// A position in an input file. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file as the user would name it; `-` for standard input.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// What it names is not planned.
    Error,
    /// Planned all the same; people should know.
    Warning,
}

/// One finding. It always says what happened, to which object, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable code, explained by `packctl explain CODE`.
    pub code: String,
    /// What happened, one sentence without a full stop.
    pub message: String,
    /// The object that it happened to.
    pub object: Option<Address>,
    /// The app whose plan stops because of it.
    pub app: Option<AppId>,
    /// The field, as a dotted path.
    pub field: Option<String>,
    /// Where in the input.
    pub place: Option<Place>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: &str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: code.into(),
            message: message.into(),
            object: None,
            app: None,
            field: None,
            place: None,
            help: None,
        }
    }

    /// A warning.
    pub fn warning(code: &str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Names the object.
    pub fn object(mut self, object: &Address) -> Self {
        self.object = Some(object.clone());
        self
    }

    /// Names the app whose plan stops.
    pub fn app(mut self, app: &AppId) -> Self {
        self.app = Some(app.clone());
        self
    }

    /// Names the field.
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Names the place.
    pub fn place(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The texts of the inputs, for showing a finding in its surroundings.
#[derive(Clone, Debug, Default)]
pub struct SourceMap(pub BTreeMap<Arc<str>, Arc<str>>);
