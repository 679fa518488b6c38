//! The verbs from command line to exit code, output and requests.

mod dry_run;
mod events;
mod notify;
mod steering;

use std::sync::Arc;

use serde_json::json;
use tokio::time::Duration;

use super::*;
use crate::{
    Interrupt,
    http::{Trouble, scripted::Scripted},
    testing::{NOW, Screen, run},
};

const ID: &str = "01J8ZQ6J2N4T6K0Q1V9R3W5X7Y";

fn document(status: &str, stages: Value) -> Value {
    json!({"id": ID, "application": "demo", "name": "deploy", "status": status, "buildTime": NOW - 60_000,
        "startTime": NOW - 60_000, "endTime": NOW - 2000, "stages": stages})
}

fn ended(status: &str) -> Value {
    document(
        status,
        json!([{"id": "s", "refId": "1", "type": "wait", "name": "Wait", "status": status,
        "startTime": NOW - 60_000, "endTime": NOW - 2000, "context": {"exception": {"details": {"errors": ["quota exceeded\nsee x"]}}}}]),
    )
}

fn asking() -> Value {
    let mut document = document(
        "RUNNING",
        json!([
        {"id": "st-1", "refId": "1", "type": "manualJudgment", "name": "Approve", "status": "RUNNING", "startTime": NOW - 30_000,
         "context": {"instructions": "look at it", "judgmentInputs": [{"value": "prod"}, {"value": "rollback"}]}}]),
    );
    document["endTime"] = Value::Null;
    document
}

fn read() -> String {
    format!("GET /pipelines/{ID}")
}

fn started(end: Value) -> Scripted {
    Scripted::default()
        .on(
            "POST /pipelines/demo/deploy",
            202,
            json!({"ref": format!("/pipelines/{ID}")}),
        )
        .on(&read(), 200, end)
}

async fn verb(line: &[&str], server: &Scripted) -> (u8, String, String) {
    let mut screen = Screen::pipe();
    let code = run(line, server, &mut screen).await;
    (code, screen.out(), screen.err())
}

#[tokio::test(start_paused = true)]
async fn run_prints_id_and_address_follows_and_ends_as_the_execution_does() {
    for (status, code, verdict) in [
        ("SUCCEEDED", 0, "SUCCEEDED  demo/deploy  58s\n".to_owned()),
        (
            "TERMINAL",
            3,
            format!(
                "FAILED  demo/deploy  Wait after 58s: quota exceeded\n  next: gennaker why {ID}\n"
            ),
        ),
        ("CANCELED", 5, "CANCELED  demo/deploy  58s\n".to_owned()),
        ("STOPPED", 5, "STOPPED  demo/deploy  58s\n".to_owned()),
    ] {
        let server = started(ended(status));
        let (exit, out, err) = verb(
            &["run", "demo/deploy", "-p", "tag=v1", "-p", "q=a=b"],
            &server,
        )
        .await;
        assert_eq!(exit, code, "{status}");
        let first = format!("Started demo/deploy ({ID})  http://localhost:8084/pipelines/{ID}\n");
        assert_eq!(out, format!("{first}{verdict}"), "{status}");
        assert!(err.contains(&format!("demo/deploy  {status}")), "{err}");
        assert_eq!(
            server.requests()[0],
            r#"POST /pipelines/demo/deploy {"type":"manual","parameters":{"tag":"v1","q":"a=b"}}"#
        );
    }
}

