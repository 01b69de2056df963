use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::api::Environment;
use crate::diagnostic::Diagnostic;
use crate::observed::Kinds;

fn file() -> Arc<str> {
    "apps/x.yaml".into()
}

fn read(text: &str) -> Vec<Document> {
    read_all(&file(), text).expect("the text should be read")
}

fn value(text: &str) -> Value {
    read(text).remove(0).value
}

fn refused(text: &str) -> Diagnostic {
    read_all(&file(), text).expect_err("the text should be refused")
}

#[test]
fn scalars_are_read_as_kubernetes_reads_them() {
    let cases = [
        ("yes", json!(true)),
        ("on", json!(true)),
        ("n", json!(false)),
        ("Off", json!(false)),
        ("tRue", json!("tRue")),
        ("0644", json!(420)),
        ("089", json!(89)),
        ("0o14", json!(12)),
        ("0x1F", json!(31)),
        ("8e1", json!(80)),
        ("1.0", json!(1)),
        ("0.5", json!(0.5)),
        ("1_000", json!(1000)),
        ("12:30", json!("12:30")),
        ("2024-01-01", json!("2024-01-01")),
        ("~", Value::Null),
        ("''", json!("")),
        ("!!str 12", json!("12")),
        ("!Foo x", json!("x")),
        ("!!binary aGVsbG8=", json!("hello")),
        ("18446744073709551615", json!(u64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
    ];
    for (text, expected) in cases {
        assert_eq!(value(&format!("a: {text}")), json!({"a": expected}), "{text}");
    }
}

#[test]
fn keys_are_texts_as_json_has_them() {
    assert_eq!(value("1: a\nyes: b\n0x10: c\n'off': d"), json!({"1": "a", "true": "b", "16": "c", "off": "d"}));
    assert!(refused("null: a").message.contains("null"));
    assert!(refused("[a]: b").message.contains("key"));
}

#[test]
fn a_key_that_is_there_twice_is_an_error_with_its_place() {
    for text in ["a: 1\nb: 1\na: 2", "yes: 1\nb: 1\ntrue: 2", "{\"a\": 1,\n\"b\": 2,\n\"a\": 3}"] {
        let error = refused(text);
        assert!(error.message.contains("twice"), "{error:?}");
        assert_eq!(error.place.map(|place| place.to_string()).as_deref(), Some("apps/x.yaml:3"));
    }
}

#[test]
fn merge_keys_merge_and_keep_the_place_of_the_definition() {
    let document = read("base: &base\n  x: 1\n  z: 2\nsub:\n  <<: *base\n  z: 3\nsame: *base").remove(0);
    assert_eq!(document.value["sub"], json!({"x": 1, "z": 3}));
    assert_eq!((document.place("/sub/x").line, document.place("/sub/z").line), (2, 6));
    assert_eq!((document.place("/same").line, document.place("/same/x").line), (7, 2));
}

#[test]
fn a_place_is_that_of_the_key_or_of_the_nearest_ancestor() {
    let document = read("# first\n---\nspec:\n  hosts:\n  - a\n  - b: 1\n  a/b~c: x\n").remove(0);
    let place = |pointer| {
        let place = document.place(pointer);
        (place.line, place.column)
    };
    assert_eq!(place(""), (3, 1));
    assert_eq!(place("/spec/hosts"), (4, 3));
    assert_eq!(place("/spec/hosts/1/b"), (6, 5));
    assert_eq!(place("/spec/hosts/7"), (4, 3));
    assert_eq!(place("/spec/a~1b~0c"), (7, 3));
    assert_eq!(place("/nothing/at/all"), (3, 1));
    assert_eq!(Document::from_value(&file(), json!({"a": 1})).place("/a").line, 1);
}

#[test]
fn a_stream_is_split_and_lists_are_taken_apart() {
    let text =
        "---\n---\n# nothing\n---\nkind: List\napiVersion: v1\nitems:\n- kind: A\n- kind: B\n---\nnull\n---\nkind: C\n";
    let documents = read(text);
    let kinds: Vec<_> = documents.iter().filter_map(|document| document.text("/kind")).collect();
    assert_eq!(kinds, ["A", "B", "C"]);
    assert_eq!(documents[1].place("/kind").line, 9);
    assert!(read("kind: ConfigMapList\napiVersion: v1\nitems: []").is_empty());
    assert_eq!(read("kind: AccessList\napiVersion: x/v1\nspec: {}\nitems: []").len(), 1);
    assert!(read("# only a comment").is_empty());
}

#[test]
fn json_is_yaml() {
    assert_eq!(value("{\"a\": \"\\ud83d\\ude00\",\n\t\"b\": [1.5e3, null]}"), json!({"a": "😀", "b": [1500, null]}));
}

#[test]
fn a_broken_text_is_one_error_with_its_place() {
    for (text, line) in
        [("a: 1\n---\nb: [}\n", 3), ("a: b: c", 1), ("a:\n\tb: 1", 2), ("a: 1\nb: *no", 2), ("a: 'x", 1)]
    {
        let error = refused(text);
        assert_eq!(error.place.as_ref().map(|place| place.line), Some(line), "{error:?}");
        assert!(!error.message.contains("line") && error.help.is_some(), "{error:?}");
    }
    assert!(refused("a: .inf").message.contains(".inf"));
}

#[test]
fn hostile_texts_end_in_an_error() {
    let mut bomb = "l0: &l0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..9 {
        let above = format!("*l{}", level - 1);
        bomb += &format!("l{level}: &l{level} [{}]\n", vec![above; 9].join(","));
    }
    let long = format!("a: &a {}\nb: [{}]", "x".repeat(1_000_000), vec!["*a"; 99].join(","));
    let deep: String = (0..500).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    for text in [bomb, long, deep, "[".repeat(100_000), "- ".repeat(100_000), "a: &a\n- *a".into()] {
        let error = refused(&text);
        assert!(error.help.is_some(), "{error:?}");
    }
    let nested = format!("{}{}", "[".repeat(MAX_DEPTH - 1), "]".repeat(MAX_DEPTH - 1));
    assert_eq!(read(&nested).len(), 1);
    assert_eq!(refused(&" ".repeat(MAX_BYTES + 1)).code, "PK0103");
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    let code = |bytes: &[u8]| {
        text_of(&file(), bytes.to_vec()).map_err(|error| (error.code, error.place.map(|p| (p.line, p.column))))
    };
    assert_eq!(code(b"a: 1\nb: \xff"), Err(("PK0104".into(), Some((2, 4)))));
    assert_eq!(code(b"a: 1\n\nx\x1b[31m"), Err(("PK0105".into(), Some((3, 2)))));
    assert_eq!(code(b"\0"), Err(("PK0105".into(), Some((1, 1)))));
    assert_eq!(code("\u{feff}a: ö\r\n\t".as_bytes()), Ok("a: ö\r\n\t".into()));
    assert_eq!(code(&vec![b' '; MAX_BYTES + 1]), Err(("PK0103".into(), Some((1, 1)))));
}

#[test]
fn settings_are_read_into_types_and_unknown_fields_have_a_line() {
    let environment: Environment = read_typed(&file(), "cluster: prod\nlisteners: own\n").expect("settings");
    assert_eq!(environment.cluster.as_deref(), Some("prod"));
    assert_eq!(read_typed::<Environment>(&file(), "# nothing\n\n"), Ok(Environment::default()));
    let error = read_typed::<Environment>(&file(), "cluster: prod\nissuerr: x\n").expect_err("an unknown field");
    assert!(error.message.starts_with("unknown field `issuerr`, expected `cluster`"), "{error:?}");
    assert_eq!(error.place.map(|place| place.line), Some(2));
}

#[test]
fn an_address_comes_from_the_object_and_the_kinds() {
    let address = |text: &str, default| {
        read(text).remove(0).address(default, &Kinds::platform()).map(|address| address.to_string())
    };
    let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r";
    let of = |tail: &str, default| address(&format!("{route}{tail}"), default);
    assert_eq!(of("}", Some("d")).as_deref(), Some("kubernetes:gateway.networking.k8s.io/HTTPRoute/d/r"));
    assert_eq!(
        of(", namespace: other}", Some("d")).as_deref(),
        Some("kubernetes:gateway.networking.k8s.io/HTTPRoute/other/r")
    );
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: some, namespace: x}";
    assert_eq!(address(namespace, Some("d")).as_deref(), Some("kubernetes:core/Namespace/some"));
    assert_eq!(
        address("apiVersion: a/v1\nkind: K\nmetadata: {name: some}", Some("d")).as_deref(),
        Some("kubernetes:a/K/d/some")
    );
    assert_eq!(address("kind: K\nmetadata: {name: some}", None), None);
}

