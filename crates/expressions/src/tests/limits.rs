//! Ceilings: exceeding one is an error entry.

use std::fmt::Write as _;

use serde_json::json;

use super::{NOW, evaluate, map_root, shown};
use crate::{Environment, Evaluation, evaluate_json, evaluate_text};

fn error_of(text: &str) -> String {
    shown(&evaluate(text))
}

fn counted(elements: usize, body: &str) -> String {
    shown(&evaluate(&format!(
        "${{(new int[{elements}]){body}.length}}"
    )))
}

#[test]
fn operations() {
    for (body, most) in [
        (".![1]", 9_996),
        (".![#this]", 9_996),
        (".![#this + 1]", 4_998),
        (".![#this.toString()]", 4_998),
        (".![#root.a]", 4_998),
    ] {
        assert_eq!(counted(most, body), most.to_string(), "{body}");
        let over = counted(most + 4, body);
        assert!(
            over.contains(
                "EL1085E: SpEL expression evaluation exceeded the threshold of '10,000' operations"
            ),
            "{over}"
        );
    }
}

#[test]
fn lengths_and_nesting() {
    let long = format!("${{'{}'}}", "x".repeat(9_998));
    assert_eq!(evaluate(&long).value.as_str().unwrap().len(), 9_998);
    let longer = format!("${{'{}'}}", "x".repeat(9_999));
    assert!(error_of(&longer).contains(
        "EL1079E: SpEL expression is too long, exceeding the threshold of '10,000' characters"
    ));
    let nested = |depth: usize| format!("${{{}1{}}}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(evaluate(&nested(60)).value, 1);
    assert!(error_of(&nested(65)).contains("nested deeper than 64 levels"));
    assert!(error_of(&nested(4_000)).contains("nested deeper than 64 levels"));
    assert!(error_of(&format!("${{{}1}}", "- ".repeat(4_500))).contains("nested deeper"));
    assert!(error_of(&format!("${{{}t}}", "!".repeat(9_000))).contains("nested deeper"));
    assert!(error_of(&format!("${{{}t}}", "a ?: ".repeat(1_900))).contains("nested deeper"));
    assert!(
        error_of(&format!("${{{}}}", "{".repeat(4_000) + &"}".repeat(4_000)))
            .contains("nested deeper")
    );
}

#[test]
fn long_chains_need_no_stack() {
    let sum = format!("${{1{}}}", "+1".repeat(4_900));
    assert_eq!(evaluate(&sum).value, 4_901);
    let or = format!("${{f{}}}", " or f".repeat(1_500));
    assert_eq!(evaluate(&or).value, false);
    let path = format!("${{a{}}}", ".x".repeat(4_900));
    assert!(error_of(&path).starts_with("ERROR"));
}

#[test]
fn sizes() {
    assert!(error_of("${'xx' * 200}").contains(
        "EL1076E: Repeated text is too long, exceeding the threshold of '256' characters"
    ));
    let doubled = "${#x = 'x' * 256}${#x = #x + #x}".to_owned() + &"${#x = #x + #x}".repeat(9);
    assert!(error_of(&doubled).contains(
        "EL1078E: Concatenated string is too long, exceeding the threshold of '100,000' characters"
    ));
    assert!(error_of("${'x'.repeat(2000000)}").starts_with("ERROR"));
    let root = map_root(json!({"l": vec!["x".repeat(1000); 2000]}));
    let big = evaluate_text("${l.![#this]}", &root, &Environment::fixed(NOW, 0));
    assert!(
        shown(&big).contains("larger than 1048576 bytes"),
        "{}",
        shown(&big).len()
    );
    let joined = evaluate_text("${l} x", &root, &Environment::fixed(NOW, 0));
    assert!(shown(&joined).starts_with("ERROR"));
}

#[test]
fn regular_expressions() {
    let pattern = format!("${{'x' matches '{}'}}", "y".repeat(1_001));
    assert!(error_of(&pattern).contains("EL1077E"));
    // Backtracking that would never end: the engine gives up after its steps.
    let evil = format!("${{'{}' matches '(a|aa)+$(?<=b)'}}", "a".repeat(60));
    let got = error_of(&evil);
    assert!(got == "false" || got.contains("EL1073E"), "{got}");
    // Counted repetitions are counted, not written out.
    assert_eq!(error_of("${'x' matches '(a{1000}){1000}'}"), "false");
    let steps = format!("${{'{}'.replaceAll('(a*)*b', '')}}", "a".repeat(5_000));
    assert!(
        error_of(&steps).contains("takes too many steps"),
        "{}",
        error_of(&steps)
    );
}

#[test]
fn assignments_cannot_grow_a_value_without_end() {
    let mut document = serde_json::Map::new();
    for at in 0..400 {
        document.insert(format!("k{at:03}"), json!("${m.n = {m.n}}"));
    }
    let evaluation = evaluate_json(
        &json!(document),
        &super::table_root(),
        &Environment::fixed(NOW, 0),
    );
    let entries: Vec<_> = evaluation.summary.0.values().flatten().collect();
    assert!(
        entries
            .iter()
            .any(|entry| entry.description.contains("nested so deep"))
    );
}

#[test]
fn work_is_bounded() {
    let root = map_root(json!({"l": (0..9_000).collect::<Vec<_>>(), "t": "x".repeat(100_000)}));
    let run =
        |text: &str| -> Evaluation { evaluate_text(text, &root, &Environment::fixed(NOW, 0)) };
    assert!(shown(&run("${l.![#root.l.contains(-1)]}")).contains("units of work"));
    assert!(shown(&run("${l.![#root.t.indexOf('y')]}")).contains("units of work"));
    assert!(shown(&run("${l.![#root.t.replace('x', 'y')]}")).contains("units of work"));
}

#[test]
fn many_expressions_in_one_text() {
    let mut text = String::new();
    for at in 0..2_000 {
        write!(text, "${{a + {at}}},").unwrap();
    }
    assert!(
        evaluate(&text)
            .value
            .as_str()
            .unwrap()
            .starts_with("1,2,3,")
    );
}
