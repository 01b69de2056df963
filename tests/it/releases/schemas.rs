//! What packctl writes has no field that some supported release does not know, or would refuse.

use packctl::diff::wire_body;
use packctl::plan::Act;
use packctl::schema::{Schemas, unknown_fields, violations};
use serde_json::{Value, json};

use super::{RELEASES, Release, kind_of};
use crate::shapes::{Model, plan_in, seen, shapes};

/// Everything that is written for every shape, on the way too, with the version that it is written in.
fn bodies() -> Vec<Value> {
    let ground = Model::ground().snapshot();
    let mut bodies = Vec::new();
    for shape in shapes() {
        let (environment, document) = (shape.environment(), [shape.document()]);
        let plan = plan_in(&seen(&ground, &environment, &document), &environment, &document);
        let written = plan.steps.iter().filter_map(|step| match &step.act {
            Act::Apply { resource, .. } if !resource.address.is_keycloak() => Some(wire_body(resource, Some("uid"))),
            _ => None,
        });
        bodies.extend(written);
    }
    bodies.sort_by_key(Value::to_string);
    bodies.dedup();
    bodies
}

/// What a release has against a body; `None` where the kind is none of its own.
fn judged(release: &Release, body: &Value) -> Option<Vec<String>> {
    let (group, version) = body["apiVersion"].as_str()?.split_once('/')?;
    let kind = (group.to_owned(), body["kind"].as_str()?.to_owned());
    let crd = release.crds.iter().find(|crd| kind_of(crd) == kind)?;
    let versions = crd["spec"]["versions"].as_array().expect("a CRD has versions");
    let Some(found) = versions.iter().find(|found| found["name"] == version && found["served"] == true) else {
        return Some(vec![format!("version {version} is not served")]);
    };
    let mut schemas = Schemas::default();
    schemas.add(group, &kind.1, version, found["schema"]["openAPIV3Schema"].clone());
    let schema = schemas.get(group, &kind.1).expect("it was added");
    let unknown = unknown_fields(body, schema).into_iter().map(|found| format!("{} is not known", found.pointer));
    // An entry of a shared object is no whole object: what the rest needs is not there.
    let is_whole = body.pointer("/metadata/labels").is_some();
    let refused = violations(body, schema).into_iter().filter(|_| is_whole);
    Some(unknown.chain(refused.map(|found| format!("{found:?}"))).collect())
}

#[test]
fn every_object_of_every_shape_has_fields_of_every_release_only() {
    let bodies = bodies();
    let mut wrong = Vec::new();
    for release in RELEASES.values().flatten() {
        let mut count = 0;
        for body in &bodies {
            let Some(found) = judged(release, body) else { continue };
            count += 1;
            let name =
                |what: String| format!("{}: {} {}: {what}", release.name(), body["kind"], body["metadata"]["name"]);
            wrong.extend(found.into_iter().map(name));
        }
        println!("{}: {count} bodies", release.name());
        assert!(count > 0, "{} judges nothing", release.name());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_field_that_only_newer_releases_know_is_found() {
    // A timeout of a route's rule for retries came with 1.2 to the experimental channel and is in no standard one.
    let route = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "a", "namespace": "a", "labels": {"a": "b"}},
        "spec": {"rules": [{"retry": {"attempts": 1}}]},
    });
    for release in &RELEASES["gateway-api"] {
        let found = judged(release, &route).expect("a kind of Gateway API");
        assert_eq!(found, ["/spec/rules/0/retry is not known"], "{}", release.name());
    }
}
