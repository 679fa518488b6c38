//! What can be asked of executions and pipelines beside reading them: restarts, freezes.

use gennaker_model::command::Request;
use serde_json::{Value, json};

use super::Fixture;

fn preconditions_asked(fixture: &Fixture) -> Vec<Option<Value>> {
    let owner = fixture.owner.lock().unwrap();
    let asked = owner.asked.iter();
    asked
        .filter_map(|envelope| match &envelope.request {
            Request::RestartStage { preconditions, .. } => {
                Some(preconditions.as_ref().map(|found| json!(found)))
            }
            _ => None,
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_restart_takes_preconditions_from_the_stored_pipeline_else_from_the_body() {
    let fixture = Fixture::new().await;
    let check = |what: &str| json!([{"type": "checkPreconditions", "refId": "1", "preconditions": [{"type": what}]}]);
    let config = json!({"application": "demo", "name": "deploy", "stages": check("body")});
    let started = fixture.ok("POST", "/pipelines/start", config.clone()).await;
    let path = format!("{}/stages/S/restart", started["ref"].as_str().unwrap());
    let answered = fixture.ok("PUT", &path, config).await;
    assert_eq!(answered["name"], "deploy");
    let stored = json!({"application": "demo", "name": "Deploy", "stages": check("stored")});
    fixture.ok("POST", "/pipelines", stored).await;
    fixture.ok("PUT", &path, Value::Null).await;
    let asked = preconditions_asked(&fixture);
    assert_eq!(
        asked,
        [
            Some(json!({"1": [{"type": "body"}]})),
            Some(json!({"1": [{"type": "stored"}]}))
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_freeze_is_told_to_every_owner_listed_and_lifted() {
    let fixture = Fixture::new().await;
    let path = "/v2/applications/Demo/freeze";
    let bad = fixture.call("PUT", path, r#"{"reason": " "}"#).await;
    assert_eq!(bad.problem().0, 400);
    let reason = json!({"reason": "the release"});
    let set = fixture.ok("PUT", path, reason.clone()).await;
    assert_eq!(
        set,
        json!({"application": "demo", "by": "anonymous", "at": super::NOW, "reason": "the release"})
    );
    fixture
        .ok(
            "PUT",
            "/v2/pipelineConfigs/p 1/freeze"
                .replace(' ', "%20")
                .as_str(),
            reason,
        )
        .await;
    let told = |fixture: &Fixture| {
        let owner = fixture.owner.lock().unwrap();
        let freezes = owner.asked.iter();
        freezes
            .filter(|envelope| envelope.request == Request::Freezes)
            .count()
    };
    let partitions = usize::try_from(super::PARTITIONS).unwrap();
    assert_eq!(told(&fixture), 2 * partitions);
    let listed = fixture.ok("GET", "/v2/freezes", Value::Null).await;
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(listed[1]["pipelineConfigId"], "p 1");
    for _ in 0..2 {
        fixture.ok("DELETE", path, Value::Null).await;
    }
    let listed = fixture.ok("GET", "/v2/freezes", Value::Null).await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
}
