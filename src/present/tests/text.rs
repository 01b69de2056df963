use serde_json::json;

use super::super::samples::*;
use super::super::{Style, explain, text};
use super::style;
use crate::diff::Class;
use crate::plan::{Action, Change, Plan};
use crate::resource::{Address, AppId, FieldPath};

fn shown(plan: &Plan, style: Style) -> String {
    let mut out = String::new();
    text::plan(&mut out, plan, &style);
    out
}

fn explained(plan: &Plan, address: &Address, style: Style) -> String {
    let mut out = String::new();
    explain(&mut out, plan, address, &style);
    out
}

#[test]
fn the_quickstart_at_120() {
    insta::assert_snapshot!(shown(&quickstart(), style(120)), @"");
}

#[test]
fn the_quickstart_at_80() {
    let shown = shown(&quickstart(), style(80));
    assert!(shown.lines().all(|line| line.chars().count() <= 80 && line.trim_end() == line));
    insta::assert_snapshot!(shown, @"");
}

#[test]
fn everything_at_120() {
    insta::assert_snapshot!(shown(&everything(), style(120)), @"");
}

#[test]
fn everything_at_80_with_all() {
    let style = Style { all: true, unicode: true, ..style(80) };
    insta::assert_snapshot!(shown(&everything(), style), @"");
}

#[test]
fn nothing_to_do_is_one_line() {
    let mut plan = quickstart();
    plan.steps.clear();
    plan.openings.clear();
    for change in plan.changes.values_mut() {
        *change = Change {
            pack: change.pack.clone(),
            ..super::super::samples::change(change.address.clone(), Action::None, None)
        };
    }
    insta::assert_snapshot!(shown(&plan, style(120)), @"");
    plan.unreadable.push(("Secrets of bi".into(), "forbidden".into()));
    insta::assert_snapshot!(shown(&plan, style(120)), @"");
}

#[test]
fn colour_is_on_the_verb_and_says_nothing_that_the_text_does_not() {
    let colored = shown(&everything(), Style { color: true, ..style(120) });
    assert_eq!(console::strip_ansi_codes(&colored), shown(&everything(), style(120)));
    for (line, expected) in [
        ("Job/analytics/superset-init  ", "\u{1b}[31m\u{1b}[1m-/+\u{1b}[0m Job"),
        ("HTTPRoute/web/shop-public-route", "\u{1b}[31m\u{1b}[1m-\u{1b}[0m HTTP"),
        ("client/web-shop", "\u{1b}[36m!\u{1b}[0m client"),
    ] {
        let row = colored.lines().find(|row| row.contains(line)).unwrap_or_default();
        assert!(row.contains(expected), "{row:?}");
    }
    let drift = shown(&quickstart(), Style { color: true, ..style(120) });
    assert!(drift.contains("\u{1b}[35m~\u{1b}[0m HTTPRoute/web/welcome-route"), "{drift}");
}

#[test]
fn a_long_plan_repeats_what_people_must_read() {
    let mut plan = quickstart();
    for number in 0..70 {
        let address = Address::namespaced("", "Service", "bi", &format!("s{number:02}"));
        add(&mut plan, created(address, json!({}), None), 2);
    }
    let shown = shown(&plan, style(120));
    assert_eq!(shown.matches("opens   https://dash.example.com").count(), 2);
    assert!(!self::shown(&quickstart(), style(120)).contains("opens   https://dash.example.com, new: anyone\n"));
}

#[test]
fn hostile_names_and_values_are_shown_not_obeyed() {
    let mut plan = Plan { cluster: "a\u{1b}]0;x\u{7}".into(), ..Plan::default() };
    plan.seen.server = "https://h\u{202e}moc".into();
    let address = Address::namespaced("", "ConfigMap", "ns", "x\r\n+ Secret/ns/fake");
    let path = FieldPath::of("data").field("k\u{9b}31m");
    let fields = vec![field(path, Some("a\u{1b}[2J".into()), Some("b\u{2066}".into()), edited("m\u{8}\u{8}"))];
    let body = resource(&address, json!({}), Some(place("f\u{1b}[0m.yaml", 1)));
    add(&mut plan, Change { fields, ..change(address.clone(), Action::Update, Some(body)) }, 1);
    plan.apps.insert(AppId::new("a", "b"), None);
    let text = shown(&plan, style(160)) + &explained(&plan, &address, style(160));
    assert!(!text.chars().any(|c| c != '\n' && super::super::visible::is_hidden(c)));
    insta::assert_snapshot!(text, @"");
}

#[test]
fn two_objects_of_one_short_name_show_their_addresses() {
    let mut plan = Plan::default();
    for group in ["a.io", "b.io"] {
        add(&mut plan, created(Address::namespaced(group, "Widget", "ns", "w"), json!({}), None), 1);
    }
    let shown = shown(&plan, style(100));
    assert!(shown.contains("+ kubernetes:a.io/Widget/ns/w") && shown.contains("+ kubernetes:b.io/Widget/ns/w"));
}

#[test]
fn explain_a_route_that_is_made() {
    let route = Address::namespaced(GATEWAY, "HTTPRoute", "bi", "dash-route");
    insta::assert_snapshot!(explained(&quickstart(), &route, style(100)), @"");
}

#[test]
fn explain_drift() {
    let route = Address::namespaced(GATEWAY, "HTTPRoute", "web", "welcome-route");
    insta::assert_snapshot!(explained(&quickstart(), &route, style(100)), @"");
}

#[test]
fn explain_text_line_by_line_and_what_is_not_there() {
    let plan = everything();
    let config = Address::namespaced("", "ConfigMap", "analytics", "superset");
    insta::assert_snapshot!(explained(&plan, &config, style(100)), @"");
    for (address, expected) in [
        (Address::cluster_scoped("", "Namespace", "old"), "stays: others have objects in it"),
        (Address::app(&AppId::new("web", "shop")), "could not be planned: the realm could not be read"),
        (Address::cluster_scoped("", "Namespace", "x"), "is not part of this plan"),
    ] {
        assert!(explained(&plan, &address, style(200)).contains(expected));
    }
}

#[test]
fn what_the_lock_is_for_stands_with_the_lock() {
    let lock = Address::namespaced(ENVOY, "SecurityPolicy", "envoy-gateway-system", "lock-tls-dash-bi");
    let text = explained(&quickstart(), &lock, style(100));
    let after = text.split("\n\n").last();
    assert_eq!(
        after,
        Some("1 step after it\n  6 close HTTPRoute/bi/dash-route: nothing is attached to an open listener\n")
    );
}

#[test]
fn any_plan_fits_on_paper() {
    let mut plan = everything();
    let long = "x".repeat(5000);
    let path = FieldPath::of("data.long");
    let address = Address::namespaced("", "ConfigMap", "ns", &"n".repeat(200));
    let fields = vec![field(path, None, Some(long.into()), Class::Pending)];
    add(&mut plan, Change { fields, ..change(address, Action::Update, None) }, 1);
    for width in [0, 1, 20, 40, 79, 80, 81, 100, 160, 300] {
        let text = shown(&plan, style(width));
        assert!(text.len() < 20_000 && text.contains("(5000 characters)"), "{width}: {text}");
        assert!(text.lines().all(|line| line == line.trim_end()));
    }
}
