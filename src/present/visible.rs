//! Text that says what it is: nothing moves the cursor, turns the line around or hides.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Makes control, escape, bidi and other invisible characters visible as `\u{..}`.
///
/// Names come from clusters and files that others write; a terminal or a web page must show them, not obey them.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        push_visible(&mut shown, character);
    }
    Cow::Owned(shown)
}

/// Adds one character, escaped if a reader would not see it.
pub(super) fn push_visible(shown: &mut String, character: char) {
    if is_hidden(character) {
        let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
    } else {
        shown.push(character);
    }
}

/// Whether a character moves, reorders or hides instead of showing.
pub(super) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Columns that a visible text takes.
pub(super) fn columns(text: &str) -> usize {
    console::measure_text_width(text)
}

/// The longest start of `text` that takes at most `width` columns.
pub(super) fn start_of(text: &str, width: usize) -> &str {
    let mut used = 0;
    let mut buffer = [0; 4];
    for (position, character) in text.char_indices() {
        used += columns(character.encode_utf8(&mut buffer));
        if used > width {
            return &text[..position];
        }
    }
    text
}

/// Breaks at spaces so that each line fits; a word that is longer than a line stands alone, a number with its noun.
pub(super) fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    let mut words = text.split(' ');
    while let Some(word) = words.next() {
        let mut word = Cow::Borrowed(word);
        if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
            word = words.next().map_or(word.clone(), |noun| format!("{word} {noun}").into());
        }
        let room = if lines.len() == 1 { first } else { rest };
        let length = columns(&word);
        if used > 0 && used + 1 + length > room {
            lines.push(String::new());
            used = 0;
        }
        let Some(line) = lines.last_mut() else { break };
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(&word);
        used += length;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_deceive_is_shown() {
        assert_eq!(visible("dash-1.ä/日本"), "dash-1.ä/日本");
        assert_eq!(visible("a\u{1b}[31mb\r\n\u{9b}c"), "a\\u{1b}[31mb\\u{d}\\u{a}\\u{9b}c");
        assert_eq!(visible("admin\u{202e}gnp\u{200b}"), "admin\\u{202e}gnp\\u{200b}");
    }

    #[test]
    fn text_breaks_at_spaces_only() {
        assert_eq!(wrap("one two three", 7, 5), ["one two", "three"]);
        assert_eq!(wrap("a, 1 drift, 2", 5, 5), ["a,", "1 drift,", "2"]);
        assert_eq!(wrap("a-word-that-is-long b", 4, 4), ["a-word-that-is-long", "b"]);
        assert_eq!(start_of("日本", 3), "日");
    }
}
