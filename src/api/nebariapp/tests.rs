//! The Rust types, the checks and the CRD say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::*;

fn schema() -> Value {
    let documents = crate::yaml::read_all(&Arc::from("crd.yaml"), crd_yaml()).unwrap();
    documents[0].value.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap().clone()
}

fn whole(spec: Value, status: Value) -> Value {
    json!({"metadata": {"name": "app", "namespace": "team"}, "spec": spec, "status": status})
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

/// A valid value with every property of the schema.
fn maximal(schema: &Value) -> Value {
    if let Some(first) = schema.pointer("/enum/0") {
        return first.clone();
    }
    match schema["type"].as_str().unwrap() {
        "object" if schema.get("additionalProperties").is_some() => json!({"key": "value"}),
        "object" => {
            properties(schema).map(|(name, below)| (name.clone(), maximal(below))).collect::<Map<_, _>>().into()
        }
        "array" => json!([maximal(&schema["items"])]),
        "boolean" => json!(true),
        "integer" => schema.get("minimum").cloned().unwrap_or(json!(7)),
        "string" => match schema["pattern"].as_str() {
            Some("^/.*") => json!("/x"),
            _ => json!("a-1.example"),
        },
        other => panic!("no sample for {other}"),
    }
}

/// As [`maximal`], but only objects, lists and what is required without a default.
fn bare(schema: &Value) -> Value {
    if schema.get("properties").is_none() {
        return match schema.get("items") {
            Some(items) => json!([bare(items)]),
            None => maximal(schema),
        };
    }
    let required: BTreeSet<&str> =
        schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap()).collect();
    let keep = |(name, below): &(&String, &Value)| {
        below.get("default").is_none()
            && (below["type"] == "object" || below["type"] == "array" || required.contains(name.as_str()))
    };
    properties(schema).filter(keep).map(|(name, below)| (name.clone(), bare(below))).collect::<Map<_, _>>().into()
}

fn defaulted(schema: &Value, value: &mut Value) {
    for (name, below) in properties(schema) {
        if let Some(default) = below.get("default") {
            value.as_object_mut().unwrap().entry(name.clone()).or_insert_with(|| default.clone());
        }
        if let Some(value) = value.get_mut(name) {
            defaulted(below, value);
            if let (Some(items), Some(values)) = (below.get("items"), value.as_array_mut()) {
                values.iter_mut().for_each(|value| defaulted(items, value));
            }
        }
    }
}

/// Every leaf schema with the pointer of its sample.
fn walk<'s>(schema: &'s Value, pointer: String, all: &mut Vec<(String, &'s Value)>) {
    all.push((pointer.clone(), schema));
    for (name, below) in properties(schema) {
        walk(below, format!("{pointer}/{name}"), all);
    }
    if let Some(items) = schema.get("items") {
        walk(items, format!("{pointer}/0"), all);
    }
}

/// Every field of the Rust types, given; a new field does not compile until it stands here.
fn everything() -> NebariApp {
    let text = || "a".to_owned();
    let some = || Some("a".to_owned());
    let texts = || Some(vec!["a".to_owned()]);
    let map = || Some(BTreeMap::from([("a".to_owned(), "b".to_owned())]));
    let route = || Some(vec![RoutePath { path_prefix: "/".into(), path_type: Some(PathType::Exact) }]);
    NebariApp {
        metadata: Metadata { name: text(), namespace: text(), ..Metadata::default() },
        spec: NebariAppSpec {
            hostname: text(),
            service: ServiceRef { name: text(), port: 1, namespace: some() },
            routing: Some(Routing {
                routes: route(),
                public_routes: route(),
                tls: Some(Tls { enabled: Some(true), secret_name: some() }),
                annotations: map(),
            }),
            auth: Some(Auth {
                enabled: Some(true),
                provider: Some(IdentityProvider::Keycloak),
                redirect_uri: some(),
                client_secret_ref: some(),
                scopes: texts(),
                groups: texts(),
                provision_client: Some(true),
                enforce_at_gateway: Some(true),
                forward_access_token: Some(true),
                deny_redirect: Some(vec![HeaderRule { name: text(), kind: Some(HeaderMatch::Exact), value: text() }]),
                issuer_url: some(),
                spa_client: Some(SpaClient { enabled: Some(true), client_id: some() }),
                device_flow_client: Some(Switch { enabled: Some(true) }),
                keycloak_config: Some(KeycloakConfig {
                    groups: Some(vec![KeycloakGroup { name: text(), members: texts() }]),
                    protocol_mappers: Some(vec![ProtocolMapper {
                        name: text(),
                        protocol_mapper: text(),
                        config: map(),
                    }]),
                }),
                token_exchange: Some(Switch { enabled: Some(true) }),
            }),
            gateway: Some(GatewayName::Internal),
            service_account_name: some(),
            landing_page: Some(LandingPage {
                enabled: Some(true),
                display_name: some(),
                description: some(),
                icon: some(),
                icon_light: some(),
                icon_dark: some(),
                category: some(),
                priority: Some(1),
                external_url: some(),
                health_check: Some(HealthCheck {
                    enabled: Some(true),
                    path: some(),
                    port: Some(1),
                    interval_seconds: Some(10),
                    timeout_seconds: Some(1),
                }),
            }),
        },
        status: Some(NebariAppStatus {
            conditions: Some(vec![Condition {
                kind: text(),
                status: ConditionStatus::True,
                reason: text(),
                message: text(),
                last_transition_time: text(),
                observed_generation: Some(1),
            }]),
            observed_generation: Some(1),
            hostname: some(),
            gateway_ref: Some(GatewayRef { name: text(), namespace: text() }),
            client_secret_ref: Some(SecretRef { name: text(), namespace: some() }),
            auth_config_hash: some(),
            service_discovery: Some(ServiceDiscovery {
                enabled: true,
                display_name: some(),
                description: some(),
                url: some(),
                icon: some(),
                icon_light: some(),
                icon_dark: some(),
                category: some(),
                priority: Some(1),
                visibility: some(),
                required_groups: texts(),
            }),
        }),
    }
}

