//! No input panics or runs away.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use gennaker_expressions::Limits;
use gennaker_model::Map;
use gennaker_templates::{Answer, Expansion, Need, Request, expand, surface};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Texts that mean something, and texts that nearly do.
fn text() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "if ",
        "for x in ",
        "endif",
        "endfor",
        "set a = ",
        "module m ",
        "macro f()",
        "endmacro",
        "a",
        "list",
        "map",
        "trigger.x",
        "|upper",
        "|default('d')",
        "|map('upper')",
        "|sort",
        "|join(',')",
        "[",
        "]",
        "(",
        ")",
        "'",
        "\"",
        "1",
        "-1",
        "+",
        "~",
        "*",
        "//",
        "**",
        "==",
        " in ",
        " is defined",
        "?",
        ":",
        ",",
        ".",
        "\\",
        "=",
        "range(99)",
        "raw %}",
        "{% endraw",
        "${",
        "}",
        "\n",
        "- ",
        ": ",
        "é",
        "😀",
        "noexpand:",
        "!!int x",
        "&a *a",
        "templateLoop",
    ]);
    prop::collection::vec(word, 0..12).prop_map(|words| words.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// A stage whose parts are mostly of the right shape.
fn stage() -> impl Strategy<Value = Value> {
    let id = prop::sample::select(vec!["a", "b", "c", "d{{ templateLoop.value }}", ""]);
    let kind = prop::sample::select(vec!["wait", "partial.p", "partial.q", "x"]);
    let ids = || {
        prop::collection::vec(
            prop::sample::select(vec!["a", "b", "c", "a0", "a.a", "z"]),
            0..3,
        )
    };
    (id, kind, value(), ids(), any::<u8>(), text(), ids()).prop_map(
        |(id, kind, config, needs, choice, text, targets)| {
            let mut stage = json!({"id": id, "refId": id, "type": kind, "config": {"k": config}, "dependsOn": needs,
                                   "requisiteStageRefIds": needs});
            match choice % 9 {
                0 => stage["inject"] = json!({"first": true}),
                1 => stage["inject"] = json!({"last": true}),
                2 => stage["inject"] = json!({"before": targets}),
                3 => stage["inject"] = json!({"after": targets}),
                4 => stage["when"] = json!([text]),
                5 => stage["loopWith"] = json!("{{ list }}"),
                6 => stage["config"] = json!(text),
                7 => stage["inheritanceControl"] = json!({"merge": [{"path": text, "value": [1]}], "remove": [{"path": "$.k"}]}),
                _ => {}
            }
            stage
        },
    )
}

fn document() -> impl Strategy<Value = (Value, Value)> {
    let stages = || prop::collection::vec(stage(), 0..5);
    (stages(), stages(), stages(), value(), value(), any::<bool>()).prop_map(
        |(own, theirs, partial, variable, odd, second)| {
            let schema = if second { "v2" } else { "1" };
            let config = json!({
                "schema": schema, "application": "shop", "type": "templatedPipeline",
                "pipeline": {"application": "shop", "template": {"source": "spinnaker://t"}, "variables": {"list": [1, "b"], "map": {"k": variable}}},
                "template": {"reference": "spinnaker://t"}, "variables": {"list": [1], "odd": odd},
                "configuration": {"inherit": ["triggers", "parameters"], "triggers": [{"name": odd}], "parameters": odd},
                "stages": own,
            });
            let template = json!({
                "schema": schema, "id": "t", "variables": [{"name": "list", "defaultValue": [1]}, {"name": "a", "defaultValue": variable}],
                "stages": theirs, "pipeline": {"stages": theirs, "triggers": odd},
                "partials": [{"id": "p", "stages": partial}],
                "modules": [{"id": "m", "variables": [{"name": "a"}], "definition": odd}],
                "configuration": {"triggers": [{"name": "x", "y": odd}]},
            });
            (config, template)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn expanding_ends((config, template) in document()) {
        let template = template.as_object().cloned().unwrap();
        let second = config["schema"] == "v2";
        let pipeline = match second {
            true => config.clone(),
            false => json!({"type": "templatedPipeline", "config": config}),
        };
        let pipeline = pipeline.as_object().cloned().unwrap();
        let (trigger, limits) = (Map::new(), Limits::default());
        for plan in [false, true] {
            let request = Request { config: &pipeline, trigger: &trigger, plan, now_ms: 1, seed: 1, limits: &limits };
            let answers = |need: &Need| Some(match need {
                Need::Template(_) => Answer::Template(template.clone()),
                _ => Answer::Missing,
            });
            let once = expand(&request, &answers);
            // The same again, and never a question that was answered.
            prop_assert!(!matches!(once, Expansion::Needs(_)));
            prop_assert_eq!(&once, &expand(&request, &answers));
            let _ = surface(&request, &answers);
            if let Expansion::Done(pipeline) = once {
                let stages = pipeline.get("stages").and_then(Value::as_array).cloned().unwrap_or_default();
                prop_assert!(stages.len() <= 4_000);
                let _ = gennaker_templates::convert(&pipeline);
            }
        }
    }

    #[test]
    fn converting_ends(pipeline in value()) {
        let pipeline = json!({"stages": pipeline, "name": pipeline, "triggers": [pipeline]});
        let _ = gennaker_templates::convert(pipeline.as_object().unwrap());
    }
}
