//! Documents in a bucket of S3: roles that keep them there, and an import from there.

use std::fs;
use std::path::Path;

use gennaker_testkit::{nats, s3};
use serde_json::{Value, json};

use crate::support::{
    Served, free_address, gennaker, output, request, text, try_request, wait_until,
};

const BUCKET: &str = "front50";

/// Settings for a broker; with documents in the bucket, or beside it for an import.
fn settings(folder: &Path, broker: &nats::Server, bucket: &s3::Server, more: &str) -> String {
    let (id, secret) = bucket.credentials();
    let secret_file = folder.join("secret");
    fs::write(&secret_file, format!("{secret}\n")).unwrap();
    format!(
        "[broker]\nurls = [\"{}\"]\nusername = \"{}\"\npassword = \"{}\"\npartitions = 3\n\
         [documents.s3]\nendpoint = \"{}\"\naccess_key_id = \"{id}\"\nsecret_access_key_file = \"{}\"\nregion = \"us-east-1\"\n{more}",
        broker.url(),
        broker.user(),
        broker.password(),
        bucket.endpoint(),
        secret_file.display()
    )
}

#[test]
fn what_is_saved_through_one_installation_is_imported_into_another() {
    let bucket = s3::Server::start();
    let broker = nats::Server::start_with("max_payload: 1MB");
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let config = folder.path().join("s3.toml");
    let more = format!(
        "bucket = \"{BUCKET}\"\n[documents]\nbackend = \"s3\"\n[gate]\nlisten = \"{address}\"\n"
    );
    fs::write(&config, settings(folder.path(), &broker, &bucket, &more)).unwrap();
    let served = Served::start(&config, "scheduler,worker,triggers,gate", &[]);
    let url = format!("http://{address}");
    served.wait_healthy(&url);
    let pipeline = json!({"application": "demo", "name": "deploy", "stages": [{"type": "wait", "refId": "1"}]});
    let (status, answer) = request(&url, "POST", "/pipelines", Some(&pipeline.to_string()));
    assert_eq!((status, answer.as_str()), (200, ""));
    let path = "/applications/demo/pipelineConfigs/deploy";
    // Readable at once, by name and in the list.
    let (status, stored) = request(&url, "GET", path, None);
    assert_eq!(status, 200, "{stored}");
    let stored: Value = serde_json::from_str(&stored).unwrap();
    let (_, listed) = request(&url, "GET", "/applications/demo/pipelineConfigs", None);
    assert!(listed.contains("\"deploy\""), "{listed}");
    let twin = json!({"application": "demo", "name": "Deploy"}).to_string();
    assert_eq!(request(&url, "POST", "/pipelines", Some(&twin)).0, 400);
    served.end();

    // Another installation, whose documents lie in its broker.
    let broker = nats::Server::start_with("max_payload: 1MB");
    let address = free_address();
    let config = folder.path().join("kv.toml");
    let more = format!("[gate]\nlisten = \"{address}\"\n");
    fs::write(&config, settings(folder.path(), &broker, &bucket, &more)).unwrap();
    let arguments = ["import", "spinnaker", "--bucket", BUCKET, "--config"];
    for sum in ["pipeline: 1 new", "pipeline: 1 the same"] {
        let mut command = gennaker(&arguments);
        let done = output(command.arg(&config));
        let told = text(&done.stderr);
        assert!(
            done.status.success() && told.lines().any(|line| line == sum),
            "{told}"
        );
        assert_eq!(text(&done.stdout), "exact       demo/deploy\n");
    }
    let gate = Served::start(&config, "gate", &[]);
    let url = format!("http://{address}");
    let mut imported = Value::Null;
    wait_until("the API shows the pipeline", || {
        match try_request(&url, "GET", path, None) {
            Ok((200, body)) => {
                imported = serde_json::from_str(&body).unwrap();
                true
            }
            Ok(_) | Err(_) => false,
        }
    });
    assert_eq!(imported, stored);
    gate.end();
}
