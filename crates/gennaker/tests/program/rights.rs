//! Every role with a user of its own, whose rights are those that `gennaker config users` prints.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gennaker_testkit::nats::Server;
use serde_json::{Value, json};

use crate::support::{Served, free_address, gennaker, output, request, text, wait_until};

/// The broker's words for what somebody may not do.
const VIOLATION: &str = "Violation";
/// Workers say every five seconds which attempts they hold.
const LONGER_THAN_A_HEARTBEAT: Duration = Duration::from_millis(5_500);
/// Roles, each with its user and, for a worker, its pool.
const ROLES: [(&str, &str, &str); 5] = [
    ("scheduler", "scheduler", ""),
    ("worker", "worker-notify", "notify"),
    ("worker", "worker-canary", "canary"),
    ("triggers", "triggers", ""),
    ("gate", "gate", ""),
];

/// The printed users, each with its name as its password.
fn users() -> String {
    let printed = text(&output(&mut gennaker(&["config", "users"])).stdout);
    let list = printed
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect::<Vec<_>>()
        .join("\n");
    let list = list.trim().strip_prefix("users: [").unwrap();
    let mut users = String::new();
    let mut name = String::new();
    for line in list.strip_suffix(']').unwrap().lines() {
        if let Some(user) = line.trim().strip_prefix("user: ") {
            name = user.to_owned();
        }
        let line = match line.trim().strip_prefix("password: $GENNAKER_NATS_") {
            Some(_) => format!("password: {name:?}"),
            None => line.to_owned(),
        };
        users.push_str(&line);
        users.push('\n');
    }
    users
}

fn config(folder: &Path, broker: &Server, listen: &str, user: &str, pool: &str) -> PathBuf {
    let folder = folder.join(user);
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("gennaker.toml");
    let worker = match pool {
        "" => String::new(),
        pool => format!("[worker]\npools = [\"{pool}\"]\n"),
    };
    let text = format!(
        "{worker}[gate]\nlisten = \"{listen}\"\n[outbound]\nallow_loopback = true\n[broker]\nurls = [\"{}\"]\nusername = \"{user}\"\n\
         password = \"{user}\"\n",
        broker.url()
    );
    std::fs::write(&file, text).unwrap();
    file
}

/// A service that takes so long that its caller says it is alive. Its address.
fn slow_service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // It ends with the test's process; a call that is cancelled is nobody's business.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream?;
                let mut head = [0; 4096];
                let _ = stream.read(&mut head)?;
                std::thread::sleep(LONGER_THAN_A_HEARTBEAT);
                stream.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
                )
            });
        }
    });
    format!("http://{address}")
}

