//! The folders of `testdata/scenarios`: input and world go in, the plan must be the one that was written by hand.
//!
//! Every folder is run and every mismatch is reported; `testdata/scenarios/README.md` says what a folder holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use serde_json::{Map, Value};

/// Written by hand, from the issue and the design.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// What the folder is about, where its name does not say all.
    #[serde(default)]
    #[allow(dead_code, reason = "for people")]
    why: Option<String>,
    #[serde(default)]
    input: Overlay,
    #[serde(default)]
    world: Overlay,
    /// `plan -f input --snapshot world` where absent.
    #[serde(default)]
    args: Option<Vec<String>>,
    exit: i32,
    /// The exit status of the same command when it is done; 0 where absent.
    #[serde(default)]
    again: i32,
    /// Everything that is not as wanted, and nothing else.
    #[serde(default)]
    changes: BTreeMap<String, String>,
    /// Changed fields; complete for each address that is named.
    #[serde(default)]
    fields: BTreeMap<String, BTreeMap<String, Map<String, Value>>>,
    /// Values of the object as it will be, by JSON pointer.
    #[serde(default)]
    after: BTreeMap<String, BTreeMap<String, Value>>,
    /// Steps that must come in this order in the list.
    #[serde(default)]
    steps: Vec<String>,
    /// Pairs of steps: the second has the first among what it comes after.
    #[serde(default)]
    before: Vec<(String, String)>,
    /// What a step waits for, complete.
    #[serde(default)]
    waits: BTreeMap<String, BTreeSet<String>>,
    /// All errors, and the warnings that matter.
    #[serde(default)]
    diagnostics: Vec<Finding>,
    #[serde(default)]
    blocked: Reasons,
    #[serde(default)]
    kept: Reasons,
    /// What opens and closes for people outside: `VERB URL, WHO`; complete where it is named.
    #[serde(default)]
    openings: Option<BTreeSet<String>>,
    /// How many objects are as wanted, where nothing else shows that they were seen at all.
    #[serde(default)]
    in_sync: Option<u64>,
    /// What `graph` prints.
    #[serde(default)]
    graph: Option<String>,
    /// Texts that must stand in what is printed, where that is no JSON.
    #[serde(default)]
    says: Vec<String>,
    /// Texts that must not stand there.
    #[serde(default)]
    says_not: Vec<String>,
}

/// By address; the text must be part of the reason.
type Reasons = BTreeMap<String, String>;

/// The folder beside `expect.yaml`, perhaps on top of others.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Overlay {
    #[serde(default)]
    base: Vec<String>,
    #[serde(default)]
    without: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Finding {
    #[serde(default)]
    severity: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    object: Option<String>,
    #[serde(default)]
    field: Option<String>,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    line: Option<u64>,
    /// Parts of the message or of the help.
    #[serde(default)]
    says: Vec<String>,
}

/// What a run said, in the terms of [`Expect`].
#[derive(Debug, Default)]
struct Actual {
    output: String,
    changes: BTreeMap<String, String>,
    fields: BTreeMap<String, BTreeMap<String, Map<String, Value>>>,
    after: BTreeMap<String, Value>,
    steps: Vec<Step>,
    diagnostics: Vec<Value>,
    blocked: BTreeMap<String, String>,
    kept: BTreeMap<String, String>,
    openings: BTreeSet<String>,
    in_sync: Option<u64>,
}

#[derive(Debug)]
struct Step {
    title: String,
    address: String,
    after: BTreeSet<usize>,
    waits: BTreeSet<String>,
}

/// Plans that were carried out, too.
static APPLIED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn every_scenario_gives_the_plan_that_was_written_by_hand() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/scenarios");
    let names: Vec<String> = fs::read_dir(&root)
        .expect("a scenario that can be read, copied and run")
        .map(|entry| entry.expect("a folder of scenarios"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().expect("a scenario that can be read, copied and run"))
        .filter(|name| !name.starts_with('_'))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    assert!(!names.is_empty(), "{} holds no scenario", root.display());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let part = |part: usize| -> Vec<String> {
        let mine = names.iter().skip(part).step_by(threads);
        let runs = mine.map(|name| (name, scenario(&root.join(name))));
        runs.filter(|(_, said)| !said.is_empty()).map(|(name, said)| format!("{name}\n{said}")).collect()
    };
    let mut failed: Vec<String> = std::thread::scope(|scope| {
        let part = &part;
        let parts: Vec<_> = (0..threads).map(|number| scope.spawn(move || part(number))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("a scenario that can be read, copied and run")).collect()
    });
    failed.sort();
    let applied = APPLIED.load(Ordering::Relaxed);
    assert!(applied > 40, "only {applied} plans were applied");
    assert!(failed.is_empty(), "{} of {} scenarios:\n\n{}", failed.len(), names.len(), failed.join("\n"));
}

