//! What packctl says about the fields of a NebariApp is what the CRD says.

use std::fs;

use packctl::api::nebariapp::DIFFERENCES;
use packctl::schema::{Field, Schemas, find, violations};
use serde_json::{Value, json};

use crate::packctl::{packctl, root, stderr, stdout};

#[test]
fn the_page_of_the_fields_is_made_of_the_crd() {
    let output = packctl(root(), &["explain", "nebariapp", "-o", "markdown"]);
    let page = fs::read_to_string(root().join("src/guide/nebariapp-fields.md")).expect("the page");
    assert_eq!(
        stdout(&output),
        page,
        "packctl explain nebariapp -o markdown > src/guide/nebariapp-fields.md writes it anew"
    );
}

#[test]
fn every_field_has_a_description_and_an_example_that_the_crd_takes() {
    let schemas = Schemas::default();
    let schema = schemas.get("reconcilers.nebari.dev", "NebariApp").expect("embedded");
    let (mut fields, mut wrong) = (Vec::new(), Vec::new());
    collect(find(schema, "spec").expect("spec"), &mut fields);
    assert!(fields.len() > 60, "only {} fields", fields.len());
    for field in &fields {
        let described = field.description().is_some_and(|text| text.ends_with('.') && text.len() > 12);
        match (described, field.example()) {
            (true, Some(example)) => {
                let found = violations(&with(&field.path, example), schema);
                wrong.extend(found.iter().map(|found| format!("{}: {} {}", field.path, found.pointer, found.message)));
            }
            (described, example) => {
                wrong.push(format!("{}: description {described}, example {}", field.path, example.is_some()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_difference_from_the_operator_is_of_a_field() {
    let schemas = Schemas::default();
    let schema = schemas.get("reconcilers.nebari.dev", "NebariApp").expect("embedded");
    for (path, text) in DIFFERENCES {
        let field = find(schema, path).unwrap_or_else(|_| panic!("no field {path}"));
        assert_eq!((field.path.as_str(), text.ends_with('.')), (*path, true));
    }
}

#[test]
fn explain_tells_a_field_a_kind_and_a_slip() {
    let says = |args: &[&str], texts: &[&str]| {
        let output = packctl(root(), args);
        let text = stdout(&output);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        texts.iter().for_each(|part| assert!(text.contains(part), "{args:?} does not say `{part}`:\n{text}"));
    };
    says(
        &["explain", "nebariapp.spec.auth.groups"],
        &["list of strings", "Groups whose members", "nebari-operator", "example", "- /analysts"],
    );
    says(&["explain", "NebariApps.spec.service.port"], &["integer, required", "1 to 65535", "port: 8080"]);
    says(&["explain", "nebariapp.spec.auth.provider"], &["default", "keycloak, generic-oidc"]);
    says(&["explain", "nebariapp"], &["hostname", "keycloakConfig", "timeoutSeconds"]);
    says(&["explain", "httproute.spec.rules"], &["list of objects", "backendRefs", "at most 16 items"]);
    says(&["explain", "deployment.spec.template.spec.containers.ports"], &["containerPort"]);
    let slip = packctl(root(), &["explain", "nebariapp.spec.auth.gruops"]);
    assert_eq!(slip.status.code(), Some(1));
    assert!(stderr(&slip).contains("did you mean `groups`?"), "{}", stderr(&slip));
}

fn collect<'s>(object: Field<'s>, fields: &mut Vec<Field<'s>>) {
    for field in object.fields() {
        fields.push(field.clone());
        collect(field, fields);
    }
}

/// A NebariApp with one field set, and with what must stand beside it.
fn with(path: &str, value: &Value) -> Value {
    let mut spec = json!({"hostname": "a.example.com", "service": {"name": "web", "port": 80}});
    let mut place = &mut spec;
    for part in path.split('.').skip(1) {
        let name = part.trim_end_matches("[]");
        place = &mut place[name];
        if part.ends_with("[]") {
            *place = match name {
                "denyRedirect" => json!([{"name": "a", "value": "b"}]),
                "protocolMappers" => json!([{"name": "a", "protocolMapper": "b"}]),
                "groups" => json!([{"name": "a"}]),
                _ => json!([{"pathPrefix": "/"}]),
            };
            place = &mut place[0];
        }
    }
    *place = value.clone();
    json!({ "spec": spec })
}
