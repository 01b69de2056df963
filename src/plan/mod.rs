//! Stage 7: graph, differences and policy become a plan.
mod types;

pub use types::{
    Act, Action, Actor, Change, DeleteRule, Opening, PackSummary, Plan, Precondition, Step, Totals, Until,
};
