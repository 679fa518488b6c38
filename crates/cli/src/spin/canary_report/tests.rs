//! Reports of files and of a server, and what comes out when there is nothing to report.

use std::io::Write as _;

use serde_json::json;

use super::*;
use crate::{
    http::scripted::Scripted,
    testing::{Screen, run as called},
};

fn verdict() -> Value {
    json!({"judgeName": "NetflixACAJudge-v1.0", "score": {"score": 40.0, "classification": "Fail", "classificationReason": ""},
        "groupScores": [{"name": "Errors", "score": 0.0}, {"name": "Latency", "score": 100.0}],
        "results": [
            {"name": "latency", "tags": {}, "classification": "Pass", "critical": false, "muted": false,
             "controlMetadata": {"stats": {"mean": 14.0, "std": 3.741_657, "count": 6}},
             "experimentMetadata": {"stats": {"mean": 15.0, "std": 3.741_657, "count": 6}}, "resultMetadata": {"ratio": 1.071_428_5}},
            {"name": "err|ors\u{1b}[2J", "tags": {"pod": "a"}, "classification": "High", "critical": true, "muted": false,
             "classificationReason": "errors was classified as High (Critical)",
             "controlMetadata": {"stats": {"mean": 1.96, "std": 0.879_204, "count": 5}},
             "experimentMetadata": {"stats": {"mean": 23.6, "std": 4.037_325, "count": 5}}, "resultMetadata": {"ratio": "NaN"}}]})
}

fn archive() -> Value {
    json!({"pipelineId": "E.S", "application": "shop", "complete": true, "status": "succeeded",
        "canaryExecutionRequest": {"thresholds": {"pass": 95, "marginal": 75}}, "result": {"judgeResult": verdict()}})
}

async fn report_of(document: &Value, more: &[&str]) -> (u8, String, String) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(document.to_string().as_bytes()).unwrap();
    let mut line = vec![
        "gennaker",
        "canary",
        "report",
        file.path().to_str().unwrap(),
    ];
    line.extend(more);
    let mut screen = Screen::pipe();
    // No server is asked.
    let code = called(&line[1..], &Scripted::default(), &mut screen).await;
    (code, screen.out(), screen.err())
}

#[tokio::test]
async fn a_table_has_what_failed_first() {
    let (code, out, err) = report_of(&archive(), &[]).await;
    assert_eq!((code, err.as_str()), (0, ""));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines[0],
        "E.S of shop: Fail with 40.0 (pass 95, marginal 75)"
    );
    let metrics: Vec<&&str> = lines.iter().filter(|line| line.contains('±')).collect();
    assert!(
        metrics[0].contains("{pod=a}") && metrics[0].contains("High, critical"),
        "{out}"
    );
    assert!(
        metrics[0].contains("1.96 ± 0.8792 (5)") && metrics[0].contains("23.6 ± 4.037 (5)"),
        "{out}"
    );
    assert!(
        metrics[1].contains("latency") && metrics[1].contains("1.071"),
        "{out}"
    );
    assert!(!out.contains('\u{1b}'), "{out}");
    assert_eq!(
        report_of(&archive(), &["--exit-code"]).await.0,
        Exit::ExecutionFailed.code()
    );
}

#[tokio::test]
async fn markdown_and_json_say_the_same() {
    let (_, out, _) = report_of(&archive(), &["--markdown"]).await;
    assert!(out.starts_with("### E.S of shop: Fail with 40.0 (pass 95, marginal 75)\n\n| Group | Score |\n|---|---|\n"), "{out}");
    assert!(out.contains("err\\|ors"), "{out}");
    let (_, out, _) = report_of(&archive(), &["-o", "json"]).await;
    let list: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        list[0]["judgeResult"]["results"][1]["classification"],
        "High"
    );
    assert_eq!(list[0]["scoreThresholds"]["pass"], 95);
}

