use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::fake::{Fake, Reply, html, ok, refusal, reply, with_headers};
use super::*;
use crate::provider::Provider as _;
use crate::resource::Address;

const MAP: &str = "/api/v1/namespaces/a/configmaps/m";

fn object(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "a"}, "data": data})
}

fn stored() -> Value {
    json!({"kind": "ConfigMap", "metadata": {"name": "m", "namespace": "a", "uid": "u", "resourceVersion": "9"}})
}

fn apply_of(kind: &str, body: Value) -> Write {
    let verb = Verb::Apply { body, manager: "packctl".into(), force: false, uid: None, version: None };
    Write { address: Address::namespaced("", kind, "a", "m"), api_version: "v1".into(), verb }
}

fn delete_of() -> Write {
    let verb = Verb::Delete { uid: "u".into(), version: "9".into() };
    Write { address: Address::namespaced("", "ConfigMap", "a", "m"), api_version: "v1".into(), verb }
}

async fn error(reply: impl Fn() -> Reply + Send + Sync + 'static) -> WriteError {
    let fake = Fake::new(move |_| reply());
    let error = fake.cluster().write(&apply_of("ConfigMap", object(json!({})))).await.expect_err("refused");
    assert_eq!(fake.log().len(), 1, "a write is sent once");
    error
}

#[tokio::test]
async fn an_apply_goes_out_with_its_preconditions_and_says_whether_the_object_is_new() {
    for (code, created) in [(201, true), (200, false)] {
        let fake = Fake::new(move |_| reply(code, &stored()));
        let mut write = apply_of("ConfigMap", object(json!({"k": "v"})));
        if let Verb::Apply { force, uid, version, .. } = &mut write.verb {
            (*force, *uid, *version) = (!created, Some("u".into()), Some("8".into()));
        }
        let written = fake.cluster().write(&write).await.expect("written");
        assert_eq!(written.created, created);
        let live = written.live.expect("an object");
        assert_eq!((live.uid.as_str(), live.version.as_str()), ("u", "9"));

        let sent = &fake.sent()[0];
        let force = if created { "false" } else { "true" };
        assert_eq!(sent.method, "PATCH");
        assert_eq!(sent.uri, format!("{MAP}?fieldManager=packctl&force={force}&fieldValidation=Strict"));
        assert_eq!(sent.content_type, "application/apply-patch+yaml");
        let body: Value = serde_json::from_str(&sent.body).expect("JSON");
        assert_eq!(body["metadata"], json!({"name": "m", "namespace": "a", "uid": "u", "resourceVersion": "8"}));
        assert_eq!(body["data"], json!({"k": "v"}));
    }
}

#[tokio::test]
async fn a_dry_run_says_so_to_the_server() {
    let fake = Fake::new(|_| ok(stored()));
    let live = fake.cluster().dry_run(&apply_of("ConfigMap", object(json!({})))).await.expect("tried");
    assert_eq!(live.uid, "u");
    assert_eq!(fake.log(), [format!("PATCH {MAP}?fieldManager=packctl&force=false&fieldValidation=Strict&dryRun=All")]);

    let fake = Fake::new(|_| Reply::Broken);
    let error = fake.cluster().dry_run(&apply_of("ConfigMap", object(json!({})))).await.expect_err("broken");
    assert!(matches!(error, WriteError::Unavailable(_)), "{error}");
    assert_eq!(fake.log().len(), 3);
    assert!(matches!(fake.cluster().dry_run(&delete_of()).await, Err(WriteError::Rejected(_))));
}

