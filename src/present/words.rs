//! Small words: plurals, lists, times.

/// `1 object`, `2 objects`; words that take no plain `s` bring their plural.
pub(super) fn count(number: usize, one: &str) -> String {
    match (number, one) {
        (1, _) => format!("1 {one}"),
        (_, "policy") => format!("{number} policies"),
        (_, "entry") => format!("{number} entries"),
        (_, word) if word.ends_with('s') => format!("{number} {word}es"),
        (_, word) => format!("{number} {word}s"),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().into(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// The first `shown` items, and how many more there are.
pub(super) fn some_of<T: AsRef<str>>(items: &[T], shown: usize) -> String {
    if items.len() <= shown + 1 {
        return list(items);
    }
    let first: Vec<&str> = items.iter().take(shown).map(AsRef::as_ref).collect();
    format!("{} and {} more", first.join(", "), items.len() - shown)
}

/// An RFC 3339 time as people say it, in UTC: `20 November 2026 14:02 UTC`; what is no time stays as it is.
pub(super) fn when(time: &str) -> String {
    spoken(time, "%-d %B %Y %H:%M UTC")
}

/// The same with seconds.
pub(super) fn when_exactly(time: &str) -> String {
    spoken(time, "%-d %B %Y %H:%M:%S UTC")
}

fn spoken(time: &str, format: &str) -> String {
    match time.parse::<jiff::Timestamp>() {
        Ok(time) => time.strftime(format).to_string(),
        Err(_) => super::visible(time).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_lists_and_times() {
        assert_eq!(count(1, "object"), "1 object");
        assert_eq!(count(0, "object"), "0 objects");
        assert_eq!(count(2, "entry"), "2 entries");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(some_of(&["a", "b", "c", "d"], 2), "a, b and 2 more");
        assert_eq!(some_of(&["a", "b", "c"], 2), "a, b and c");
        assert_eq!(when("2026-11-20T14:02:33Z"), "20 November 2026 14:02 UTC");
        assert_eq!(when_exactly("2026-11-20T15:02:33+01:00"), "20 November 2026 14:02:33 UTC");
        assert_eq!(when("soon\u{1b}"), "soon\\u{1b}");
    }
}