#[tokio::test]
async fn every_document_with_a_verdict_is_understood() {
    let run = |name: &str| {
        json!({"type": "runCanary", "name": name, "status": "SUCCEEDED", "startTime": 5,
        "context": {"canaryPipelineExecutionId": "E.S", "scoreThresholds": {"pass": 95, "marginal": 75}},
        "outputs": {"canaryAnalysis": {"result": {"judgeResult": verdict()}}}})
    };
    let failed = json!({"type": "runCanary", "name": "Run Canary #2", "status": "TERMINAL", "startTime": 6,
        "context": {"exception": {"details": {"errors": ["the source is down"]}}}, "outputs": {}});
    let execution = json!({"stages": [{"type": "wait"}, run("Run Canary #1"), failed, {"type": "runCanary", "status": "NOT_STARTED"}]});
    let (_, out, _) = report_of(&execution, &[]).await;
    assert!(
        out.starts_with("Run Canary #1 (E.S): Fail with 40.0 (pass 95, marginal 75)"),
        "{out}"
    );
    assert!(
        out.contains("Run Canary #2 (): terminal: the source is down"),
        "{out}"
    );
    let standalone = json!({"canaryAnalysisExecutionRequest": {"thresholds": {"pass": 1, "marginal": 0}},
        "canaryAnalysisExecutionResult": {"canaryExecutionResults": [{"executionId": "E.S", "executionStatus": "SUCCEEDED",
            "result": {"judgeResult": verdict()}}]}});
    assert!(
        report_of(&standalone, &[])
            .await
            .1
            .starts_with("E.S: Fail with 40.0 (pass 1, marginal 0)")
    );
    assert!(
        report_of(&verdict(), &[])
            .await
            .1
            .starts_with("NetflixACAJudge-v1.0: Fail with 40.0")
    );
    for nothing in [json!({}), json!([]), json!(7), json!({"stages": []})] {
        let (code, out, err) = report_of(&nothing, &[]).await;
        assert_eq!((code, out.as_str()), (Exit::CommandError.code(), ""));
        assert!(err.contains("has no canary analysis"), "{err}");
    }
}

#[tokio::test]
async fn a_server_is_asked_for_an_execution_and_then_for_an_analysis() {
    let missing = json!({"message": "not found", "status": 404});
    let server = Scripted::default()
        .on("GET /v2/executions/E.S", 404, missing.clone())
        .on(
            "GET /v2/canaries/canary/E.S?storageAccountName=mine",
            200,
            archive(),
        );
    let mut screen = Screen::pipe();
    let line = ["canary", "report", "E.S", "--storage-account", "mine"];
    let code = called(&line, &server, &mut screen).await;
    assert_eq!(code, 0, "{}", screen.err());
    assert!(
        screen.out().starts_with("E.S of shop: Fail"),
        "{}",
        screen.out()
    );
    let server = Scripted::default()
        .on("GET /v2/executions/x", 404, missing.clone())
        .on("GET /v2/canaries/canary/x", 404, missing.clone())
        .on("GET /kayenta/standalone_canary_analysis/x", 404, missing);
    let mut screen = Screen::pipe();
    let code = called(&["canary", "report", "x"], &server, &mut screen).await;
    assert_eq!(code, Exit::CommandError.code());
    assert!(
        screen.err().contains("the server answers 404: not found"),
        "{}",
        screen.err()
    );
}

#[test]
fn numbers_have_four_digits() {
    for (number, wanted) in [
        (json!(0.0), "0"),
        (json!(1.071_428_5), "1.071"),
        (json!(100.0), "100"),
        (json!(0.033_333), "0.03333"),
        (json!(123_456.7), "123457"),
        (json!(1.5e-7), "1.500e-7"),
        (json!(2e9), "2.000e9"),
        (json!(-12.5), "-12.5"),
        (json!("NaN"), "NaN"),
        (Value::Null, ""),
    ] {
        assert_eq!(short(&number), wanted);
    }
}
