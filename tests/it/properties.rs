//! What holds for every plan, shown on the examples.

use std::collections::BTreeSet;

use packctl::present::json::{PlanDocument, text};
use proptest::prelude::*;

use crate::packctl::{packctl, packctl_with, root, stderr, stdout};

const WORLD: &str = "examples/quickstart/world";
const INPUTS: [&str; 2] = ["examples/quickstart/dash.yaml", "examples/quickstart/welcome.yaml"];

fn plan_of(inputs: &[&str], threads: usize) -> String {
    let mut args = vec!["plan", "--snapshot", WORLD, "-o", "json"];
    for input in inputs {
        args.extend(["-f", input]);
    }
    let output = packctl_with(root(), &args, &[("TOKIO_WORKER_THREADS", &threads.to_string())]);
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_inputs_and_any_number_of_threads_give_the_same_bytes(
        inputs in Just(INPUTS.to_vec()).prop_shuffle(),
        threads in 1_usize..9,
    ) {
        prop_assert_eq!(plan_of(&inputs, threads), plan_of(&INPUTS, 2));
    }
}

#[test]
fn a_plan_reads_back_as_it_was_written() {
    let written = plan_of(&INPUTS, 2);
    let document: PlanDocument = serde_json::from_str(&written).expect("the plan is JSON");
    assert_eq!(text(&document), written);
}

#[test]
fn steps_come_after_what_they_wait_for_and_no_route_opens_before_its_policy() {
    let document: serde_json::Value = serde_json::from_str(&plan_of(&INPUTS, 2)).expect("the plan is JSON");
    let steps = document["steps"].as_array().expect("steps");
    let mut seen = BTreeSet::new();
    for step in steps {
        let id = step["id"].as_u64().expect("an id");
        for before in step["after"].as_array().into_iter().flatten() {
            let before = before["step"].as_u64().expect("the id of the step before");
            assert!(seen.contains(&before), "step {id} comes after step {before}, which is later");
        }
        seen.insert(id);
    }
    let position = |title: &str, tail: &str| {
        let found = steps.iter().position(|step| {
            step["title"] == title && step["address"].as_str().is_some_and(|address| address.ends_with(tail))
        });
        found.unwrap_or_else(|| panic!("no step {title} {tail}"))
    };
    let policy = position("create", "SecurityPolicy/bi/dash-security");
    let lock = position("create", "SecurityPolicy/envoy-gateway-system/lock-tls-dash-bi");
    let (close, open) = (position("close", "HTTPRoute/bi/dash-route"), position("open", "HTTPRoute/bi/dash-route"));
    assert!(lock < close && policy < close && close < open);
}

#[test]
fn a_closed_pipe_is_no_error() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_packctl"))
        .args(["plan", "-f", "examples/quickstart", "--snapshot", WORLD, "-o", "json"])
        .current_dir(root())
        .stdout(Stdio::piped())
        .spawn()
        .expect("packctl starts");
    drop(child.stdout.take());
    assert!(child.wait().expect("packctl ends").success());
}

#[test]
fn usage_errors_exit_64_and_say_what_to_type() {
    for args in [&["plan", "--no-such-flag"][..], &["apply", "-f", "examples/quickstart"], &["destroy", "--yes"], &[]] {
        let output = packctl(root(), args);
        assert_eq!(output.status.code(), Some(64), "{args:?}: {}", stderr(&output));
        assert!(!stderr(&output).is_empty());
    }
}

/// Whatever is left out or named, no route opens without the policy that the whole plan would write before it.
#[test]
fn no_part_of_a_plan_opens_a_route_without_its_policy() {
    let whole: PlanDocument = serde_json::from_str(&plan_of(&INPUTS, 2)).expect("the plan is JSON");
    let changed: BTreeSet<String> = whole
        .resource_changes
        .iter()
        .filter(|change| change.packctl.action != "none")
        .map(|change| change.address.to_string())
        .collect();
    let mut opened = 0;
    for (option, address) in changed.iter().flat_map(|address| [("--target", address), ("--exclude", address)]) {
        let mut args = vec!["plan", "--snapshot", WORLD, "-o", "json", option, address];
        args.extend(INPUTS.iter().flat_map(|input| ["-f", *input]));
        let output = packctl(root(), &args);
        assert!(output.status.success(), "{option} {address}: {}", stderr(&output));
        let part: PlanDocument = serde_json::from_str(&stdout(&output)).expect("the plan is JSON");
        assert!(!part.complete, "{option} {address} is a part");
        let written = |address: &str| part.steps.iter().any(|step| step.address.to_string() == address);
        assert_eq!(written(address), option == "--target", "{option} {address}");
        // Every step's needs of the whole plan are either in the part or left unchanged by the whole plan too.
        for step in &part.steps {
            let of_whole = whole.steps.iter().filter(|other| other.address == step.address);
            for before in of_whole.flat_map(|other| other.after.keys()) {
                let needed = whole.steps[*before].address.to_string();
                assert!(written(&needed), "{option} {address}: {} without {needed}", step.address);
            }
        }
        opened += usize::from(part.steps.iter().any(|step| step.title == "open"));
    }
    assert!(opened > 10, "{opened} parts open the app");
}
