//! Progress, on stderr: what the program is busy with, and a line for each thing that an apply does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;

use super::terminal::{Progress, Terminal};
use crate::apply::{Event, Listener, Outcome};
use crate::plan::{Step, Until};

/// What is done in less time is not worth a bar.
const SOON: Duration = Duration::from_millis(300);
/// A log gets a sign of life so often.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// What the program is busy with, until this is dropped. A terminal sees it at the bottom; a log only when it takes long.
pub(super) struct Busy {
    terminal: Terminal,
    with: Arc<Mutex<&'static str>>,
    task: Option<JoinHandle<()>>,
}

impl Busy {
    pub(super) fn new(terminal: &Terminal, with: &'static str) -> Self {
        let with = Arc::new(Mutex::new(with));
        let (seen, shown) = (with.clone(), terminal.clone());
        let task = match terminal.progress() {
            Progress::Off => None,
            Progress::Bars => Some(tokio::spawn(async move {
                tokio::time::sleep(SOON).await;
                let bar = spinner(ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}");
                shown.draw(Some(bar.clone()));
                loop {
                    bar.set_message(*seen.lock().unwrap_or_else(PoisonError::into_inner));
                    tokio::time::sleep(SOON).await;
                }
            })),
            Progress::Lines => Some(tokio::spawn(async move {
                let start = Instant::now();
                loop {
                    tokio::time::sleep(SIGN_OF_LIFE).await;
                    let with = *seen.lock().unwrap_or_else(PoisonError::into_inner);
                    shown.say(&format!("still {with}, {} s", start.elapsed().as_secs()));
                }
            })),
        };
        Self { terminal: terminal.clone(), with, task }
    }

    /// Goes on to something else.
    pub(super) fn with(&self, with: &'static str) {
        *self.with.lock().unwrap_or_else(PoisonError::into_inner) = with;
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
            self.terminal.draw(None);
        }
    }
}

/// A bar that moves by itself.
fn spinner(bar: ProgressBar, template: &str) -> ProgressBar {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.tick_chars("|/-\\ ").progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// A line for each thing that an apply does; on a terminal a bar below them.
pub(super) struct Lines {
    terminal: Terminal,
    total: usize,
    ended: AtomicUsize,
    bar: Option<ProgressBar>,
}

impl Lines {
    pub(super) fn new(terminal: Terminal, total: usize) -> Self {
        let bar = (terminal.progress() == Progress::Bars).then(|| {
            let bar = ProgressBar::new(total as u64);
            spinner(bar, "{spinner} [{bar:30}] {pos}/{len} {wide_msg}")
        });
        terminal.draw(bar.clone());
        Self { terminal, total, ended: AtomicUsize::new(0), bar }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.terminal.draw(None);
    }
}

impl Listener for Lines {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::Waiting { step, until, reason } => {
                let what = format!("{} of {}", until.words(), until.address().short());
                self.terminal.say(&format!(
                    "        {} {} waits for {what}: {reason}",
                    step.title,
                    step.address.short()
                ));
            }
            Event::NotProbed { step, reason } => {
                self.terminal.say(&format!(
                    "        {} {} is not probed: its Gateway cannot be reached from here ({reason})",
                    step.title,
                    step.address.short()
                ));
            }
            Event::Writing { step, .. } => {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("{} {}", step.title, step.address.short()));
                }
            }
            // The summary names what was never tried: it is no progress.
            Event::Ended { outcome: Outcome::Skipped(_) | Outcome::NotStarted, .. } => {}
            Event::Ended { step, outcome } => {
                let number = self.ended.fetch_add(1, Ordering::Relaxed) + 1;
                if let Some(bar) = &self.bar {
                    bar.set_position(number as u64);
                }
                let end = match outcome {
                    Outcome::Done => String::new(),
                    Outcome::AlreadyDone => "  already done".into(),
                    Outcome::Failed(reason) => format!("  {} {reason}", self.terminal.strong("failed:")),
                    Outcome::Changed(reason) => format!("  {} {reason}", self.terminal.strong("stopped:")),
                    Outcome::Unlocked(reason) => format!("  {} {reason}", self.terminal.strong("not written:")),
                    Outcome::Skipped(_) | Outcome::NotStarted => "  not done".into(),
                };
                let line = format!("{number:>4}/{} {} {}{end}", self.total, step.title, step.address.short());
                self.terminal.say(&line);
                if let Some(look) = look(step, outcome) {
                    self.terminal.say(&format!("        help: {look}"));
                }
            }
        }
    }
}

/// Where to look when what a step waits for did not come.
fn look(step: &Step, outcome: &Outcome) -> Option<String> {
    let Outcome::Failed(reason) = outcome else { return None };
    let waited = |until: &&Until| reason.contains(&format!("{} of {}", until.words(), until.address().short()));
    let address = step.waits.iter().find(waited)?.address();
    let namespace = address.namespace.as_ref().map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
    let closed = if step.title == "open" { "; the app stays closed" } else { "" };
    let longer = if reason.starts_with("waited ") { "; --wait-limit SECONDS waits longer" } else { "" };
    Some(format!("look at `kubectl describe {}{namespace} {}`{closed}{longer}", address.kind, address.name))
}
