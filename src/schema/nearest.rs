//! Did you mean?

/// The candidate that differs by at most two letters, the nearest first.
pub(crate) fn nearest<'c>(text: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    candidates
        .map(|candidate| (distance(text, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 2 && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, delete or replace between two texts, without regard to case.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().collect();
    // Texts come from outside; nothing as long as this is a slip of the pen.
    if left.len() > 4 * (right.len() + 3) {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (position, letter) in left.to_lowercase().chars().enumerate() {
        let mut corner = position;
        let mut last = position + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(&right) {
            let replaced = corner + usize::from(letter != *other);
            corner = *cell;
            last = replaced.min(last + 1).min(*cell + 1);
            *cell = last;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_near_and_another_word_is_not() {
        assert_eq!(distance("hostnmae", "hostname"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(nearest("hostName", ["service", "hostname"].into_iter()), Some("hostname"));
        assert_eq!(nearest("tsl", ["tls", "routes"].into_iter()), Some("tls"));
        assert_eq!(nearest("replicas", ["service", "hostname"].into_iter()), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), ["service"].into_iter()), None);
    }
}
