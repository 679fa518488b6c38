//! Preconditions, stages that are not built, and fields that are passed through.

use gennaker_model::Status;
use serde_json::json;

use crate::{error, run};

// checkPreconditions

#[test]
fn the_precondition_noop_holds() {
    let driver = run(
        json!({"type": "checkPreconditions", "preconditions": [{"type": "noop", "failPipeline": true}]}),
    );
    assert_eq!(driver.status(), Status::Succeeded);
    let names: Vec<&str> = driver
        .state
        .doc
        .stages
        .iter()
        .map(|stage| stage.name.as_str())
        .collect();
    assert!(names.contains(&"Check precondition (noop)"), "{names:?}");
}

#[test]
fn the_precondition_cluster_size_says_what_it_cannot_count() {
    let driver = run(json!({"type": "checkPreconditions", "preconditions": [
        {"type": "clusterSize", "failPipeline": true, "cloudProvider": "aws", "context": {"regions": ["us-east-1"]}}]}));
    assert_eq!(driver.status(), Status::Terminal);
    let child = driver
        .state
        .doc
        .stages
        .iter()
        .find(|stage| stage.parent_stage_id.is_some())
        .unwrap();
    assert_eq!(
        child.context["exception"]["details"]["errors"][0],
        "the cloud provider aws is not built; stages of this type work on kubernetes only"
    );
}

// What is known and not built

#[test]
fn a_type_that_is_not_built_fails_when_it_starts_and_obeys_its_failure_options() {
    let driver = run(json!({"type": "upsertDeliveryConfig", "alias": null}));
    assert_eq!(driver.status(), Status::Terminal);
    let begins =
        "stages of type upsertDeliveryConfig are not built yet: there is no managed delivery";
    assert!(error(&driver).starts_with(begins));
    let tags =
        run(json!({"type": "saveSnapshot", "continuePipeline": true, "failPipeline": false}));
    assert_eq!(tags.stage("t").status, Status::FailedContinue);
    let alias = run(json!({"type": "publishDeliveryConfig"}));
    assert!(error(&alias).contains("publishDeliveryConfig"));
}

// Fields that are only passed through (5.6, 5.7)

#[test]
fn notifications_and_unknown_fields_stay_in_the_context() {
    let notifications = json!([{"type": "slack", "address": "#c", "when": ["stage.complete"],
        "message": {"stage.complete": {"text": "done with ${ 'it' }"}}}]);
    let driver = run(
        json!({"type": "wait", "sendNotifications": true, "notifications": notifications,
                            "comments": "a ${ 1 + 1 }", "nobodyKnowsThis": {"a": [1]}}),
    );
    let context = &driver.stage("t").context;
    assert_eq!(context["sendNotifications"], true);
    assert_eq!(
        context["notifications"][0]["message"]["stage.complete"]["text"],
        "done with it"
    );
    assert_eq!(context["comments"], "a 2");
    assert_eq!(context["nobodyKnowsThis"], json!({"a": [1]}));
}
