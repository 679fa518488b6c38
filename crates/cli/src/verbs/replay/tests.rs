//! From what the server tells to the page.

use serde_json::{Value, json};

use crate::{
    http::scripted::Scripted,
    testing::{Screen, run},
};

const ID: &str = "01J8ZQ6J2N4T6K0Q1V9R3W5X7Y";
const STAGE: &str = "01J8ZQ6J2N4T6K0Q1V9R3W5X7Z";
const AT: i64 = 1_763_640_271_220;

fn steps() -> Value {
    let stage = json!({"id": STAGE, "refId": "1", "requisiteStageRefIds": [], "type": "wait", "name": "Wait\u{1b}[2J",
        "status": "NOT_STARTED", "context": {"waitTime": 1}, "outputs": {}, "tasks": []});
    let execution = json!({"type": "PIPELINE", "id": ID, "application": "demo", "name": "deploy", "buildTime": AT,
        "status": "NOT_STARTED", "stages": [stage], "authentication": {"user": "me", "allowedAccounts": []},
        "trigger": {"type": "manual"}});
    json!([
        {"rev": 4, "at": AT, "e": [
            {"e": "created", "execution": execution},
            {"e": "executionStarted", "at": AT},
            {"e": "stageStarted", "stage": STAGE, "at": AT, "tasks": []},
            {"e": "timerArmed", "timer": format!("again:{STAGE}"), "due": AT + 1000},
        ]},
        {"rev": 7, "at": AT + 1004, "e": [
            {"e": "timerCleared", "timer": format!("again:{STAGE}")},
            {"e": "stageEnded", "stage": STAGE, "status": "SUCCEEDED", "at": AT + 1004},
            {"e": "executionEnded", "status": "SUCCEEDED", "at": AT + 1004},
        ]},
    ])
}

fn server(answer: Value) -> Scripted {
    Scripted::default().on(&format!("GET /v2/executions/{ID}/history"), 200, answer)
}

async fn replay(line: &[&str], server: &Scripted) -> (u8, String, String) {
    let mut screen = Screen::pipe();
    let line = [&["replay", ID][..], line].concat();
    let code = run(&line, server, &mut screen).await;
    (code, screen.out(), screen.err())
}

#[tokio::test]
async fn every_decision_is_a_line_with_its_revision() {
    let server = server(json!({"id": ID, "dropped": 0, "steps": steps()}));
    let (code, out, _) = replay(&[], &server).await;
    assert_eq!(code, 0);
    assert_eq!(
        out.lines().collect::<Vec<_>>(),
        [
            "2 decisions, 7 facts from 2025-11-20T12:04:31.220Z",
            "       +0.000s  rev 4       created: 1 stage",
            "                            RUNNING",
            "                            Wait?[2J RUNNING, 0 tasks",
            "       +1.004s  rev 7       Wait?[2J SUCCEEDED",
            "                            SUCCEEDED",
            "  folded here: demo/deploy SUCCEEDED at revision 7",
        ]
    );
    let (_, out, _) = replay(&["--all"], &server).await;
    assert!(
        out.contains("Wait?[2J timer again due 2025-11-20T12:04:32.220Z"),
        "{out}"
    );
    let (_, out, _) = replay(&["-o", "jsonl"], &server).await;
    assert_eq!(out.lines().count(), 2, "{out}");
    let (_, out, _) = replay(&["-o", "jsonpath={.steps[1].rev}"], &server).await;
    assert_eq!(out, "7\n");
}

#[tokio::test]
async fn a_revision_is_shown_as_it_was() {
    let server = server(json!({"id": ID, "dropped": 0, "steps": steps()}));
    let status = |at: &'static str| {
        let server = server.clone();
        async move { replay(&["--at", at, "-o", "jsonpath={.status}"], &server).await }
    };
    assert_eq!(status("4").await.1, "RUNNING\n");
    assert_eq!(status("6").await.1, "RUNNING\n", "between two decisions");
    assert_eq!(status("99").await.1, "SUCCEEDED\n");
    let (code, _, err) = status("3").await;
    assert_eq!(code, 7);
    assert!(err.contains("no revision 3; it begins with 4"), "{err}");
    let (_, out, _) = replay(&["--at", "4"], &server).await;
    assert!(out.starts_with("RUNNING  demo/deploy"), "{out}");
}

#[tokio::test]
async fn what_cannot_be_folded_is_still_told() {
    let mut newer = steps();
    newer[1]["e"][1] = json!({"e": "somethingNew", "x": 1});
    let (code, out, _) = replay(
        &[],
        &server(json!({"id": ID, "dropped": 0, "steps": newer})),
    )
    .await;
    assert_eq!(code, 0);
    assert!(
        out.contains("a fact somethingNew that this version cannot read"),
        "{out}"
    );
    assert!(out.contains("cannot be folded here: revision 7"), "{out}");

    let rest = json!({"id": ID, "dropped": 2, "steps": [steps()[1]]});
    let (code, out, _) = replay(&[], &server(rest.clone())).await;
    assert_eq!(code, 0);
    assert!(
        out.contains("2 records of the oldest decisions dropped") && out.contains(STAGE),
        "{out}"
    );
    let (code, _, err) = replay(&["--at", "7"], &server(rest)).await;
    assert_eq!(code, 1);
    assert!(err.contains("cannot be folded"), "{err}");

    let (code, _, err) = replay(&[], &server(json!([]))).await;
    assert_eq!(code, 1);
    assert!(err.contains("the history has no steps"), "{err}");
    assert_eq!(replay(&[], &Scripted::default()).await.0, 7);
}
