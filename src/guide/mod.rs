//! The guide: short pages for people, as GitHub shows them and `packctl help TOPIC` prints them.
//!
//! The pages link to each other by file. In this documentation the definitions that stand before a page count.

#[doc = include_str!("order-is-safety.md")]
pub mod order_is_safety {}

#[doc = include_str!("how-packctl-compares.md")]
pub mod how_packctl_compares {}

#[doc = "[environment]: self::environment"]
#[doc = ""]
#[doc = include_str!("ownership.md")]
pub mod ownership {}

#[doc = "[order-is-safety]: self::order_is_safety"]
#[doc = ""]
#[doc = include_str!("compatibility.md")]
pub mod compatibility {}

#[doc = include_str!("packs.md")]
pub mod packs {}

#[doc = "[packs]: self::packs"]
#[doc = ""]
#[doc = include_str!("environment.md")]
pub mod environment {}

#[doc = include_str!("nebariapp-fields.md")]
pub mod nebariapp_fields {}

#[doc = include_str!("plan-format.md")]
pub mod plan_format {}

#[doc = "[plan-format]: self::plan_format"]
#[doc = ""]
#[doc = include_str!("pull-requests.md")]
pub mod pull_requests {}

/// One page, for `packctl help`.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The word that asks for it: the name of its file.
    pub topic: &'static str,
    /// In Markdown.
    pub text: &'static str,
}

/// All pages, in the order in which one would read them.
pub const PAGES: [Page; 9] = [
    Page { topic: "order-is-safety", text: include_str!("order-is-safety.md") },
    Page { topic: "how-packctl-compares", text: include_str!("how-packctl-compares.md") },
    Page { topic: "ownership", text: include_str!("ownership.md") },
    Page { topic: "compatibility", text: include_str!("compatibility.md") },
    Page { topic: "packs", text: include_str!("packs.md") },
    Page { topic: "environment", text: include_str!("environment.md") },
    Page { topic: "nebariapp-fields", text: include_str!("nebariapp-fields.md") },
    Page { topic: "plan-format", text: include_str!("plan-format.md") },
    Page { topic: "pull-requests", text: include_str!("pull-requests.md") },
];

impl Page {
    /// The heading.
    pub fn title(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches('#').trim()
    }

    /// The page for a terminal of so many columns: paragraphs and points are broken anew, tables and examples stay.
    pub fn wrapped(&self, width: usize) -> String {
        let mut out = String::new();
        let mut paragraph = String::new();
        let mut example = false;
        for line in self.text.lines() {
            let fence = line.trim_start().starts_with("```");
            let stays = example || fence || line.is_empty() || line.starts_with(['#', '|', '[', '>']) || is_code(line);
            let begins = stays || is_point(line);
            if begins {
                flush(&mut out, &mut paragraph, width);
            }
            example ^= fence;
            if stays {
                out.push_str(line);
                out.push('\n');
            } else if paragraph.is_empty() {
                paragraph.push_str(line);
            } else {
                paragraph.push(' ');
                paragraph.push_str(line.trim_start());
            }
        }
        flush(&mut out, &mut paragraph, width);
        out
    }
}

fn is_code(line: &str) -> bool {
    line.starts_with("    ")
}

fn is_point(line: &str) -> bool {
    let text = line.trim_start();
    let number = text.split_once(". ").is_some_and(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
    text.starts_with("- ") || text.starts_with("* ") || (number && !text.starts_with('.'))
}

/// Writes a paragraph with breaks at spaces; the lines of a point stand below its text.
fn flush(out: &mut String, paragraph: &mut String, width: usize) {
    let text = std::mem::take(paragraph);
    let indent = text.len() - text.trim_start().len();
    let hang = if is_point(&text) { text.trim_start().find(' ').unwrap_or(0) + 1 } else { 0 };
    let mut used = 0;
    for (position, word) in text.split_whitespace().enumerate() {
        if position > 0 && used + 1 + word.chars().count() > width {
            out.push('\n');
            out.push_str(&" ".repeat(indent + hang));
            used = indent + hang;
        } else if position > 0 {
            out.push(' ');
            used += 1;
        } else {
            out.push_str(&" ".repeat(indent));
            used = indent;
        }
        out.push_str(word);
        used += word.chars().count();
    }
    if !text.is_empty() {
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_fit_and_examples_stay() {
        let text = "# Title\n\nOne two three\nfour five.\n- a point that is\n  longer\n\n```sh\nlong line that stays as it is\n```\n";
        let shown = Page { topic: "t", text }.wrapped(12);
        assert_eq!(
            shown,
            "# Title\n\nOne two\nthree four\nfive.\n- a point\n  that is\n  longer\n\n```sh\nlong line that stays as it is\n```\n"
        );
    }

    #[test]
    fn every_page_has_a_topic_and_no_word_is_lost() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide");
        let pages = std::fs::read_dir(folder).expect("the guide").filter_map(|entry| {
            let path = entry.expect("an entry").path();
            (path.extension()? == "md").then(|| path.file_stem()?.to_str().map(str::to_owned))?
        });
        let mut pages: Vec<String> = pages.collect();
        pages.sort();
        let mut topics: Vec<&str> = PAGES.iter().map(|page| page.topic).collect();
        topics.sort_unstable();
        assert_eq!(pages, topics);
        for page in PAGES {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&page.wrapped(60)), words(page.text), "{}", page.topic);
        }
    }
}
