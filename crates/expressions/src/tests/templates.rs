//! Template syntax and what results become.

use serde_json::json;

use super::{NOW, evaluate, table_root};
use crate::{Environment, contains_expression, evaluate_json};

#[test]
fn literals_and_escapes() {
    for (text, wanted) in [
        ("plain", json!("plain")),
        ("", json!("")),
        ("$${a}", json!("$1")),
        ("\\${a}", json!("\\1")),
        ("${'${x}'}", json!("${x}")),
        (
            "${a} and ${n} and ${s}",
            json!("1 and ${n} and hello-World"),
        ),
        ("${ a }", json!(1)),
        ("${\n  a\n}", json!(1)),
        (" ${a}", json!(" 1")),
        ("${a}${a b}", json!("${a}${a b}")),
        ("${", json!("${")),
        ("${}", json!("${}")),
        ("${ }", json!("${ }")),
        ("${a", json!("${a")),
        ("$a {b}", json!("$a {b}")),
    ] {
        assert_eq!(evaluate(text).value, wanted, "{text}");
    }
}

#[test]
fn keys_values_and_elements() {
    let document = json!({
        "${s}": {"x": ["${a}", ["${list}"], {"${num}": "${m}"}]},
        "${list}": 1, "${n}": 2, "${a b}": 3, "n": null, "b": true, "f": 1.5, "hello-World": "earlier"
    });
    let evaluation = evaluate_json(&document, &table_root(), &Environment::fixed(NOW, 0));
    assert_eq!(
        evaluation.value,
        json!({
            "hello-World": "earlier", "[1, 2, 3, 4]": 1, "${n}": 2, "${a b}": 3, "b": true, "f": 1.5
        })
    );
    let document = json!({"l": ["${a}", ["${list}"], {"${num}": "${m}", "k${a}": 1}]});
    let evaluation = evaluate_json(&document, &table_root(), &Environment::fixed(NOW, 0));
    assert_eq!(
        evaluation.value,
        json!({"l": [1, [[1, 2, 3, 4]], {"5": {"k": "v"}, "k1": 1}]})
    );
    let mut succeeded = evaluation.succeeded;
    succeeded.sort();
    assert_eq!(succeeded, ["a", "ka", "list", "m", "num"]);
}

#[test]
fn rebuilt_maps_have_the_order_of_a_java_hash_map() {
    let document = json!({"zeta": 1, "alpha": {"b": 1, "a": 2, "Aa": 3, "BB": 4}, "name": 3, "type": 4, "refId": 5});
    let evaluation = evaluate_json(&document, &table_root(), &Environment::fixed(NOW, 0));
    let keys: Vec<&String> = evaluation.value.as_object().unwrap().keys().collect();
    // As `new HashMap<>()` of JDK 17 gives them.
    assert_eq!(keys, ["zeta", "alpha", "name", "refId", "type"]);
    let inner: Vec<&String> = evaluation.value["alpha"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(inner, ["Aa", "BB", "a", "b"]);
}

#[test]
fn typed_results_in_json() {
    for (text, wanted) in [
        ("${{a: null, b: {null, 1}}}", json!({"b": [null, 1]})),
        ("${0.0/0}", json!("NaN")),
        ("${-1.0/0}", json!("-Infinity")),
        ("${'ab'.bytes}", json!("YWI=")),
        ("${'ab'.toCharArray()}", json!("ab")),
        ("${'ab'.charAt(1)}", json!("b")),
        (
            "${T(java.time.LocalDate).parse('2020-01-31')}",
            json!([2020, 1, 31]),
        ),
        (
            "${T(java.time.LocalDateTime).parse('2020-01-31T10:15:30.5')}",
            json!([2020, 1, 31, 10, 15, 30, 500]),
        ),
        ("${T(java.time.Instant).ofEpochMilli(1500)}", json!(1500)),
        ("${new java.util.Date(5L)}", json!(5)),
        ("${T(java.time.DayOfWeek).of(1)}", json!("MONDAY")),
        ("${T(String)}", json!("java.lang.String")),
        ("${m.entrySet()}", json!([{"k": "v"}])),
        ("${huge}", json!(18_446_744_073_709_551_615_u64)),
    ] {
        assert_eq!(evaluate(text).value, wanted, "{text}");
    }
}

#[test]
fn looking_for_expressions() {
    assert!(!contains_expression(&json!({"a": [1, "$x", {"b": "{}"}]})));
    assert!(contains_expression(&json!({"a": [1, {"${b}": null}]})));
    assert!(contains_expression(&json!(["x ${a}"])));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let document = json!({"x": "${T(java.util.UUID).randomUUID().toString()}", "y": "${T(Math).random()}",
        "z": "${new java.util.Random().nextInt()}", "w": "${T(java.util.UUID).randomUUID().toString()}"});
    let run = |seed| evaluate_json(&document, &table_root(), &Environment::fixed(NOW, seed)).value;
    assert_eq!(run(1).to_string(), run(1).to_string());
    assert_ne!(run(1), run(2));
    assert_ne!(run(1)["x"], run(1)["w"]);
}
