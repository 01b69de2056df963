use super::super::samples::place;
use super::super::{Style, diagnostics};
use super::style;
use crate::diagnostic::{Diagnostic, Place, SourceMap};
use crate::resource::{Address, AppId};

fn rendered(findings: &[Diagnostic], sources: &[(&str, &str)], style: Style) -> String {
    let sources = SourceMap(sources.iter().map(|(file, text)| ((*file).into(), (*text).into())).collect());
    let mut out = String::new();
    diagnostics::render(&mut out, findings, &sources, &style);
    out
}

fn at(file: &str, line: u32, column: u32) -> Option<Place> {
    Some(Place { column, ..place(file, line) })
}

#[test]
fn findings_show_their_line_errors_first() {
    let app = AppId::new("web", "shop");
    let findings = [
        Diagnostic::warning("PK0302", "the cookie may grow over 4096 bytes").object(&Address::app(&app)),
        Diagnostic::error("PK0101", "`hostname` is no DNS name")
            .object(&Address::app(&app))
            .app(&app)
            .field("spec.hostname")
            .place(at("shop.yaml", 6, 13))
            .help("use lower-case letters, digits, `-` and `.`"),
        Diagnostic::error("PK0102", "the file is not there").place(at("gone.yaml", 1, 1)).app(&app),
        Diagnostic::error("PK0103", "beyond the text").place(at("shop.yaml", 99, 1)),
    ];
    let source = "apiVersion: reconcilers.nebari.dev/v1\nkind: NebariApp\nmetadata:\n  name: shop\nspec:\n  hostname: Shop_1  # old\n";
    let shown = rendered(&findings, &[("shop.yaml", source)], style(100));
    insta::assert_snapshot!(shown, @r"
    error[PK0102]: the file is not there
    --> gone.yaml
     = note: in app/web/shop

    error[PK0101]: `hostname` is no DNS name
     --> shop.yaml:6:13
      |
    6 |   hostname: Shop_1  # old
      |             ^^^^^^
      |
      = note: in kubernetes:reconcilers.nebari.dev/NebariApp/web/shop, field spec.hostname
      = help: use lower-case letters, digits, `-` and `.`

    error[PK0103]: beyond the text
    --> shop.yaml:99:1

    warning[PK0302]: the cookie may grow over 4096 bytes
     |
     = note: in kubernetes:reconcilers.nebari.dev/NebariApp/web/shop
    ");
    let colored = rendered(&findings, &[("shop.yaml", source)], Style { color: true, ..style(100) });
    assert_eq!(console::strip_ansi_codes(&colored), shown);
    let mut turned = findings.clone();
    turned.reverse();
    assert_eq!(rendered(&turned, &[("shop.yaml", source)], style(100)), shown);
}

#[test]
fn hostile_sources_are_shown_and_secrets_are_not() {
    let secret = Address::namespaced("", "Secret", "ns", "s");
    let findings = [
        Diagnostic::error("PK0104", "bad\u{1b}[31m value").object(&secret).place(at("s.yaml", 1, 11)),
        Diagnostic::error("PK0105", "bad\u{202e} value").place(at("t\u{7}.yaml", 1, 2)),
        Diagnostic::error("PK0106", "empty").place(at("t\u{7}.yaml", 2, 1)),
    ];
    let sources = [("s.yaml", "password: hunter2\n"), ("t\u{7}.yaml", "\ta: \u{1b}[2Jx\u{202e}y\n\n")];
    let shown = rendered(&findings, &sources, style(80));
    assert!(!shown.contains("hunter2") && !shown.contains(['\u{1b}', '\u{202e}', '\u{7}']));
    insta::assert_snapshot!(shown, @r"
    error[PK0104]: bad\u{1b}[31m value
    --> s.yaml:1:11
     = note: in kubernetes:core/Secret/ns/s

    error[PK0105]: bad\u{202e} value
     --> t\u{7}.yaml:1:5
      |
    1 |     a: \u{1b}[2Jx\u{202e}y
      |     ^^^^^^^^^^^^^^^^^^^^^^

    error[PK0106]: empty
    --> t\u{7}.yaml:2:1
    ");
}
