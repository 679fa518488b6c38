//! Sections 3.2 and 3.8: what went wrong, and where it shows.

use gennaker_model::{Map, Status, work::Outcome};
use serde_json::json;

use super::driver::Driver;

#[test]
fn rule_3_2_an_unknown_stage_type_is_terminal_even_when_failures_are_ignored() {
    let driver = Driver::start(
        json!({"stages": [{"refId": "1", "type": "nobodyKnowsThis", "continuePipeline": true}]}),
    );
    assert_eq!(driver.stage("1").status, Status::Terminal);
    let errors = driver.errors("1");
    assert!(
        errors[0].starts_with("No StageDefinitionBuilder implementation for nobodyKnowsThis"),
        "{errors:?}"
    );
}

#[test]
fn rule_3_2_a_report_for_what_is_not_there_changes_nothing() {
    let mut driver =
        Driver::start(json!({"stages": [{"refId": "1", "type": "noop", "pool": "notify"}]}));
    let before = driver.state.clone();
    let done = Outcome::Succeeded {
        context: Map::new(),
        outputs: Map::new(),
    };
    assert!(driver.is_stale(gennaker_model::AttemptId(77), done));
    assert_eq!(driver.state, before);
}

#[test]
fn rule_3_8_an_exception_has_spinnakers_shape_in_context_and_task() {
    let driver =
        Driver::start(json!({"stages": [{"refId": "1", "type": "wait", "waitTime": "soon"}]}));
    let exception = &driver.stage("1").context["exception"];
    assert!(exception["timestamp"].is_i64());
    assert_eq!(exception["exceptionType"], "IllegalArgumentException");
    assert_eq!(exception["operation"], "wait");
    assert_eq!(exception["shouldRetry"], false);
    let shown = driver.stage("1").tasks[0].task_exception_details.clone();
    assert_eq!(shown.unwrap()["exception"], *exception);
}

#[test]
fn rule_3_8_the_default_handler_says_unexpected_task_failure() {
    let driver =
        Driver::start(json!({"stages": [{"refId": "1", "type": "wait", "waitTime": "soon"}]}));
    let details = &driver.stage("1").context["exception"]["details"];
    assert_eq!(details["error"], "Unexpected Task Failure");
    assert_eq!(driver.errors("1").len(), 1);
}

/// The pool that made the call has said what it was (`gennaker-worker`, `exception`); it is shown as it came.
#[test]
fn rule_3_8_what_a_call_answered_is_shown_as_the_worker_tells_it() {
    let mut driver = Driver::start(
        json!({"stages": [{"refId": "1", "type": "webhook", "url": "http://x.io/"}]}),
    );
    let attempt = driver.attempt("createWebhook");
    let exception = json!({"timestamp": 1, "exceptionType": "SpinnakerHttpException", "operation": "createWebhook",
        "shouldRetry": false, "details": {"error": "Bad Request", "errors": ["no"], "kind": "HTTP", "method": "POST",
        "status": 400, "url": "http://x.io/"}});
    driver.report(
        attempt,
        Outcome::Failed {
            exception: Some(exception.clone()),
            context: Map::new(),
            outputs: Map::new(),
        },
    );
    assert_eq!(driver.stage("1").context["exception"], exception);
}

#[test]
fn rule_3_4_and_3_8_a_plan_that_fails_says_so_in_the_context() {
    let driver = Driver::start(json!({"stages": [{"refId": "1", "type": "checkPreconditions"}]}));
    let context = &driver.stage("1").context;
    assert_eq!(context["beforeStagePlanningFailed"], true);
    assert_eq!(driver.errors("1").len(), 1);
    assert!(driver.stage("1").start_time.is_some());
    assert_eq!(driver.status(), Status::Terminal);
}
