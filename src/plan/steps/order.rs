//! Steps get the numbers that people see.

use std::collections::BTreeMap;

use crate::plan::types::{Change, Precondition, Step};
use crate::resource::Address;

/// Renumbers so that a step's id is greater than those that it comes after, and sets the waves.
pub(super) fn in_order(mut steps: Vec<Step>, changes: &mut BTreeMap<Address, Change>) -> Vec<Step> {
    let waves = waves(&steps);
    for step in &mut steps {
        step.wave = waves[step.id];
    }
    let mut order: Vec<usize> = (0..steps.len()).collect();
    order.sort_by(|a, b| (waves[*a], &steps[*a].address, *a).cmp(&(waves[*b], &steps[*b].address, *b)));
    let mut renumbered = vec![0; steps.len()];
    for (new, old) in order.iter().enumerate() {
        renumbered[*old] = new;
    }
    for step in &mut steps {
        step.id = renumbered[step.id];
        step.after = step.after.iter().map(|(before, why)| (renumbered[*before], *why)).collect();
        if let Precondition::After(before) = &mut step.only_if {
            *before = renumbered[*before];
        }
    }
    steps.sort_by_key(|step| step.id);
    for change in changes.values_mut() {
        for id in &mut change.steps {
            *id = renumbered[*id];
        }
    }
    steps
}

/// 1 + the longest way to each step.
fn waves(steps: &[Step]) -> Vec<usize> {
    let mut waves = vec![1_usize; steps.len()];
    let mut missing: Vec<usize> = steps.iter().map(|step| step.after.len()).collect();
    let mut then: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for step in steps {
        for before in step.after.keys() {
            then[*before].push(step.id);
        }
    }
    let mut ready: Vec<usize> = (0..steps.len()).filter(|id| missing[*id] == 0).collect();
    while let Some(id) = ready.pop() {
        for next in &then[id] {
            waves[*next] = waves[*next].max(waves[id] + 1);
            missing[*next] -= 1;
            if missing[*next] == 0 {
                ready.push(*next);
            }
        }
    }
    debug_assert!(
        missing.iter().all(|missing| *missing == 0),
        "steps that wait for each other: {:#?}",
        steps
            .iter()
            .filter(|step| missing[step.id] > 0)
            .map(|step| format!("{} {} {} after {:?}", step.id, step.title, step.address.short(), step.after))
            .collect::<Vec<_>>()
    );
    waves
}
