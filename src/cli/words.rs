//! Plurals.

/// `1 step`, `2 steps`.
pub(super) fn steps(count: usize) -> String {
    if count == 1 { "1 step".into() } else { format!("{count} steps") }
}

/// The text without blanks at the ends of its lines.
pub(super) fn trim_lines(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}
