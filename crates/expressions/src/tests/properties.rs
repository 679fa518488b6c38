//! What holds for any text.

use proptest::prelude::*;
use serde_json::json;

use super::{NOW, evaluate, table_root};
use crate::{Environment, Limits, check_text, evaluate_json, parse};

/// Texts that look like expressions, so that more than the lexer is reached.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("a".to_owned()),
        Just("s".to_owned()),
        Just("m".to_owned()),
        Just("list".to_owned()),
        Just("maps".to_owned()),
        Just("n".to_owned()),
        Just("#root".to_owned()),
        Just("#this".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1.5".to_owned()),
        Just("2L".to_owned()),
        Just("1e3f".to_owned()),
        (0..1000i32).prop_map(|n| n.to_string()),
        "[a-z' ]{0,6}".prop_map(|text| format!("'{}'", text.replace('\'', "''"))),
        Just("T(Math)".to_owned()),
        Just("T(String)".to_owned()),
        Just("{:}".to_owned()),
        Just("new java.util.Date(0L)".to_owned()),
        Just("T(java.time.LocalDate).now()".to_owned()),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            (
                inner.clone(),
                "[-+*/%^<>]|==|!=|<=|and|or|matches|between|instanceof|=",
                inner.clone()
            )
                .prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} ?: {b})")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("-{a}")),
            inner.clone().prop_map(|a| format!("!{a}")),
            inner.clone().prop_map(|a| format!("{a}++")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            (inner.clone(), "[.][?!^$]|[?][.][?!^$]", inner.clone())
                .prop_map(|(a, op, b)| format!("{a}{op}[{b}]")),
            (
                inner.clone(),
                "size|length|toString|keySet|values|x|name|toUpperCase|isEmpty|hashCode|year"
            )
                .prop_map(|(a, name)| format!("{a}.{name}()")),
            (inner.clone(), "k|x|size|time|class|bytes")
                .prop_map(|(a, name)| format!("{a}?.{name}")),
            (
                inner.clone(),
                "contains|equals|indexOf|split|replaceAll|add|max|format|compareTo",
                inner.clone()
            )
                .prop_map(|(a, name, b)| format!("{a}.{name}({b})")),
            (
                inner.clone(),
                "replace|substring|max|pow|join|subList|format",
                inner.clone(),
                inner.clone()
            )
                .prop_map(|(a, name, b, c)| format!("{a}.{name}({b}, {c})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{{a}, {b}}}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{k: {a}, 'q': {b}}}")),
            (
                "toInt|toJson|readJson|readYaml|toBase64|stage|alphanumerical",
                inner
            )
                .prop_map(|(name, a)| format!("#{name}({a})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in ".{0,60}") {
        evaluate(&format!("${{{text}}}"));
        evaluate(&text);
        check_text(&text, &Default::default(), &Limits::default());
    }

    #[test]
    fn no_mixture_of_symbols_makes_it_panic(text in "[a-c0-9'\"\\[\\](){}.?!^$#+*/%<>=&|:, @TnewÄ😀\\\\-]{0,80}") {
        evaluate(&format!("${{{text}}}"));
        check_text(&format!("${{{text}}}"), &Default::default(), &Limits::default());
    }

    #[test]
    fn no_expression_makes_it_panic_and_each_gives_the_same_twice(text in expression()) {
        let document = json!({"x": format!("${{{text}}}"), "y": format!("a ${{{text}}}")});
        let run = || {
            let evaluation = evaluate_json(&document, &table_root(), &Environment::fixed(NOW, 7));
            (evaluation.value.to_string(), evaluation.summary.to_json().to_string())
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn printing_and_parsing_is_the_identity(text in expression()) {
        // The printed text has more brackets than the original.
        let wide = Limits { nesting_max: 200, expression_chars_max: 100_000, ..Limits::default() };
        if let Ok(parsed) = parse::parse(&text, &wide) {
            let printed = parsed.to_string();
            let again = parse::parse(&printed, &wide);
            prop_assert!(again.is_ok(), "{} became {}: {:?}", text, printed, again);
            prop_assert_eq!(parsed, again.unwrap(), "{} became {}", text, printed);
        }
    }

    #[test]
    fn printing_and_parsing_is_the_identity_for_any_symbols(text in "[a-c0-9'\\[\\](){}.?!^$#+*/%<>=&|:, -]{0,30}") {
        let wide = Limits { nesting_max: 200, expression_chars_max: 100_000, ..Limits::default() };
        if let Ok(parsed) = parse::parse(&text, &wide) {
            let printed = parsed.to_string();
            let again = parse::parse(&printed, &wide);
            prop_assert!(again.is_ok(), "{} became {}: {:?}", text, printed, again);
            prop_assert_eq!(parsed, again.unwrap(), "{} became {}", text, printed);
        }
    }

    #[test]
    fn no_pattern_makes_it_panic(pattern in "[a-c\\[\\](){}.?*+^$|\\\\0-9<>=!:&,QEpdwsbLu-]{0,20}", input in "[a-c0-9 ]{0,12}") {
        if let Ok(compiled) = crate::regex::Pattern::compile(&pattern) {
            let steps = || crate::regex::Steps::new(10_000);
            let _ = compiled.matches(&input, &mut steps());
            let _ = compiled.replace(&input, "<$0>", true, &mut steps(), &mut |_| Ok(()));
            let _ = compiled.split(&input, 0, &mut steps());
        }
    }
}
