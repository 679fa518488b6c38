//! Sections 4.8, 4.9 and 3.9: pipelines that start pipelines, and on whose behalf.

use gennaker_engine::Rules;
use gennaker_model::{
    ExecutionId, Status,
    command::{ChildResult, Parent, PeerBody, Start},
    routing,
};
use serde_json::{Value, json};

use super::driver::{BEGAN_MS, Driver, submission};

fn calling(more: &Value) -> Driver {
    calling_with(more, &json!({}))
}

fn calling_with(more: &Value, trigger: &Value) -> Driver {
    let mut stage = json!({"refId": "1", "type": "pipeline", "pipeline": "other"});
    stage
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    Driver::start_with(json!({ "stages": [stage] }), trigger.clone())
}

fn child(more: &Value) -> Value {
    let mut child =
        json!({"id": "other", "name": "child", "application": "app", "stages": [{"type": "wait"}]});
    child
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    child
}

/// What the child of such a stage is started with.
fn started(stage: &Value, config: &Value) -> Start {
    let mut driver = calling(stage);
    driver.answer_pipeline("other", child(config));
    driver.sent_child_start()
}

#[test]
fn rule_4_8_the_trigger_of_a_child_names_its_parent() {
    let mut driver = calling(&json!({}));
    driver.answer_pipeline("other", child(&json!({})));
    let start = driver.sent_child_start();
    let (doc, stage) = (&driver.state.doc, driver.stage("1"));
    let trigger = &start.trigger;
    assert_eq!(trigger["type"], "pipeline");
    assert_eq!(trigger["user"], "ann");
    assert_eq!(trigger["parentExecution"]["id"], json!(doc.id));
    assert_eq!(trigger["parentPipelineStageId"], json!(stage.id));
    assert_eq!(trigger["strategy"], false);
    assert_eq!(trigger["dryRun"], false);
    assert_eq!(
        trigger["correlationId"],
        format!("{}_{}_other_{BEGAN_MS}", doc.id, stage.id)
    );
    assert_eq!(stage.context["executionId"], json!(start.execution));
    assert_eq!(stage.context["executionName"], "child");
}

#[test]
fn rule_4_8_parameters_are_the_supplied_ones_else_the_defaults_and_further_keys_pass() {
    let config = json!({"parameterConfig": [{"name": "a", "default": "1"}, {"name": "b", "default": "2"}, {"name": "c"}]});
    let stage = json!({"pipelineParameters": {"b": "", "more": {"x": 1}}});
    let start = started(&stage, &config);
    assert_eq!(
        start.trigger["parameters"],
        json!({"a": "1", "b": "", "c": null, "more": {"x": 1}})
    );
}

#[test]
fn rule_4_8_strategy_is_a_parameter_that_marks_the_trigger() {
    let start = started(
        &json!({"pipelineParameters": {"strategy": true}}),
        &json!({}),
    );
    assert_eq!(start.trigger["strategy"], true);
}

#[test]
fn rule_4_8_artifacts_that_the_stage_sees_are_handed_on() {
    let image = json!({"type": "docker/image", "name": "shop", "reference": "shop:1"});
    let mut driver = calling_with(&json!({}), &json!({"artifacts": [image]}));
    driver.answer_pipeline("other", child(&json!({})));
    let handed = &driver.sent_child_start().trigger["artifacts"];
    assert_eq!(handed[0]["reference"], "shop:1");
}

#[test]
fn rule_4_8_expected_artifacts_are_those_of_the_childs_own_triggers_on_the_parent_and_those_that_match()
 {
    let config = json!({
        "triggers": [
            {"type": "pipeline", "pipeline": "config", "expectedArtifactIds": ["by-trigger"]},
            {"type": "pipeline", "pipeline": "another", "expectedArtifactIds": ["of-another"]}],
        "expectedArtifacts": [
            {"id": "by-match", "matchArtifact": {"type": "docker/image", "name": "shop"}},
            {"id": "no-match", "matchArtifact": {"type": "docker/image", "name": "bank"}}]});
    let image = json!({"type": "docker/image", "name": "shop", "reference": "shop:1"});
    let mut driver = calling_with(&json!({}), &json!({"artifacts": [image]}));
    driver.answer_pipeline("other", child(&config));
    let ids = &driver.sent_child_start().trigger["expectedArtifactIds"];
    assert_eq!(*ids, json!(["by-trigger", "by-match"]));
}

#[test]
fn rule_4_8_a_restarted_parent_starts_another_child() {
    let mut driver = calling(&json!({}));
    driver.answer_pipeline("other", child(&json!({})));
    let first = driver.sent_child_start();
    driver.child_finished(Status::Terminal, json!({}));
    driver.advance(1_000);
    driver.restart("1");
    assert!(!driver.stage("1").context.contains_key("executionId"));
    driver.answer_pipeline("other", child(&json!({})));
    let mut starts = driver.said().iter().filter_map(|peer| match &peer.body {
        PeerBody::StartChild(start) => Some(start),
        _ => None,
    });
    let second = starts.next_back().unwrap();
    assert_ne!(second.execution, first.execution);
    assert_ne!(
        second.trigger["correlationId"],
        first.trigger["correlationId"]
    );
}

