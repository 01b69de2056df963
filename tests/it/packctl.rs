//! The program, run as a user runs it.

use std::path::Path;
use std::process::{Command, Output};

/// Runs packctl in a folder, without what the machine's own settings would say.
pub(crate) fn packctl(folder: &Path, args: &[&str]) -> Output {
    packctl_with(folder, args, &[])
}

/// The same with variables.
pub(crate) fn packctl_with(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_packctl"))
        .args(args)
        .current_dir(folder)
        .env_remove("KUBECONFIG")
        .env("HOME", folder)
        .envs(variables.iter().copied())
        .output()
        .expect("packctl starts")
}

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("stdout is UTF-8")
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("stderr is UTF-8")
}

/// The checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