#[tokio::test(start_paused = true)]
async fn run_stops_for_a_person_for_the_clock_and_for_ctrl_c() {
    let server = started(asking());
    let (code, _, err) = verb(&["run", "demo/deploy", "--no-wait-judgment"], &server).await;
    assert_eq!(code, 6);
    assert!(
        err.ends_with(&format!(
            "Approve waits for a person: gennaker judge {ID}\n"
        )),
        "{err}"
    );
    let (code, _, err) = verb(&["run", "demo/deploy", "--timeout", "3"], &server).await;
    assert_eq!(code, 124);
    assert!(
        err.contains(&format!("goes on: gennaker watch {ID}")),
        "{err}"
    );

    let notify = Arc::new(tokio::sync::Notify::new());
    let mut screen = Screen::pipe();
    screen.io.interrupt = Interrupt::When(Arc::clone(&notify));
    let line = ["run", "demo/deploy"];
    let (code, ()) = tokio::join!(run(&line, &server, &mut screen), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        notify.notify_one();
    });
    assert_eq!(code, 130);
    assert!(screen.err().contains("goes on"));
}

#[tokio::test(start_paused = true)]
async fn run_has_a_machine_form_and_short_forms() {
    let server = started(ended("TERMINAL"));
    let (code, out, err) = verb(&["run", "demo/deploy", "-o", "jsonl"], &server).await;
    assert_eq!((code, err.as_str()), (3, ""));
    let lines: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line["seq"].as_u64().unwrap(),
                line["kind"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [(1, "started"), (2, "stage"), (3, "execution"), (4, "end")]
    );
    assert_eq!(lines[3]["exit"], 3);

    assert_eq!(
        verb(&["run", "demo/deploy", "--no-follow", "-q"], &server).await,
        (0, format!("{ID}\n"), String::new())
    );
    let (_, out, _) = verb(
        &["run", "demo/deploy", "--no-follow", "-o", "jsonpath={.id}"],
        &server,
    )
    .await;
    assert_eq!(out, format!("{ID}\n"));
    let (code, out, _) = verb(&["run", "demo/deploy", "-o", "json"], &server).await;
    assert_eq!(code, 3);
    assert_eq!(
        serde_json::from_str::<Value>(&out).unwrap(),
        ended("TERMINAL")
    );
}

#[tokio::test]
async fn run_takes_parameters_from_a_file_and_a_key() {
    let server = started(ended("SUCCEEDED"));
    let mut screen = Screen::pipe().typing("tag: v1\ncount: 3\n");
    let line = [
        "run",
        "demo/deploy",
        "--params",
        "-",
        "-p",
        "tag=v2",
        "--no-follow",
        "--idempotency-key",
        "build-7",
    ];
    assert_eq!(run(&line, &server, &mut screen).await, 0);
    assert!(
        server.requests()[0].ends_with(r#"{"type":"manual","parameters":{"tag":"v2","count":3}}"#)
    );
    assert_eq!(server.header("idempotency-key").as_deref(), Some("build-7"));
    for line in [
        &["run", "demo"][..],
        &["run", "demo/deploy", "-p", "novalue"],
        &["run", "demo/deploy", "--idempotency-key", "a b"],
        &["run", "demo/deploy", "-o", "table"],
        &["run"],
    ] {
        assert_eq!(verb(line, &server).await.0, 2, "{line:?}");
    }
}

#[tokio::test]
async fn run_says_what_is_wrong_with_a_start() {
    let server = Scripted::default()
        .on(
            "POST /pipelines/demo/deploi",
            404,
            json!({"message": "Pipeline not found"}),
        )
        .on(
            "GET /applications/demo/pipelineConfigs",
            200,
            json!([{"name": "deploy"}, {"name": "bake"}]),
        );
    assert_eq!(
        verb(&["run", "demo/deploi"], &server).await,
        (
            7,
            String::new(),
            "error: pipeline demo/deploi does not exist\n  fix: did you mean demo/deploy?\n  request id: req-1\n".into()
        )
    );
    let server = Scripted::default().on(
        "POST /pipelines/demo/deploy",
        400,
        json!({"message": "Required parameter tag is missing"}),
    );
    let (code, _, err) = verb(&["run", "demo/deploy"], &server).await;
    assert_eq!(code, 1);
    assert!(err.contains("fix: add -p tag=VALUE"), "{err}");
    let server = Scripted::default().answer(
        "POST /pipelines/demo/deploy",
        Err(Trouble::Interrupted("connection broke".into())),
    );
    let (code, _, err) = verb(&["run", "demo/deploy", "--idempotency-key", "k1"], &server).await;
    assert_eq!(code, 9);
    assert!(
        err.contains("`gennaker run demo/deploy --idempotency-key k1`"),
        "{err}"
    );
    assert_eq!(
        server.requests().len(),
        1,
        "a start that may have arrived is not repeated"
    );
    let server = Scripted::default().answer(
        "POST /pipelines/demo/deploy",
        Err(Trouble::NotConnected("connection refused".into())),
    );
    let (code, _, err) = verb(&["run", "demo/deploy"], &server).await;
    assert_eq!(code, 9);
    assert!(err.contains("`gennaker dev`"), "{err}");
}

#[tokio::test]
async fn last_is_what_was_started_here() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let server = started(ended("SUCCEEDED"));
    let mut screen = Screen::pipe().env("XDG_STATE_HOME", state);
    assert_eq!(run(&["show"], &server, &mut screen).await, 7, "nothing yet");
    assert!(
        screen
            .err()
            .contains("no execution was started from here yet")
    );
    run(&["run", "demo/deploy", "--no-follow"], &server, &mut screen).await;
    let mut screen = Screen::pipe().env("XDG_STATE_HOME", state);
    assert_eq!(run(&["watch", "@last"], &server, &mut screen).await, 0);
    assert_eq!(screen.out(), "SUCCEEDED  demo/deploy  58s\n");
}

