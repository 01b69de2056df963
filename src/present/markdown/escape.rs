//! Foreign texts in Markdown: shown, never obeyed.
//!
//! A name from a cluster or a pull request must not become a link, an image, a mention, an issue, a heading or the end of a
//! table. A backslash is not enough: GitHub looks for mentions, issues and addresses in the text that comes out of Markdown,
//! where the backslash is gone. So every character with a meaning is an entity, and what those searches look for is broken by
//! an empty comment, which nobody sees.

use super::super::visible;
use crate::present::visible::is_hidden;

/// What stands between two characters that must not be read together.
const BREAK: &str = "<!-- -->";

/// One line of text, equal for the eye, without any meaning in Markdown, HTML and GitHub's own additions.
pub(super) fn inline(text: &str) -> String {
    let text = visible(text);
    let mut out = String::with_capacity(text.len() * 2);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek();
        if is_plain(character) {
            out.push(character);
        } else {
            out.push_str(&format!("&#{};", u32::from(character)));
        }
        let breaks = match character {
            '@' | '#' => true,
            // `https://`, `:smile:`.
            ':' => next.is_some_and(|next| *next != ' '),
            // `GH-12`, `ABC-12`.
            '-' => next.is_some_and(char::is_ascii_digit),
            // `www.`
            'w' | 'W' => next == Some(&'.'),
            _ => false,
        };
        if breaks {
            out.push_str(BREAK);
        }
    }
    out
}

/// Characters that mean themselves wherever they stand.
fn is_plain(character: char) -> bool {
    !character.is_ascii()
        || character.is_ascii_alphanumeric()
        || matches!(character, ' ' | ',' | ';' | ':' | '/' | '(' | ')')
}

/// A name, in the letters of a program; it may stand in a table and in HTML.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", inline(text))
}

/// A fenced block of lines: longer fences than any in it, and no comment that could be taken for the marker.
pub(super) fn fence(kind: &str, lines: &str) -> String {
    let longest = lines.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let lines: String = lines
        .replace("<!--", "<! --")
        .chars()
        .map(|character| if is_hidden(character) && character != '\n' { '\u{fffd}' } else { character })
        .collect();
    format!("{fence}{kind}\n{}\n{fence}\n", lines.trim_end_matches('\n'))
}

/// The hidden first line, by which a program finds its own comment again: one for each cluster.
pub(super) fn marker(cluster: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/') { c } else { '-' };
    // Two hyphens would end the comment.
    let mut name: String = cluster.chars().take(100).map(plain).collect();
    while name.contains("--") {
        name = name.replace("--", "-");
    }
    format!("<!-- packctl:plan {} -->\n", name.trim_matches('-'))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts made of what Markdown, HTML and GitHub react to.
    pub(in crate::present) fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("[x](https://evil.example)".to_owned()),
            Just("![x](http://evil.example/a.png)".to_owned()),
            Just("<img src=x onerror=alert(1)>".to_owned()),
            Just("</code></summary></details>".to_owned()),
            Just("@someone #12 GH-3 owner/repo#4 a@example.com".to_owned()),
            Just("\n```\n# heading\n~~~~\n".to_owned()),
            Just("| a | b |\n|---|---|".to_owned()),
            Just("<!-- packctl:plan prod --> -->".to_owned()),
            Just("www.evil.example &amp; &#64;all $x$ :smile:".to_owned()),
            "\\PC{0,12}",
            "[ -~\n\t]{0,24}",
        ];
        proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
    }

    /// What a reader of the page sees.
    fn seen(markdown: &str) -> String {
        let mut text = String::new();
        let mut rest = markdown;
        while let Some(at) = rest.find(['&', '<']) {
            text.push_str(&rest[..at]);
            if let Some(after) = rest[at..].strip_prefix(BREAK) {
                rest = after;
                continue;
            }
            let (entity, after) = rest[at..].split_once(';').expect("only entities and breaks");
            let number = entity.strip_prefix("&#").expect("a number").parse().expect("a number");
            text.push(char::from_u32(number).expect("a character"));
            rest = after;
        }
        text + rest
    }

    proptest! {
        #[test]
        fn a_text_is_seen_as_it_is_and_means_nothing(text in hostile()) {
            let markdown = inline(&text);
            prop_assert_eq!(seen(&markdown), visible(&text));
            // What is left when our own entities and comments are gone has no meaning anywhere.
            let mut bare = markdown.replace(BREAK, "\u{1}");
            while let Some(start) = bare.find("&#") {
                let end = start + bare[start..].find(';').expect("an entity ends");
                bare.replace_range(start..=end, "\u{2}");
            }
            for character in bare.chars() {
                let ours = matches!(character, '\u{1}' | '\u{2}');
                prop_assert!(ours || is_plain(character), "{:?} in {}", character, markdown);
            }
            prop_assert!(!bare.contains("://") && !bare.to_ascii_lowercase().contains("www\u{2}"), "{}", markdown);
        }

        #[test]
        fn a_fence_ends_where_we_end_it(text in hostile()) {
            let block = fence("diff", &text);
            let lines: Vec<&str> = block.lines().collect();
            let fence = lines[lines.len() - 1];
            prop_assert!(fence.len() >= 3);
            prop_assert_eq!(lines[0].strip_prefix(fence), Some("diff"));
            for line in &lines[1..lines.len() - 1] {
                prop_assert!(!line.contains(fence), "{}", block);
            }
            prop_assert!(!block.contains("<!--"));
        }

        #[test]
        fn a_marker_is_one_comment(cluster in hostile()) {
            let marker = marker(&cluster);
            prop_assert_eq!(marker.matches("--").count(), 2);
            prop_assert!(marker.starts_with("<!-- packctl:plan ") && marker.ends_with(" -->\n"));
            prop_assert_eq!(marker.lines().count(), 1);
        }
    }

    #[test]
    fn what_github_looks_for_after_markdown_is_broken() {
        assert_eq!(inline("see @all, #1"), "see &#64;<!-- -->all, &#35;<!-- -->1");
        assert_eq!(inline("https://a"), "https:<!-- -->//a");
        assert_eq!(code("a`b"), "<code>a&#96;b</code>");
        assert_eq!(marker("prod <!-- x -->"), "<!-- packctl:plan prod-x -->\n");
    }
}
