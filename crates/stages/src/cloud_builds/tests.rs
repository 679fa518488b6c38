use serde_json::json;

use super::*;
use crate::testing;
use gennaker_engine::StageDefinition;

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

#[test]
fn what_runs_is_stopped_and_what_is_over_is_not() {
    let google = |build: Value| {
        GoogleCloudBuild
            .cancel(&map(json!({ "buildInfo": build })))
            .map(|it| it.kind)
    };
    assert_eq!(
        google(json!({"id": "b", "status": "WORKING"})),
        Some("stopGoogleCloudBuild")
    );
    assert_eq!(google(json!({"id": "b", "status": "SUCCESS"})), None);
    assert_eq!(google(Value::Null), None);
    let amazon = |build: Value| {
        AwsCodeBuild
            .cancel(&map(json!({ "buildInfo": build })))
            .map(|it| it.kind)
    };
    assert_eq!(
        amazon(json!({"arn": "a", "status": "IN_PROGRESS"})),
        Some("stopAwsCodeBuild")
    );
    assert_eq!(amazon(json!({"arn": "a", "status": "FAILED"})), None);
    assert!(AwsCodeBuild.cancel(&Map::new()).is_none());
}

#[test]
fn a_restart_builds_anew_and_keeps_what_was_built() {
    let build = json!({"arn": "a", "status": "FAILED"});
    let context = json!({"account": "x", "buildInfo": build, "startBuildRequest": {}, "buildRequestedTime": 1,
        "restartDetails": {"by": "ann"}});
    let stage = testing::stage("awsCodeBuild", map(context));
    let cleared = AwsCodeBuild.restarted(&stage, false);
    assert_eq!(
        cleared.removed,
        ["startBuildRequest", "buildInfo", "buildRequestedTime"]
    );
    assert_eq!(
        Value::Object(cleared.context),
        json!({"restartDetails": {"by": "ann", "previousBuildInfo": build}})
    );
}
