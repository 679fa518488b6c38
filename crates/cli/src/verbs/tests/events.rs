//! `events` and `why --event`.

use serde_json::json;

use super::*;

fn event() -> Value {
    json!({"v": 1, "eventId": "e-1", "kind": "webhook", "source": "hook", "atMs": NOW - 90_000, "matchedAtMs": NOW - 89_990, "others": 2,
    "verdicts": [
        {"application": "demo", "pipeline": "deploy", "pipelineConfigId": "d", "trigger": 0, "outcome": "started", "executionId": ID},
        {"application": "demo", "pipeline": "check", "pipelineConfigId": "c", "trigger": 1, "outcome": "passed",
         "reason": "payload \"env\" is \"dev\", which \"^prod$\" does not match\u{1b}[2J"},
        {"application": "demo", "pipeline": "frozen", "pipelineConfigId": "f", "trigger": 0, "outcome": "refused", "reason": "it is frozen"},
        {"application": "demo", "pipeline": "deploy", "pipelineConfigId": "d", "trigger": 2, "outcome": "repeated"},
    ]})
}

const TOLD: &str = "webhook/hook  e-1  1m 30s ago\n  \
    demo/deploy  started 01J8ZQ6J2N4T6K0Q1V9R3W5X7Y\n  \
    demo/check  trigger 1 did not fire: payload \"env\" is \"dev\", which \"^prod$\" does not match?[2J\n  \
    demo/frozen  trigger 0 fired, and the start was refused: it is frozen\n  \
    demo/deploy  trigger 2 fired too; another one had started the pipeline\n  \
    and 2 more triggers\n";

#[tokio::test]
async fn an_event_is_told_with_every_verdict() {
    for line in [["events", "e-1"].as_slice(), &["why", "--event", "e-1"]] {
        let server = Scripted::default().on("GET /v2/events/e-1", 200, event());
        let (code, out, err) = verb(line, &server).await;
        assert_eq!((code, out.as_str()), (0, TOLD), "{err}");
    }
    let server = Scripted::default().on(
        "GET /v2/events/e-2",
        404,
        json!({"message": "Event not found (id: e-2)"}),
    );
    let (code, _, err) = verb(&["events", "e-2"], &server).await;
    assert_eq!(code, Exit::NotFound.code(), "{err}");
}

#[tokio::test]
async fn events_are_listed_page_by_page() {
    let server = Scripted::default()
        .on(
            "GET /v2/events?limit=20&type=webhook&application=demo&pipeline=my%20pipeline",
            200,
            json!({"events": [event()], "before": 7}),
        )
        .on(
            "GET /v2/events?limit=19&type=webhook&application=demo&pipeline=my%20pipeline&before=7",
            200,
            json!({"events": [{"eventId": "e-0", "kind": "git", "source": "github", "atMs": NOW - 100_000, "verdicts": [],
                "reason": "it is GitHub's ping"}]}),
        );
    let (code, out, err) = verb(
        &[
            "events",
            "--type",
            "webhook",
            "-a",
            "demo",
            "-p",
            "my pipeline",
        ],
        &server,
    )
    .await;
    let second = "git/github  e-0  1m 40s ago\n  starts nothing: it is GitHub's ping\n";
    assert_eq!((code, out), (0, format!("{TOLD}{second}")), "{err}");
    let server = Scripted::default().on("GET /v2/events?limit=20", 200, json!({"events": []}));
    let (_, out, _) = verb(&["events"], &server).await;
    assert_eq!(out, "no events in the last three days\n");
}
