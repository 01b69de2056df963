//! The last lines of a validation.

use super::json::ValidateDocument;
use super::visible;
use super::words::count;

/// How much was checked, and how much was not.
pub fn validated(report: &ValidateDocument) -> String {
    let mut out = format!(
        "{} checked: {}, {}.\n",
        count(report.checked, "object"),
        count(report.errors, "error"),
        count(report.warnings, "warning")
    );
    if !report.unchecked.is_empty() {
        let kinds: Vec<String> = report.unchecked.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let all = report.unchecked.values().sum();
        out.push_str(&format!(
            "{} not checked, no schema is known: {}.\n",
            count(all, "object"),
            visible(&kinds.join(", "))
        ));
    }
    out
}
