//! PK0419: a path that the NebariApp may have and an HTTPRoute may not.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::{error, warning};
use crate::check::{Facts, Rule};
use crate::diagnostic::Diagnostic;

pub(crate) struct Paths;

/// `maxLength` of a path and `maxItems` of a rule's matches (Gateway API v1.2 to v1.5).
const LONGEST: usize = 1024;
const MOST: usize = 64;

/// The characters of a path, as the CRD of HTTPRoute has them.
static CHARACTERS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$").ok());

impl Rule for Paths {
    fn code(&self) -> &'static str {
        "PK0419"
    }

    fn docs(&self) -> &'static str {
        "A path of `spec.routing.routes` or `publicRoutes` that the CRD of NebariApp takes and that of HTTPRoute does not: \
         `//`, `/./`, `/../`, `%2f`, `#`, a blank, `/.` or `/..` at its end, more than 1,024 characters; or more than 64 \
         paths in one list.\n\
         \n\
         The API server would refuse the route when everything else of the app is there. A path that stands in the list twice \
         is a warning.\n\
         \n\
         What to do: correct the path; several NebariApps may share what is too much for one."
    }

    fn check(&self, facts: Facts<'_>) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for app in facts.desired.apps.values() {
            for (list, paths) in [("routes", app.paths()), ("publicRoutes", app.public_paths())] {
                let pointer = format!("/spec/routing/{list}");
                if paths.len() > MOST {
                    let message = format!("{} paths in `{list}`, a route takes {MOST}", paths.len());
                    findings.push(error(self.code(), app, &pointer, message).help("join paths, or split the app"));
                }
                let mut seen = BTreeSet::new();
                for (index, path) in paths.iter().enumerate() {
                    let pointer = format!("{pointer}/{index}/pathPrefix");
                    if let Some(problem) = problem(&path.prefix) {
                        let message = format!("the path `{}` {problem}", shortened(&path.prefix));
                        findings.push(
                            error(self.code(), app, &pointer, message)
                                .help("an HTTPRoute refuses it; correct the path"),
                        );
                    }
                    if !seen.insert(path) {
                        let message = format!("the path `{}` stands in `{list}` twice", shortened(&path.prefix));
                        findings.push(warning(self.code(), app, &pointer, message).help("remove one of them"));
                    }
                }
            }
        }
        findings
    }
}

/// Why an HTTPRoute refuses a path.
fn problem(path: &str) -> Option<String> {
    let inside = ["//", "/./", "/../", "%2f", "%2F", "#"].into_iter().find(|part| path.contains(part));
    let end = ["/.", "/.."].into_iter().find(|end| path.ends_with(end));
    if let Some(part) = inside {
        Some(format!("has `{part}`"))
    } else if let Some(end) = end {
        Some(format!("ends in `{end}`"))
    } else if path.len() > LONGEST {
        Some(format!("has {} characters, {LONGEST} are possible", path.len()))
    } else {
        let well = CHARACTERS.as_ref().is_none_or(|characters| characters.is_match(path));
        (!well).then(|| "has characters that a path may have in percent form only".into())
    }
}

fn shortened(path: &str) -> String {
    if path.chars().count() > 60 { path.chars().take(57).chain("...".chars()).collect() } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn the_rules_are_those_of_the_crd() {
        let crd = include_str!("../../schema/crds/gateway.networking.k8s.io_httproutes.yaml").replace("''", "'");
        let parts =
            ["//", "/./", "/../", "%2f", "%2F", "#"].map(|part| (format!("contains('{part}')"), format!("/a{part}b")));
        let ends = ["/.", "/.."].map(|end| (format!("endsWith('{end}')"), format!("/a{end}")));
        for (rule, path) in parts.iter().chain(&ends) {
            assert!(crd.contains(&format!("!self.value.{rule}")), "{rule}");
            assert!(problem(path).is_some(), "{path}");
        }
        assert!(crd.contains("^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$"));
        for fine in ["/", "/a/b.c", "/a..b", "/.well-known/x", "/caf%C3%A9", &format!("/{}", "a".repeat(1023))] {
            assert_eq!(problem(fine), None, "{fine}");
        }
        for bad in ["/a b", "/ä", "/a?b", "/a\\b", "/a%zz", &format!("/{}", "a".repeat(1024))] {
            assert!(problem(bad).is_some(), "{bad}");
        }
    }
}
