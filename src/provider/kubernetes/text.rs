//! Texts from servers and programs, made fit to be part of one line.

use std::error::Error;
use std::iter::successors;

use kube::client::AuthError;
use kube::core::Status;

const LONGEST: usize = 600;

/// White space folded, control characters visible, cut where it gets long.
pub(super) fn one_line(text: &str) -> String {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line = String::with_capacity(folded.len());
    for character in folded.chars() {
        if line.len() > LONGEST {
            line.push('…');
            break;
        }
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// What a Status says, causes included, without the words that repeat what the reader knows.
pub(super) fn status(status: &Status) -> String {
    let mut message = match status.message.split_once(" is forbidden: ") {
        Some((_, why)) => why.to_owned(),
        None => status.message.clone(),
    };
    for cause in status.details.iter().flat_map(|details| &details.causes) {
        if !message.contains(&cause.message) {
            message = match cause.field.as_str() {
                "" => format!("{message}; {}", cause.message),
                field => format!("{message}; {field}: {}", cause.message),
            };
        }
    }
    if message.is_empty() { status.reason.clone() } else { message }
}

/// An error and what caused it, outermost first.
pub(super) fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    // Bounded: an error may name itself as its source.
    successors(Some(error), |error: &&'e (dyn Error + 'static)| (*error).source()).take(16)
}

/// The innermost cause, which is the one that names the trouble.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// What went wrong with credentials. A plugin's arguments and environment may hold credentials, and what it printed on stdout
/// may be one: they are left out.
pub(super) fn auth(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said.trim();
            let colon = if said.is_empty() { "" } else { ": " };
            format!("the credential plugin failed with {}{colon}{said}", out.status)
        }
        AuthError::AuthExecStart(error) => format!("the credential plugin cannot be started: {error}"),
        AuthError::AuthExecParse(_) | AuthError::ParseTokenKey(_) | AuthError::ExecPluginFailed => {
            "the credential plugin answered no credential".into()
        }
        AuthError::ReadTokenFile(error, path) => format!("the token file {} cannot be read: {error}", path.display()),
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
            "the token or password holds characters that no HTTP header can carry".into()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_one_line() {
        assert_eq!(one_line("a\n  b\u{1b}[31m\t"), "a b\\u{1b}[31m");
        assert!(one_line(&"x".repeat(5_000)).chars().count() < LONGEST + 3);
    }

    #[test]
    fn a_status_keeps_each_cause_once() {
        let text = r#"{"message":"X \"a\" is invalid: spec.b: bad","details":{"causes":[
            {"message":"bad","field":"spec.b"},{"message":"worse","field":"spec.c"}]}}"#;
        let parsed: Status = serde_json::from_str(text).expect("a status");
        assert_eq!(status(&parsed), "X \"a\" is invalid: spec.b: bad; spec.c: worse");
    }
}