#[test]
fn a_pipeline_runs_with_no_more_rights_than_each_role_has() {
    let broker = Server::start_with_users(&users());
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    // The scheduler last: the others wait for what it makes.
    let served: Vec<Served> = ROLES
        .iter()
        .rev()
        .map(|(role, user, pool)| {
            let config = config(folder.path(), &broker, &address, user, pool);
            Served::start(&config, role, &[])
        })
        .collect();
    let url = format!("http://{address}");
    served[0].wait_healthy(&url);
    let ask = |method: &str, path: &str, body: &Value| -> Value {
        let (status, answer) = request(&url, method, path, Some(&body.to_string()));
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer}"
        );
        serde_json::from_str(&answer).unwrap_or_default()
    };

    // Documents, saved by a task and deleted by another.
    let end_of = |path: &str, wanted: &str| {
        let mut seen = Value::Null;
        wait_until("the execution ends", || {
            seen = ask("GET", path, &Value::Null);
            matches!(
                seen["status"].as_str(),
                Some("SUCCEEDED" | "TERMINAL" | "CANCELED")
            )
        });
        assert_eq!(seen["status"], wanted, "{seen:#}");
    };
    let job = |kind: &str| {
        let application = json!({"name": "rights", "email": "me@example.com"});
        let job = json!({"type": kind, "application": application});
        let task = json!({"application": "rights", "description": kind, "job": [job]});
        let started = ask("POST", "/tasks", &task);
        end_of(started["ref"].as_str().unwrap(), "SUCCEEDED");
    };
    job("createApplication");
    results_of_canaries(&ask);
    let slow = slow_service();
    let stages = json!([
        {"refId": "1", "type": "wait", "waitTime": 1, "requisiteStageRefIds": []},
        {"refId": "2", "type": "webhook", "method": "GET", "url": slow, "requisiteStageRefIds": ["1"]},
        {"refId": "3", "type": "manualJudgment", "requisiteStageRefIds": ["2"]},
    ]);
    let triggers = json!([{"type": "webhook", "source": "rights", "enabled": true}]);
    let pipeline =
        json!({"application": "rights", "name": "all", "stages": stages, "triggers": triggers});
    ask("POST", "/pipelines", &pipeline);

    // By an event, through every role.
    let event = ask("POST", "/webhooks/webhook/rights", &json!({}));
    let search = format!(
        "/applications/rights/executions/search?eventId={}",
        event["eventId"].as_str().unwrap()
    );
    let mut id = String::new();
    wait_until("the webhook starts the pipeline", || {
        let found = ask("GET", &search, &Value::Null);
        id = found[0]["id"].as_str().unwrap_or_default().to_owned();
        !id.is_empty()
    });
    let path = format!("/pipelines/{id}");
    let mut seen = Value::Null;
    wait_until("somebody is asked", || {
        seen = ask("GET", &path, &Value::Null);
        seen["stages"][2]["status"] == "RUNNING"
    });
    let stage = format!(
        "{path}/stages/{}",
        seen["stages"][2]["id"].as_str().unwrap()
    );
    ask("PATCH", &stage, &json!({"judgmentStatus": "continue"}));
    end_of(&path, "SUCCEEDED");
    // One that is cancelled while its worker calls.
    let started = ask("POST", "/pipelines/rights/all", &json!({"type": "manual"}));
    let second = started["ref"].as_str().unwrap();
    wait_until("the worker calls", || {
        ask("GET", second, &Value::Null)["stages"][1]["status"] == "RUNNING"
    });
    ask("PUT", &format!("{second}/cancel"), &Value::Null);
    end_of(second, "CANCELED");
    job("deleteApplication");

    for process in served {
        let log = process.log();
        process.end();
        assert!(
            !log.contains("WARN  the connection") && !log.contains("ERROR"),
            "{log}"
        );
    }
    let log = broker.log();
    let violations: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(VIOLATION))
        .collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// What a worker of the pool `canary` keeps in the broker: of several pieces, replaced, listed and deleted.
fn results_of_canaries(ask: &dyn Fn(&str, &str, &Value) -> Value) {
    let values: Vec<f64> = (0..60_000).map(|at| f64::from(at) + 0.125).collect();
    let pairs =
        json!([{"name": "m", "id": "p", "values": {"control": values, "experiment": [1.0]}}]);
    let made = ask("POST", "/kayenta/metricSetPairList", &pairs);
    let list = format!(
        "/kayenta/metricSetPairList/{}",
        made["metricSetPairListId"].as_str().unwrap()
    );
    assert_eq!(ask("GET", &list, &Value::Null), pairs);
    let archive = "/kayenta/canaryResultArchive";
    ask("POST", &format!("{archive}?pipelineId=x"), &json!({"a": 1}));
    ask("PUT", &format!("{archive}/x"), &json!({"a": 2}));
    assert_eq!(
        ask("GET", &format!("{archive}/x"), &Value::Null),
        json!({"a": 2})
    );
    assert_eq!(ask("GET", archive, &Value::Null)[0]["id"], "x");
    ask("DELETE", &format!("{archive}/x"), &Value::Null);
    assert_eq!(ask("GET", archive, &Value::Null), json!([]));
    ask("DELETE", &list, &Value::Null);
}
