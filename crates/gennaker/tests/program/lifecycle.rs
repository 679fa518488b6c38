//! `gennaker dev` from its start to its end, however that comes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Dev, lives, signal, wait_until};

/// How long an end in order may take.
const END_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn it_serves_and_ends_in_order_when_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data with spaces and \"quotes\"");
    for name in ["INT", "TERM"] {
        let mut dev = Dev::start(&data);
        assert_eq!(dev.json("/health"), json!({"status": "UP"}));
        assert_eq!(dev.json("/version")["version"], env!("CARGO_PKG_VERSION"));
        let (status, metrics) = dev.get("/metrics");
        assert!(
            status == 200 && metrics.contains("# TYPE gennaker_"),
            "{status} {metrics}"
        );
        let (broker, keeper) = (dev.broker(), dev.keeper());

        let (status, took) = dev.end_by(name);
        assert!(status.success(), "{status}: {}", dev.stderr());
        assert!(took < END_WITHIN, "{name} took {took:?}");
        assert!(
            dev.stderr().contains("go on at the next start"),
            "{}",
            dev.stderr()
        );
        wait_until("broker and keeper end", || !lives(broker) && !lives(keeper));
    }
}

#[test]
fn the_data_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let dev = Dev::start(&data);
    for (path, mode) in [
        ("", 0o700),
        ("broker", 0o700),
        ("broker/server.conf", 0o600),
    ] {
        let permissions = std::fs::metadata(dev.data.join(path))
            .unwrap()
            .permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{path}");
    }
}

#[test]
fn after_a_kill_the_broker_goes_and_the_next_start_continues() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut dev = Dev::start(&data);
    let judged = json!({"refId": "1", "type": "manualJudgment", "name": "Go on?", "requisiteStageRefIds": []});
    let pipeline = json!({"application": "kept", "name": "kept", "stages": [judged]});
    let path = dev.send("POST", "/pipelines/start", &pipeline)["ref"]
        .as_str()
        .unwrap()
        .to_owned();
    wait_until("the stage runs", || {
        dev.json(&path)["stages"][0]["status"] == "RUNNING"
    });
    let broker = dev.broker();

    dev.kill_9();
    // At once, without waiting for the broker.
    let dev = Dev::start(&data);
    assert!(
        !lives(broker),
        "the old broker is gone before a new one begins"
    );
    assert_eq!(dev.json("/health"), json!({"status": "UP"}));
    let running = dev.json(&path);
    assert_eq!(
        (&running["status"], &running["stages"][0]["status"]),
        (&json!("RUNNING"), &json!("RUNNING"))
    );
    let stage = running["stages"][0]["id"].as_str().unwrap();
    dev.send(
        "PATCH",
        &format!("{path}/stages/{stage}"),
        &json!({"judgmentStatus": "continue"}),
    );
    wait_until("the pipeline ends", || {
        dev.json(&path)["status"] == "SUCCEEDED"
    });
}

#[test]
fn a_kill_of_everything_but_the_broker_ends_the_broker_too() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut dev = Dev::start(&folder.path().join("data"));
    let (broker, keeper) = (dev.broker(), dev.keeper());
    // The keeper first: with the pipe it could still do its work.
    signal("KILL", keeper);
    dev.kill_9();
    wait_until("the broker ends", || !lives(broker));
}

#[test]
fn without_its_broker_it_ends_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for victim in [Dev::broker, Dev::keeper] {
        let mut dev = Dev::start(&data);
        let broker = dev.broker();
        signal("KILL", victim(&dev));
        let status = dev.wait();
        assert_eq!(status.code(), Some(1));
        let said = dev.stderr();
        assert!(
            said.contains("error: the broker") && said.contains("server.log"),
            "{said}"
        );
        wait_until("the broker ends", || !lives(broker));
    }
    // Nothing of it harms the next start.
    let dev = Dev::start(&data);
    assert_eq!(dev.json("/applications"), Value::Array(Vec::new()));
}
