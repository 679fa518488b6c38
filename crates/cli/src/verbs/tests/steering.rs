//! Verbs that pause, retry, skip and freeze; one request; and what is not there.

use serde_json::json;

use super::{ID, document, ended, read, verb};
use crate::{
    http::scripted::Scripted,
    testing::{NOW, Screen, run},
};

/// Three stages in a row and one beside them; the first failed.
fn failed() -> serde_json::Value {
    document(
        "TERMINAL",
        json!([
            {"id": "s1", "refId": "1", "type": "deploy", "name": "Deploy", "status": "TERMINAL", "startTime": NOW - 60_000},
            {"id": "s1a", "refId": "1<1", "type": "wait", "name": "Rollout", "status": "TERMINAL", "parentStageId": "s1",
             "startTime": NOW - 50_000, "endTime": NOW - 40_000},
            {"id": "s2", "refId": "2", "requisiteStageRefIds": ["1"], "type": "wait", "name": "Soak", "status": "NOT_STARTED"},
            {"id": "s3", "refId": "3", "requisiteStageRefIds": [], "type": "wait", "name": "Beside", "status": "SUCCEEDED"},
            {"id": "s4", "refId": "4", "requisiteStageRefIds": ["3"], "type": "webhook", "name": "Beside", "status": "SUCCEEDED"},
        ]),
    )
}

#[tokio::test]
async fn pause_and_resume_say_what_they_do() {
    let pause = format!("PUT /pipelines/{ID}/pause");
    let resume = format!("PUT /pipelines/{ID}/resume");
    let server = Scripted::default()
        .empty(&pause, 200)
        .empty(&resume, 200)
        .on(&read(), 200, ended("PAUSED"));
    let (code, out, _) = verb(&["pause", ID], &server).await;
    assert_eq!(code, 0);
    assert!(
        out.starts_with("demo/deploy is paused: what runs goes on"),
        "{out}"
    );
    let (code, out, _) = verb(&["resume", ID, "-q"], &server).await;
    assert_eq!((code, out), (0, format!("{ID}\n")));
    assert_eq!(server.requests(), [pause, read(), resume, read()]);
    let server = Scripted::default();
    assert_eq!(verb(&["pause", ID], &server).await.0, 7);
}

#[tokio::test]
async fn retry_begins_with_what_failed_and_names_what_is_done_again() {
    let put = format!("PUT /pipelines/{ID}/stages/s1/restart");
    let server = Scripted::default()
        .on(&read(), 200, failed())
        .on(&put, 200, failed());
    let (code, _, err) = verb(&["retry", ID], &server).await;
    assert_eq!(code, 2);
    assert!(
        err.contains("retrying demo/deploy from \"Deploy\": Deploy will be done again")
            && err.contains("--yes"),
        "{err}"
    );
    assert_eq!(server.requests(), [read()], "nothing was done");
    let (code, out, _) = verb(&["retry", ID, "--yes"], &server).await;
    assert_eq!(code, 0);
    assert!(
        out.contains(&format!("begins Deploy anew: gennaker watch {ID}")),
        "{out}"
    );
    assert!(server.requests().contains(&format!("{put} {{}}")));

    for (answer, code) in [("y\n", 0), ("\n", 1)] {
        let mut screen = Screen::terminal(80, 24).typing(answer);
        assert_eq!(run(&["retry", ID], &server, &mut screen).await, code);
    }
    let server = Scripted::default().on(&read(), 200, ended("SUCCEEDED"));
    let (code, _, err) = verb(&["retry", ID], &server).await;
    assert_eq!(code, 7);
    assert!(err.contains("--from"), "{err}");
}

#[tokio::test]
async fn a_stage_is_named_by_name_ref_id_or_id() {
    let put = |stage: &str| format!("PUT /pipelines/{ID}/stages/{stage}/restart");
    let server = Scripted::default()
        .on(&read(), 200, failed())
        .on(&put("s1"), 200, failed())
        .on(&put("s3"), 200, failed());
    for (from, stage) in [
        ("deploy", "s1"),
        ("Rollout", "s1"),
        ("3", "s3"),
        ("s3", "s3"),
    ] {
        let (code, _, err) = verb(&["retry", ID, "--from", from, "-y"], &server).await;
        assert_eq!(code, 0, "{from}: {err}");
        assert!(
            server.requests().contains(&format!("{} {{}}", put(stage))),
            "{from}"
        );
    }
    for (from, code, words) in [
        ("Beside", 2, "by its refId: 3, 4"),
        ("Depoy", 7, "did you mean \"Deploy\"?"),
        ("zzz", 7, "it has Deploy"),
    ] {
        let (ended, _, err) = verb(&["retry", ID, "--from", from, "-y"], &server).await;
        assert_eq!(ended, code, "{err}");
        assert!(err.contains(words), "{err}");
    }
    let (_, _, err) = verb(&["retry", ID, "--from", "3"], &server).await;
    assert!(err.contains("Beside, Beside will be done again"), "{err}");
}