#[tokio::test]
async fn a_pipeline_stands_for_its_latest_execution() {
    let server = Scripted::default()
        .on(
            "GET /applications/demo/pipelineConfigs/deploy",
            200,
            json!({"id": "c-1", "name": "deploy"}),
        )
        .on(
            "GET /executions?pipelineConfigIds=c-1&limit=1",
            200,
            json!([ended("SUCCEEDED")]),
        )
        .on(
            "GET /applications/demo/pipelineConfigs/never",
            200,
            json!({"id": "c-2"}),
        )
        .on(
            "GET /executions?pipelineConfigIds=c-2&limit=1",
            200,
            json!([]),
        )
        .on("GET /applications/demo/pipelineConfigs", 200, json!([]))
        .on(&read(), 200, ended("SUCCEEDED"));
    assert_eq!(
        verb(&["show", "demo/deploy@latest", "-o", "name"], &server)
            .await
            .1,
        format!("{ID}\n")
    );
    let (code, _, err) = verb(&["show", "demo/never"], &server).await;
    assert_eq!(
        (code, err.as_str()),
        (7, "error: demo/never has never run\n")
    );
    let (code, _, err) = verb(&["why", "demo/gone"], &server).await;
    assert_eq!(code, 7);
    assert!(err.contains("has no pipelines"), "{err}");
}

#[tokio::test]
async fn why_prints_the_chain() {
    let server = Scripted::default().on(&read(), 200, ended("TERMINAL")).on(
        "GET /pipelines/ok",
        200,
        document("SUCCEEDED", json!([])),
    );
    let (code, out, _) = verb(&["why", ID], &server).await;
    assert_eq!(code, 0);
    assert_eq!(
        out,
        format!(
            "TERMINAL  demo/deploy  {ID}  58s\n  stage \"Wait\" (wait) ended TERMINAL after 58s\n    quota exceeded\n    see x\n"
        )
    );
    let (_, out, _) = verb(&["why", ID, "-o", "jsonpath={.reasons[0]}"], &server).await;
    assert_eq!(out, "quota exceeded\\nsee x\n");
    assert!(
        verb(&["why", "ok"], &server)
            .await
            .1
            .contains("nothing went wrong")
    );
}

