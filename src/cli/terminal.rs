//! The one door to the terminal: data to stdout, everything else to stderr, secrets masked in both.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use console::Term;
use indicatif::ProgressBar;

use super::args::NARROWEST;
use super::settings;
use crate::present::Style;
use crate::resource::Secrets;

/// Lines beyond this are hard to follow with the eye; `--width` may ask for more.
const WIDEST: usize = 200;
/// The columns of a log.
const LOG: usize = 120;

/// Standard output and standard error of this run.
#[derive(Clone, Debug)]
pub(super) struct Terminal {
    out: Term,
    err: Term,
    program: &'static str,
    /// Forced on or off.
    color: Option<bool>,
    width: Option<usize>,
    progress: bool,
    /// What is drawn below the last line of stderr.
    bar: Arc<Mutex<Option<ProgressBar>>>,
    /// Values that must never be shown.
    pub(super) secrets: Secrets,
}

impl Terminal {
    /// The process's own streams. `color`: forced on or off, else as the terminal can.
    pub(super) fn new(
        program: &'static str,
        color: Option<bool>,
        width: Option<usize>,
        progress: bool,
        secrets: Secrets,
    ) -> Self {
        let (out, err) = (Term::stdout(), Term::stderr());
        Self { out, err, program, color, width, progress, bar: Arc::default(), secrets }
    }

    /// How people call this program.
    pub(super) fn program(&self) -> &'static str {
        self.program
    }

    /// How to present data.
    pub(super) fn style(&self, all: bool) -> Style {
        Style { color: self.colors(&self.out), width: self.columns(&self.out), all, unicode: false }
    }

    /// How to present what goes to stderr.
    pub(super) fn style_beside(&self) -> Style {
        Style { color: self.colors(&self.err), width: self.columns(&self.err), all: false, unicode: false }
    }

    fn colors(&self, term: &Term) -> bool {
        self.color.unwrap_or_else(|| term.is_term() && term.features().colors_supported())
    }

    fn columns(&self, term: &Term) -> usize {
        let found = || settings::columns().or_else(|| term.is_term().then(|| usize::from(term.size().1)));
        self.width.unwrap_or_else(|| found().unwrap_or(LOG).clamp(NARROWEST, WIDEST))
    }

    /// Whether one person sees both streams, one after the other.
    pub(super) fn shows_both(&self) -> bool {
        self.out.is_term() && self.err.is_term()
    }

    /// Whether bars can be drawn, or a log wants signs of life; neither where nobody wants to see progress.
    pub(super) fn progress(&self) -> Progress {
        match self.progress {
            false => Progress::Off,
            true if self.err.is_term() && !settings::is_dumb() => Progress::Bars,
            true => Progress::Lines,
        }
    }

    /// Draws this bar below everything that is said, until it is taken away with `None`.
    pub(super) fn draw(&self, bar: Option<ProgressBar>) {
        let mut drawn = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = drawn.take() {
            old.finish_and_clear();
        }
        *drawn = bar;
    }

    /// Does something while no bar is in the way.
    fn beside_bar<T>(&self, act: impl FnOnce() -> T) -> T {
        match &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(bar) => bar.suspend(act),
            None => act(),
        }
    }

    /// Writes data. A reader that went away is no error.
    pub(super) fn data(&self, text: &str) -> std::io::Result<()> {
        let written = self.beside_bar(|| {
            let mut out = std::io::stdout().lock();
            out.write_all(self.secrets.mask(text).as_bytes()).and_then(|()| out.flush())
        });
        match written {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// Says something to the person, a line.
    pub(super) fn say(&self, text: &str) {
        self.beside_bar(|| {
            let _ = self.err.write_line(&self.secrets.mask(text));
        });
    }

    /// Says why the command ends here, and what to do.
    pub(super) fn error(&self, message: &str, help: Option<&str>) {
        self.say(&format!("{} {message}", self.strong("error:")));
        if let Some(help) = help {
            self.say(&format!("help: {help}"));
        }
    }

    /// A word that must not be overlooked.
    pub(super) fn strong(&self, word: &str) -> String {
        let style = console::Style::new().force_styling(true).red().bold();
        if self.colors(&self.err) { style.apply_to(word).to_string() } else { word.to_owned() }
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

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Not at all.
    Off,
    /// As bars that come and go.
    Bars,
    /// As lines that stay.
    Lines,
}
