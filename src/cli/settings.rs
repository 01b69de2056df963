//! Trusted settings that do not come as flags: the only place that reads the process's environment.

use std::path::PathBuf;

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
pub(super) fn check_helm(args: &WorldArgs) -> Result<(), Failure> {
    match &args.helm {
        Some(file) if !file.is_file() => Err(Failure::usage(format!("{} is no file", file.display()))
            .help("--helm or PACKCTL_HELM names the helm program; leave it out to take helm on PATH")),
        _ => Ok(()),
    }
}

/// The helm program: the one that was named, else the one on PATH.
pub(super) fn helm(args: &WorldArgs) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "programs are looked for where the user's shell looks")]
    let path = || std::env::var_os("PATH");
    args.helm.clone().or_else(|| Helm::find(&path()?))
}