/// Runs one folder; the text says what is not as expected.
fn scenario(folder: &Path) -> String {
    let text = match fs::read_to_string(folder.join("expect.yaml")) {
        Ok(text) => text,
        Err(error) => return format!("  expect.yaml: {error}\n"),
    };
    let expect: Expect = match serde_yaml::from_str(&text) {
        Ok(expect) => expect,
        Err(error) => return format!("  expect.yaml: {error}\n"),
    };
    let dir = tempfile::tempdir().expect("a scenario that can be read, copied and run");
    for (name, overlay) in [("input", &expect.input), ("world", &expect.world)] {
        let to = dir.path().join(name);
        fs::create_dir_all(&to).expect("a scenario that can be read, copied and run");
        for base in &overlay.base {
            copy(&folder.join(base), &to);
        }
        for gone in &overlay.without {
            let path = to.join(gone);
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
                .unwrap_or_else(|error| panic!("{}: without {gone}: {error}", folder.display()));
        }
        if folder.join(name).is_dir() {
            copy(&folder.join(name), &to);
        }
    }
    let default = ["plan", "-f", "input", "--snapshot", "world"].map(str::to_owned).to_vec();
    let mut args = expect.args.clone().unwrap_or(default);
    let json = matches!(args.first().map(String::as_str), Some("plan" | "drift"));
    if json {
        args.extend(["-o", "json"].map(str::to_owned));
    }
    if args[0] == "plan" && !args.iter().any(|arg| arg == "--detailed-exitcode") {
        args.push("--detailed-exitcode".into());
    }
    let (exit, stdout, stderr) = packctl(dir.path(), &args);
    let mut report = Report::default();
    report.equal("exit", &expect.exit, &exit.unwrap_or(-1));
    match (json, serde_json::from_str(&stdout)) {
        (true, Ok(document)) => {
            let actual = Actual { output: format!("{stdout}{stderr}"), ..read(&document) };
            compare(&expect, &actual, &mut report);
        }
        // What stops a run before there is a plan is told on stderr.
        (true, Err(_)) if expect.changes.is_empty() && expect.diagnostics.is_empty() && !expect.says.is_empty() => {
            report.says(&expect.says, &format!("{stdout}{stderr}"));
        }
        (true, Err(error)) => report.line(&format!("no JSON ({error}):\n{stdout}{stderr}")),
        (false, _) => report.says(&expect.says, &format!("{stdout}{stderr}")),
    }
    for text in expect.says_not.iter().filter(|text| stdout.contains(text.as_str())) {
        report.line(&format!("says_not: {text:?} stands in\n{stdout}"));
    }
    // A plan that says all there is to do is one that does it. Nobody plays nebari-operator, for whom such a step waits.
    let by_others = expect.steps.iter().any(|step| step.starts_with("wait "));
    if args[0] == "plan" && [0, 2, 3].contains(&expect.exit) && expect.blocked.is_empty() && !by_others {
        APPLIED.fetch_add(1, Ordering::Relaxed);
        applied(dir.path(), &args, expect.again, &mut report);
    }
    if let Some(graph) = &expect.graph {
        let (_, stdout, stderr) =
            packctl(dir.path(), &["graph", "-f", "input", "--snapshot", "world"].map(str::to_owned));
        if stdout.trim_end() != graph.trim_end() {
            report.line(&format!("graph:\n{}{stderr}", difference(graph.trim_end(), stdout.trim_end())));
        }
    }
    report.0
}

