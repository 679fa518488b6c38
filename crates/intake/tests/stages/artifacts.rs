//! Stages that find and make artifacts.

use gennaker_engine::{Lookup, LookupAnswer, NewestOf};
use gennaker_model::Status;
use serde_json::{Value, json};

use crate::driver::Driver;
use crate::{base64, error, found, map, run};

// evaluateArtifacts

#[test]
fn evaluate_artifacts_makes_embedded_artifacts_in_order() {
    let driver = run(json!({"type": "evaluateArtifacts", "artifactContents": [
        {"name": "a", "contents": "x ${ 1 + 1 }", "id": "i"},
        {"name": "b", "contents": "${ a } again"},
        {"name": "none", "contents": ""}, {"name": "null", "contents": null},
        {"name": "object", "contents": {"k": [1, "${ 2 }"]}},
        {"name": "bad", "contents": "${ nobody.knows }"},
    ], "expectedArtifacts": [{"id": "e", "matchArtifact": {"name": "b"}}]}));
    assert_eq!(driver.status(), Status::Succeeded);
    let stage = driver.stage("t");
    let names: Vec<&str> = stage.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(names, ["evaluateArtifacts", "bindArtifacts"]);
    assert_eq!(stage.context["artifactContents"][0]["contents"], "x 2");
    assert_eq!(
        stage.context["artifactContents"][5]["contents"],
        "${ nobody.knows }"
    );
    assert!(stage.context["expressionEvaluationSummary"].is_object());
    // Bound, the list is what was expected.
    let bound = &stage.outputs["resolvedExpectedArtifacts"][0]["boundArtifact"];
    assert_eq!(bound["reference"], base64("x 2 again"));
    assert_eq!(bound["type"], "embedded/base64");
    assert_eq!(bound["artifactAccount"], "embedded-artifact");
}

#[test]
fn evaluate_artifacts_without_expectations_puts_all_out() {
    let driver = run(json!({"type": "evaluateArtifacts", "artifactContents": [
        {"name": "a", "contents": "one"}, {"name": "object", "contents": {"k": [1, 2]}}]}));
    let artifacts = &driver.stage("t").outputs["artifacts"];
    assert_eq!(
        *artifacts,
        json!([
            {"type": "embedded/base64", "customKind": false, "name": "a", "reference": base64("one"), "metadata": {},
             "artifactAccount": "embedded-artifact"},
            {"type": "embedded/base64", "customKind": false, "name": "object", "reference": base64("{k=[1, 2]}"),
             "metadata": {}, "artifactAccount": "embedded-artifact"},
        ])
    );
    let nothing = run(json!({"type": "evaluateArtifacts"}));
    assert_eq!(nothing.status(), Status::Succeeded);
    assert_eq!(nothing.stage("t").outputs["artifacts"], json!([]));
}

// findArtifactFromExecution

fn newest(statuses: &[Status]) -> Lookup {
    Lookup::Artifacts(NewestOf {
        pipeline: "other".into(),
        statuses: statuses.to_vec(),
        without: None,
    })
}

fn find(more: Value) -> Driver {
    let mut stage = map(
        &json!({"type": "findArtifactFromExecution", "application": "shop", "pipeline": "other",
                                "executionOptions": {"successful": true}}),
    );
    stage.extend(map(&more));
    run(Value::Object(stage))
}

#[test]
fn find_artifact_binds_what_is_expected() {
    let expected = json!([
        {"id": "e", "matchArtifact": {"type": "docker/image", "name": "app"}},
        {"id": "d", "matchArtifact": {"name": "absent"}, "useDefaultArtifact": true, "defaultArtifact": {"name": "default"}},
    ]);
    let mut driver = find(json!({ "expectedArtifacts": expected }));
    let artifacts = json!([
        {"type": "docker/image", "name": "app", "version": "2"}, {"type": "docker/image", "name": "app", "version": "1"}]);
    let answer = found(json!({"execution": "E1", "artifacts": artifacts}));
    driver.answer(newest(&[Status::Succeeded]), answer);
    assert_eq!(driver.status(), Status::Succeeded);
    let stage = driver.stage("t");
    for of in [&stage.context, &stage.outputs] {
        assert_eq!(of["artifacts"][0]["version"], "2", "the first that matches");
        assert_eq!(of["artifacts"][1]["name"], "default");
        assert_eq!(of["resolvedExpectedArtifacts"][0]["id"], "e");
        assert_eq!(
            of["resolvedExpectedArtifacts"][0]["boundArtifact"]["version"],
            "2"
        );
    }
}

#[test]
fn find_artifact_takes_the_older_form_and_the_older_option() {
    let mut driver = find(
        json!({"expectedArtifact": {"id": "e", "matchArtifact": {"name": "app"}},
        "executionOptions": {"succeeded": "true", "terminal": true, "running": true}}),
    );
    let answer = found(json!({"execution": "E1", "artifacts": [{"name": "app"}]}));
    let all = [Status::Succeeded, Status::Terminal, Status::Running];
    driver.answer(newest(&all), answer);
    assert_eq!(driver.status(), Status::Succeeded);
    assert_eq!(driver.stage("t").outputs["artifacts"][0]["name"], "app");
}

#[test]
fn find_artifact_leaves_out_its_own_from_its_own_pipeline() {
    let driver = find(json!({"pipeline": "config"}));
    let asked: Vec<&Lookup> = driver.state.book.lookups.keys().collect();
    let wanted = Lookup::Artifacts(NewestOf {
        pipeline: "config".into(),
        statuses: vec![Status::Succeeded],
        without: Some("t".into()),
    });
    assert_eq!(asked, [&wanted]);
}

#[test]
fn find_artifact_fails_when_nothing_matches() {
    let expected = json!([{"id": "e", "matchArtifact": {"name": "app"}}]);
    for answer in [
        LookupAnswer::Missing,
        found(json!({"execution": "E1", "artifacts": [{"name": "x"}]})),
    ] {
        let mut driver = find(json!({ "expectedArtifacts": expected }));
        driver.answer(newest(&[Status::Succeeded]), answer);
        assert_eq!(driver.status(), Status::Terminal);
        assert!(error(&driver).starts_with("Unmatched expected artifact ExpectedArtifact("));
    }
    let mut driver = find(json!({}));
    let failed = LookupAnswer::Failed {
        exception: None,
        reason: "no owner".into(),
    };
    driver.answer(newest(&[Status::Succeeded]), failed);
    assert_eq!(
        error(&driver),
        "The artifacts of pipeline other could not be read: no owner"
    );
    for (stage, message) in [
        (
            json!({"pipeline": ""}),
            "the stage names no pipeline whose artifacts it wants",
        ),
        (
            json!({"executionOptions": null}),
            "the stage has no executionOptions that say which executions count",
        ),
        (
            json!({"expectedArtifacts": {}}),
            "expectedArtifacts must be a list",
        ),
    ] {
        assert_eq!(error(&find(stage)), message);
    }
}
