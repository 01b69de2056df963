//! Values on one line.

use serde_json::Value;

use super::Numbers;
use super::numbers::Form;
use super::visible::{columns, push_visible, start_of};
use super::words::count;

/// A value on one line of at most about `width` columns: strings quoted, secrets as `(secret N)`, long ones cut with their
/// length.
pub fn value_short(value: &Value, width: usize) -> String {
    short(value, &Numbers::of_value(value), width, "...")
}

/// The same with the numbers of a plan.
pub(super) fn short(value: &Value, numbers: &Numbers, width: usize, dots: &str) -> String {
    let mut whole = String::new();
    // A character takes at most two columns and eight bytes as an escape: beyond that there is no need to write on.
    if write(&mut whole, value, numbers, width.saturating_mul(8)) && columns(&whole) <= width {
        return whole;
    }
    match value {
        Value::String(text) if numbers.whole(text, Form::Words).is_some() => whole,
        Value::String(text) => {
            let shown = numbers.text(text, Form::Words);
            let length = format!(" ({})", count(shown.chars().count(), "character"));
            let room = width.saturating_sub(length.len() + dots.chars().count() + 2).max(8);
            format!("{}{dots}\"{length}", start_of(whole.trim_end_matches('"'), room + 1))
        }
        Value::Array(items) => format!("[{}]", count(items.len(), "item")),
        Value::Object(fields) => format!("{{{}}}", count(fields.len(), "field")),
        other => other.to_string(),
    }
}

/// The whole value on one line, however long.
pub(super) fn whole(value: &Value, numbers: &Numbers) -> String {
    let mut line = String::new();
    write(&mut line, value, numbers, usize::MAX);
    line
}

/// Whether all of it was written before `limit` bytes were full.
fn write(out: &mut String, value: &Value, numbers: &Numbers, limit: usize) -> bool {
    match value {
        Value::String(text) => match numbers.whole(text, Form::Words) {
            Some(secret) => out.push_str(&secret),
            None => push_quoted(out, &numbers.text(text, Form::Words), limit),
        },
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                out.push_str(if position > 0 { ", " } else { "" });
                if !write(out, item, numbers, limit) {
                    return false;
                }
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (position, (key, field)) in fields.iter().enumerate() {
                out.push_str(if position > 0 { ", " } else { "" });
                out.push_str(&super::visible(key));
                out.push_str(": ");
                if !write(out, field, numbers, limit) {
                    return false;
                }
            }
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
    out.len() <= limit
}

fn push_quoted(out: &mut String, text: &str, limit: usize) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            other => push_visible(out, other),
        }
        if out.len() > limit {
            return;
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_fit_on_a_line() {
        assert_eq!(value_short(&json!("a \"b\"\n\u{1b}[0m"), 40), r#""a \"b\"\n\u{1b}[0m""#);
        assert_eq!(value_short(&json!({"a": [1, null], "b": true}), 40), "{a: [1, null], b: true}");
        assert_eq!(value_short(&json!({"a": [1, null], "b": true}), 10), "{2 fields}");
        assert_eq!(value_short(&json!(["aaaaaaaaaaaaaaaaa"]), 10), "[1 item]");
        let long = value_short(&json!("x".repeat(3000)), 40);
        assert_eq!(long, format!("\"{}...\" (3000 characters)", "x".repeat(17)));
    }

    #[test]
    fn secrets_have_numbers_and_no_length() {
        let value = json!({"a": "packctl-secret:41", "b": "packctl-secret:7", "c": "packctl-secret:41"});
        assert_eq!(value_short(&value, 80), "{a: (secret 1), b: (secret 2), c: (secret 1)}");
        assert_eq!(value_short(&json!("packctl-secret:41"), 3), "(secret 1)");
    }
}
