//! `gennaker serve`: roles in processes of their own, over a broker that somebody else runs.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use gennaker_testkit::nats::Server;
use serde_json::json;

use crate::support::{gennaker, output, request, signal, text, try_request, wait_until};

struct Process(Child);

impl Process {
    fn start(config: &Path, roles: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = gennaker(&[
            "serve",
            "--roles",
            roles,
            "--config",
            config.to_str().unwrap(),
        ]);
        command
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn end(&mut self) {
        signal("TERM", self.0.id());
        let asked = Instant::now();
        let mut status = None;
        wait_until("the process ends", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        assert!(status.unwrap().success());
        assert!(
            asked.elapsed() < Duration::from_secs(5),
            "{:?}",
            asked.elapsed()
        );
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

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

/// A port that was free a moment ago.
fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}

#[test]
fn every_role_runs_alone() {
    let broker = Server::start_with("max_payload: 1MB");
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let config = config(folder.path(), &broker, &address);
    let mut processes: Vec<Process> = ["gate", "scheduler", "worker", "triggers"]
        .map(|role| Process::start(&config, role, &[]))
        .into();
    let url = format!("http://{address}");
    wait_until("the health is good", || {
        matches!(try_request(&url, "GET", "/health", None), Ok((200, _)))
    });
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
    for process in &mut processes {
        process.end();
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
