//! Findings with the lines they are about.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Style, visible};
use crate::diagnostic::{Diagnostic, Place, Severity, SourceMap};

/// Writes findings, errors first, each with its line of the input where that is known.
pub fn render(out: &mut String, diagnostics: &[Diagnostic], sources: &SourceMap, style: &Style) {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|found| (found.severity, &found.place, *found));
    sorted.dedup();
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    let decor = if style.unicode { DecorStyle::Unicode } else { DecorStyle::Ascii };
    let renderer = renderer.term_width(style.width.max(40)).decor_style(decor);
    for (position, found) in sorted.into_iter().enumerate() {
        if position > 0 {
            out.push('\n');
        }
        out.push_str(&renderer.render(&[group(found, sources)]));
        out.push('\n');
    }
}

fn group<'a>(found: &'a Diagnostic, sources: &SourceMap) -> Group<'a> {
    let level = match found.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(visible(&found.message)).id(visible(&found.code));
    let mut group = Group::with_title(title);
    if let Some(place) = &found.place {
        group = match source_line(found, place, sources) {
            Some(line) => group.element(
                Snippet::source(line.text)
                    .line_start(place.line as usize)
                    .path(visible(&place.file).into_owned())
                    .annotation(AnnotationKind::Primary.span(line.start..line.end)),
            ),
            // Nobody read the text: its beginning is no observation.
            None if (place.line, place.column) == (1, 1) && !sources.0.contains_key(&place.file) => {
                group.element(Origin::path(visible(&place.file)))
            }
            None => group.element(
                Origin::path(visible(&place.file)).line(place.line as usize).char_column(place.column as usize),
            ),
        };
    }
    if let Some(object) = &found.object {
        let field = found.field.as_ref().map(|field| format!(", field {field}")).unwrap_or_default();
        group = group.element(Level::NOTE.message(visible(&format!("in {object}{field}")).into_owned()));
    } else if let Some(app) = &found.app {
        group = group.element(Level::NOTE.message(visible(&format!("in app/{app}")).into_owned()));
    }
    if let Some(help) = &found.help {
        group = group.element(Level::HELP.message(visible(help)));
    }
    group
}

/// One line of a source with the part that a finding is about, in bytes.
struct SourceLine {
    text: String,
    start: usize,
    end: usize,
}

/// The line of a place, if its text is known and may be shown.
fn source_line(found: &Diagnostic, place: &Place, sources: &SourceMap) -> Option<SourceLine> {
    // A line of a Secret may hold the value itself.
    if found.object.as_ref().is_some_and(|object| object.kind == "Secret") {
        return None;
    }
    let source = sources.0.get(&place.file)?;
    let number = (place.line as usize).checked_sub(1)?;
    let line = source.lines().nth(number)?;
    if in_secret(source, number) {
        return None;
    }
    let column = (place.column as usize).saturating_sub(1);
    let from = line.char_indices().nth(column).map(|(at, _)| at)?;
    let rest = &line[from..];
    let marked = rest.find(" #").map_or(rest, |comment| &rest[..comment]).trim_end();
    let end = from + marked.len().max(rest.chars().next().map_or(0, char::len_utf8));
    let shown = |text: &str| visible(&text.replace('\t', "    ")).into_owned();
    let (before, about, after) = (shown(&line[..from]), shown(&line[from..end]), shown(&line[end..]));
    let (start, end) = (before.len(), before.len() + about.len());
    Some(SourceLine { text: before + &about + &after, start, end })
}

/// Whether the YAML or JSON document around a line says that it is a Secret.
fn in_secret(source: &str, number: usize) -> bool {
    let lines: Vec<&str> = source.lines().collect();
    let ends = |line: &&str| line.starts_with("---");
    let start = lines.iter().take(number + 1).rposition(ends).unwrap_or(0);
    let end = lines.iter().skip(number + 1).position(ends).map_or(lines.len(), |end| number + 1 + end);
    lines.get(start..end).unwrap_or_default().iter().any(|line| {
        let plain: String = line.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'')).collect();
        let after = plain.find("kind:Secret").and_then(|at| plain.get(at + "kind:Secret".len()..));
        after.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
    })
}