/// Applies the plan to a copy of the world: then there is nothing to do, and doing it again writes nothing.
fn applied(dir: &Path, args: &[String], again: i32, report: &mut Report) {
    let copied = dir.join("world-then");
    copy(&dir.join("world"), &copied);
    let with = |command: &[&str]| -> Vec<String> {
        let rest = args.iter().skip(1).filter(|arg| !["-o", "json", "--detailed-exitcode"].contains(&arg.as_str()));
        let rest = rest.map(|arg| if arg == "world" { "world-then".into() } else { arg.clone() });
        command.iter().map(|arg| (*arg).to_owned()).chain(rest).collect()
    };
    let apply = with(&["apply", "--yes", "--adopt", "--wait-limit", "0"]);
    let (exit, stdout, stderr) = packctl(dir, &apply);
    if exit != Some(0) {
        report.line(&format!("apply ends {exit:?}:\n{stdout}{stderr}"));
        return;
    }
    let (exit, stdout, stderr) = packctl(dir, &with(&["plan", "--detailed-exitcode"]));
    if exit != Some(again) {
        report.line(&format!("after apply there is something to do, {exit:?}:\n{stdout}{stderr}"));
    }
    let before = files(&copied);
    let (exit, stdout, stderr) = packctl(dir, &apply);
    if exit != Some(again) || before != files(&copied) {
        report.line(&format!("a second apply writes, {exit:?}:\n{stdout}{stderr}"));
    }
}

/// Every file below a folder, with its content and the time of its last change.
fn files(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
    let files = walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.expect("a file of a world"));
    let files = files.filter(|entry| entry.file_type().is_file()).map(|entry| {
        let changed = entry.metadata().expect("a file").modified().expect("a time");
        (entry.path().to_owned(), (fs::read(entry.path()).expect("a file of a world"), changed))
    });
    files.collect()
}

