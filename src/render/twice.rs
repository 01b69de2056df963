//! Two renderings of one source must be the same: a plan of values that change each time is no plan.

use serde_json::Value;

use super::objects::shown;
use crate::diagnostic::Diagnostic;
use crate::yaml::{Document, step};

/// More fields of one object help nobody.
const MAX_NAMED: usize = 3;

/// What differs, by object and field; never the values.
pub(super) fn differences(first: &[Document], second: &[Document]) -> Vec<Diagnostic> {
    const HELP: &str = "functions like randAlphaNum, genCA and now make a new value each time: set the value, or name an \
                        existing Secret";
    if first.len() != second.len() {
        let text = "the chart makes other objects each time it is rendered";
        return vec![
            Diagnostic::error("PK0210", text).place(first.first().map(|document| document.place(""))).help(HELP),
        ];
    }
    let mut findings = Vec::new();
    for (one, two) in first.iter().zip(second) {
        let mut pointers = Vec::new();
        compare(&one.value, &two.value, "", &mut pointers);
        for pointer in pointers.iter().take(MAX_NAMED) {
            let field = one.path(pointer).to_string();
            let text = format!("{}: `{field}` has another value each time the chart is rendered", shown(one));
            findings.push(Diagnostic::error("PK0210", text).field(field).place(Some(one.place(pointer))).help(HELP));
        }
    }
    findings
}

fn compare(one: &Value, two: &Value, pointer: &str, pointers: &mut Vec<String>) {
    match (one, two) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for ((key, one), two) in a.iter().zip(b.values()) {
                compare(one, two, &format!("{pointer}/{}", step(key)), pointers);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (one, two)) in a.iter().zip(b).enumerate() {
                compare(one, two, &format!("{pointer}/{index}"), pointers);
            }
        }
        _ if one == two => {}
        _ => pointers.push(pointer.to_owned()),
    }
}
