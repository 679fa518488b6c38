//! Artifacts on their way: from a response, to a child and back, bound to what a stage expects.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "other test files use the rest")]
mod driver;

use driver::Driver;
use gennaker_model::{Map, Status, work::Outcome};
use serde_json::{Value, json};

fn webhook(expected: Value) -> Driver {
    Driver::start_with(
        json!({"stages": [{"refId": "1", "type": "webhook", "url": "http://x.io", "expectedArtifacts": expected}]}),
        json!({"artifacts": [{"type": "http/file", "name": "from the trigger"}]}),
    )
}

fn answer(driver: &mut Driver, artifacts: Value) {
    let call = driver.attempt("createWebhook");
    let context: Map = [("artifacts".to_owned(), artifacts)].into_iter().collect();
    driver.report(
        call,
        Outcome::Succeeded {
            context,
            outputs: Map::new(),
        },
    );
}

fn image(version: &str) -> Value {
    json!({"type": "docker/image", "customKind": false, "name": "r.io/app", "version": version, "metadata": {}})
}

#[test]
fn the_response_is_bound_to_what_the_stage_expects() {
    let mut driver = webhook(json!([
        {"id": "image", "matchArtifact": {"type": "docker/image", "name": "r\\.io/.*"}},
        {"id": "file", "matchArtifact": {"type": "http/file"}},
        {"id": "chart", "matchArtifact": {"type": "helm/chart"}, "useDefaultArtifact": true, "usePriorArtifact": true,
         "defaultArtifact": {"type": "helm/chart", "name": "c", "kind": "default.helm"}}]));
    let tasks: Vec<&str> = driver
        .stage("1")
        .tasks
        .iter()
        .map(|task| task.name.as_str())
        .collect();
    assert_eq!(tasks, ["createWebhook", "bindProducedArtifacts"]);
    answer(
        &mut driver,
        json!([{"type": "docker/image", "name": "r.io/app", "version": "1"}, image("2")]),
    );
    assert_eq!(driver.status(), Status::Succeeded);
    let outputs = &driver.stage("1").outputs;
    let names: Vec<&str> = outputs["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["r.io/app", "from the trigger", "c"]);
    assert_eq!(outputs["artifacts"][0], image("1"), "the first of two");
    let bound = &outputs["resolvedExpectedArtifacts"];
    assert_eq!(bound[0]["id"], "image");
    assert_eq!(bound[0]["boundArtifact"], image("1"));
    assert_eq!(
        bound[2]["boundArtifact"],
        json!({"type": "helm/chart", "customKind": false, "name": "c", "metadata": {}})
    );
    assert_eq!(
        driver.stage("1").context["resolvedExpectedArtifacts"],
        *bound
    );
}

#[test]
fn what_is_not_there_fails_the_stage_with_orcas_words() {
    let mut driver = webhook(
        json!([{"id": "e", "matchArtifact": {"type": "gcs/object"}, "usePriorArtifact": true}]),
    );
    answer(&mut driver, json!([image("1")]));
    assert_eq!(driver.status(), Status::Terminal);
    let exception = &driver.stage("1").context["exception"];
    assert_eq!(exception["exceptionType"], "InvalidRequestException");
    let error = exception["details"]["errors"][0].as_str().unwrap();
    assert!(
        error.starts_with(
            "Unmatched expected artifact ExpectedArtifact(matchArtifact=Artifact(type=gcs/object,"
        ),
        "{error}"
    );
    assert!(error.ends_with("could not be resolved."), "{error}");
    for (expected, words) in [
        (json!("x"), "expectedArtifacts must be a list"),
        (
            json!([{"matchArtifact": {"name": "(["}}]),
            "is no regular expression",
        ),
    ] {
        let mut driver = webhook(expected);
        answer(&mut driver, json!([image("1")]));
        let error = driver.stage("1").context["exception"]["details"]["errors"][0].to_string();
        assert!(error.contains(words), "{error}");
    }
    let mut nothing = webhook(json!([]));
    answer(&mut nothing, json!([]));
    assert_eq!(nothing.status(), Status::Succeeded);
}

#[test]
fn a_child_gets_what_its_stage_sees_and_gives_back_what_it_made() {
    let mut driver = Driver::start_with(
        json!({"stages": [
            {"refId": "1", "type": "webhook", "url": "http://x.io", "expectedArtifacts": [{"id": "i", "matchArtifact": {"type": "docker/image"}}]},
            {"refId": "2", "type": "pipeline", "pipeline": "child-id", "requisiteStageRefIds": ["1"],
             "expectedArtifacts": [{"id": "made", "matchArtifact": {"type": "helm/chart"}}]}]}),
        json!({"artifacts": [{"type": "http/file", "name": "f"}]}),
    );
    answer(&mut driver, json!([image("1")]));
    driver.answer_pipeline("child-id", json!({"id": "child-id", "name": "child", "application": "app", "stages": [],
        "triggers": [{"type": "pipeline", "pipeline": "config", "expectedArtifactIds": ["own"]}, {"type": "pipeline", "pipeline": "other", "expectedArtifactIds": ["not"]}],
        "expectedArtifacts": [
            {"id": "image", "matchArtifact": {"type": "docker/image"}}, {"id": "chart", "matchArtifact": {"type": "helm/chart"}}]}));
    let start = driver.sent_child_start();
    let names: Vec<&str> = start.trigger["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["r.io/app", "f"],
        "nearest first, the trigger's last"
    );
    assert_eq!(
        start.trigger["expectedArtifactIds"],
        json!(["own", "image"])
    );
    driver.child_finished(
        Status::Succeeded,
        json!({"artifacts": [{"type": "helm/chart", "name": "c"}]}),
    );
    assert_eq!(driver.status(), Status::Succeeded);
    let outputs = &driver.stage("2").outputs;
    assert_eq!(
        outputs["resolvedExpectedArtifacts"][0]["boundArtifact"]["name"],
        "c"
    );
}

#[test]
fn a_start_resolves_its_artifacts_or_is_recorded_as_failed() {
    let config = json!({"stages": [{"refId": "1", "type": "wait", "comments": "${#triggerResolvedArtifact('r.io/app').version}"}],
        "expectedArtifacts": [{"id": "i", "matchArtifact": {"type": "docker/image", "name": "r.io/app"}}]});
    let driver = Driver::start_with(
        config.clone(),
        json!({"artifacts": [image("7")], "expectedArtifactIds": ["i"]}),
    );
    assert_eq!(driver.status(), Status::Succeeded);
    assert_eq!(driver.stage("1").context["comments"], "7");
    let driver = Driver::start_with(config, json!({"expectedArtifactIds": ["i"]}));
    assert_eq!(driver.status(), Status::Terminal);
    let reason = driver.state.doc.cancellation_reason.as_deref().unwrap();
    assert!(
        reason.starts_with("Failed on startup: Unmatched expected artifact"),
        "{reason}"
    );
}