#[tokio::test]
async fn judge_without_arguments_is_the_inbox_of_all_applications() {
    let search =
        "GET /applications/*/executions/search?statuses=RUNNING&startIndex=0&size=200&expand=true";
    let server = Scripted::default().on(
        search,
        200,
        json!([asking(), document("RUNNING", json!([]))]),
    );
    let (code, out, _) = verb(&["judge"], &server).await;
    assert_eq!(code, 0);
    assert_eq!(
        out,
        format!(
            "#  PIPELINE     STAGE    SINCE    CHOICES         ID\n1  demo/deploy  Approve  30s ago  prod, rollback  {ID}\n"
        )
    );
    let without_search = Scripted::default()
        .on(
            "GET /applications",
            200,
            json!([{"name": "demo"}, {"name": "other"}]),
        )
        .on(
            "GET /applications/demo/pipelines?limit=2000&statuses=RUNNING&expand=true",
            200,
            json!([asking()]),
        )
        .on(
            "GET /applications/other/pipelines?limit=2000&statuses=RUNNING&expand=true",
            200,
            json!([]),
        );
    assert_eq!(
        verb(&["judge", "-o", "name"], &without_search).await.1,
        format!("{ID}\n")
    );
    let empty = Scripted::default().on(search, 200, json!([]));
    assert_eq!(
        verb(&["judge"], &empty).await,
        (0, String::new(), "Nothing waits for a person.\n".into())
    );
}

#[tokio::test]
async fn judge_decides() {
    let patch = format!("PATCH /pipelines/{ID}/stages/st-1");
    let server = Scripted::default()
        .on(&read(), 200, asking())
        .on(&patch, 200, asking());
    for (line, body, said) in [
        (
            &["judge", ID, "continue", "--input", "prod"][..],
            r#"{"judgmentStatus":"continue","judgmentInput":"prod"}"#,
            "continue, prod",
        ),
        (
            &["judge", ID, "rollback"],
            r#"{"judgmentStatus":"continue","judgmentInput":"rollback"}"#,
            "continue, rollback",
        ),
        (
            &["judge", ID, "STOP"],
            r#"{"judgmentStatus":"stop"}"#,
            "stop",
        ),
        (
            &["judge", ID, "--input", "PROD", "--stage", "approve"],
            r#"{"judgmentStatus":"continue","judgmentInput":"prod"}"#,
            "continue, prod",
        ),
    ] {
        let (code, out, err) = verb(line, &server).await;
        assert_eq!((code, err.as_str()), (0, ""), "{line:?}");
        assert_eq!(out, format!("Judged Approve of demo/deploy: {said}\n"));
        assert_eq!(server.requests().pop().unwrap(), format!("{patch} {body}"));
    }
    for (line, fix) in [
        (
            &["judge", ID, "continue"][..],
            "add --input with one of: prod, rollback",
        ),
        (&["judge", ID, "prd"], "did you mean prod?"),
        (
            &["judge", ID, "continue", "--input", "staging"],
            "it takes prod, rollback, continue, stop",
        ),
    ] {
        let (code, _, err) = verb(line, &server).await;
        assert_eq!(code, 2, "{line:?}");
        assert!(err.contains(fix), "{err}");
    }
    assert_eq!(
        verb(&["judge", ID, "stop", "--stage", "Other"], &server)
            .await
            .0,
        7
    );
    let server = Scripted::default().on(&read(), 200, ended("SUCCEEDED"));
    assert_eq!(verb(&["judge", ID, "stop"], &server).await.0, 7);
    let server = Scripted::default().on(&read(), 200, asking()).on(
        &patch,
        409,
        json!({"message": "ann judged it"}),
    );
    let (code, _, err) = verb(&["judge", ID, "stop"], &server).await;
    assert_eq!(code, 8);
    assert!(err.contains("ann judged it"), "{err}");
}

