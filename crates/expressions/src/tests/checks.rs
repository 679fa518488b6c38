//! The check that evaluates nothing.

use serde_json::json;

use crate::{Known, Limits, Severity, check_json, check_text};

fn known() -> Known {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Known {
        stages: set(&["Build", "Deploy"]),
        parameters: Some(set(&["version", "env"])),
        ref_ids: set(&["1", "2"]),
    }
}

#[test]
fn findings() {
    for (text, position, severity, code, message, suggestion) in [
        (
            "${#stage('Bulid').status}",
            9,
            Severity::Error,
            None,
            "there is no stage 'Bulid'",
            Some("Build"),
        ),
        (
            "${#stageByRefId('9')}",
            16,
            Severity::Error,
            None,
            "there is no stage with refId '9'",
            None,
        ),
        (
            "${#stageExists('Deplyo')}",
            15,
            Severity::Warning,
            None,
            "there is no stage 'Deplyo'",
            Some("Deploy"),
        ),
        (
            "${parameters.versoin}",
            13,
            Severity::Warning,
            None,
            "the pipeline has no parameter 'versoin'",
            Some("version"),
        ),
        (
            "${parameters['evn']}",
            13,
            Severity::Warning,
            None,
            "the pipeline has no parameter 'evn'",
            Some("env"),
        ),
        (
            "${#toIntt('1')}",
            2,
            Severity::Error,
            Some("EL1006E"),
            "there is no function '#toIntt'",
            Some("toInt"),
        ),
        (
            "${#toInt()}",
            2,
            Severity::Error,
            Some("EL1014E"),
            "'#toInt' takes 1 arguments and gets 0",
            None,
        ),
        (
            "x ${#stage ('Build')}",
            4,
            Severity::Error,
            Some("EL1014E"),
            "'#stage' must be followed by '(' at once",
            Some("#stage("),
        ),
        (
            "${T(java.io.File)}",
            2,
            Severity::Error,
            Some("EL1021E"),
            "the class 'java.io.File' is not allowed in expressions",
            None,
        ),
        (
            "${new Date()}",
            2,
            Severity::Error,
            Some("EL1005E"),
            "there is no class 'Date', or it needs its package",
            Some("java.util.Date"),
        ),
    ] {
        let checked = check_text(text, &known(), &Limits::default());
        assert_eq!(checked.findings.len(), 1, "{text}: {:?}", checked.findings);
        let finding = &checked.findings[0];
        assert_eq!(finding.position, position, "{text}");
        assert_eq!(finding.severity, severity, "{text}");
        assert_eq!(finding.code.as_deref(), code, "{text}");
        assert_eq!(finding.message, message, "{text}");
        assert_eq!(finding.suggestion.as_deref(), suggestion, "{text}");
    }
}

#[test]
fn errors_of_the_parser_have_places() {
    let document = json!({"stages": [{"a/b": "fine ${a}", "x": "ab ${a b}"}, {"y": ["${"]}]});
    let checked = check_json(&document, &known(), &Limits::default());
    assert_eq!(checked.expressions, 3);
    let places: Vec<_> = checked
        .findings
        .iter()
        .map(|f| (f.pointer.as_str(), f.position, f.code.as_deref()))
        .collect();
    assert_eq!(
        places,
        [
            ("/stages/0/x", 7, Some("EL1041E")),
            ("/stages/1/y/0", 0, None)
        ]
    );
}

#[test]
fn what_is_right_is_not_mentioned() {
    for text in [
        "no expression",
        "${#stage('Build').outputs.x[0]}",
        "${#stage(parameters.env)}",
        "${parameters.env ?: 'x'}",
        "${#deployedServerGroups()}",
        "${#deployedServerGroups('a', 'b')}",
        "${new java.util.Date()}",
        "${T(int)}",
        "${#currentUser()} ${#currentStage().name}",
        "${execution.stages.?[name == 'x'].![context.y]}",
    ] {
        assert!(
            check_text(text, &known(), &Limits::default())
                .findings
                .is_empty(),
            "{text}"
        );
    }
}
