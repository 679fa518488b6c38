//! Tests of what people write.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Error, check_unique, manifests, parse};

fn place(text: &str) -> (usize, usize, String) {
    match parse(text) {
        Err(Error::Syntax {
            line,
            column,
            message,
        }) => (line, column, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn many_documents_lists_and_empty_ones_are_one_list() {
    let text = "---\nkind: A\n---\n---\n- kind: B\n- kind: C\n- null\n---\n# nothing\n...\n---\n{\"kind\": \"D\"}\n";
    let kinds: Vec<Value> = parse(text)
        .unwrap()
        .iter()
        .map(|document| document["kind"].clone())
        .collect();
    assert_eq!(kinds, ["A", "B", "C", "D"]);
    assert_eq!(parse("").unwrap(), Vec::<Value>::new());
}

#[test]
fn anchors_merges_and_blocks_are_read() {
    let text = "base: &base {a: 1, b: 2}\nother:\n  <<: *base\n  b: 3\nall:\n  <<: [*base, {c: 4}]\ntext: |\n  x: ${y}\n  yes\nfolded: >-\n  a\n  b\n";
    assert_eq!(
        parse(text).unwrap(),
        [json!({
            "base": {"a": 1, "b": 2}, "other": {"b": 3, "a": 1}, "all": {"a": 1, "b": 2, "c": 4},
            "text": "x: ${y}\nyes\n", "folded": "a b",
        })]
    );
}

#[test]
fn of_a_key_that_is_there_twice_the_last_one_counts() {
    assert_eq!(
        parse("a: 1\nb: 2\na: 3").unwrap(),
        [json!({"a": 3, "b": 2})]
    );
}

#[test]
fn keys_that_look_like_other_things_are_texts_of_their_values() {
    assert_eq!(
        parse("on: 1\n0644: 2\nnull: 3\n'4': 5\n'no': 6").unwrap(),
        [json!({"true": 1, "420": 2, "null": 3, "4": 5, "no": 6})]
    );
}

#[test]
fn files_of_other_systems_are_read() {
    assert_eq!(
        parse("\u{feff}a: 1\r\nb:\r\n- c\r\n---\r\nd: |\r\n  e\r\n").unwrap(),
        [json!({"a": 1, "b": ["c"]}), json!({"d": "e\n"})]
    );
}

#[test]
fn a_mistake_has_a_place() {
    let (line, _, message) = place("kind: A\nmetadata:\n  name: [a, b\nspec: x\n");
    assert!(line >= 3, "{line}: {message}");
    let (line, column, message) = place("a: !secret x\n");
    assert_eq!((line, column), (1, 4));
    assert!(message.contains("tag !secret is not allowed"), "{message}");
    let (line, _, message) = place("a: 1\nb: *nowhere\n");
    assert_eq!(line, 2, "{message}");
}

#[test]
fn a_template_that_was_not_rendered_is_told_so() {
    for text in [
        "metadata:\n  name: {{ .Release.Name }}\n",
        "a: 1\n{{- if .Values.x }}\nb: 2\n{{- end }}\n",
        "metadata:\n  name: {{ .Release.Name }}-web\n  x: 1\n",
    ] {
        let (line, _, message) = place(text);
        assert!(line == 2 || line == 3, "{line}: {message}");
        assert!(message.contains("bake"), "{message}");
    }
    // In quotes and blocks, braces are text.
    assert_eq!(
        parse("a: '{{ b }}'\nc: |\n  {{ d }}\n").unwrap(),
        [json!({"a": "{{ b }}", "c": "{{ d }}\n"})]
    );
}

#[test]
fn bombs_and_towers_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        bomb.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            [alias.as_str(); 10].join(", ")
        ));
    }
    assert!(matches!(parse(&bomb), Err(Error::TooLarge { .. })));
    // Long texts count, too, whether they are told again by aliases or kept for them at every level.
    let echo = format!(
        "a: &a {}\nb: [{}]\n",
        "x".repeat(100_000),
        "*a, ".repeat(1_000)
    );
    assert!(matches!(parse(&echo), Err(Error::TooLarge { .. })));
    let levels: String = (0..90).map(|level| format!("&a{level} [")).collect();
    let nested = format!("{levels}{}{}", "x".repeat(1_000_000), "]".repeat(90));
    assert!(matches!(parse(&nested), Err(Error::TooLarge { .. })));
    assert!(matches!(
        parse(&"[".repeat(500)),
        Err(Error::TooLarge { .. } | Error::Syntax { .. })
    ));
    let many = "- {kind: A}\n".repeat(super::MANIFESTS_MAX + 1);
    assert!(matches!(parse(&many), Err(Error::TooLarge { .. })));
}