#[tokio::test]
async fn judge_asks_a_person_at_a_terminal() {
    let patch = format!("PATCH /pipelines/{ID}/stages/st-1");
    let search =
        "GET /applications/*/executions/search?statuses=RUNNING&startIndex=0&size=200&expand=true";
    let server = Scripted::default()
        .on(search, 200, json!([asking()]))
        .on(&read(), 200, asking())
        .on(&patch, 200, asking());
    let mut screen = Screen::terminal(80, 24).typing("1\nprod\n");
    assert_eq!(run(&["judge"], &server, &mut screen).await, 0);
    assert!(
        screen
            .out()
            .ends_with("Judged Approve of demo/deploy: continue, prod\n"),
        "{}",
        screen.out()
    );
    let before = server.requests().len();
    let mut screen = Screen::terminal(80, 24).typing("\n");
    assert_eq!(run(&["judge", ID], &server, &mut screen).await, 0);
    assert!(
        screen
            .out()
            .contains("  look at it\n  choices: prod, rollback\n"),
        "{}",
        screen.out()
    );
    assert_eq!(server.requests().len(), before + 1, "nothing was decided");
}

#[tokio::test]
async fn cancel_says_what_it_stops_and_asks() {
    let put = format!("PUT /pipelines/{ID}/cancel?reason=wrong%20tag");
    let server = Scripted::default()
        .on(&read(), 200, asking())
        .empty(&put, 200);
    let line = ["cancel", ID, "--reason", "wrong tag"];
    let (code, _, err) = verb(&line, &server).await;
    assert_eq!(code, 2);
    assert!(
        err.contains("it stops Approve; what finished stages did stays") && err.contains("--yes"),
        "{err}"
    );
    let (code, out, _) = verb(&["cancel", ID, "--reason", "wrong tag", "--yes"], &server).await;
    assert_eq!(
        (code, out),
        (0, format!("Cancel of demo/deploy requested ({ID})\n"))
    );
    for (answer, code) in [("y\n", 0), ("\n", 1), ("", 1)] {
        let mut screen = Screen::terminal(80, 24).typing(answer);
        assert_eq!(run(&line, &server, &mut screen).await, code, "{answer:?}");
    }
    assert_eq!(
        server
            .requests()
            .iter()
            .filter(|request| **request == put)
            .count(),
        2
    );
    let server = Scripted::default().on(&read(), 200, ended("SUCCEEDED"));
    let (code, _, err) = verb(&["cancel", ID, "--yes"], &server).await;
    assert_eq!(code, 1);
    assert!(err.contains("is SUCCEEDED already"), "{err}");
}

#[tokio::test]
async fn ls_lists_the_newest_first() {
    let mut older = ended("TERMINAL");
    older["buildTime"] = json!(NOW - 7_200_000);
    older["id"] = json!("older");
    let search = format!(
        "GET /applications/demo/executions/search?statuses=TERMINAL%2CFAILED_CONTINUE%2CSTOPPED&triggerTimeStartBoundary={}&startIndex=0&size=25&expand=false",
        NOW - 604_800_000
    );
    let server = Scripted::default().on(&search, 200, json!([older, ended("TERMINAL")]));
    let line = ["ls", "demo", "--status", "bad", "--since", "7d"];
    let (code, out, _) = verb(&line, &server).await;
    assert_eq!(code, 0);
    let ids: Vec<&str> = out
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    assert_eq!(ids, [ID, "older"]);
    assert!(
        out.starts_with("STATUS    STARTED  TOOK  PIPELINE     TRIGGER  ID\n"),
        "{out}"
    );
    assert_eq!(
        verb(
            &["ls", "demo", "--status", "bad", "--since", "7d", "-q"],
            &server
        )
        .await
        .1,
        format!("{ID}\nolder\n")
    );
    assert_eq!(verb(&["ls", "--status", "bda"], &server).await.0, 2);
    assert_eq!(verb(&["ls", "--since", "bda"], &server).await.0, 2);
    assert_eq!(verb(&["ls", "--limit", "0"], &server).await.0, 2);
    assert_eq!(verb(&["ls", "gone"], &Scripted::default()).await.0, 7);
}