fn packctl(dir: &Path, args: &[String]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_packctl"))
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("HOME", dir.join("home"))
        .output()
        .expect("a scenario that can be read, copied and run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).sort_by_file_name() {
        let entry = entry.expect("a scenario that can be read, copied and run");
        let path: PathBuf =
            to.join(entry.path().strip_prefix(from).expect("a scenario that can be read, copied and run"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(path).expect("a scenario that can be read, copied and run");
        } else {
            fs::copy(entry.path(), path).expect("a scenario that can be read, copied and run");
        }
    }
}

/// The one place that knows the keys of `-o json`.
fn read(document: &Value) -> Actual {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let reasons = |key: &str| {
        let map = document.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
        map.into_iter().map(|(address, why)| (address, why.as_str().unwrap_or_default().to_owned())).collect()
    };
    let mut actual = Actual { blocked: reasons("blocked"), kept: reasons("kept"), ..Actual::default() };
    for change in list(document, "resource_changes") {
        let address = text(&change, "address");
        let detail = change.get("packctl").cloned().unwrap_or_default();
        let action = text(&detail, "action");
        if action != "none" {
            let left = if text(&detail, "actor") == "operator" { ", left to operator" } else { "" };
            actual.changes.insert(address.clone(), format!("{action}{left}"));
        }
        let fields = list(&detail, "fields").into_iter().map(|field| {
            let mut seen = Map::new();
            seen.insert("class".into(), field["class"].clone());
            seen.insert("before".into(), field["before"].clone());
            seen.insert("after".into(), field["after"].clone());
            seen.insert("by".into(), field["manager"].clone());
            (text(&field, "path"), seen)
        });
        actual.fields.insert(address.clone(), fields.collect());
        actual.after.insert(address, change["change"]["after"].clone());
    }
    for step in list(document, "steps") {
        let after = step["after"].as_object().cloned().unwrap_or_default();
        let waits = list(&step, "waits");
        actual.steps.push(Step {
            title: text(&step, "title"),
            address: text(&step, "address"),
            after: after.keys().filter_map(|id| id.parse().ok()).collect(),
            waits: waits.iter().map(|wait| format!("{} {}", text(wait, "until"), text(wait, "address"))).collect(),
        });
    }
    actual.diagnostics = list(document, "checks");
    let openings = list(document, "openings");
    let opening =
        |found: &Value| format!("{} {}, {}", text(found, "verb"), text(found, "url"), text(found, "audience"));
    actual.openings = openings.iter().map(opening).collect();
    actual.in_sync = document["totals"]["in_sync"].as_u64();
    actual
}

fn compare(expect: &Expect, actual: &Actual, report: &mut Report) {
    report.maps("changes", &expect.changes, &actual.changes, |expected, found| expected == found);
    if expect.in_sync.is_some() {
        report.equal("in_sync", &expect.in_sync, &actual.in_sync);
    }
    if let Some(openings) = &expect.openings {
        report.equal("openings", openings, &actual.openings);
    }
    for (address, fields) in &expect.fields {
        let Some(found) = lookup(&actual.fields, address) else {
            report.line(&format!("fields: {address} is not in the plan"));
            continue;
        };
        let wanted: BTreeMap<&String, String> = fields.iter().map(|(path, field)| (path, shown(field))).collect();
        let got: BTreeMap<&String, String> = found
            .iter()
            .map(|(path, field)| {
                // Only what is written down is compared.
                let keys = fields.get(path);
                let kept = field.iter().filter(|(key, _)| keys.is_none_or(|keys| keys.contains_key(*key)));
                (path, shown(&kept.map(|(key, value)| (key.clone(), value.clone())).collect()))
            })
            .collect();
        if wanted != got {
            let lines = |of: &BTreeMap<&String, String>| {
                of.iter().map(|(path, field)| format!("{path}: {field}")).collect::<Vec<_>>().join("\n")
            };
            report.line(&format!("fields of {address}:\n{}", difference(&lines(&wanted), &lines(&got))));
        }
    }
    for (address, values) in &expect.after {
        let found = lookup(&actual.after, address).cloned().unwrap_or_default();
        for (pointer, value) in values {
            report.equal(&format!("after {address} {pointer}"), value, found.pointer(pointer).unwrap_or(&Value::Null));
        }
    }
    steps(expect, actual, report);
    findings(expect, actual, report);
    report.maps("blocked", &expect.blocked, &actual.blocked, |expected, found| found.contains(expected));
    report.maps("kept", &expect.kept, &actual.kept, |expected, found| found.contains(expected));
    report.says(&expect.says, &actual.output);
}

fn steps(expect: &Expect, actual: &Actual, report: &mut Report) {
    let ids = |wanted: &str| -> Vec<usize> {
        let (title, address) = wanted.split_once(' ').unwrap_or((wanted, ""));
        let of = |step: &Step| step.title == title && same(address, &step.address);
        actual.steps.iter().enumerate().filter(|(_, step)| of(step)).map(|(id, _)| id).collect()
    };
    let all = || {
        let lines = actual.steps.iter().enumerate();
        lines
            .map(|(id, step)| format!("      {id} {} {} after {:?}\n", step.title, step.address, step.after))
            .collect::<String>()
    };
    let mut one = |wanted: &str| match ids(wanted).as_slice() {
        [id] => Some(*id),
        found => {
            report.line(&format!("steps: {} are `{wanted}`; there are\n{}", found.len(), all()));
            None
        }
    };
    let order: Vec<(&String, usize)> =
        expect.steps.iter().filter_map(|wanted| one(wanted).map(|id| (wanted, id))).collect();
    let pairs: Vec<_> = expect.before.iter().filter_map(|(a, b)| Some((a, b, one(a)?, one(b)?))).collect();
    let waits: Vec<_> = expect.waits.iter().filter_map(|(step, waits)| Some((step, waits, one(step)?))).collect();
    for pair in order.windows(2) {
        if pair[0].1 >= pair[1].1 {
            report.line(&format!("steps: `{}` comes before `{}`", pair[1].0, pair[0].0));
        }
    }
    for (first, then, earlier, later) in pairs {
        if !reaches(&actual.steps, later, earlier) {
            report.line(&format!("before: nothing makes `{then}` come after `{first}`"));
        }
    }
    for (step, wanted, id) in waits {
        let mut found = actual.steps[id].waits.clone();
        let missing: Vec<&String> = wanted
            .iter()
            .filter(|wanted| {
                let place = found.iter().find(|found| is_wait(wanted, found)).cloned();
                place.is_none_or(|place| !found.remove(&place))
            })
            .collect();
        if !missing.is_empty() || !found.is_empty() {
            report.line(&format!("waits of `{step}`: missing {missing:?}, not expected {found:?}"));
        }
    }
}

fn is_wait(wanted: &str, found: &str) -> bool {
    let parts = |text: &str| text.rsplit_once(' ').map(|(words, address)| (words.to_owned(), address.to_owned()));
    match (parts(wanted), parts(found)) {
        (Some((words, address)), Some((other, found))) => words == other && same(&address, &found),
        _ => false,
    }
}

/// Whether `from` comes after `to`, directly or by way of others.
fn reaches(steps: &[Step], from: usize, to: usize) -> bool {
    let mut seen = BTreeSet::new();
    let mut queue = vec![from];
    while let Some(id) = queue.pop() {
        for before in steps.get(id).into_iter().flat_map(|step| &step.after) {
            if *before == to {
                return true;
            }
            if seen.insert(*before) {
                queue.push(*before);
            }
        }
    }
    false
}

fn findings(expect: &Expect, actual: &Actual, report: &mut Report) {
    let mut left: Vec<&Value> = actual.diagnostics.iter().collect();
    for wanted in &expect.diagnostics {
        match left.iter().position(|found| matches(wanted, found)) {
            Some(position) => {
                left.remove(position);
            }
            None => report.line(&format!("diagnostics: missing {}", said(wanted))),
        }
    }
    for found in left {
        if found["severity"] == "error" {
            report.line(&format!("diagnostics: not expected {found}"));
        }
    }
}

fn matches(wanted: &Finding, found: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let words = format!("{}\n{}", text(&found["message"]), text(&found["help"]));
    let is = |wanted: &Option<String>, found: &Value| wanted.as_ref().is_none_or(|wanted| *wanted == text(found));
    found["severity"] == wanted.severity.as_deref().unwrap_or("error")
        && is(&wanted.code, &found["code"])
        && is(&wanted.field, &found["field"])
        && wanted.object.as_ref().is_none_or(|wanted| same(wanted, &text(&found["object"])))
        && wanted.file.as_ref().is_none_or(|wanted| same(wanted, &text(&found["place"]["file"])))
        && wanted.line.is_none_or(|wanted| found["place"]["line"] == wanted)
        && wanted.says.iter().all(|wanted| words.contains(wanted.as_str()))
}

fn said(finding: &Finding) -> String {
    let parts = [
        finding.severity.clone(),
        finding.code.clone(),
        finding.object.clone(),
        finding.field.clone(),
        finding.file.clone(),
        finding.line.map(|line| format!("line {line}")),
    ];
    let words = finding.says.iter().map(|words| format!("{words:?}"));
    parts.into_iter().flatten().chain(words).collect::<Vec<_>>().join(" ")
}

/// Whether an address (or a file) is meant: itself, or a tail of it.
fn same(wanted: &str, found: &str) -> bool {
    found.strip_suffix(wanted).is_some_and(|head| head.is_empty() || head.ends_with(['/', ':']))
}

fn lookup<'m, V>(map: &'m BTreeMap<String, V>, wanted: &str) -> Option<&'m V> {
    map.iter().find(|(address, _)| same(wanted, address)).map(|(_, value)| value)
}

