//! How a program is measured: wall time, CPU time of all its threads, its largest memory.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// One run of a program.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// VmHWM, in bytes.
    pub(crate) memory: u64,
}

/// A shell tells the CPU time of what it started to the millisecond.
const SHELL: &str = r#"TIMEFORMAT='%3R %3U %3S'; time "$@" >"$MEASURED_OUTPUT" 2>&1"#;

/// Runs a program; anything but one of `statuses` is an error with what it printed.
pub(crate) fn run(program: &Path, args: &[&str], folder: &Path, statuses: &[i32]) -> Run {
    let output = folder.join("output.txt");
    let mut shell = Command::new("bash")
        .args(["-c", SHELL, "bash"])
        .arg(program)
        .args(args)
        .env("MEASURED_OUTPUT", &output)
        .env("HOME", folder)
        .env_remove("XDG_CACHE_HOME")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bash starts");
    let id = shell.id();
    let mut memory = 0;
    while shell.try_wait().expect("it can be waited for").is_none() {
        memory = memory.max(largest_of_children(id));
        std::thread::sleep(Duration::from_millis(2));
    }
    let ended = shell.wait_with_output().expect("bash ends");
    let status = ended.status.code().unwrap_or(-1);
    if !statuses.contains(&status) {
        let told = fs::read_to_string(&output).unwrap_or_default();
        panic!("{} {} ends with {status}:\n{told}", program.display(), args.join(" "));
    }
    let times = String::from_utf8_lossy(&ended.stderr);
    let mut seconds = times.split_whitespace().map(|word| word.parse::<f64>().expect("bash tells seconds"));
    let mut next = || Duration::from_secs_f64(seconds.next().expect("bash tells three times"));
    let wall = next();
    Run { wall, cpu: next() + next(), memory }
}

/// The high water mark of the memory of a process's children.
fn largest_of_children(parent: u32) -> u64 {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    let mark = |child: &str| {
        let status = fs::read_to_string(format!("/proc/{child}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
    };
    children.split_whitespace().filter_map(mark).max().unwrap_or(0)
}

/// The middle of some figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    if figures.len() % 2 == 1 { figures[middle] } else { (figures[middle - 1] + figures[middle]) / 2.0 }
}

/// The medians of some runs; memory is the largest that was seen.
pub(crate) fn medians(runs: &[Run]) -> Run {
    let middle = |of: fn(&Run) -> Duration| median(runs.iter().map(|run| of(run).as_secs_f64()).collect());
    Run {
        wall: Duration::from_secs_f64(middle(|run| run.wall)),
        cpu: Duration::from_secs_f64(middle(|run| run.cpu)),
        memory: runs.iter().map(|run| run.memory).max().unwrap_or(0),
    }
}
