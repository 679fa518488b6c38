//! `expressionEvaluationSummary`.

use serde_json::{Value as Json, json};

use super::{NOW, table_root};
use crate::{Environment, evaluate_json};

fn summary(document: &Json) -> Json {
    evaluate_json(document, &table_root(), &Environment::fixed(NOW, 0))
        .summary
        .to_json()
}

fn descriptions(document: &Json) -> Vec<String> {
    let summary = summary(document);
    let entries = summary
        .as_object()
        .unwrap()
        .values()
        .flat_map(|list| list.as_array().unwrap().iter());
    let mut out: Vec<String> = entries
        .map(|entry| entry["description"].as_str().unwrap().to_owned())
        .collect();
    out.sort();
    out
}

#[test]
fn the_example_of_the_reference() {
    let got = summary(&json!({"someField": "${missing.foo}", "other": "${missing}"}));
    assert_eq!(
        got,
        json!({
            "missing.foo": [{"level": "ERROR", "timestamp": NOW,
                "exceptionType": "org.springframework.expression.spel.SpelEvaluationException",
                "description": "Failed to evaluate [someField] EL1007E: Property or field 'foo' cannot be found on null"}],
            "missing": [{"level": "INFO", "timestamp": NOW,
                "description": "Failed to evaluate [other] : missing not found"}]
        })
    );
}

#[test]
fn keys_of_entries() {
    for (text, key) in [
        ("${ missing.foo }", "missing.foo"),
        ("a ${n} b ${s}", "a n b s"),
        ("${a b}", "a b"),
        ("x ${a b}", "x {a b}"),
        ("${a", "{a"),
        ("${#stage('x')}", "#stage( #root.execution, 'x')"),
    ] {
        let got = summary(&json!({"f": text}));
        let keys: Vec<&String> = got.as_object().unwrap().keys().collect();
        assert_eq!(keys, [key], "{text}");
    }
}

#[test]
fn places_in_brackets() {
    let text = "${missing}";
    for (document, wanted) in [
        (
            json!({"a": text, "b": text}),
            "Failed to evaluate [a, b] : missing not found",
        ),
        (
            json!({"l": [text]}),
            "Failed to evaluate ${missing} : missing not found",
        ),
        (
            json!({"l": [text], "same": text}),
            "Failed to evaluate [same] : missing not found",
        ),
        (
            json!({"o": {"i": text}}),
            "Failed to evaluate [i] : missing not found",
        ),
        (
            json!({"k": text, "o": {"i": text}}),
            "Failed to evaluate [i] : missing not found",
        ),
    ] {
        let got = descriptions(&document);
        assert!(got.contains(&wanted.to_owned()), "{document}: {got:?}");
    }
    let got = descriptions(&json!({"k": text, "o": {"i": text}}));
    assert_eq!(
        got,
        [
            "Failed to evaluate [i] : missing not found",
            "Failed to evaluate [k, o] : missing not found"
        ]
    );
}

#[test]
fn root_causes_come_first() {
    for (text, wanted, exception) in [
        (
            "${#toInt('x')}",
            "For input string: \"x\" - EL1023E: A problem occurred whilst attempting to invoke the function 'toInt': 'For input string: \"x\"'",
            "java.lang.NumberFormatException",
        ),
        ("${a / 0}", "/ by zero", "java.lang.ArithmeticException"),
        (
            "${{1}.add(2)}",
            "null",
            "java.lang.UnsupportedOperationException",
        ),
        (
            "${a b}",
            "Expression [a b] @2: EL1041E: After parsing a valid expression, there is still more data in the expression: 'b'",
            "org.springframework.expression.spel.SpelParseException",
        ),
        (
            "${a",
            "Expression [{a] @0: No ending suffix '}' for expression starting at character 0: {a",
            "org.springframework.expression.ParseException",
        ),
        (
            "${m} x",
            "No converter found capable of converting from type [java.util.LinkedHashMap<?, ?>] to type [java.lang.String] - EL1001E: Type conversion problem, cannot convert from java.util.LinkedHashMap<?, ?> to java.lang.String",
            "org.springframework.core.convert.ConverterNotFoundException",
        ),
    ] {
        let evaluation = evaluate_json(
            &json!({"f": text}),
            &table_root(),
            &Environment::fixed(NOW, 0),
        );
        let entry = evaluation.summary.0.values().next().unwrap()[0].clone();
        assert_eq!(
            entry.description,
            format!("Failed to evaluate [f] {wanted}"),
            "{text}"
        );
        assert_eq!(entry.exception_type.as_deref(), Some(exception), "{text}");
    }
}

#[test]
fn entries_carry_positions() {
    for (text, position) in [
        ("x ${ m.foo.bar }", 11),
        ("${a b}", 4),
        ("${list[9]}", 6),
        ("ab ${", 3),
    ] {
        let evaluation = evaluate_json(
            &json!({"f": text}),
            &table_root(),
            &Environment::fixed(NOW, 0),
        );
        let entry = &evaluation.summary.0.values().next().unwrap()[0];
        assert_eq!(entry.position, Some(position), "{text}: {entry:?}");
    }
}

#[test]
fn the_same_message_is_one_entry() {
    let got = summary(&json!({"l": ["${missing}", "${missing}"]}));
    assert_eq!(got["missing"].as_array().unwrap().len(), 1);
    let got = summary(&json!({"x": {"a": "${missing}"}, "y": {"b": "${missing}"}}));
    assert_eq!(got["missing"].as_array().unwrap().len(), 2);
}
