//! Every shape at once, each an app on a host of its own.

use packctl::api::Environment;
use packctl::observed::World;
use packctl::plan::Plan;
use packctl::yaml::Document;

use crate::shapes::{plan_in, shapes};

/// Apps that share an environment.
pub(crate) struct Group {
    pub(super) environment: Environment,
    pub(super) documents: Vec<Document>,
}

impl Group {
    pub(crate) fn plan(&self, world: &World) -> Plan {
        plan_in(world, &self.environment, &self.documents)
    }
}

/// The groups of all shapes.
pub(crate) fn groups() -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (number, shape) in shapes().into_iter().enumerate() {
        let shape = shape.called(&format!("app-{number:02}"));
        let (environment, document) = (shape.environment(), shape.document());
        match groups.iter_mut().find(|group| group.environment == environment) {
            Some(group) => group.documents.push(document),
            None => groups.push(Group { environment, documents: vec![document] }),
        }
    }
    groups
}
