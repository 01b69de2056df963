//! Running a program that is not trusted with anything: no environment, limits of time, output and memory.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Errors are shown, so more of them helps nobody.
const MAX_ERRORS: usize = 64 * 1024;
const SHELL: &str = "/bin/sh";

/// What a run may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) time: Duration,
    pub(super) output: usize,
    /// `None` where the system cannot limit it.
    pub(super) memory: Option<u64>,
}

/// Why a run gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("cannot be started: {0}")]
    Start(String),
    #[error("took longer than {} s", .0.as_secs())]
    Time(Duration),
    #[error("printed more than {} MB", .0 / 1024 / 1024)]
    Output(usize),
    /// It ran and said why; the text is its standard error.
    #[error("{0}")]
    Said(String),
}

/// Runs a program to its end and gives what it printed.
pub(super) fn run(
    program: &Path,
    arguments: &[OsString],
    folder: &Path,
    environment: &[(&str, OsString)],
    limits: Limits,
) -> Result<Vec<u8>, Failure> {
    let mut command = if let Some(memory) = limits.memory {
        // The shell becomes the program, so the limit holds for it and the child is the program itself.
        let mut command = Command::new(SHELL);
        let kilobytes = (memory / 1024).to_string();
        command.args(["-c", "ulimit -v \"$1\" && shift && exec \"$@\"", "sh", &kilobytes]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).current_dir(folder).env_clear();
    for (name, value) in environment {
        command.env(name, value);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| Failure::Start(crate::load::reason(&error)))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        let stdout = scope.spawn(|| read(stdout, limits.output));
        let stderr = scope.spawn(|| read(stderr, MAX_ERRORS));
        let status = wait(&mut child, limits.time, || stdout.is_finished() && stderr.is_finished());
        let stdout = stdout.join().unwrap_or_default();
        let stderr = stderr.join().unwrap_or_default();
        let status = status.ok_or(Failure::Time(limits.time))?;
        if stdout.len() > limits.output {
            return Err(Failure::Output(limits.output));
        }
        if status.success() {
            return Ok(stdout);
        }
        let said = String::from_utf8_lossy(&stderr[..stderr.len().min(MAX_ERRORS)]).trim().to_owned();
        Err(Failure::Said(if said.is_empty() { format!("it ended with {status}") } else { said }))
    })
}

/// Whether the shell of this system can limit the memory of a program.
pub(super) fn can_limit_memory(bytes: u64) -> bool {
    let limit = format!("ulimit -v {}", bytes / 1024);
    let mut shell = Command::new(SHELL);
    shell.args([OsStr::new("-c"), OsStr::new(&limit)]).env_clear();
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.status().is_ok_and(|status| status.success())
}

/// Reads one byte more than the limit at most; the reader then closes, which ends the writer.
fn read(stream: Option<impl Read>, limit: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        // What was printed before an error of the pipe is all there is.
        let _ = stream.take(limit as u64 + 1).read_to_end(&mut bytes);
    }
    bytes
}

/// Waits for the child; kills it at the limit, and when both streams ended long before it.
fn wait(child: &mut Child, limit: Duration, closed: impl Fn() -> bool) -> Option<ExitStatus> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if start.elapsed() < limit => {
                std::thread::sleep(pause);
                pause = if closed() { Duration::from_millis(1) } else { (pause * 2).min(Duration::from_millis(20)) };
            }
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}