#[test]
fn what_is_written_is_quoted_for_yaml_1_1_and_reads_back() {
    for text in [
        "yes",
        "on",
        "y",
        "No",
        "12:30",
        "190:20:30",
        "2024-01-01",
        "1_000",
        "0644",
        "089",
        "1e3",
        "12e03",
        ".5",
        "+1",
        "~",
        "null",
        "",
        "0x1F",
        "0b1",
        "=",
        "<<",
        "a: b",
        "#c",
        "x\ny\n",
        "x\ny",
        "\n",
        " lead",
        "trail ",
        "\u{1}",
        "\u{2028}",
        "\u{feff}x",
        "  x\ny",
        "\t x\n y",
        "x\r\ny",
        "\u{85}",
        "-.inf",
        "x\n\n\n",
    ] {
        let value = json!({"k": text, text: [text]});
        let written = write(&value);
        assert_eq!(read(&written)[0].value, value, "{written}");
    }
    assert_eq!(write(&json!({"on": "yes", "n": ["12:30", 1]})), "\"n\":\n- \"12:30\"\n- 1\n\"on\": \"yes\"\n");
    assert_eq!(write_typed(&("0644", 1)).as_deref(), Ok("- \"0644\"\n- 1\n"));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[ yYnNoO0-9_.:+eExa\\n\\t#-]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z0-9 .:~/-]{0,6}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_reads_back_as_it_was_written(value in any_value()) {
        let value = json!({"v": value});
        prop_assert_eq!(&read(&write(&value))[0].value, &value);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-z:\\-\\[\\]{}&*!|>'\"%@`#?,<~0-9 \\n\\t]{0,60}") {
        let _ = read_all(&file(), &text);
        let _ = read_typed::<Environment>(&file(), &text);
    }
}
