use serde_json::json;

use super::*;
use crate::testing;

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

#[test]
fn what_runs_is_stopped_and_what_is_over_is_not() {
    for (context, stops) in [
        (json!({}), false),
        (json!({"queuedBuild": "7"}), true),
        (json!({"buildNumber": 3}), true),
        (json!({"queuedBuild": null}), false),
        (
            json!({"buildNumber": 3, "buildInfo": {"building": true, "result": "BUILDING"}}),
            true,
        ),
        (
            json!({"buildNumber": 3, "buildInfo": {"building": false, "result": "FAILURE"}}),
            false,
        ),
        (
            json!({"buildNumber": 3, "buildInfo": {"building": false}}),
            true,
        ),
    ] {
        let remote = Jenkins.cancel(&map(context.clone()));
        assert_eq!(remote.is_some(), stops, "{context}");
        assert!(remote.is_none_or(|it| (it.pool, it.kind) == ("jenkins", "stopJenkinsJob")));
    }
}

#[test]
fn a_restart_builds_anew_and_keeps_what_was_built() {
    let build = json!({"number": 3, "result": "FAILURE"});
    let context = json!({"master": "ci", "queuedBuild": "7", "buildNumber": 3, "buildInfo": build});
    let stage = testing::stage("jenkins", map(context));
    let cleared = Jenkins.restarted(&stage, false);
    assert_eq!(
        cleared.removed,
        [
            "queuedBuild",
            "buildNumber",
            "buildInfo",
            "propertyFileContents"
        ]
    );
    let details = json!({"restartDetails": {"previousBuildInfo": build}});
    assert_eq!(Value::Object(cleared.context), details);
}

#[test]
fn a_failed_build_with_a_property_file_is_read_all_the_same() {
    let execution = testing::execution(&json!([]), &json!({"type": "manual"}));
    let after = |context: Value| {
        let stage = testing::stage("jenkins", map(context));
        let context = PlanContext {
            execution: &execution,
            stage: &stage,
            now: 1,
        };
        Jenkins.on_failure(&context).unwrap()
    };
    let whole = json!({"master": "ci", "job": "j", "buildNumber": 3, "propertyFile": "p.yml", "parameters": {}});
    let stages = after(whole);
    assert_eq!(
        (stages[0].kind.as_str(), stages[0].name.as_str()),
        ("getProperties", "Try to get properties file")
    );
    let wanted = json!({"master": "ci", "job": "j", "buildNumber": 3, "propertyFile": "p.yml"});
    assert_eq!(Value::Object(stages[0].context.clone()), wanted);
    assert!(after(json!({"master": "ci", "job": "j", "buildNumber": 3})).is_empty());
    assert!(after(json!({"master": "ci", "job": "j", "propertyFile": "p"})).is_empty());
}