#[tokio::test]
async fn secret_values_are_filled_in_on_the_way_out_and_taken_out_on_the_way_back() {
    let fake = Fake::new(|call| ok(serde_json::from_str(&call.body).expect("JSON")));
    let id = fake.secrets.intern(b"canary-value");
    let body = |kind: &str| {
        json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "m", "namespace": "a"},
               "data": {"client-secret": id.placeholder(), "client-id": STANDARD.encode("a-m")}})
    };
    let write = apply_of("Secret", body("Secret"));
    let written = fake.cluster().write(&write).await.expect("written");
    let sent: Value = serde_json::from_str(&fake.sent()[0].body).expect("JSON");
    assert_eq!(sent["data"]["client-secret"], STANDARD.encode("canary-value"));
    let shown = format!("{write:?}{written:?}");
    assert!(!shown.contains("canary") && !shown.contains(&STANDARD.encode("canary-value")), "{shown}");

    fake.cluster().write(&apply_of("ConfigMap", body("ConfigMap"))).await.expect("written");
    assert!(fake.sent()[1].body.contains(&id.placeholder()), "only a Secret is filled in");

    let mut unknown = body("Secret");
    unknown["data"]["client-secret"] = json!("packctl-secret:99");
    let error = fake.cluster().write(&apply_of("Secret", unknown)).await.expect_err("unknown");
    assert_eq!(error, WriteError::Rejected("the value of data.client-secret is not known in this run".into()));
    assert_eq!(fake.log().len(), 2);
}

#[tokio::test]
async fn characters_that_yaml_changes_go_out_as_escapes() {
    let fake = Fake::new(|_| ok(stored()));
    let text = "a\u{85}\u{7f}\u{feff}\u{2028}é😀";
    fake.cluster().write(&apply_of("ConfigMap", object(json!({"k": text})))).await.expect("written");
    let sent = &fake.sent()[0].body;
    assert!(sent.contains("a\\u0085\\u007f\\ufeff\\u2028é😀"), "{sent}");
    let body: Value = serde_json::from_str(sent).expect("JSON");
    assert_eq!(body["data"]["k"], text);
}

#[tokio::test]
async fn a_field_conflict_names_field_and_manager() {
    let conflict = || {
        let causes = json!({"causes": [
            {"reason": "FieldManagerConflict", "message": "conflict with \"packctl\"", "field": ".data.a"},
            {"reason": "FieldManagerConflict", "field": ".spec.b",
             "message": "conflict with \"kubectl \\\"x\" using v1 at 2026-11-24T11:04:33Z"}]});
        refusal(409, "Conflict", "Apply failed with 2 conflicts", causes)
    };
    let field = |field: &str, manager: &str| FieldConflict { field: field.into(), manager: manager.into() };
    assert_eq!(
        error(conflict).await,
        WriteError::Conflict(vec![field(".data.a", "packctl"), field(".spec.b", "kubectl \"x")])
    );
}

#[tokio::test]
async fn another_object_or_version_is_a_change() {
    let modified = "Operation cannot be fulfilled on configmaps \"m\": the object has been modified";
    let text = error(move || refusal(409, "Conflict", modified, json!({"name": "m"}))).await;
    assert_eq!(text, WriteError::Changed(modified.into()));
    let immutable = || {
        let causes = json!({"causes": [{"reason": "FieldValueInvalid", "message": "field is immutable", "field": "metadata.uid"}]});
        refusal(422, "Invalid", "ConfigMap \"m\" is invalid: metadata.uid: field is immutable", causes)
    };
    assert!(matches!(error(immutable).await, WriteError::Changed(_)));
}

#[tokio::test]
async fn each_refusal_has_its_meaning() {
    let status = |code, message: &'static str| error(move || refusal(code, "", message, json!({})));
    assert_eq!(
        status(404, "namespaces \"a\" not found").await,
        WriteError::NotFound("namespaces \"a\" not found".into())
    );
    assert_eq!(status(403, "x is forbidden: no\nway").await, WriteError::Forbidden("no way".into()));
    assert!(
        matches!(status(401, "Unauthorized").await, WriteError::Forbidden(text) if text.contains("kubeconfig /home/a/config"))
    );
    assert_eq!(status(400, "bad").await, WriteError::Rejected("bad".into()));
    assert_eq!(status(422, "bad").await, WriteError::Rejected("bad".into()));
    let schema = "failed to create typed patch object (/x; /v1, Kind=ConfigMap): .datax: field not declared in schema";
    assert_eq!(status(500, schema).await, WriteError::Rejected(schema.into()));
    let webhook = "Internal error occurred: failed calling webhook \"w\": connection refused";
    assert_eq!(status(500, webhook).await, WriteError::Unavailable(webhook.into()));
    assert_eq!(status(429, "later").await, WriteError::Unavailable("later".into()));
    assert_eq!(status(503, "later").await, WriteError::Unavailable("later".into()));
    assert_eq!(status(504, "Timeout").await, WriteError::OutcomeUnknown("Timeout".into()));
    assert_eq!(
        status(500, "etcdserver: request timed out").await,
        WriteError::OutcomeUnknown("etcdserver: request timed out".into())
    );
}

