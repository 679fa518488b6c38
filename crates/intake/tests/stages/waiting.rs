//! Stages that wait: for an instant, for other executions.

use gennaker_engine::{LookupAnswer, explain};
use gennaker_model::Status;
use serde_json::{Value, json};

use crate::driver::Driver;
use crate::{error, execution, map, run, told, with_outputs};

// waitUntil

#[test]
fn wait_until_ends_at_its_instant() {
    let due = 1_800_000_000_000_i64 + 60_000;
    let mut driver = run(json!({"type": "waitUntil", "epochMillis": due.to_string()}));
    assert_eq!(
        driver.stage("t").context["startTime"],
        1_800_000_000_000_i64
    );
    driver.advance(59_999);
    assert_eq!(driver.status(), Status::Running);
    driver.advance(1);
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn wait_until_without_instant_or_with_a_past_one_ends_at_once() {
    for instant in [Value::Null, json!(5), json!("5")] {
        let driver = run(json!({"type": "waitUntil", "epochMillis": instant}));
        assert_eq!(driver.status(), Status::Succeeded);
    }
    assert_eq!(
        run(json!({"type": "waitUntil"})).status(),
        Status::Succeeded
    );
    let driver = run(json!({"type": "waitUntil", "epochMillis": "soon"}));
    assert_eq!(driver.status(), Status::Terminal);
    assert!(error(&driver).contains("epochMillis is not a number"));
}

#[test]
fn wait_until_ends_after_24_days_whatever_it_waits_for() {
    let mut driver = run(json!({"type": "waitUntil", "epochMillis": i64::MAX}));
    driver.advance(i64::from(i32::MAX) + 1_000);
    assert_eq!(driver.status(), Status::Terminal);
    assert!(error(&driver).starts_with("WaitUntilTask of stage"));
}

// dependsOnExecution

#[test]
fn depends_on_execution_goes_on_when_the_other_has_succeeded() {
    let mut driver = run(
        json!({"type": "dependsOnExecution", "executionType": "pipeline", "executionId": "E1"}),
    );
    driver.answer(execution("E1"), told("PIPELINE", "RUNNING", json!({})));
    let waits = explain::waits(&driver.state);
    assert_eq!(waits[0].sentence, "waits for execution E1");
    assert_eq!(waits[0].until_ms, Some(driver.now() + 10_000));
    driver.advance(10_000);
    // Nobody could say: that is no answer either.
    let failed = LookupAnswer::Failed {
        exception: None,
        reason: "no owner".into(),
    };
    driver.answer(execution("E1"), failed);
    driver.advance(10_000);
    driver.answer(
        execution("E1"),
        told("PIPELINE", "SUCCEEDED", json!({"outputs": {}})),
    );
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn depends_on_execution_is_cancelled_when_the_other_has_not_succeeded() {
    let mut driver = run(
        json!({"type": "dependsOnExecution", "executionType": "ORCHESTRATION", "executionId": "E1"}),
    );
    driver.answer(
        execution("E1"),
        told("ORCHESTRATION", "TERMINAL", json!({})),
    );
    let stage = driver.stage("t");
    assert_eq!(stage.tasks[0].status, Status::Canceled);
    assert_eq!(
        stage.context["reason"],
        "Depended-on execution completed with status TERMINAL"
    );
}

#[test]
fn depends_on_execution_fails_without_the_other() {
    for answer in [
        LookupAnswer::Missing,
        told("ORCHESTRATION", "SUCCEEDED", json!({})),
    ] {
        let mut driver = run(
            json!({"type": "dependsOnExecution", "executionType": "pipeline", "executionId": "E1"}),
        );
        driver.answer(execution("E1"), answer);
        assert_eq!(driver.status(), Status::Terminal);
        assert_eq!(
            driver.stage("t").context["error"],
            "Execution (pipeline) E1 not found."
        );
    }
    let driver = run(json!({"type": "dependsOnExecution", "executionId": "E1"}));
    assert_eq!(
        error(&driver),
        "the stage needs an executionType and an executionId"
    );
    let driver =
        run(json!({"type": "dependsOnExecution", "executionType": "job", "executionId": "E1"}));
    assert!(error(&driver).ends_with("ExecutionType.JOB"));
}

#[test]
fn depends_on_execution_gives_up_after_two_hours_or_the_limit_of_the_stage() {
    for (limit, ms) in [(Value::Null, 7_200_000), (json!(60_000), 60_000)] {
        let mut stage =
            json!({"type": "dependsOnExecution", "executionType": "pipeline", "executionId": "E1"});
        if limit.is_number() {
            stage["stageTimeoutMs"] = limit;
        }
        let mut driver = run(stage);
        for _ in 0..ms / 10_000 {
            assert_eq!(driver.status(), Status::Running);
            driver.answer(execution("E1"), told("PIPELINE", "RUNNING", json!({})));
            driver.advance(10_000);
        }
        assert_eq!(driver.status(), Status::Terminal);
        // What was seen on the way is not kept.
        assert!(driver.state.book.asked.is_empty());
    }
}

// monitorPipeline

fn monitor(more: Value) -> Driver {
    let mut stage = map(&json!({"type": "monitorPipeline", "executionIds": ["E1", null, "E2"]}));
    stage.extend(map(&more));
    run(Value::Object(stage))
}

#[test]
fn monitor_pipeline_waits_for_all_and_tells_their_statuses() {
    let mut driver = monitor(json!({}));
    driver.answer(
        execution("E1"),
        told("PIPELINE", "SUCCEEDED", json!({"outputs": {"a": 1}})),
    );
    driver.answer(execution("E2"), told("PIPELINE", "RUNNING", json!({})));
    assert_eq!(
        explain::waits(&driver.state)[0].sentence,
        "waits for execution E1, E2"
    );
    driver.advance(15_000);
    for id in ["E1", "E2"] {
        driver.answer(
            execution(id),
            told("PIPELINE", "SUCCEEDED", json!({"outputs": {"a": 1}})),
        );
    }
    assert_eq!(driver.status(), Status::Succeeded);
    let outputs = &driver.stage("t").outputs;
    assert_eq!(
        **outputs,
        map(&json!({"executionStatuses": {
            "E1": {"status": "SUCCEEDED", "application": "shop"},
            "E2": {"status": "SUCCEEDED", "application": "shop"},
        }}))
    );
}

#[test]
fn monitor_pipeline_waits_for_the_others_after_a_failure_unless_it_fails_fast() {
    let failure = json!({"details": {"errors": ["boom"]}, "source": {"executionId": "E1"}});
    for (behavior, ends) in [("WaitForAllToComplete", false), ("FailFast", true)] {
        let mut driver = monitor(json!({ "monitorBehavior": behavior }));
        let failed = || {
            told(
                "PIPELINE",
                "TERMINAL",
                json!({"exception": failure, "outputs": {}}),
            )
        };
        driver.answer(execution("E1"), failed());
        driver.answer(execution("E2"), told("PIPELINE", "RUNNING", json!({})));
        assert_eq!(driver.status() == Status::Terminal, ends, "{behavior}");
        if !ends {
            driver.advance(15_000);
            driver.answer(execution("E1"), failed());
            driver.answer(execution("E2"), told("PIPELINE", "SUCCEEDED", json!({})));
        }
        assert_eq!(driver.status(), Status::Terminal);
        assert_eq!(
            error(&driver),
            "At least one monitored pipeline failed, look for errors in failed pipelines"
        );
        let statuses = &driver.stage("t").outputs["executionStatuses"];
        assert_eq!(statuses["E1"]["exception"], failure);
    }
}

#[test]
fn monitor_pipeline_is_cancelled_with_what_it_watches() {
    let mut driver = monitor(json!({}));
    driver.answer(execution("E1"), told("PIPELINE", "SUCCEEDED", json!({})));
    driver.answer(execution("E2"), told("PIPELINE", "CANCELED", json!({})));
    assert_eq!(driver.stage("t").tasks[0].status, Status::Canceled);
    assert_eq!(
        error(&driver),
        "At least one monitored pipeline was cancelled"
    );
}

#[test]
fn monitor_pipeline_takes_over_the_outputs_of_a_single_one() {
    let expected = json!([{"id": "e", "matchArtifact": {"name": "image"}}]);
    let mut driver = run(
        json!({"type": "monitorPipeline", "executionIds": ["E1"], "expectedArtifacts": expected}),
    );
    let outputs = json!({"outputs": {"a": 1, "artifacts": [{"name": "image"}]}});
    driver.answer(with_outputs("E1"), told("PIPELINE", "SUCCEEDED", outputs));
    let stage = driver.stage("t");
    assert_eq!(stage.status, Status::Succeeded);
    assert_eq!(stage.outputs["a"], 1);
    assert_eq!(
        stage.outputs["resolvedExpectedArtifacts"][0]["boundArtifact"]["name"],
        "image"
    );
    let mut driver = run(json!({"type": "monitorPipeline", "executionIds": ["E1"]}));
    let withheld =
        json!({"outputsWithheld": "the outputs of execution E1 take 300 KiB; the limit is 96 KiB"});
    driver.answer(with_outputs("E1"), told("PIPELINE", "SUCCEEDED", withheld));
    assert_eq!(driver.status(), Status::Terminal);
    assert!(error(&driver).contains("300 KiB"));
}

#[test]
fn monitor_pipeline_needs_executions_that_exist() {
    let driver = run(json!({"type": "monitorPipeline"}));
    assert_eq!(error(&driver), "no pipeline execution ids to monitor");
    for answer in [
        LookupAnswer::Missing,
        told("ORCHESTRATION", "SUCCEEDED", json!({})),
    ] {
        let mut driver = run(json!({"type": "monitorPipeline", "executionIds": ["E1"]}));
        driver.answer(with_outputs("E1"), answer);
        assert_eq!(error(&driver), "No Pipeline found for E1");
    }
    let many: Vec<String> = (0..101).map(|number| format!("E{number}")).collect();
    let driver = run(json!({"type": "monitorPipeline", "executionIds": many}));
    assert_eq!(
        error(&driver),
        "the stage lists 101 executions; the limit is 100"
    );
}

#[test]
fn a_pipeline_stage_waits_for_the_execution_that_it_names() {
    let mut driver = run(json!({"type": "pipeline", "pipeline": "p", "executionId": "E1"}));
    let names: Vec<&str> = driver
        .stage("t")
        .tasks
        .iter()
        .map(|task| task.name.as_str())
        .collect();
    assert_eq!(names, ["monitorPipeline"]);
    driver.answer(with_outputs("E1"), told("PIPELINE", "RUNNING", json!({})));
    driver.advance(15_000);
    assert_eq!(driver.stage("t").context["status"], "RUNNING");
    driver.answer(
        with_outputs("E1"),
        told("PIPELINE", "SUCCEEDED", json!({"outputs": {"a": 1}})),
    );
    assert_eq!(driver.status(), Status::Succeeded);
    let stage = driver.stage("t");
    assert_eq!(
        (&stage.context["status"], &stage.outputs["a"]),
        (&json!("SUCCEEDED"), &json!(1))
    );

    let mut driver = run(
        json!({"type": "pipeline", "pipeline": "p", "executionId": "E1", "skipDownstreamOutput": true}),
    );
    driver.answer(
        execution("E1"),
        told("PIPELINE", "SUCCEEDED", json!({"outputs": {"a": 1}})),
    );
    assert!(driver.stage("t").outputs.is_empty());

    let mut driver = run(json!({"type": "pipeline", "pipeline": "p", "executionId": "E1"}));
    let exception = json!({"details": {"errors": ["boom"]}, "source": {"executionId": "E1"}});
    driver.answer(
        with_outputs("E1"),
        told("PIPELINE", "TERMINAL", json!({"exception": exception})),
    );
    assert_eq!(driver.status(), Status::Terminal);
    assert_eq!(
        driver.stage("t").context["exception"]["details"]["errors"],
        json!([
            "boom",
            "At least one monitored pipeline failed, look for errors in failed pipelines"
        ])
    );
}
