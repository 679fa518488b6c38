//! `GET /executions/failedStages`.

use serde_json::{Value, json};

use super::Fixture;

fn execution(id: &str, parent: Option<&str>, stages: Value) -> gennaker_model::Execution {
    let parent = parent.map(|id| json!({"id": id, "name": "top", "application": "demo"}));
    let stages: Vec<Value> = stages
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| {
            let mut whole = json!({"id": format!("S{}", stage["refId"].as_str().unwrap()), "requisiteStageRefIds": [],
                "type": "wait", "name": "n", "status": "SUCCEEDED", "context": {}, "outputs": {}, "tasks": []});
            for (key, value) in stage.as_object().unwrap() {
                whole[key] = value.clone();
            }
            whole
        })
        .collect();
    let mut trigger = json!({"type": "manual"});
    if let Some(parent) = parent {
        trigger["parentExecution"] = parent;
    }
    serde_json::from_value(json!({
        "type": "PIPELINE", "id": id, "application": "demo", "name": "p", "buildTime": 1, "status": "TERMINAL",
        "stages": stages, "authentication": {"user": "u"}, "trigger": trigger,
    }))
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn failures_are_followed_into_the_pipelines_that_were_started() {
    let fixture = Fixture::new().await;
    let thrown = json!({"exception": {"details": {"errors": ["no quota", "more"]}}});
    let child = json!({"executionId": "CHILD", "executionName": "child", "application": "demo"});
    for document in [
        execution(
            "TOP",
            None,
            json!([
                {"refId": "2", "requisiteStageRefIds": ["1"], "type": "pipeline", "status": "TERMINAL", "context": child},
                {"refId": "3", "requisiteStageRefIds": ["1"], "status": "STOPPED"},
                {"refId": "1"},
            ]),
        ),
        execution(
            "CHILD",
            Some("TOP"),
            json!([
                {"refId": "1", "type": "deployManifest", "name": "Deploy", "status": "TERMINAL", "context": thrown},
                {"refId": "2", "type": "pipeline", "status": "FAILED_CONTINUE", "context": {"executionId": "GONE"}},
            ]),
        ),
    ] {
        let id = document.id.as_str().to_owned();
        fixture
            .owner
            .lock()
            .unwrap()
            .executions
            .insert(id, document);
    }
    let failed = fixture
        .ok(
            "GET",
            "/executions/failedStages?executionId=TOP&limit=9&deckOrigin=https://deck.x.io",
            Value::Null,
        )
        .await;
    let stages: Vec<(&Value, &Value)> = failed
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (&it["pipelineExecutionId"], &it["stageId"]))
        .collect();
    assert_eq!(
        stages,
        [
            (&json!("TOP"), &json!("S3")),
            (&json!("CHILD"), &json!("S1"))
        ]
    );
    assert_eq!(
        failed[1],
        json!({
            "parentPipelineExecutionId": "TOP", "parentPipelineExecutionName": "top", "parentPipelineApplication": "demo",
            "parentPipelineExecutionUrl": null, "pipelineExecutionId": "CHILD", "pipelineExecutionName": "p",
            "pipelineApplication": "demo",
            "pipelineExecutionUrl":
                "https://deck.x.io/#/applications/demo/executions/details/CHILD?stage=0&step=0&details=runJobConfig",
            "stageId": "S1", "stageName": "Deploy", "stageType": "deployManifest", "stageStatus": "TERMINAL",
            "stageException": "no quota", "childPipelineExecutionId": null, "childPipelineExecutionName": null,
            "childPipelineApplication": null, "childPipelineExecutionUrl": null,
        })
    );
    // Deck counts stages in the order in which they can run.
    let url = failed[0]["pipelineExecutionUrl"].as_str().unwrap();
    assert!(url.contains("?stage=2&"), "{url}");
    assert_eq!(failed[0]["stageException"], "NOT_FOUND_CHECK_UI");

    let one = fixture
        .ok(
            "GET",
            "/executions/failedStages?executionId=TOP",
            Value::Null,
        )
        .await;
    assert_eq!(one.as_array().unwrap().len(), 1);
    for (query, status) in [("", 400), ("executionId=TOP&limit=0", 400)] {
        let got = fixture
            .get(&format!("/executions/failedStages?{query}"))
            .await;
        assert_eq!(got.problem().0, status);
    }
    let none = fixture
        .ok(
            "GET",
            "/executions/failedStages?executionId=gone",
            Value::Null,
        )
        .await;
    assert_eq!(none, json!([]));
}