#[tokio::test]
async fn without_an_answer_the_outcome_is_unknown() {
    let replies: [fn() -> Reply; 5] = [
        || Reply::Broken,
        || Reply::Silence,
        || html(200),
        || html(502),
        || with_headers(200, &[("content-type", "application/json")], "{\"meta"),
    ];
    for reply in replies {
        let error = error(reply).await;
        assert!(matches!(error, WriteError::OutcomeUnknown(_)), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn a_delete_carries_uid_and_version_and_gone_is_gone() {
    let fake = Fake::new(|_| ok(json!({"kind": "Status", "status": "Success"})));
    let written = fake.cluster().write(&delete_of()).await.expect("deleted");
    assert!(!written.created && written.live.is_none());
    let sent = &fake.sent()[0];
    assert_eq!(
        (sent.method.as_str(), sent.uri.as_str(), sent.content_type.as_str()),
        ("DELETE", MAP, "application/json")
    );
    let body: Value = serde_json::from_str(&sent.body).expect("JSON");
    assert_eq!(body["preconditions"], json!({"uid": "u", "resourceVersion": "9"}));
    assert_eq!(body["propagationPolicy"], "Background");

    let gone = Fake::new(|_| refusal(404, "NotFound", "configmaps \"m\" not found", json!({"name": "m"})));
    assert!(gone.cluster().write(&delete_of()).await.is_ok());
    let nowhere = Fake::new(|_| with_headers(404, &[("content-type", "text/plain")], "404 page not found"));
    assert!(matches!(nowhere.cluster().write(&delete_of()).await, Err(WriteError::NotFound(_))));
    let other =
        Fake::new(|_| refusal(409, "Conflict", "the UID in the precondition does not match", json!({"name": "m"})));
    assert!(matches!(other.cluster().write(&delete_of()).await, Err(WriteError::Changed(_))));
}

#[tokio::test]
async fn nothing_is_sent_that_would_reach_another_object() {
    let fake = Fake::new(|_| ok(stored()));
    let mut write = apply_of("ConfigMap", object(json!({})));
    write.address.name = "../secrets/x".into();
    assert!(matches!(fake.cluster().write(&write).await, Err(WriteError::Rejected(_))));
    let mut write = apply_of("ConfigMap", object(json!({})));
    write.api_version = "apps/v1".into();
    assert!(matches!(fake.cluster().write(&write).await, Err(WriteError::Rejected(_))));
    let write = apply_of("Thing", object(json!({})));
    assert!(matches!(fake.cluster().write(&write).await, Err(WriteError::NotFound(_))));
    assert!(matches!(fake.cluster().write(&apply_of("ConfigMap", json!([]))).await, Err(WriteError::Rejected(_))));
    assert!(fake.log().is_empty());
}

#[tokio::test]
async fn warnings_are_kept_with_their_object_until_taken() {
    let fake = Fake::new(|_| {
        let warning = "299 - \"would violate PodSecurity: canary-value\"";
        with_headers(200, &[("content-type", "application/json"), ("warning", warning)], &stored().to_string())
    });
    fake.secrets.intern(b"canary-value");
    let cluster = fake.cluster();
    cluster.write(&apply_of("ConfigMap", object(json!({})))).await.expect("written");
    cluster.write(&apply_of("ConfigMap", object(json!({})))).await.expect("written");
    let warnings = cluster.warnings();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].object, Some(Address::namespaced("", "ConfigMap", "a", "m")));
    assert_eq!(warnings[0].text, "would violate PodSecurity: (secret)");
    assert!(cluster.warnings().is_empty());
}
