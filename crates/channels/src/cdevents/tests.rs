use gennaker_testkit::http::Reply;
use serde_json::json;

use crate::testing::{BASE, Fixture, ID, event, json_of, sent};

async fn events() -> Fixture {
    Fixture::new(
        |_| Reply::status(202, ""),
        |settings, _, _| {
            settings.notifications.cdevents.enabled = true;
        },
    )
    .await
}

#[tokio::test]
async fn an_event_is_a_cloud_event_around_a_cdevent() {
    let fixture = events().await;
    let entry = json!({"type": "cdevents", "address": fixture.server.url("/events"), "cdEventsType": "pipelinerun.finished",
        "customData": {"team": "a"}});
    sent(fixture.deliver(&event(entry, "pipeline.complete")).await);
    let seen = fixture.one();
    assert_eq!(seen.path(), "/events");
    let kind = "dev.cdevents.pipelinerun.finished.0.1.1";
    for (name, value) in [
        ("ce-id", ID),
        ("ce-specversion", "1.0"),
        ("ce-source", BASE),
        ("ce-type", kind),
        ("content-type", "application/json"),
    ] {
        assert_eq!(seen.header(name), Some(value));
    }
    let at = "2026-10-14T17:46:40.123Z";
    let link = format!("{BASE}/#/applications/myapp/executions/details/01JEXEC");
    assert_eq!(
        json_of(&seen.text()),
        json!({"specversion": "1.0", "id": ID, "source": BASE, "type": kind, "datacontenttype": "application/json", "time": at,
            "data": {
                "context": {"version": "0.3.0", "id": ID, "source": BASE, "type": kind, "timestamp": at},
                "subject": {"id": "01JEXEC", "source": BASE, "type": "pipelineRun", "content": {
                    "pipelineName": "deploy", "url": link, "errors": "complete", "outcome": "success"}},
                "customData": {"team": "a"}, "customDataContentType": "application/json"}})
    );
}

#[tokio::test]
async fn a_task_run_names_its_pipeline_run() {
    let fixture = events().await;
    let entry = json!({"type": "cdevents", "address": fixture.server.url("/e"), "cdEventsType": "taskrun.started"});
    sent(fixture.deliver(&event(entry, "stage.starting")).await);
    let body = json_of(&fixture.one().text());
    assert_eq!(body["data"]["subject"]["type"], "taskRun");
    let content = &body["data"]["subject"]["content"];
    assert_eq!(content["pipelineRun"], json!({"id": "01JEXEC"}));
    assert!(content.get("outcome").is_none());
}

#[tokio::test]
async fn what_is_missing_is_said() {
    let fixture = events().await;
    let root = fixture.server.url("");
    let path = fixture.server.url("/e");
    for (entry, said) in [
        (
            json!({"address": root, "cdEventsType": "x"}),
            "needs a path",
        ),
        (json!({"address": path}), "has no cdEventsType"),
        (
            json!({"address": path, "cdEventsType": "build"}),
            "'build' is no part of dev.cdevents",
        ),
        (json!({"cdEventsType": "x"}), "has no address"),
    ] {
        let mut entry = entry;
        entry["type"] = "cdevents".into();
        let told = fixture
            .deliver(&event(entry, "pipeline.complete"))
            .await
            .unwrap_err()
            .to_string();
        assert!(told.contains(said), "{told}");
    }
    assert!(fixture.server.seen().is_empty());
}