#[tokio::test]
async fn skip_ends_the_stage_that_runs() {
    let running = |kind: &str| {
        document(
            "RUNNING",
            json!([{"id": "s", "refId": "1", "type": kind, "name": "Stage", "status": "RUNNING", "startTime": NOW - 60_000}]),
        )
    };
    let patch = format!("PATCH /pipelines/{ID}/stages/s");
    for (kind, body) in [
        ("wait", r#"{"skipRemainingWait":true}"#),
        ("webhook", r#"{"manualSkip":true}"#),
    ] {
        let server =
            Scripted::default()
                .on(&read(), 200, running(kind))
                .on(&patch, 200, running(kind));
        let (code, _, err) = verb(&["skip", ID], &server).await;
        assert_eq!(code, 2);
        assert!(err.contains("skipping \"Stage\" of demo/deploy"), "{err}");
        let (code, out, _) = verb(&["skip", ID, "--yes"], &server).await;
        assert_eq!(code, 0);
        assert!(out.contains("goes on without Stage"), "{out}");
        assert!(server.requests().contains(&format!("{patch} {body}")));
    }
    let server = Scripted::default().on(&read(), 200, ended("SUCCEEDED"));
    assert_eq!(verb(&["skip", ID, "--yes"], &server).await.0, 7);
}

#[tokio::test]
async fn freeze_and_thaw_applications_and_pipelines() {
    let server = Scripted::default()
        .on("PUT /v2/applications/demo/freeze", 200, json!({"application": "demo"}))
        .on("GET /applications/demo/pipelineConfigs/deploy", 200, json!({"id": "c-1"}))
        .on("PUT /v2/pipelineConfigs/c-1/freeze", 200, json!({}))
        .empty("DELETE /v2/pipelineConfigs/c-1/freeze", 200)
        .on("GET /v2/freezes", 200, json!([
            {"application": "demo", "by": "me", "at": NOW - 60_000, "reason": "the \u{1b}[2J incident"}]));
    let (code, out, _) = verb(&["freeze", "demo", "--reason", "incident 7"], &server).await;
    assert_eq!(code, 0);
    assert!(out.contains("gennaker thaw demo"), "{out}");
    assert_eq!(
        server.requests(),
        [r#"PUT /v2/applications/demo/freeze {"reason":"incident 7"}"#]
    );
    assert_eq!(
        verb(&["freeze", "demo/deploy", "--reason", "x"], &server)
            .await
            .0,
        0
    );
    assert_eq!(
        verb(&["thaw", "demo/deploy"], &server).await.1,
        "demo/deploy starts again\n"
    );
    assert_eq!(
        verb(&["freeze", "demo"], &server).await.0,
        2,
        "why is asked"
    );
    assert_eq!(
        verb(&["freeze"], &server).await.1,
        "FROZEN            BY  SINCE   REASON\napplication demo  me  1m ago  the ?[2J incident\n"
    );
}

#[tokio::test]
async fn one_request_prints_what_is_answered() {
    let server = Scripted::default()
        .on("GET /applications?owner=me", 200, json!([{"b": 1, "a": 2}]))
        .on("POST /pipelines", 200, json!(null))
        .empty("DELETE /pipelines/demo/deploy", 200);
    assert_eq!(
        verb(&["api", "get", "/applications?owner=me"], &server)
            .await
            .1,
        "[\n {\n  \"a\": 2,\n  \"b\": 1\n }\n]\n"
    );
    assert_eq!(
        verb(&["api", "DELETE", "/pipelines/demo/deploy"], &server).await,
        (0, String::new(), String::new())
    );
    let mut screen = Screen::pipe().typing("name: x\n");
    assert_eq!(
        run(
            &["api", "post", "/pipelines", "-f", "-"],
            &server,
            &mut screen
        )
        .await,
        0
    );
    assert_eq!(
        server.requests().pop().unwrap(),
        r#"POST /pipelines {"name":"x"}"#
    );
    assert_eq!(verb(&["api", "GET", "/gone"], &server).await.0, 7);
    assert_eq!(verb(&["api", "GET", "gone"], &server).await.0, 2);
    assert_eq!(verb(&["api", "BREW", "/coffee"], &server).await.0, 2);
}

#[tokio::test]
async fn what_is_not_there_says_what_it_waits_for() {
    let server = Scripted::default();
    for line in [
        &["logs", "@last", "Deploy", "-f"][..],
        &["rollback", "demo/prod", "--to", "v1"],
        &["export"],
        &["zones"],
        &["workers", "drain", "w-1"],
        &["doctor"],
        &["trace", "@last"],
        &["top", "--write"],
        &["open", "@last"],
        &["login"],
        &["ctx"],
    ] {
        let (code, out, err) = verb(line, &server).await;
        assert_eq!((code, out.as_str()), (1, ""), "{line:?}");
        assert!(
            err.contains(&format!(
                "`gennaker {}` is not in this release: it awaits ",
                line[0]
            )) && err.contains("\n  fix: "),
            "{line:?}: {err}"
        );
    }
    assert_eq!(server.requests(), Vec::<String>::new());
}
