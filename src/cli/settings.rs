//! Trusted settings that do not come as flags: the only place that reads the process's environment.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::args::WorldArgs;
use super::failure::Failure;
use crate::render::Helm;

/// Keycloak's user and password, if flags and variables name one; an error when only half of it is there.
pub(super) fn keycloak_credential(args: &WorldArgs) -> Result<Option<(String, SecretString)>, String> {
    let Some(username) = &args.keycloak_username else { return Ok(None) };
    let password = match &args.keycloak_password_file {
        Some(file) => std::fs::read_to_string(file)
            .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
            .map_err(|error| format!("failed to read {}: {error}", file.display()))?,
        #[expect(
            clippy::disallowed_methods,
            reason = "a password must not be a flag, where every user of the machine sees it"
        )]
        None => std::env::var("PACKCTL_KEYCLOAK_PASSWORD").map_err(|_| {
            "--keycloak-username needs --keycloak-password-file or PACKCTL_KEYCLOAK_PASSWORD".to_owned()
        })?,
    };
    Ok(Some((username.clone(), SecretString::from(password))))
}

/// Where what may be lost at any time is kept between runs: the user's cache folder.
#[expect(clippy::disallowed_methods, reason = "as the XDG Base Directory Specification has it")]
pub(super) fn cache() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(folder.join("packctl"))
}

/// Refuses a helm program that was named and is not there: a chart would blame helm's absence from PATH.
pub(super) fn check_helm(named: Option<&Path>) -> Result<(), Failure> {
    match named {
        Some(file) if !file.is_file() => Err(Failure::usage(format!("{} is no file", file.display()))
            .help("--helm or PACKCTL_HELM names the helm program; leave it out to take helm on PATH")),
        _ => Ok(()),
    }
}

/// The helm program: the one that was named, else the one on PATH.
pub(super) fn helm(named: Option<&Path>) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "programs are looked for where the user's shell looks")]
    let path = || std::env::var_os("PATH");
    named.map(Path::to_path_buf).or_else(|| Helm::find(&path()?))
}

/// Whether variables ask for colours; `None`: as the terminal can.
///
/// `NO_COLOR` and `CLICOLOR_FORCE` count when they are not empty, as their authors say (no-color.org, bixense.com/clicolors).
pub(super) fn color() -> Option<bool> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    if set("NO_COLOR").is_some() {
        Some(false)
    } else if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        Some(true)
    } else {
        (set("CLICOLOR").as_deref() == Some("0")).then_some(false)
    }
}

/// The name of this machine, where the shell exports it.
pub(super) fn machine() -> Option<String> {
    variable("HOSTNAME")
}

/// The columns that the variable COLUMNS asks for.
pub(super) fn columns() -> Option<usize> {
    variable("COLUMNS")?.parse().ok()
}

/// Whether the terminal cannot even go back in a line.
pub(super) fn is_dumb() -> bool {
    variable("TERM").as_deref() == Some("dumb")
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "what every program of a terminal looks at")]
    std::env::var(name).ok()
}
