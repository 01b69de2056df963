//! The one door to the terminal: data to stdout, everything else to stderr, secrets masked in both.

use std::io::{IsTerminal as _, Write as _};

use console::Term;

use super::args::NARROWEST;
use crate::present::Style;
use crate::resource::Secrets;

/// Standard output and standard error of this run.
#[derive(Clone, Debug)]
pub(super) struct Terminal {
    out: Term,
    err: Term,
    color: bool,
    width: Option<usize>,
    /// Values that must never be shown.
    pub(super) secrets: Secrets,
}

impl Terminal {
    /// The process's own streams. `color`: forced on or off, else as the terminal and NO_COLOR say.
    pub(super) fn new(color: Option<bool>, width: Option<usize>, secrets: Secrets) -> Self {
        let out = Term::stdout();
        let color = color.unwrap_or_else(|| console::colors_enabled() && out.is_term());
        Self { out, err: Term::stderr(), color, width, secrets }
    }

    /// How to present.
    pub(super) fn style(&self, all: bool) -> Style {
        let width = self
            .width
            .unwrap_or_else(|| if self.out.is_term() { usize::from(self.out.size().1).max(NARROWEST) } else { 120 });
        Style { color: self.color, width, all, unicode: false }
    }

    /// Whether one person sees both streams, one after the other.
    pub(super) fn shows_both(&self) -> bool {
        self.out.is_term() && self.err.is_term()
    }

    /// Writes data. A reader that went away is no error.
    pub(super) fn data(&self, text: &str) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        match out.write_all(self.secrets.mask(text).as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// Says something to the person, a line.
    pub(super) fn say(&self, text: &str) {
        let _ = self.err.write_line(&self.secrets.mask(text));
    }

    /// Asks for the word `yes`. `false` on anything else, and at the end of input.
    pub(super) fn confirm(&self, question: &str) -> bool {
        let _ = write!(std::io::stderr(), "{question} ");
        let mut answer = String::new();
        matches!(std::io::stdin().read_line(&mut answer), Ok(read) if read > 0) && answer.trim() == "yes"
    }

    /// Whether a person can be asked.
    pub(super) fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }
}