#[test]
fn every_property_of_the_crd_is_read_and_written_back() {
    let schema = schema();
    let sample = whole(maximal(&schema["properties"]["spec"]), maximal(&schema["properties"]["status"]));
    let mut written = NebariApp::parse(&sample).unwrap().to_value();
    for name in ["apiVersion", "kind"] {
        written.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(written, sample);
}

#[test]
fn every_field_of_the_types_is_in_the_crd() {
    fn check(schema: &Value, value: &Value, pointer: &str) {
        if let Some(map) = value.as_object().filter(|_| schema.get("additionalProperties").is_none()) {
            for (name, below) in map {
                let pointer = format!("{pointer}/{name}");
                let schema = schema["properties"].get(name).unwrap_or_else(|| panic!("{pointer} is not in the CRD"));
                check(schema, below, &pointer);
            }
        }
        for below in value.as_array().into_iter().flatten() {
            check(&schema["items"], below, pointer);
        }
    }
    let app = everything();
    let written = app.to_value();
    for half in ["spec", "status"] {
        check(&schema()["properties"][half], &written[half], half);
    }
    assert_eq!(NebariApp::parse(&written), Ok(app));
}

#[test]
fn defaults_are_those_of_the_crd() {
    let schema = schema();
    let mut value = whole(bare(&schema["properties"]["spec"]), json!({}));
    let app = NebariApp::parse(&value).unwrap();
    assert_ne!(app.clone().with_defaults(), app);
    defaulted(&schema["properties"]["spec"], &mut value["spec"]);
    assert_eq!(app.with_defaults().to_value()["spec"], value["spec"]);
}

#[test]
fn limits_are_those_of_the_crd() {
    let schema = schema();
    let sample = whole(maximal(&schema["properties"]["spec"]), json!({}));
    let mut leaves = Vec::new();
    walk(&schema["properties"]["spec"], "/spec".into(), &mut leaves);
    let (mut accepted, mut refused) = (0, 0);
    for (pointer, leaf) in leaves {
        let with = |value: Value| {
            let mut sample = sample.clone();
            *sample.pointer_mut(&pointer).unwrap() = value;
            NebariApp::parse(&sample)
        };
        let mut good = Vec::new();
        let mut bad = vec![json!([[1]])];
        if let Some(values) = leaf["enum"].as_array() {
            good.extend(values.clone());
            bad.push(json!("neither"));
        }
        for (limit, step) in [("minimum", -1), ("maximum", 1)] {
            if let Some(limit) = leaf[limit].as_i64() {
                good.push(json!(limit));
                bad.push(json!(limit + step));
            }
        }
        if let Some(limit) = leaf["maxLength"].as_u64() {
            good.push(json!("x".repeat(limit as usize)));
            bad.push(json!("x".repeat(limit as usize + 1)));
        }
        match (leaf["minLength"].as_u64(), leaf["pattern"].as_str(), leaf["type"].as_str()) {
            (Some(1), _, _) => bad.push(json!("")),
            (None, None, Some("string")) if leaf.get("enum").is_none() => good.extend([json!(""), json!("\u{e9} .%")]),
            _ => {}
        }
        if let Some(pattern) = leaf["pattern"].as_str() {
            let pattern = regex::Regex::new(pattern).unwrap();
            for text in
                ["a", "/", "/x y", "x/", "-a", "a-", "a.b", "a..b", ".a", "a.", "A", "*.a", "a_b", "a\n", "é", "0-0.1"]
            {
                if pattern.is_match(text) { good.push(json!(text)) } else { bad.push(json!(text)) }
            }
        }
        for value in good {
            assert!(with(value.clone()).is_ok(), "{pointer} refuses {value}: {:?}", with(value.clone()));
            accepted += 1;
        }
        for value in bad {
            let errors = with(value.clone()).expect_err(&format!("{pointer} takes {value}"));
            assert!(errors.iter().all(|error| error.pointer.starts_with(&pointer)), "{pointer} {value}: {errors:?}");
            refused += 1;
        }
        for name in leaf["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap();
            let mut without = sample.clone();
            without.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().remove(name);
            let has_default = leaf["properties"][name].get("default").is_some();
            assert_eq!(NebariApp::parse(&without).is_ok(), has_default, "{pointer}/{name}");
        }
    }
    assert!(accepted > 60 && refused > 100, "{accepted} {refused}");
}

#[test]
fn every_error_names_its_field() {
    let value = json!({
        "apiVersion": "reconcilers.nebari.dev/v1alpha1",
        "kind": "NebariApp",
        "metadata": {"name": "App", "label": {}},
        "spec": {
            "hostnmae": "x",
            "hostname": "*.example.com",
            "service": {"name": "", "port": "http"},
            "routing": {"routes": [{"pathPrefix": "x"}, {"pathTyp": "Exact"}], "annotations": {"a/b": 1}},
            "auth": {"provider": "keyclaok", "forwardAccessToken": true, "enforceAtGateway": false, "groups": [null]},
            "gateway": null,
            "landingPage": {"priority": 1001, "healthCheck": {"timeoutSeconds": 2.5}},
        },
        "status": {"new": 1},
    });
    let errors: Vec<String> = NebariApp::parse(&value).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "apiVersion: must be `reconcilers.nebari.dev/v1`",
            "metadata.label: unknown field, did you mean `labels`?",
            "metadata.name: must be a DNS name: lower case letters, digits, `-` and `.`, each part beginning and ending with a letter or digit",
            "metadata.namespace: is required",
            "spec.auth: forwardAccessToken: true requires enforceAtGateway: true",
            "spec.auth.groups.0: must be text, not nothing",
            "spec.auth.provider: must be one of `keycloak`, `generic-oidc`; did you mean `keycloak`?",
            "spec.hostname: must be a DNS name: lower case letters, digits, `-` and `.`, each part beginning and ending with a letter or digit",
            "spec.hostnmae: unknown field, did you mean `hostname`?",
            "spec.landingPage.healthCheck.timeoutSeconds: must be an integer, not 2.5",
            "spec.landingPage.priority: must be between 0 and 1000, not 1001",
            "spec.routing.annotations.a~1b: must be text, not a number",
            "spec.routing.routes.0.pathPrefix: must begin with `/`",
            "spec.routing.routes.1.pathPrefix: is required",
            "spec.routing.routes.1.pathTyp: unknown field, did you mean `pathType`?",
            "spec.service.name: must not be empty",
            "spec.service.port: must be an integer, not text",
        ]
    );
    assert_eq!(NebariApp::parse(&json!(3)).unwrap_err()[0].message, "must be an object, not a number");
}

#[test]
fn the_cel_rule_sees_defaults() {
    let app = |auth: Value| {
        NebariApp::parse(&whole(
            json!({"hostname": "a", "service": {"name": "a", "port": 1}, "auth": auth}),
            Value::Null,
        ))
    };
    assert!(app(json!({"forwardAccessToken": true})).is_ok());
    assert!(app(json!({"forwardAccessToken": true, "enforceAtGateway": null})).is_ok());
    assert!(app(json!({"forwardAccessToken": false, "enforceAtGateway": false})).is_ok());
    assert!(app(json!({"forwardAccessToken": true, "enforceAtGateway": false})).is_err());
    let open = app(json!({})).unwrap();
    assert!(!open.login() && !open.clone().with_defaults().login());
    assert!(app(json!({"enabled": true})).unwrap().login());
    assert_eq!(open.app_id(), AppId::new("team", "app"));
}