#[test]
fn rule_4_8_a_dry_run_makes_its_children_dry_runs_and_the_root_is_handed_down() {
    let mut driver = calling_with(&json!({}), &json!({"dryRun": true}));
    driver.answer_pipeline("other", child(&json!({})));
    let start = driver.sent_child_start();
    assert_eq!(start.trigger["dryRun"], true);
    assert_eq!(start.parent.as_ref().unwrap().root, driver.state.doc.id);
    let inner = Driver::begin(start, Rules::default(), false);
    assert_eq!(inner.state.doc.root_id, Some(driver.state.doc.id.clone()));
    assert_eq!(inner.status(), Status::Succeeded);
}

#[test]
fn rule_4_8_and_3_9_a_child_runs_as_the_user_of_the_stage() {
    for (propagates, user) in [(true, "carol"), (false, "ann")] {
        let mut driver = Driver::start(json!({"stages": [
            {"refId": "0", "type": "manualJudgment", "propagateAuthenticationContext": propagates},
            {"refId": "1", "type": "pipeline", "pipeline": "other", "requisiteStageRefIds": ["0"]}]}));
        driver.patch_as("0", json!({"judgmentStatus": "continue"}), "carol", &[]);
        driver.answer_pipeline("other", child(&json!({})));
        let start = driver.sent_child_start();
        assert_eq!(
            (start.user.as_str(), &start.trigger["user"]),
            (user, &json!(user))
        );
    }
}

#[test]
fn rule_4_8_the_childs_configuration_is_evaluated_with_its_trigger() {
    let config = json!({"name": "to ${parameters.env}", "stages": [{"type": "wait"}]});
    let start = started(&json!({"pipelineParameters": {"env": "prod"}}), &config);
    let inner = Driver::begin(start, Rules::default(), false);
    assert_eq!(inner.state.doc.name.as_deref(), Some("to prod"));
}

/// A child whose artifacts cannot be resolved, or that cannot be started for another reason.
#[test]
fn rule_4_8_a_child_that_cannot_start_is_recorded_and_fails_the_stage_that_waits() {
    let config = json!({"expectedArtifacts": [{"id": "e", "matchArtifact": {"type": "docker/image", "name": "shop"}}],
        "triggers": [{"type": "pipeline", "pipeline": "config", "expectedArtifactIds": ["e"]}]});
    let start = started(&json!({}), &config);
    let inner = Driver::begin(start, Rules::default(), false);
    assert_eq!(inner.status(), Status::Terminal);
    let PeerBody::ChildFinished(result) = &inner.said()[0].body else {
        panic!("{:?}", inner.said())
    };
    assert_eq!(result.status, Status::Terminal);
    let errors = result.exception.as_ref().unwrap()["details"]["errors"].to_string();
    assert!(errors.contains("Failed on startup"), "{errors}");
}

#[test]
fn rule_4_8_a_missing_or_disabled_child_fails_the_stage() {
    let mut driver = calling(&json!({}));
    driver.input(&gennaker_engine::Input::LookupAnswered {
        lookup: gennaker_engine::Lookup::Pipeline("other".into()),
        answer: gennaker_engine::LookupAnswer::Missing,
    });
    assert_eq!(
        driver.errors("1"),
        ["The referenced pipeline cannot be located (other)"]
    );
    let mut driver = calling(&json!({}));
    driver.answer_pipeline("other", child(&json!({"disabled": true})));
    let errors = driver.errors("1");
    assert!(
        errors[0].starts_with("The referenced pipeline is disabled"),
        "{errors:?}"
    );
    assert_eq!(driver.status(), Status::Terminal);
}

#[test]
fn rule_4_8_only_wait_for_completion_false_does_not_wait() {
    for (waits, expected) in [
        (json!(true), Status::Running),
        (json!(null), Status::Running),
        (json!("yes"), Status::Running),
        (json!(false), Status::Succeeded),
        (json!("false"), Status::Succeeded),
    ] {
        let mut driver = calling(&json!({ "waitForCompletion": waits }));
        driver.answer_pipeline("other", child(&json!({})));
        assert_eq!(driver.stage("1").status, expected, "{waits}");
    }
}

fn ended(stage: &Value, status: Status) -> Driver {
    let mut driver = calling(stage);
    driver.answer_pipeline("other", child(&json!({})));
    driver.child_finished(status, json!({"x": 1}));
    driver
}

#[test]
fn rule_4_8_the_status_of_the_child_decides_that_of_the_stage() {
    for (child, stage) in [
        (Status::Succeeded, Status::Succeeded),
        (Status::Terminal, Status::Terminal),
        (Status::Stopped, Status::Terminal),
        (Status::Canceled, Status::Canceled),
    ] {
        let driver = ended(&json!({}), child);
        assert_eq!(driver.stage("1").status, stage, "{child}");
        assert_eq!(driver.stage("1").context["status"], json!(child));
    }
}