fn shown(field: &Map<String, Value>) -> String {
    Value::Object(field.clone()).to_string()
}

fn difference(expected: &str, found: &str) -> String {
    let diff = similar::TextDiff::from_lines(expected, found);
    let mut text = String::new();
    for change in diff.iter_all_changes() {
        let line = change.value().trim_end_matches('\n');
        let _ = writeln!(text, "      {} {line}", change.tag());
    }
    text
}

/// What is not as expected, a line each.
#[derive(Default)]
struct Report(String);

impl Report {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.0, "    {}", line.trim_end());
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, expected: &T, found: &T) {
        if expected != found {
            self.line(&format!("{what}: expected {expected:?}, found {found:?}"));
        }
    }

    fn says(&mut self, wanted: &[String], output: &str) {
        for wanted in wanted.iter().filter(|wanted| !output.contains(wanted.as_str())) {
            self.line(&format!("says: {wanted:?} does not stand in\n{output}"));
        }
    }

    /// Both maps must have the same keys, the expected ones being tails of addresses.
    fn maps(
        &mut self,
        what: &str,
        expected: &BTreeMap<String, String>,
        found: &BTreeMap<String, String>,
        agree: impl Fn(&str, &str) -> bool,
    ) {
        let mut left = found.clone();
        for (wanted, text) in expected {
            match found.iter().find(|(address, _)| same(wanted, address)) {
                Some((address, got)) => {
                    left.remove(address);
                    if !agree(text, got) {
                        self.line(&format!("{what}: {wanted}: expected {text:?}, found {got:?}"));
                    }
                }
                None => self.line(&format!("{what}: - {wanted}: {text}")),
            }
        }
        for (address, text) in left {
            self.line(&format!("{what}: + {address}: {text}"));
        }
    }
}
