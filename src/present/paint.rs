//! Labels and their colours.

use super::Style;
use crate::plan::{Action, Actor, Change};

/// What a piece of text is; the colour follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// Something is made.
    Create,
    /// Something changes.
    Update,
    /// Something goes, or goes and comes back.
    Delete,
    /// Something becomes ours.
    Adopt,
    /// Somebody else changed it.
    Drift,
    /// Only the server can tell.
    Doubt,
    /// It does not go on.
    Error,
    /// People should know.
    Warning,
    /// Names of packs and clusters.
    Heading,
    /// Places and remainders.
    Faint,
    /// Everything else.
    Plain,
}

impl Label {
    /// The label of a change's verb.
    pub(super) fn of(change: &Change) -> Self {
        match change.action {
            // Its colour would say that we do it.
            action if action != Action::None && change.actor != Actor::Packctl => Self::Faint,
            Action::Create => Self::Create,
            Action::Update if super::fields::only_drift(change) => Self::Drift,
            Action::Update => Self::Update,
            // A replace loses the object like a delete does; green or yellow would hide that.
            Action::Replace | Action::Delete | Action::Release => Self::Delete,
            Action::Adopt => Self::Adopt,
            Action::None if super::fields::in_doubt(change) => Self::Doubt,
            Action::None => Self::Plain,
        }
    }

    /// `text` in the colour of this label.
    pub(super) fn paint(self, text: &str, style: &Style) -> String {
        let base = console::Style::new().force_styling(true);
        let colored = match self {
            _ if !style.color || text.is_empty() => return text.into(),
            Self::Plain => return text.into(),
            Self::Create => base.green(),
            Self::Update | Self::Warning => base.yellow(),
            Self::Delete | Self::Error => base.red().bold(),
            Self::Adopt | Self::Doubt => base.cyan(),
            Self::Drift => base.magenta(),
            Self::Heading => base.bold(),
            Self::Faint => base.dim(),
        };
        colored.apply_to(text).to_string()
    }
}

/// The glyph of a change's verb.
pub(super) fn glyph(change: &Change) -> &'static str {
    match change.action {
        Action::Create => "+",
        Action::Update => "~",
        Action::Replace => "-/+",
        Action::Delete | Action::Release => "-",
        Action::Adopt => "!",
        Action::None if super::fields::in_doubt(change) => "?",
        Action::None => " ",
    }
}
