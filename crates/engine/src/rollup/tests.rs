//! Each row of the tables of the reference.

use serde_json::json;

use super::*;

fn stage(id: &str, status: Status, context: Value) -> Value {
    json!({"id": id, "refId": id, "requisiteStageRefIds": [], "type": "wait", "name": id, "status": status,
        "context": context, "outputs": {}, "tasks": []})
}

fn execution(stages: Vec<Value>) -> Execution {
    serde_json::from_value(json!({"type": "PIPELINE", "id": "e", "application": "a", "buildTime": 1, "status": "RUNNING",
        "stages": stages, "authentication": {"user": "ann"}, "trigger": {}}))
    .unwrap()
}

/// Status of a stage with these tasks and after-stages.
fn of_parts(tasks: &[Status], after: &[Status], context: Value) -> Status {
    let mut parent = stage("p", Running, context);
    let tasks = tasks.iter().enumerate().map(|(index, status)| {
        json!({"id": index.to_string(), "implementingClass": "c", "name": "t", "status": status, "stageStart": false,
            "stageEnd": false})
    });
    parent["tasks"] = Value::Array(tasks.collect());
    let mut stages = vec![parent];
    for (index, status) in after.iter().enumerate() {
        let mut child = stage(&format!("p>{index}"), *status, json!({}));
        child["parentStageId"] = json!("p");
        child["syntheticStageOwner"] = json!("STAGE_AFTER");
        stages.push(child);
    }
    let execution = execution(stages);
    stage_status(&execution, &execution.stages[0])
}

use Status::{
    Canceled, FailedContinue, NotStarted, Running, Skipped, Stopped, Succeeded, Terminal,
};

#[test]
fn rule_2_3_table_status_of_a_stage_first_row_wins() {
    let plain = || json!({});
    for (row, tasks, after, expected) in [
        (1, vec![], vec![], NotStarted),
        (2, vec![Canceled, Terminal, Stopped], vec![], Terminal),
        (2, vec![Succeeded], vec![Terminal], Terminal),
        (3, vec![Canceled, Stopped, FailedContinue], vec![], Stopped),
        (4, vec![FailedContinue, Canceled], vec![], Canceled),
        (
            5,
            vec![Succeeded, FailedContinue],
            vec![NotStarted],
            FailedContinue,
        ),
        (6, vec![Succeeded, Skipped], vec![Skipped], Succeeded),
        (7, vec![Succeeded], vec![NotStarted], Running),
        (8, vec![Succeeded, NotStarted], vec![], Terminal),
    ] {
        assert_eq!(of_parts(&tasks, &after, plain()), expected, "row {row}");
    }
}

#[test]
fn rule_2_2_a_terminal_part_meets_the_failure_options_of_the_stage() {
    for (context, expected) in [
        (json!({}), Terminal),
        (json!({"failPipeline": true}), Terminal),
        (json!({"failPipeline": false}), Stopped),
        (json!({"failPipeline": null}), Terminal),
        (
            json!({"failPipeline": true, "continuePipeline": true}),
            FailedContinue,
        ),
        (
            json!({"failPipeline": false, "continuePipeline": true}),
            FailedContinue,
        ),
    ] {
        assert_eq!(
            of_parts(&[Terminal], &[], context.clone()),
            expected,
            "{context}"
        );
        let planning = json!({"beforeStagePlanningFailed": true});
        let mut both = planning.as_object().cloned().unwrap();
        both.extend(context.as_object().cloned().unwrap());
        assert_eq!(
            of_parts(&[], &[], Value::Object(both)),
            expected,
            "{context}"
        );
    }
    assert_eq!(failure_status(&Map::new(), Canceled), Canceled);
}

#[test]
fn rule_2_4_table_status_of_an_execution_first_row_wins() {
    let of = |stages: &[(Status, bool)]| {
        let stages = stages.iter().enumerate().map(|(index, (status, fails))| {
            let context = json!({"completeOtherBranchesThenFail": fails});
            stage(&index.to_string(), *status, context)
        });
        execution_status(&execution(stages.collect()))
    };
    for (row, stages, expected) in [
        (
            1,
            vec![
                (Succeeded, false),
                (Skipped, false),
                (FailedContinue, false),
            ],
            Some(Succeeded),
        ),
        (
            2,
            vec![(Canceled, false), (Running, false), (Terminal, false)],
            Some(Terminal),
        ),
        (
            3,
            vec![(Running, false), (Canceled, false), (Stopped, true)],
            Some(Canceled),
        ),
        (4, vec![(Stopped, true), (Succeeded, false)], Some(Terminal)),
        (
            4,
            vec![(Stopped, false), (Succeeded, true)],
            Some(Succeeded),
        ),
        (5, vec![(Stopped, true), (Running, false)], None),
        (5, vec![(Stopped, true), (NotStarted, false)], None),
        (5, vec![(Succeeded, false), (Running, false)], None),
    ] {
        assert_eq!(of(&stages), expected, "row {row}");
    }
}

#[test]
fn tries_that_failed_before_do_not_count() {
    let mut execution = execution(vec![stage("p", Running, json!({}))]);
    let task = |status: Status, retry: u32| -> gennaker_model::Task {
        serde_json::from_value(
            json!({"id": "1", "implementingClass": "c", "name": "t", "status": status,
            "stageStart": false, "stageEnd": false, "retry": retry}),
        )
        .unwrap()
    };
    let held = std::sync::Arc::make_mut(&mut execution.stages[0]);
    held.tasks = vec![task(FailedContinue, 0), task(Succeeded, 1)];
    let held = execution.stages[0].clone();
    assert_eq!(first_current_task(&held), 1);
    assert_eq!(stage_status(&execution, &held), Succeeded);
}
