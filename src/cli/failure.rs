//! Errors become words, a remedy and an exit status here and nowhere else.

use crate::diagnostic::Diagnostic;

use super::ExitStatus;

/// Why a command ended early.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) status: ExitStatus,
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Failure {
    pub(super) fn error(message: impl Into<String>) -> Self {
        Self { status: ExitStatus::Error, message: message.into(), help: None, diagnostics: Vec::new() }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { status: ExitStatus::Usage, ..Self::error(message) }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn with(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.diagnostics = diagnostics;
        self
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::error(format!("failed to write the output: {error}"))
    }
}