#[test]
fn lists_of_kubernetes_are_replaced_by_their_items() {
    let config =
        |name: &str| json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name}});
    let values = [
        json!({"kind": "list", "apiVersion": "v1", "items": [config("a"), null, config("b")]}),
        json!([config("c"), null]),
        json!({"kind": "List", "apiVersion": "v1"}),
        Value::Null,
        json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {}, "items": [{"metadata": {"name": "d"}}]}),
        json!({"kind": "AllowList", "apiVersion": "example.com/v1", "metadata": {"name": "e"}, "items": []}),
    ];
    let found = manifests(&values).unwrap();
    let names: Vec<String> = found
        .iter()
        .map(|manifest| manifest.full_name().to_string())
        .collect();
    assert_eq!(
        names,
        [
            "configMap a",
            "configMap b",
            "configMap c",
            "configMap d",
            "AllowList.example.com e"
        ]
    );
}

#[test]
fn what_is_no_manifest_is_told_by_its_number() {
    let good = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}});
    let rows = [
        (
            json!("text"),
            "document 2: a manifest must be an object, this is a string",
        ),
        (
            json!({"apiVersion": "v1", "metadata": {"name": "a"}}),
            "document 2: malformed manifest (a): no field `kind`",
        ),
        (
            json!({"kind": "A", "metadata": {}}),
            "document 2: malformed manifest (A): no field `apiVersion`",
        ),
        (
            json!({"kind": "A", "apiVersion": "v1"}),
            "document 2: malformed manifest (A): no field `metadata`",
        ),
        (
            json!({"kind": "A", "apiVersion": "v1", "metadata": {"name": ""}}),
            "document 2: malformed manifest (A): no field `metadata.name`",
        ),
        (
            json!({"kind": 1, "apiVersion": "v1"}),
            "document 2: malformed manifest: `kind` must be a string",
        ),
        (
            json!({"kind": "A", "apiVersion": "v1", "metadata": {"name": 12}}),
            "document 2: malformed manifest (A): `metadata.name` must be a string",
        ),
        (
            json!({"kind": "A", "apiVersion": "v1", "metadata": {"name": "x", "labels": []}}),
            "document 2: malformed manifest (A x): `metadata.labels` must be an object",
        ),
    ];
    for (value, expected) in rows {
        assert_eq!(
            manifests(&[good.clone(), value]).unwrap_err().to_string(),
            expected
        );
    }
}

#[test]
fn two_documents_of_one_object_are_found() {
    let config = |name: &str, namespace: &str| json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name, "namespace": namespace}});
    let twice = manifests(&[
        config("a", "shop"),
        config("a", "prod"),
        config("a", "shop"),
    ])
    .unwrap();
    assert_eq!(
        check_unique(&twice).unwrap_err().to_string(),
        "documents 1 and 3 are both configMap a in namespace shop"
    );
    assert_eq!(check_unique(&twice[..2]), Ok(()));
    let pod = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"generateName": "p-"}});
    assert_eq!(
        check_unique(&manifests(&[pod.clone(), pod]).unwrap()),
        Ok(())
    );
}

proptest! {
    #[test]
    fn nothing_panics(text in "[-a-c{}\\[\\]:,&*!|>'\"#%@ \\n0-9<~?]{0,60}") {
        if let Ok(values) = parse(&text) {
            let _ = manifests(&values);
        }
    }

    #[test]
    fn json_is_yaml(value in prop::collection::btree_map("[a-z]{1,5}", "[ -~]{0,10}", 0..5)) {
        let value = json!(value);
        prop_assert_eq!(parse(&value.to_string()).unwrap(), [value]);
    }
}
