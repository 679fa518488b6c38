//! From documents to the chain, the reasons and what is waited for.

use serde_json::json;

use super::*;
use crate::{
    Global,
    gate::Caller,
    http::scripted::Scripted,
    testing::{NOW, Screen, tools},
};

async fn gate(server: &Scripted) -> Gate {
    Gate::connect(
        &Global::default(),
        Caller::Verb,
        &tools(server),
        &mut Screen::pipe().io,
    )
    .await
    .unwrap()
}

fn parent(status: &str, child: &str) -> Value {
    json!({"id": "P", "application": "a", "name": "outer", "status": status, "stages": [
        {"id": "1", "refId": "1", "type": "wait", "name": "Later", "status": "TERMINAL", "endTime": 900},
        {"id": "2", "refId": "2", "type": "pipeline", "name": "Run inner", "status": status, "startTime": 100, "endTime": 500,
         "context": {"executionId": child, "exception": {"details": {"errors": ["Exception in child pipeline stage (inner: Call): 403"]}}}}]})
}

#[tokio::test]
async fn of_several_children_the_one_that_failed_is_the_cause() {
    let child = |id: &str, status: &str| {
        json!({"id": id, "application": "a", "name": id, "status": status, "stages": [
            {"id": "x", "refId": "1", "type": "wait", "name": "Step", "status": status, "endTime": 400,
             "context": {"failureMessage": "because"}}]})
    };
    let parent = json!({"id": "P", "application": "a", "name": "outer", "status": "TERMINAL", "stages": [
        {"id": "1", "refId": "1", "type": "runMultiplePipelines", "name": "Run all", "status": "TERMINAL", "endTime": 500,
         "context": {"executionIds": ["C1", "C2"]}}]});
    let server = Scripted::default()
        .on("GET /pipelines/C1", 200, child("C1", "SUCCEEDED"))
        .on("GET /pipelines/C2", 200, child("C2", "TERMINAL"));
    let cause = of(&gate(&server).await, &parent).await;
    let chain: Vec<_> = cause.chain.iter().map(|hop| hop.title.as_str()).collect();
    assert_eq!(chain, ["a/outer", "a/C2"]);
    assert_eq!(cause.reasons, ["because"]);
}

#[tokio::test]
async fn the_chain_goes_through_children_to_the_leaf() {
    let child = json!({"id": "C", "application": "a", "name": "inner", "status": "TERMINAL", "stages": [
        {"id": "x", "refId": "1", "type": "deploy", "name": "Deploy", "status": "TERMINAL", "endTime": 400},
        {"id": "y", "refId": "1<1", "type": "webhook", "name": "Call", "status": "TERMINAL", "parentStageId": "x", "endTime": 450,
         "context": {"webhook": {"statusCodeValue": 403, "error": "forbidden", "body": {"why": "no"}}}}]});
    let server = Scripted::default().on("GET /pipelines/C", 200, child);
    let cause = of(&gate(&server).await, &parent("TERMINAL", "C")).await;
    let chain: Vec<_> = cause
        .chain
        .iter()
        .map(|hop| (hop.title.as_str(), hop.stage.as_str(), hop.took_ms))
        .collect();
    assert_eq!(
        chain,
        [
            ("a/outer", "Run inner", Some(400)),
            ("a/inner", "Call", None)
        ]
    );
    assert_eq!(
        cause.reasons,
        [
            "forbidden",
            "the webhook was answered with 403: {\"why\":\"no\"}"
        ]
    );
}

#[tokio::test]
async fn a_child_that_cannot_be_read_or_that_is_its_own_parent_ends_the_chain() {
    let server = Scripted::default().on("GET /pipelines/P", 200, parent("TERMINAL", "P"));
    let gate = gate(&server).await;
    for child in ["missing", "P"] {
        let cause = of(&gate, &parent("TERMINAL", child)).await;
        assert_eq!(cause.chain.len(), 1, "{child}");
        assert_eq!(
            cause.reasons,
            ["Exception in child pipeline stage (inner: Call): 403"]
        );
    }
}

#[tokio::test]
async fn an_execution_without_a_failed_stage_gives_its_own_reasons() {
    let gate = gate(&Scripted::default()).await;
    let canceled = json!({"status": "CANCELED", "canceledBy": "me", "cancellationReason": "wrong tag",
        "systemNotifications": [{"message": "queue was drained"}], "stages": []});
    assert_eq!(
        of(&gate, &canceled).await.reasons,
        ["canceled by me: wrong tag", "queue was drained"]
    );
    let empty = json!({"status": "TERMINAL", "stages": []});
    assert_eq!(
        of(&gate, &empty).await.reasons,
        ["the pipeline has no stages"]
    );
    let fine = json!({"status": "SUCCEEDED", "stages": [{"id": "1", "status": "FAILED_CONTINUE"}]});
    assert_eq!(of(&gate, &fine).await, Cause::default());
}