#[tokio::test]
async fn ls_reads_page_after_page() {
    let page = |from: usize, size: usize| -> Value {
        (from..from + size)
            .map(|n| json!({"id": n.to_string(), "buildTime": 1_000_000 - n}))
            .collect()
    };
    let path = |at: usize, size: usize| {
        format!(
            "GET /applications/*/executions/search?statuses=&startIndex={at}&size={size}&expand=false"
        )
    };
    let server = Scripted::default()
        .on(&path(0, 200), 200, page(0, 200))
        .on(&path(200, 200), 200, page(200, 200))
        .on(&path(400, 50), 200, page(400, 50));
    let (_, out, _) = verb(&["ls", "--limit", "450", "-o", "name"], &server).await;
    let ids: Vec<&str> = out.lines().collect();
    assert_eq!((ids.len(), ids[0], ids[449]), (450, "0", "449"));
}

#[tokio::test]
async fn lint_needs_no_server_and_points_at_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = file(
        "good.yaml",
        "application: a\nname: b\nstages:\n- type: wait\n",
    );
    let bad = file(
        "bad.json",
        "{\"application\": \"a\", \"name\": \"b\",\n \"stages\": [\n  {\"type\": \"webhok\"}]}",
    );
    let broken = file("broken.json", "{\"application\": \"a\",\n");
    let list = file(
        "list.json",
        "[{\"application\": \"a\", \"name\": \"b\", \"stages\": [{\"type\": \"noop\"}]},\n {\"name\": \"c\", \"stages\": []}]",
    );
    let server = Scripted::default();
    let (code, out, err) = verb(&["lint", &good], &server).await;
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (0, "", "1 file, 1 pipeline: 0 errors, 0 warnings\n")
    );
    let (code, out, err) = verb(&["lint", &good, &bad, &broken, &list], &server).await;
    assert_eq!(code, 11);
    assert_eq!(
        out,
        format!(
            "{bad}:3:12: error: stage type \"webhok\" is unknown, did you mean \"webhook\"?  (/stages/0/type)\n\
             {broken}:2:0: error: EOF while parsing a value\n\
             {list}:2:2: error: 'application' is missing  (/1)\n\
             {list}:2:26: warning: no stages: every execution fails at once  (/1/stages)\n"
        )
    );
    assert_eq!(err, "4 files, 4 pipelines: 3 errors, 1 warning\n");
    let (code, out, _) = verb(&["lint", &bad, "-o", "jsonl"], &server).await;
    assert_eq!(code, 11);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["line"], 3);
    assert_eq!(verb(&["lint", "/no/such/file"], &server).await.0, 1);
    assert_eq!(verb(&["lint"], &server).await.0, 2);
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn every_verb_prints_the_exit_codes_in_its_help() {
    for verb_name in [
        "run", "watch", "judge", "cancel", "pause", "resume", "retry", "skip", "freeze", "thaw",
        "ls", "show", "why", "diff", "replay", "api", "lint", "plan", "apply",
    ] {
        let (code, out, _) = verb(&[verb_name, "--help"], &Scripted::default()).await;
        assert_eq!(code, 0);
        assert!(out.contains(crate::EXIT_CODES), "{verb_name}: {out}");
    }
}

#[tokio::test]
async fn names_from_outside_cannot_reach_the_terminal() {
    let mut evil = ended("TERMINAL");
    evil["name"] = json!("x\u{1b}]0;pwned\u{7}");
    evil["stages"][0]["name"] = json!("y\u{1b}[2J");
    evil["stages"][0]["context"]["exception"]["details"]["errors"] = json!(["z\u{1b}[31m\u{9b}1A"]);
    let server = Scripted::default().on(&read(), 200, evil);
    for line in [["show", ID], ["why", ID], ["watch", ID]] {
        let (_, out, err) = verb(&line, &server).await;
        assert!(
            !out.contains(['\u{1b}', '\u{7}', '\u{9b}'])
                && !err.contains(['\u{1b}', '\u{7}', '\u{9b}']),
            "{line:?}"
        );
    }
}
