//! `gennaker serve`: roles in processes of their own, over a broker that somebody else runs.

use std::path::Path;

use gennaker_testkit::nats::Server;
use serde_json::json;

use crate::support::{
    Served, free_address, gennaker, output, request, text, try_request, wait_until,
};

fn config(folder: &Path, broker: &Server, listen: &str) -> std::path::PathBuf {
    let file = folder.join("gennaker.toml");
    let text = format!(
        "[gate]\nlisten = \"{listen}\"\n[broker]\nurls = [\"{}\"]\nusername = \"{}\"\npassword = \"{}\"\npartitions = 3\n",
        broker.url(),
        broker.user(),
        broker.password()
    );
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn every_role_runs_alone() {
    let broker = Server::start_with("max_payload: 1MB");
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let config = config(folder.path(), &broker, &address);
    let processes =
        ["gate", "scheduler", "worker", "triggers"].map(|role| Served::start(&config, role, &[]));
    let url = format!("http://{address}");
    processes[0].wait_healthy(&url);
    let pipeline = json!({"application": "apart", "name": "apart", "stages": [
        {"refId": "1", "type": "noop", "name": "Nothing", "requisiteStageRefIds": []},
        {"refId": "2", "type": "wait", "waitTime": 0, "requisiteStageRefIds": ["1"]},
    ]});
    let (status, answer) = request(
        &url,
        "POST",
        "/pipelines/start",
        Some(&pipeline.to_string()),
    );
    assert_eq!(status, 200, "{answer}");
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let path = answer["ref"].as_str().unwrap();
    let mut seen = String::new();
    wait_until("the pipeline ends", || {
        seen = request(&url, "GET", path, None).1;
        seen.contains("\"status\":\"SUCCEEDED\"") && !seen.contains("\"status\":\"RUNNING\"")
    });
    for process in processes {
        process.end();
    }
}

#[test]
fn processes_without_gate_show_metrics_and_health_where_they_are_told_to() {
    let broker = Server::start_with("max_payload: 1MB");
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), &broker, &free_address());
    let mut processes = Vec::new();
    let mut urls = Vec::new();
    for (role, metric) in [
        ("scheduler", "gennaker_log_appends_total"),
        ("worker", "gennaker_worker_held"),
        ("triggers", "gennaker_triggers_events_total"),
    ] {
        let address = free_address();
        let environment = [("GENNAKER_TELEMETRY__LISTEN", address.as_str())];
        processes.push(Served::start(&config, role, &environment));
        let url = format!("http://{address}");
        wait_until(
            "the health is good",
            || matches!(try_request(&url, "GET", "/health", None), Ok((200, body)) if body == r#"{"status":"UP"}"#),
        );
        wait_until("the metrics are registered", || {
            let (status, shown) = request(&url, "GET", "/metrics", None);
            assert_eq!(status, 200);
            shown.contains(metric) && shown.contains("process_cpu_seconds_total")
        });
        assert_eq!(
            request(&url, "GET", "/pipelineConfigs", None).0,
            404,
            "nothing else"
        );
        assert_eq!(request(&url, "POST", "/health", Some("{}")).0, 405);
        urls.push(url);
    }
    drop(broker);
    for url in urls {
        wait_until(
            "the health is bad",
            || matches!(try_request(&url, "GET", "/health", None), Ok((503, body)) if body.contains("broker")),
        );
    }
}

#[test]
fn settings_are_refused_with_their_path() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gennaker.toml");
    for (content, wanted) in [
        ("[broker]\nreplikas = 3\n", "broker.replikas"),
        ("[gate]\nlisten = 8084\n", "gate.listen"),
        (
            "[gate]\nallowed_origins = [\"^(\"]\n",
            "gate.allowed_origins has \"^(\", which is no regular expression",
        ),
        (
            "[expressions]\ntime_zone = \"Mars/Olympus\"\n",
            "expressions.time_zone is \"Mars/Olympus\"",
        ),
        (
            "[scheduler]\nlease_ttl_ms = 1\n",
            "scheduler.lease_ttl_ms is 1, must be between",
        ),
    ] {
        std::fs::write(&file, content).unwrap();
        let ended = output(&mut gennaker(&[
            "serve",
            "--roles",
            "gate",
            "--config",
            file.to_str().unwrap(),
        ]));
        let said = text(&ended.stderr);
        assert!(
            ended.status.code() == Some(2) && said.contains(wanted),
            "{wanted}: {said}"
        );
    }
    let ended = output(&mut gennaker(&[
        "serve", "--roles", "worker", "--pools", "moon",
    ]));
    assert!(
        text(&ended.stderr).contains("moon"),
        "{}",
        text(&ended.stderr)
    );
}