#[test]
fn every_place_of_a_failure_text_is_known_and_none_repeated() {
    let stage = json!({"type": "manualJudgment", "status": "TERMINAL",
        "tasks": [{"status": "TERMINAL", "taskExceptionDetails": {"exception": {"details": {"error": "task said"}}}},
                  {"status": "SUCCEEDED", "taskExceptionDetails": {"exception": {"details": {"error": "not this"}}}}],
        "context": {"judgmentStatus": "STOP", "lastModifiedBy": "ann", "failureMessage": "precondition no go",
            "exception": {"details": {"error": "Unexpected Task Failure", "errors": ["first", "no go", 7]}},
            "expressionEvaluationSummary": {"x": [{"level": "ERROR", "description": "Failed to evaluate [a] x not found"}]}}});
    assert_eq!(
        reasons(&stage),
        [
            "first",
            "no go",
            "7",
            "task said",
            "judged stop by ann",
            "precondition no go",
            "Failed to evaluate [a] x not found"
        ]
    );
    assert_eq!(
        reasons(&json!({"context": {"exception": "text", "webhook": 3}})),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn what_a_running_execution_waits_for_is_said_stage_by_stage() {
    let running = json!({"id": "E", "application": "a", "name": "p", "status": "RUNNING", "stages": [
        {"id": "1", "refId": "1", "type": "wait", "name": "Soak", "status": "RUNNING", "startTime": NOW - 10_000, "context": {"waitTime": "30"}},
        {"id": "2", "refId": "2", "type": "manualJudgment", "name": "Approve", "status": "RUNNING"},
        {"id": "3", "refId": "3", "type": "pipeline", "name": "Inner", "status": "RUNNING", "context": {"executionId": "C"}},
        {"id": "4", "refId": "4", "type": "deploy", "name": "Deploy", "status": "RUNNING"},
        {"id": "5", "refId": "4<1", "type": "webhook", "name": "Call", "status": "RUNNING", "parentStageId": "4", "startTime": NOW - 5000,
         "context": {"webhook": {"monitor": {"statusCodeValue": 202, "progressMessage": "40%"}}}},
        {"id": "6", "refId": "6", "type": "bake", "name": "Bake", "status": "RUNNING", "startTime": NOW - 61_000,
         "tasks": [{"name": "createBake", "status": "SUCCEEDED"}, {"name": "monitorBake", "status": "RUNNING"}]},
        {"id": "7", "refId": "7", "type": "jenkins", "name": "Build", "status": "RUNNING", "startTime": NOW - 5000,
         "context": {"waitsFor": "Waiting for next available executor"}, "tasks": [{"name": "waitForJenkinsJobStart", "status": "RUNNING"}]}]});
    let server = Scripted::default().on(
        "GET /pipelines/C",
        200,
        json!({"id": "C", "application": "a", "name": "inner", "status": "NOT_STARTED", "limitConcurrent": true, "stages": []}),
    );
    let gate = gate(&server).await;
    assert_eq!(
        waiting(&gate, &running, NOW).await,
        [
            "Soak waits for another 20s",
            "Approve waits for a person: gennaker judge E --stage \"2\"",
            "Inner waits for its child execution C",
            "Call has run for 5s; last answer 202, 40%",
            "Bake has run for 1m 1s, now in task monitorBake",
            "Build has run for 5s, now in task waitForJenkinsJobStart: Waiting for next available executor",
            "child a/inner: it waits for its turn: this pipeline runs one execution at a time",
        ]
    );
    let open = |id: &str, status: &str, ago: i64| json!({"id": id, "application": "a", "name": "p", "status": status, "buildTime": NOW - ago, "startTime": NOW - ago, "stages": []});
    let path = "GET /executions?pipelineConfigIds=c%201&statuses=RUNNING,PAUSED,SUSPENDED,NOT_STARTED&limit=100&expand=false";
    let listed = [
        open("R", "RUNNING", 90_000),
        open("Q", "NOT_STARTED", 60_000),
        open("E", "NOT_STARTED", 30_000),
        open("L", "NOT_STARTED", 10_000),
    ];
    let server = Scripted::default().on(path, 200, json!(listed));
    let mut queued = open("E", "NOT_STARTED", 30_000);
    queued["pipelineConfigId"] = json!("c 1");
    queued["limitConcurrent"] = json!(true);
    assert_eq!(
        waiting(&self::gate(&server).await, &queued, NOW).await,
        [
            "it waits for its turn: this pipeline runs one execution at a time",
            "before it: R (RUNNING 1m 30s); 1 queued before it",
        ]
    );
    let paused = json!({"status": "PAUSED", "paused": {"pausedBy": "ann"}, "stages": []});
    assert_eq!(waiting(&gate, &paused, NOW).await, ["ann paused it"]);
    let idle = json!({"status": "RUNNING", "stages": [{"id": "1", "status": "NOT_STARTED"}]});
    assert_eq!(
        waiting(&gate, &idle, NOW).await,
        ["no stage runs now; 1 stage to come"]
    );
}
