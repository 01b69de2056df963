//! `packctl validate` against the real API server: for thousands of objects, right and broken at each field in each way, the
//! same verdict, the same unknown fields, the same fields blamed, and after defaulting the same object as a creation by dry
//! run with `fieldValidation=Warn`.

mod cases;
mod samples;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use packctl::schema::{Schemas, admitted, remove, unknown_fields};
use serde_json::{Value, json};

use cases::Case;
use server::{Answer, Server};

use crate::env::{Env, unique};
use crate::packctl::{packctl, root, stderr, stdout};

/// What packctl says of a case.
#[derive(Debug, Default)]
struct Ours {
    /// Fields that are refused, with the message.
    refused: BTreeMap<String, String>,
    unknown: BTreeSet<String>,
    undecided: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nebariapps_are_judged_as_by_the_server() {
    let schema = cases::nebariapp_schema();
    let mut cases = cases::by_hand();
    cases.extend(cases::systematic(&schema));
    cases.extend(cases::random(&schema, 400));
    let counts = compare("reconcilers.nebari.dev/v1", "nebariapps", cases, Exactness::Whole).await;
    println!("NebariApp: {counts}");
    assert!(counts.accepted > 500 && counts.refused > 900 && counts.unknown > 50, "{counts}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_custom_kinds_are_judged_as_by_the_server() {
    for (api_version, plural, file, sample) in samples::OTHERS {
        let schema = cases::schema(file);
        let sample = cases::sample(sample);
        let cases = cases::mutations(&schema, &sample);
        let counts = compare(api_version, plural, cases, Exactness::Whole).await;
        println!("{plural}: {counts}");
        assert!(counts.accepted > 10 && counts.refused > 40, "{plural}: {counts}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_of_a_built_in_kind_is_refused_by_the_server_too() {
    for (api_version, plural, sample) in samples::BUILT_IN {
        let cases = cases::mutations(&Value::Null, &cases::sample(sample));
        let counts = compare(api_version, plural, cases, Exactness::Types).await;
        println!("{plural}: {counts}");
        assert!(counts.accepted > 10 && counts.refused > 40, "{plural}: {counts}");
    }
}

/// How much of the server's verdict is expected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exactness {
    /// All of it.
    Whole,
    /// No false refusal, and the same unknown fields.
    Types,
}

#[derive(Debug, Default)]
struct Counts {
    accepted: usize,
    refused: usize,
    unknown: usize,
    stored: usize,
    blamed: usize,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { accepted, refused, unknown, stored, blamed } = self;
        write!(
            f,
            "{accepted} accepted by both, {refused} refused by both, {unknown} with unknown fields, {stored} stored as \
             predicted, {blamed} with the same fields blamed"
        )
    }
}

async fn compare(api_version: &str, plural: &str, cases: Vec<Case>, exactness: Exactness) -> Counts {
    let namespace = unique("verdict");
    Env::get().kubectl(&["create", "namespace", &namespace]);
    let server = Server::of(api_version, plural, &namespace).await;
    let cases: Vec<Case> = cases.into_iter().map(|case| case.of(api_version, &namespace)).collect();
    let ours = ours(&cases);
    let answers = server.ask_all(cases.iter().map(|case| case.object.clone())).await;
    Env::get().kubectl(&["delete", "namespace", "--wait=false", &namespace]);

    let (mut counts, mut wrong) = (Counts::default(), Vec::new());
    for ((case, ours), answer) in cases.iter().zip(&ours).zip(&answers) {
        let mut complain = |what: String| wrong.push(format!("{}\n    {what}\n    {}", case.what, case.object));
        assert_eq!(ours.undecided, 0, "{}: a rule could not be evaluated", case.what);
        match (ours.refused.is_empty(), &answer.refused) {
            (true, None) => counts.accepted += 1,
            (false, Some(_)) => counts.refused += 1,
            (true, Some(_)) if exactness == Exactness::Types => {}
            (false, None) if case.stricter => continue,
            (true, Some(why)) => complain(format!("packctl accepts it, the server refuses it: {why}")),
            (false, None) => complain(format!("packctl refuses it, the server accepts it: {:?}", ours.refused)),
        }
        let Answer { stored: Some(stored), unknown, .. } = answer else {
            // What cannot be decoded at all is refused without a field.
            if let (false, Some(blamed)) = (ours.refused.is_empty(), &answer.blamed) {
                let fields: BTreeSet<&String> = ours.refused.keys().collect();
                let blames = |field: &str| blamed.iter().any(|theirs| theirs == field || same_metadata(theirs, field));
                match blamed.is_empty() || fields.iter().all(|field| blames(field)) {
                    true => counts.blamed += 1,
                    false if exactness == Exactness::Types => {}
                    false => complain(format!("packctl blames {fields:?}, the server {blamed:?}")),
                }
            }
            continue;
        };
        if ours.unknown != *unknown {
            complain(format!("unknown to packctl: {:?}, to the server: {unknown:?}", ours.unknown));
        }
        counts.unknown += usize::from(!unknown.is_empty());
        if exactness == Exactness::Whole {
            let predicted = predicted(&case.object);
            match predicted == content(stored) {
                true => counts.stored += 1,
                false => complain(format!("predicted {predicted}\n    stored    {}", content(stored))),
            }
        }
    }
    let mut text = String::new();
    for one in wrong.iter().take(25) {
        let _ = writeln!(text, "{one}\n");
    }
    assert!(wrong.is_empty(), "{} of {} cases differ:\n{text}", wrong.len(), cases.len());
    counts
}

/// What the program says of the cases: each is a line of one file, so a finding's line is its case.
fn ours(cases: &[Case]) -> Vec<Ours> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let text: String = cases.iter().map(|case| format!("---\n{}\n", case.object)).collect();
    std::fs::write(folder.path().join("cases.yaml"), text).expect("it can be written");
    let output = packctl(root(), &["validate", "-o", "json", "-f", folder.path().to_str().expect("a path in UTF-8")]);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    let mut ours: Vec<Ours> = cases.iter().map(|_| Ours::default()).collect();
    for found in report["diagnostics"].as_array().expect("diagnostics") {
        let line = found["place"]["line"].as_u64().unwrap_or_else(|| panic!("no place: {found}"));
        assert!(found["place"]["column"].as_u64().is_some_and(|column| column > 0), "no column: {found}");
        let ours = &mut ours[usize::try_from(line / 2).expect("a line") - 1];
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        match (text("code").as_str(), text("severity").as_str()) {
            // An error where the login could be meant, which is ours alone.
            ("PK0313", _) => drop(ours.unknown.insert(plain(&text("field")))),
            ("PK0401", "warning") => ours.undecided += 1,
            _ => drop(ours.refused.insert(plain(&text("field")), text("message"))),
        }
    }
    ours
}

/// Of the metadata the server names a part as a whole: `metadata.labels`.
fn same_metadata(theirs: &str, ours: &str) -> bool {
    let part = |path: &str| path.strip_prefix("metadata.").map(|rest| rest.split(['.', '[']).next().map(str::to_owned));
    part(theirs).is_some() && part(theirs) == part(ours)
}

/// A path as the server writes it: no quotes around names with points.
fn plain(path: &str) -> String {
    path.replace("[\"", ".").replace("\"]", "")
}

/// The object that the server would keep.
fn predicted(object: &Value) -> Value {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let schemas = Schemas::default();
    let group = text("/apiVersion").split('/').next().expect("a group");
    let schema = schemas.get(group, text("/kind")).expect("an embedded kind");
    let mut kept = object.clone();
    for unknown in unknown_fields(object, schema) {
        remove(&mut kept, &unknown.pointer);
    }
    content(&admitted(&kept, schema.root()))
}

/// What is to be compared of an object; whole numbers are the same with and without a point.
fn content(object: &Value) -> Value {
    let mut content = json!({});
    for (name, value) in object.as_object().expect("an object") {
        if !["metadata", "status", "apiVersion", "kind"].contains(&name.as_str()) {
            content[name] = numbers(value);
        }
    }
    for name in ["labels", "annotations"] {
        if let Some(map) = object["metadata"][name].as_object().filter(|map| !map.is_empty()) {
            content["metadata"][name] = json!(map);
        }
    }
    content
}

fn numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(numbers).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), numbers(value))).collect(),
        other => other.clone(),
    }
}
