//! Following against a scripted server: the feed, polling, outages, and every way to end.

use std::sync::Arc;

use serde_json::json;

use super::{view::Form, *};
use crate::{
    Global, Interrupt,
    gate::Caller,
    http::{Trouble, scripted::Scripted},
    testing::{Screen, tools},
};

fn reading(status: &str, stage: &str) -> Value {
    json!({"id": "E", "application": "a", "name": "p", "status": status, "startTime": 1, "pipelineConfigId": "c", "stages": [
        {"id": "s", "refId": "1", "type": "manualJudgment", "name": "Approve", "status": stage, "startTime": 1,
         "context": {"judgmentStatus": "continue"}}]})
}

const DOCUMENT: &str = "GET /pipelines/E";

async fn following(server: &Scripted, until: Until, screen: &mut Screen) -> Result<End, Failure> {
    let gate = Gate::connect(
        &Global::default(),
        Caller::Verb,
        &tools(server),
        &mut screen.io,
    )
    .await
    .unwrap();
    let mut view = View::new(Form::Lines);
    follow(&gate, "E", until, &mut view, &mut screen.io).await
}

fn lines(screen: &Screen) -> Vec<String> {
    screen
        .err()
        .lines()
        .filter_map(|line| Some(line.split_once("  ")?.1.to_owned()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn without_a_feed_it_polls_once_a_second() {
    let server = Scripted::default()
        .on(DOCUMENT, 200, reading("NOT_STARTED", "NOT_STARTED"))
        .on(DOCUMENT, 200, reading("RUNNING", "RUNNING"))
        .on(DOCUMENT, 200, reading("RUNNING", "RUNNING"))
        .on(DOCUMENT, 200, reading("SUCCEEDED", "SUCCEEDED"));
    let mut screen = Screen::pipe();
    let began = Instant::now();
    let end = following(&server, Until::default(), &mut screen)
        .await
        .unwrap();
    assert_eq!(
        end,
        End::Complete(Box::new(reading("SUCCEEDED", "SUCCEEDED")))
    );
    assert!(
        (2..=4).contains(&began.elapsed().as_secs()),
        "{:?}",
        began.elapsed()
    );
    let seen = lines(&screen);
    let starts: Vec<&str> = seen
        .iter()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(starts, ["a/p", "run", "a/p", "ok", "a/p"], "{seen:?}");
    let feeds = server
        .requests()
        .iter()
        .filter(|request| request.contains("/v2/feed"))
        .count();
    assert_eq!(feeds, 1, "a server without a feed is not asked again");
}

#[tokio::test(start_paused = true)]
async fn with_a_feed_it_reads_when_told_and_every_ten_seconds() {
    let server = Scripted::default()
        .on(DOCUMENT, 200, reading("RUNNING", "RUNNING"))
        .on(DOCUMENT, 200, reading("RUNNING", "RUNNING"))
        .on(DOCUMENT, 200, reading("RUNNING", "RUNNING"))
        .on(DOCUMENT, 200, reading("SUCCEEDED", "SUCCEEDED"));
    let feed = server.feed();
    let mut screen = Screen::pipe();
    let began = Instant::now();
    // The first reading, one when the feed opened, one for safety after ten seconds, one for the event.
    let telling = async {
        tokio::time::sleep(Duration::from_millis(14_500)).await;
        feed.send(b"event: patch\nid: 9\ndata: {\"topic\":\"execution:E\",\"rev\":3}\n\n".to_vec())
            .await
            .unwrap();
        std::future::pending::<()>().await;
    };
    let end = tokio::select! {
        end = following(&server, Until::default(), &mut screen) => end.unwrap(),
        () = telling => unreachable!("it never ends"),
    };
    assert!(matches!(end, End::Complete(_)));
    assert_eq!(began.elapsed().as_millis(), 14_500);
    let asked = server.requests();
    assert_eq!(
        asked.iter().filter(|request| *request == DOCUMENT).count(),
        4,
        "{asked:?}"
    );
    assert!(
        asked.contains(&"GET /v2/feed?topics=execution%3AE".to_owned()),
        "{asked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_breaks_is_opened_again_where_it_ended() {
    let server = Scripted::default().on(DOCUMENT, 200, reading("RUNNING", "RUNNING"));
    let first = server.feed();
    let _second = server.feed();
    let mut screen = Screen::pipe();
    let telling = async {
        first
            .send(b"id: 41\nevent: patch\ndata: {}\n\n".to_vec())
            .await
            .unwrap();
        drop(first);
        std::future::pending::<()>().await;
    };
    let until = Until {
        timeout: Some(Duration::from_secs(60)),
        ..Until::default()
    };
    let end = tokio::select! {
        end = following(&server, until, &mut screen) => end.unwrap(),
        () = telling => unreachable!("it never ends"),
    };
    assert_eq!(end, End::Timeout);
    assert_eq!(server.header("last-event-id").as_deref(), Some("41"));
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_said_once_and_survived() {
    let away = || Err(Trouble::NotConnected("connection refused".into()));
    let server = Scripted::default()
        .on(DOCUMENT, 200, reading("RUNNING", "RUNNING"))
        .answer(DOCUMENT, away())
        .answer(DOCUMENT, away())
        .answer(DOCUMENT, away())
        .on(DOCUMENT, 200, reading("SUCCEEDED", "SUCCEEDED"));
    let mut screen = Screen::pipe();
    let end = following(&server, Until::default(), &mut screen)
        .await
        .unwrap();
    assert!(matches!(end, End::Complete(_)));
    let seen = lines(&screen);
    assert_eq!(
        seen.iter()
            .filter(|line| line.contains("contact"))
            .collect::<Vec<_>>(),
        [
            "lost contact with the server, trying again",
            "in contact again"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_five_minutes_ends_it_and_no_server_at_all_ends_it_at_once() {
    let away = || Err(Trouble::NotConnected("connection refused".into()));
    let server = Scripted::default()
        .on(DOCUMENT, 200, reading("RUNNING", "RUNNING"))
        .answer(DOCUMENT, away());
    let began = Instant::now();
    let failure = following(&server, Until::default(), &mut Screen::pipe())
        .await
        .unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
    assert!(
        (300..340).contains(&began.elapsed().as_secs()),
        "{:?}",
        began.elapsed()
    );

    let server = Scripted::default().answer(DOCUMENT, away());
    let began = Instant::now();
    let failure = following(&server, Until::default(), &mut Screen::pipe())
        .await
        .unwrap_err();
    assert_eq!(
        (failure.exit, began.elapsed().as_secs()),
        (Exit::Unreachable, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_started_execution_may_take_a_moment_to_appear() {
    let not_yet = || json!({"status": 404, "message": "Pipeline not found (id: E)"});
    let server = Scripted::default()
        .on(DOCUMENT, 404, not_yet())
        .on(DOCUMENT, 404, not_yet())
        .on(DOCUMENT, 200, reading("SUCCEEDED", "SUCCEEDED"));
    let until = Until {
        just_started: true,
        ..Until::default()
    };
    let mut screen = Screen::pipe();
    assert!(matches!(
        following(&server, until, &mut screen).await,
        Ok(End::Complete(_))
    ));
    assert!(!screen.err().contains("contact"));

    let missing = Scripted::default().on(DOCUMENT, 404, not_yet());
    let failure = following(&missing, until, &mut Screen::pipe())
        .await
        .unwrap_err();
    assert_eq!(failure.exit, Exit::NotFound);
    let began = Instant::now();
    let failure = following(&missing, Until::default(), &mut Screen::pipe())
        .await
        .unwrap_err();
    assert_eq!(
        (failure.exit, began.elapsed().as_secs()),
        (Exit::NotFound, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_judgement_in_a_child_stops_it_when_asked_to() {
    let parent = json!({"id": "E", "status": "RUNNING", "stages": [
        {"id": "1", "refId": "1", "type": "pipeline", "name": "Inner", "status": "RUNNING", "context": {"executionId": "C"}}]});
    let child = |stage: &str| {
        json!({"id": "C", "status": "RUNNING", "stages": [
            {"id": "2", "refId": "1", "type": "manualJudgment", "name": "Approve", "status": stage}]})
    };
    let server = Scripted::default()
        .on(DOCUMENT, 200, parent)
        .on("GET /pipelines/C", 200, child("NOT_STARTED"))
        .on("GET /pipelines/C", 200, child("RUNNING"));
    let until = Until {
        judgment: true,
        ..Until::default()
    };
    let end = following(&server, until, &mut Screen::pipe())
        .await
        .unwrap();
    assert_eq!(
        end,
        End::Judgment {
            stage: "Approve".into(),
            execution: "C".into()
        }
    );
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_it_in_the_middle_of_a_wait() {
    let server = Scripted::default().on(DOCUMENT, 200, reading("RUNNING", "RUNNING"));
    let notify = Arc::new(tokio::sync::Notify::new());
    let mut screen = Screen::pipe();
    screen.io.interrupt = Interrupt::When(Arc::clone(&notify));
    let later = async {
        tokio::time::sleep(Duration::from_millis(3300)).await;
        notify.notify_one();
        std::future::pending::<()>().await;
    };
    let began = Instant::now();
    let end = tokio::select! {
        end = following(&server, Until::default(), &mut screen) => end.unwrap(),
        () = later => unreachable!("it never ends"),
    };
    assert_eq!((end, began.elapsed().as_millis()), (End::Interrupted, 3300));
}

#[tokio::test]
async fn the_estimate_is_the_median_of_at_least_three_runs() {
    let runs = |times: &[i64]| -> Value {
        times
            .iter()
            .map(|time| json!({"startTime": 1000, "endTime": 1000 + time, "status": "SUCCEEDED"}))
            .collect()
    };
    let path = "GET /executions?pipelineConfigIds=c&limit=20&statuses=SUCCEEDED";
    for (times, expected) in [(&[9, 5, 7][..], Some(7)), (&[1, 2], None)] {
        let server = Scripted::default().on(path, 200, runs(times));
        let gate = Gate::connect(
            &Global::default(),
            Caller::Verb,
            &tools(&server),
            &mut Screen::pipe().io,
        )
        .await
        .unwrap();
        assert_eq!(about_ms(&gate, "c").await, expected);
    }
}
