//! Stages that reach over several parts: types that the operator adds, artifacts of other executions, pipelines from artifacts.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use gennaker_tests::gate::{Gate, stage};
use gennaker_tests::installation::Installation;
use gennaker_tests::receiver::{Receiver, Reply};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(30);

const SECRET: &str = "Bearer t0p-s3cret";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preconfigured_webhook_calls_with_headers_that_only_the_worker_knows() {
    let receiver = Receiver::start().await;
    let elsewhere = Receiver::start().await;
    let status = format!(r#"{{"next": "{}/status"}}"#, elsewhere.url());
    receiver.script(
        "/rooms/ops",
        &[Reply {
            body: status,
            ..Reply::status(200)
        }],
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let settings = format!(
        r#"
[[webhooks.preconfigured]]
type = "tellTeam"
label = "Tell the team"
url = "{}/rooms/${{parameterValues['room']}}"
method = "POST"
payload = "${{parameterValues['text']}}"
custom_headers = {{ Content-Type = ["text/plain"] }}
secret_header_files = {{ Authorization = {:?} }}
wait_for_completion = true
status_url_resolution = "webhookResponse"
status_url_json_path = "$.next"
fail_fast_status_codes = [500]

[[webhooks.preconfigured.parameters]]
name = "room"
label = "Room"
default_value = "ops"

[[webhooks.preconfigured.parameters]]
name = "text"
label = "Text"
required = true
"#,
        receiver.url(),
        file.to_str().unwrap(),
    );
    let installation = Installation::start_with(1, &settings).await;
    let gate = installation.gate;
    let listed = gate.ask("GET", "/webhooks/preconfigured", None, None).await;
    assert_eq!(
        (&listed[0]["type"], &listed[0]["label"]),
        (&json!("tellTeam"), &json!("Tell the team"))
    );
    assert_eq!(listed[0]["parameters"][1]["name"], "text");

    gate.save_application("hooks").await;
    let values = json!({"text": "build ${parameters.number}"});
    let ended = run(
        &gate,
        "good",
        json!([
            {"refId": "1", "type": "tellTeam", "alias": "preconfiguredWebhook", "name": "Tell", "parameterValues": values,
             "url": format!("{}/mine", elsewhere.url())},
            {"refId": "2", "requisiteStageRefIds": ["1"], "type": "webhook", "name": "Steal", "method": "POST",
             "url": format!("{}/stolen", receiver.url()), "preconfiguredWebhook": "tellTeam"},
        ]),
    )
    .await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    let seen = receiver.seen();
    let told = &seen[0];
    assert_eq!(
        (
            told.method.as_str(),
            told.path.as_str(),
            told.body.as_slice()
        ),
        ("POST", "/rooms/ops", "build 7".as_bytes())
    );
    assert_eq!(told.authorization.as_deref(), Some(SECRET));
    // Not to the status address, which is elsewhere, nor to a stage that has written the name of the type itself.
    assert_eq!(elsewhere.seen()[0].path, "/status");
    assert!(
        elsewhere
            .seen()
            .iter()
            .all(|seen| seen.authorization.is_none())
    );
    assert_eq!(seen[1].path, "/stolen");
    assert_eq!(seen[1].authorization, None);
    assert!(!ended.to_string().contains("t0p-s3cret"), "{ended:#}");

    let ended = run(
        &gate,
        "bad",
        json!([{"refId": "1", "type": "tellTeam", "alias": "preconfiguredWebhook", "name": "Tell"}]),
    )
    .await;
    assert_eq!(ended["status"], "TERMINAL");
    let errors = &stage(&ended, "1")["context"]["exception"]["details"]["errors"];
    assert_eq!(
        *errors,
        json!(["a stage of type tellTeam needs a value for parameter text"])
    );
    installation.check_processes();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn artifacts_of_another_pipeline_are_found_and_its_executions_watched() {
    let installation = Installation::start(1).await;
    let gate = installation.gate;
    gate.save_application("hooks").await;
    let make = |text: &str| json!([{"name": "notes", "contents": text}]);
    let source = json!([
        {"refId": "1", "type": "evaluateArtifacts", "name": "Make", "artifactContents": make("v${parameters.number}")},
        {"refId": "2", "requisiteStageRefIds": ["1"], "type": "checkPreconditions", "name": "Check", "preconditions":
            [{"type": "expression", "failPipeline": true, "context": {"expression": "${parameters.number < 9}"}}]},
    ]);
    let source_id = save(&gate, "source", &source).await;
    let first = start(&gate, "source", 7, "s7").await;
    // The newest has failed, and is not meant.
    let failed = start(&gate, "source", 9, "s9").await;
    assert_eq!(first["status"], "SUCCEEDED", "{first:#}");
    assert_eq!(failed["status"], "TERMINAL", "{failed:#}");

    let expected =
        json!([{"id": "e", "matchArtifact": {"type": "embedded/base64", "name": "notes"}}]);
    let find = |options: Value| {
        json!({"refId": "1", "type": "findArtifactFromExecution", "name": "Find", "application": "hooks",
               "pipeline": source_id, "executionOptions": options, "expectedArtifacts": expected})
    };
    let ended = run(&gate, "finder", json!([find(json!({"successful": true}))])).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    let reference = &stage(&ended, "1")["outputs"]["artifacts"][0]["reference"];
    assert_eq!(*reference, "djc=", "{ended:#}");
    let newest = run(&gate, "newest", json!([find(json!({"terminal": true}))])).await;
    let reference = &stage(&newest, "1")["outputs"]["artifacts"][0]["reference"];
    assert_eq!(*reference, "djk=", "{newest:#}");

    let watched = run(
        &gate,
        "watcher",
        json!([
            {"refId": "1", "type": "dependsOnExecution", "name": "After", "executionType": "pipeline",
             "executionId": first["id"]},
            {"refId": "2", "requisiteStageRefIds": ["1"], "type": "monitorPipeline", "name": "Watch",
             "executionIds": [first["id"], failed["id"]], "failPipeline": false, "continuePipeline": true},
        ]),
    )
    .await;
    assert_eq!(stage(&watched, "1")["status"], "SUCCEEDED", "{watched:#}");
    let statuses = &stage(&watched, "2")["outputs"]["executionStatuses"];
    assert_eq!(
        statuses[first["id"].as_str().unwrap()]["status"],
        "SUCCEEDED"
    );
    assert_eq!(
        statuses[failed["id"].as_str().unwrap()]["status"],
        "TERMINAL"
    );
    installation.check_processes();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelines_are_saved_from_an_artifact_as_they_were_written() {
    let installation = Installation::start(1).await;
    let gate = installation.gate;
    gate.save_application("hooks").await;
    let known = save(&gate, "known", &json!([])).await;
    let wait = json!([{"refId": "1", "type": "wait", "waitTime": "${parameters.seconds}"}]);
    let content = json!({"hooks": [{"name": "known", "stages": wait}, {"name": "new", "stages": wait}, {"stages": []}]});
    let receiver = Receiver::start().await;
    receiver.script(
        "/pipelines.json",
        &[Reply {
            body: content.to_string(),
            ..Reply::status(200)
        }],
    );
    let reference = format!("{}/pipelines.json", receiver.url());
    let ended = run(
        &gate,
        "saver",
        json!([{"refId": "1", "type": "savePipelinesFromArtifact", "name": "Save",
                "pipelinesArtifact": {"type": "http/file", "reference": reference}}]),
    )
    .await;
    let context = &stage(&ended, "1")["context"];
    assert_eq!(ended["status"], "TERMINAL", "one has no name: {ended:#}");
    assert_eq!(
        context["pipelinesUpdated"][0]["id"],
        known.as_str(),
        "{context:#}"
    );
    assert_eq!(context["pipelinesCreated"][0]["name"], "new", "{context:#}");
    assert_eq!(
        context["pipelinesFailedToSave"],
        json!([{"application": "hooks", "name": null, "id": null}])
    );
    for name in ["known", "new"] {
        let path = format!("/applications/hooks/pipelineConfigs/{name}");
        let saved = gate.ask("GET", &path, None, None).await;
        assert_eq!(saved["stages"][0]["waitTime"], "${parameters.seconds}");
    }
    installation.check_processes();
}

/// Saves a pipeline with these stages; its id.
async fn save(gate: &Gate, name: &str, stages: &Value) -> String {
    let parameters = json!([{"name": "number", "default": "7"}]);
    let pipeline = json!({"application": "hooks", "name": name, "stages": stages, "parameterConfig": parameters,
                          "spelEvaluator": "v4"});
    gate.save_pipeline(&pipeline).await
}

/// Saves a pipeline and runs it to its end.
async fn run(gate: &Gate, name: &str, stages: Value) -> Value {
    save(gate, name, &stages).await;
    start(gate, name, 7, name).await
}

/// Runs a pipeline with parameter `number` to its end.
async fn start(gate: &Gate, name: &str, number: u32, key: &str) -> Value {
    let body = json!({"type": "manual", "parameters": {"number": number}});
    let path = format!("/pipelines/hooks/{name}");
    let answer = gate.ask("POST", &path, Some(&body), Some(key)).await;
    let id = answer["ref"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    gate.wait_for_end(&id, WITHIN).await
}