#[test]
fn rule_4_8_the_failure_options_of_the_stage_apply_to_what_the_child_did() {
    for (flags, child, stage) in [
        (
            json!({"continuePipeline": true}),
            Status::Terminal,
            Status::FailedContinue,
        ),
        (
            json!({"failPipeline": false}),
            Status::Terminal,
            Status::Stopped,
        ),
        (
            json!({"continuePipeline": true}),
            Status::Canceled,
            Status::FailedContinue,
        ),
    ] {
        let driver = ended(&flags, child);
        assert_eq!(driver.stage("1").status, stage, "{flags}");
    }
}

#[test]
fn rule_4_8_outputs_of_the_child_become_those_of_the_stage_also_when_it_failed() {
    for status in [Status::Succeeded, Status::Terminal] {
        assert_eq!(ended(&json!({}), status).stage("1").outputs["x"], 1);
        let skipped = ended(&json!({"skipDownstreamOutput": true}), status);
        assert!(!skipped.stage("1").outputs.contains_key("x"));
    }
}

fn parent() -> Parent {
    Parent {
        execution: routing::execution_id(BEGAN_MS, "parent", 1),
        stage: gennaker_model::StageId::new("stage").unwrap(),
        root: routing::execution_id(BEGAN_MS, "parent", 1),
        depth: 1,
    }
}

fn inner(config: &Value) -> Driver {
    let mut start = submission(config, &json!({}));
    start.parent = Some(parent());
    Driver::begin(start, Rules::default(), false)
}

fn told(driver: &Driver) -> ChildResult {
    let PeerBody::ChildFinished(result) = &driver.said()[0].body else {
        panic!("{:?}", driver.said())
    };
    (**result).clone()
}

#[test]
fn rule_4_8_failures_say_where_in_the_child_they_were() {
    let inner = inner(&json!({"name": "child", "stages": [
        {"refId": "1", "type": "wait"},
        {"refId": "2", "type": "wait", "name": "Wait some", "waitTime": "soon", "requisiteStageRefIds": ["1"]}]}));
    let exception = told(&inner).exception.unwrap();
    let error = exception["details"]["errors"][0].as_str().unwrap();
    assert!(
        error.starts_with(
            "Exception in child pipeline stage (child: Wait some): Unable to map context"
        ),
        "{error}"
    );
    let stage = inner.stage("2");
    assert_eq!(
        exception["source"],
        json!({"executionId": inner.state.doc.id, "stageId": stage.id, "stageName": "Wait some", "stageIndex": 1})
    );
}

/// Section 1.2: lists are joined, else the later stage wins.
#[test]
fn rule_4_8_the_outputs_of_a_child_are_those_of_its_stages_merged() {
    let variables = |list: &str| json!([{"key": "l", "value": list}, {"key": "x", "value": list}]);
    let inner = inner(&json!({"stages": [
        {"refId": "1", "type": "evaluateVariables", "variables": variables("${ {1, 2} }")},
        {"refId": "2", "type": "evaluateVariables", "variables": variables("${ {2, 3} }"), "requisiteStageRefIds": ["1"]},
        {"refId": "3", "type": "evaluateVariables", "variables": [{"key": "x", "value": "last"}], "requisiteStageRefIds": ["2"]}]}));
    assert_eq!(
        json!(told(&inner).outputs),
        json!({"l": [1, 2, 3], "x": "last"})
    );
}

#[test]
fn rule_4_8_a_cancelled_child_shows_who_cancelled_it() {
    let mut inner = inner(&json!({"stages": [{"refId": "1", "type": "manualJudgment"}]}));
    let from: ExecutionId = parent().execution;
    let body = PeerBody::CancelChild {
        user: "parent pipeline".into(),
        reason: Some("enough".into()),
    };
    inner.hear(from, 1, body);
    let doc = &inner.state.doc;
    assert_eq!(doc.status, Status::Canceled);
    assert_eq!(doc.canceled_by.as_deref(), Some("parent pipeline"));
    assert_eq!(told(&inner).status, Status::Canceled);
}

#[test]
fn rule_4_5_6_a_restarted_child_tells_its_parent() {
    let mut inner = inner(&json!({"stages": [{"refId": "1", "type": "manualJudgment"}]}));
    inner.patch("1", json!({"judgmentStatus": "stop"}));
    inner.all_taken();
    inner.restart("1");
    let restarted = PeerBody::ChildRestarted {
        stage: parent().stage,
        user: "bob".into(),
    };
    assert_eq!(inner.said().last().unwrap().body, restarted);
}

/// Echo and the listener for dependent pipelines choose the user (`gennaker-triggers`); here it is taken over.
#[test]
fn rule_4_9_the_user_of_a_start_is_the_user_of_the_execution() {
    let mut start = submission(&json!({"stages": []}), &json!({"user": "the caller"}));
    start.user = "robot@example.com".into();
    let driver = Driver::begin(start, Rules::default(), false);
    assert_eq!(driver.state.doc.authentication.user, "robot@example.com");
    assert_eq!(driver.state.doc.trigger["user"], "the caller");
    let mut start = submission(&json!({"stages": []}), &json!({}));
    start.user = String::new();
    let driver = Driver::begin(start, Rules::default(), false);
    assert_eq!(driver.state.doc.authentication.user, "anonymous");
}
