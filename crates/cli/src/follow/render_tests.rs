//! The live view and the lines, from state to text.

use serde_json::json;

use super::*;
use crate::snapshot::changes;

const NOW: i64 = 1_763_640_271_220;

fn snapshot() -> Snapshot {
    Snapshot::read(
        &json!({"id": "01K", "application": "payments", "name": "deploy-prod", "status": "RUNNING",
            "startTime": NOW - 224_000, "stages": [
            {"id": "a", "refId": "1", "type": "bake", "name": "Bake", "status": "SUCCEEDED", "startTime": NOW - 224_000, "endTime": NOW - 183_000},
            {"id": "b", "refId": "2", "type": "webhook", "name": "Check", "status": "TERMINAL", "startTime": NOW - 183_000,
             "endTime": NOW - 182_000, "requisiteStageRefIds": ["1"], "context": {"webhook": {"error": "status 403\nmore"}}},
            {"id": "c", "refId": "3", "type": "manualJudgment", "name": "Approve", "status": "RUNNING", "startTime": NOW - 180_000,
             "context": {"judgmentInputs": [{"value": "prod"}, {"value": "rollback"}]}},
            {"id": "d", "refId": "4", "type": "wait", "name": "Soak", "status": "RUNNING", "startTime": NOW - 22_000},
            {"id": "e", "refId": "5", "type": "webhook", "name": "Deploy US", "status": "NOT_STARTED", "requisiteStageRefIds": ["3", "4"]}
        ]}),
    )
}

fn canvas(columns: usize, rows: usize) -> Canvas {
    Canvas {
        columns,
        rows,
        color: false,
    }
}

fn around() -> Surroundings {
    Surroundings {
        now_ms: NOW,
        about_ms: Some(540_000),
        lost_contact: false,
        ctrl_c: "Ctrl-C leaves it running",
    }
}

#[test]
fn everything_is_shown_in_its_order_while_it_fits() {
    assert_eq!(
        live(&snapshot(), canvas(100, 24), around()),
        [
            "  ok    Bake       41s",
            "  FAIL  Check      1s        status 403",
            "  wait  Approve    3m 0s     prod, rollback?  gennaker judge 01K",
            "  run   Soak       22s",
            "  next  Deploy US            after Approve, Soak",
            "1 failed, 1 waiting for a person, 1 running, 1 done, 1 to come   3m 44s of about 9m 0s",
        ]
    );
}

#[test]
fn what_needs_attention_comes_first_when_there_is_no_room() {
    let words: Vec<String> = live(&snapshot(), canvas(100, 5), around())
        .iter()
        .map(|line| {
            line.split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    assert_eq!(
        words,
        ["FAIL Check", "wait Approve", "run Soak", "1 failed,"]
    );
}

#[test]
fn two_thousand_stages_fit_into_any_terminal() {
    let stages: Vec<Value> = (0..2000)
        .map(|n| {
            let status = ["RUNNING", "SUCCEEDED", "NOT_STARTED", "TERMINAL"][n % 4];
            json!({"id": n.to_string(), "refId": n.to_string(), "type": "wait", "status": status,
                "name": format!("stage {n} with a name that goes on and on \u{1b}[2J部署部署部署部署部署部署部署部署部署"),
                "startTime": NOW, "context": {"exception": {"details": {"errors": ["x".repeat(500)]}}}})
        })
        .collect();
    let snapshot = Snapshot::read(
        &json!({"id": "01K", "status": "RUNNING", "startTime": NOW, "stages": stages}),
    );
    for (columns_, rows) in [(80, 24), (40, 10), (20, 3), (200, 60)] {
        let lines = live(&snapshot, canvas(columns_, rows), around());
        assert!(lines.len() < rows, "{} lines in {rows} rows", lines.len());
        for line in &lines {
            assert!(
                columns(line) < columns_.max(21),
                "{line:?} in {columns_} columns"
            );
            assert!(!line.contains('\u{1b}'), "{line:?}");
        }
    }
    let last = live(&snapshot, canvas(120, 24), around()).pop().unwrap();
    assert!(
        last.starts_with("500 failed, 500 running, 500 done, 500 to come"),
        "{last}"
    );
    assert!(last.ends_with("1978 not shown"), "{last}");
}

#[test]
fn the_summary_drops_what_does_not_fit_and_says_when_contact_is_lost() {
    let last = |columns, lost_contact| {
        let around = Surroundings {
            lost_contact,
            about_ms: None,
            ..around()
        };
        live(&snapshot(), canvas(columns, 24), around)
            .pop()
            .unwrap()
    };
    assert_eq!(
        last(80, false),
        "1 failed, 1 waiting for a person, 1 running, 1 done, 1 to come   3m 44s"
    );
    assert!(last(120, false).ends_with("3m 44s   Ctrl-C leaves it running"));
    assert!(last(120, true).ends_with("3m 44s   lost contact, trying again"));
}

#[test]
fn colour_only_repeats_the_word() {
    let colored = live(
        &snapshot(),
        Canvas {
            color: true,
            ..canvas(100, 24)
        },
        around(),
    );
    assert_eq!(
        colored[1],
        "  \u{1b}[31mFAIL\u{1b}[0m  Check      1s        status 403"
    );
    let plain: Vec<String> = colored
        .iter()
        .map(|line| {
            let mut line = line.clone();
            for code in ["0", "2", "31", "32", "34", "35"] {
                line = line.replace(&format!("\u{1b}[{code}m"), "");
            }
            line
        })
        .collect();
    assert_eq!(plain, live(&snapshot(), canvas(100, 24), around()));
}

#[test]
fn every_change_is_a_line_with_its_instant() {
    let snapshot = snapshot();
    let lines: Vec<String> = changes(None, &snapshot)
        .iter()
        .map(|change| change_line(&snapshot, change, NOW))
        .collect();
    assert_eq!(
        lines,
        [
            "2025-11-20T12:04:31Z  ok    Bake  41s",
            "2025-11-20T12:04:31Z  FAIL  Check  1s  status 403",
            "2025-11-20T12:04:31Z  wait  Approve  3m 0s  prod, rollback?  gennaker judge 01K",
            "2025-11-20T12:04:31Z  run   Soak  22s",
            "2025-11-20T12:04:31Z  payments/deploy-prod  RUNNING",
        ]
    );
    assert_eq!(
        heartbeat(&snapshot, around()),
        "2025-11-20T12:04:31Z  payments/deploy-prod  still RUNNING: 1 failed, 1 waiting for a person, 1 running, 1 done, 1 to come"
    );
}

#[test]
fn the_machine_form_has_the_keys_of_the_api() {
    let snapshot = snapshot();
    let lines: Vec<String> = changes(None, &snapshot)
        .iter()
        .zip(184..)
        .map(|(change, seq)| change_json(&snapshot, change, seq, NOW).to_string())
        .collect();
    assert_eq!(
        lines[1],
        r#"{"seq":185,"at":"2025-11-20T12:04:31.220Z","kind":"stage","id":"b","execution":"01K","refId":"2","name":"Check","type":"webhook","status":"TERMINAL","error":"status 403\nmore"}"#
    );
    assert!(lines[2].ends_with(r#""status":"RUNNING","judgmentInputs":["prod","rollback"]}"#));
    assert_eq!(
        lines[4],
        r#"{"seq":188,"at":"2025-11-20T12:04:31.220Z","kind":"execution","id":"01K","application":"payments","name":"deploy-prod","status":"RUNNING"}"#
    );
}
