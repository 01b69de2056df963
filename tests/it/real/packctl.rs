//! The program itself, as a person or a pipeline runs it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::env::Env;

const PROGRAM: &str = env!("CARGO_BIN_EXE_packctl");
const LONGEST: Duration = Duration::from_secs(120);

/// How it is run.
#[derive(Clone)]
pub(super) struct Packctl {
    pub(super) kubeconfig: PathBuf,
    pub(super) environment: Option<PathBuf>,
    pub(super) keycloak: String,
    pub(super) password: String,
    /// The namespace of the Leases; each lab has its own.
    pub(super) controller: String,
    /// The working folder.
    pub(super) folder: PathBuf,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// `None` when a signal ended it.
    pub(super) status: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
    command: String,
}

impl Packctl {
    pub(super) async fn run(&self, args: &[&str]) -> Ended {
        self.ended(self.start(args), args).await
    }

    pub(super) async fn ended(&self, child: Child, args: &[&str]) -> Ended {
        let output = timeout(LONGEST, child.wait_with_output())
            .await
            .unwrap_or_else(|_| panic!("packctl {} does not end", args.join(" ")))
            .expect("packctl runs");
        let text = |bytes| String::from_utf8(bytes).expect("packctl prints UTF-8");
        let (out, err) = (text(output.stdout), text(output.stderr));
        let command = format!("packctl {}", args.join(" "));
        let ended = Ended { status: output.status.code(), out, err, command };
        ended.never_says(&Env::get().token);
        ended.never_says(&self.password);
        ended.never_says("panicked at");
        ended
    }

    /// It is killed when the child is dropped.
    pub(super) fn start(&self, args: &[&str]) -> Child {
        self.started(Command::new(PROGRAM), args).spawn().expect("packctl starts")
    }

    /// Runs it where no file may become longer than 4 KiB, which fails as a full disk does: in the midst of a write.
    pub(super) async fn run_with_small_files(&self, args: &[&str]) -> Ended {
        let mut shell = Command::new("bash");
        shell.args(["-c", r#"trap "" XFSZ; ulimit -f 4; exec "$@""#, "bash", PROGRAM]);
        let child = self.started(shell, args).spawn().expect("bash starts");
        self.ended(child, args).await
    }

    /// Runs it with its standard output on a full disk.
    pub(super) async fn run_on_full_disk(&self, args: &[&str]) -> Ended {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has a full device");
        let mut command = self.started(Command::new(PROGRAM), args);
        let child = command.stdout(full).spawn().expect("packctl starts");
        self.ended(child, args).await
    }

    fn started(&self, mut command: Command, args: &[&str]) -> Command {
        command.env_clear().env("HOME", &self.folder).env("PACKCTL_KEYCLOAK_PASSWORD", &self.password);
        command.current_dir(&self.folder).args(args).arg("--kubeconfig").arg(&self.kubeconfig);
        if let Some(environment) = &self.environment {
            command.arg("--environment").arg(environment).arg("--override-environment");
        }
        command.args(["--controller-namespace", &self.controller]);
        command.args(["--keycloak-endpoint", &self.keycloak]);
        command.args(["--keycloak-username", &Env::get().keycloak_username]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }
}

/// Ctrl-C.
pub(super) async fn interrupt(child: &Child) {
    let pid = child.id().expect("it runs").to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().await.expect("kill starts");
    assert!(sent.success());
}

impl Ended {
    #[track_caller]
    pub(super) fn exits(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{}", self.told());
        self
    }

    #[track_caller]
    pub(super) fn succeeds(self) -> Self {
        self.exits(0)
    }

    #[track_caller]
    pub(super) fn says(&self, text: &str) {
        assert!(self.out.contains(text) || self.err.contains(text), "it does not say `{text}`:\n{}", self.told());
    }

    #[track_caller]
    pub(super) fn never_says(&self, text: &str) {
        // Not shown in the message: it may be a secret.
        let index = self.out.find(text).or_else(|| self.err.find(text));
        assert!(index.is_none(), "at byte {index:?} it says what it must not:\n{}", self.told());
    }

    /// The line of standard output, or else of standard error, that has `text` in it.
    #[track_caller]
    pub(super) fn line_with(&self, text: &str) -> &str {
        let mut lines = self.out.lines().chain(self.err.lines());
        lines.find(|line| line.contains(text)).unwrap_or_else(|| panic!("no line has `{text}`:\n{}", self.told()))
    }

    fn told(&self) -> String {
        format!("{}: {:?}\n{}\n{}", self.command, self.status, self.out, self.err)
    }
}
