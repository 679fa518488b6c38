//! `gennaker import spinnaker`: a thousand pipelines in Front50's layout, twice.

use std::fs;
use std::path::Path;

use gennaker_testkit::nats::Server;
use serde_json::json;

use crate::support::{Dev, Served, free_address, gennaker, output, text, try_request, wait_until};

const PIPELINES: usize = 1_000;

fn write(folder: &Path, path: &str, body: &str) {
    let file = folder.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, body).unwrap();
}

/// Ten applications with a hundred pipelines each, one in ten of a type that nobody knows, and two broken documents.
fn front50(folder: &Path) {
    for application in 0..10 {
        let name = format!("app{application}");
        let document =
            json!({"name": name.to_uppercase(), "email": "me@x.io", "updateTs": "1755600000000"});
        let path = format!("front50/applications/{name}/application-metadata.json");
        write(folder, &path, &document.to_string());
    }
    for number in 0..PIPELINES {
        let kind = if number % 10 == 0 { "madeUp" } else { "wait" };
        let stages: Vec<_> = (0..20)
            .map(|place| json!({"refId": place.to_string(), "type": kind, "name": "Some stage", "waitTime": 30}))
            .collect();
        let document = json!({"id": format!("id-{number}"), "application": format!("app{}", number % 10),
            "name": format!("pipeline {number}"), "index": number, "updateTs": "1755600000000", "lastModifiedBy": "ann",
            "stages": stages});
        let path = format!("front50/pipelines/id-{number}/pipeline-metadata.json");
        write(folder, &path, &document.to_string());
    }
    write(
        folder,
        "front50/pipelines/broken/pipeline-metadata.json",
        "{",
    );
    write(
        folder,
        "front50/pipelines/nameless/pipeline-metadata.json",
        "{}",
    );
    write(folder, "front50/snapshots/app1-k/snapshot.json", "{}");
    write(folder, "front50/plugins/demo-1.0.zip", "PK");
}

#[test]
fn a_thousand_pipelines_are_imported_once() {
    let broker = Server::start_with("max_payload: 1MB");
    let folder = tempfile::tempdir().unwrap();
    front50(folder.path());
    let address = free_address();
    let config = folder.path().join("gennaker.toml");
    let settings = format!(
        "[gate]\nlisten = \"{address}\"\n[broker]\nurls = [\"{}\"]\nusername = \"{}\"\npassword = \"{}\"\npartitions = 3\n",
        broker.url(),
        broker.user(),
        broker.password()
    );
    fs::write(&config, settings).unwrap();
    let import = |more: &[&str]| {
        let mut arguments = vec![
            "import",
            "spinnaker",
            "--dir",
            folder.path().to_str().unwrap(),
        ];
        arguments.extend(["--config", config.to_str().unwrap()]);
        arguments.extend(more);
        let done = output(&mut gennaker(&arguments));
        // What was refused shows in the exit code.
        assert_eq!(done.status.code(), Some(1), "{}", text(&done.stderr));
        (text(&done.stdout), text(&done.stderr))
    };
    for (more, sum, verb) in [
        (&["--dry-run"][..], "pipeline: 1000 new", "looked at"),
        (&[], "pipeline: 1000 new", "imported"),
        (&[], "pipeline: 1000 the same", "imported"),
        (&["--dry-run"], "pipeline: 1000 the same", "looked at"),
    ] {
        let (lines, told) = import(more);
        assert!(told.lines().any(|line| line == sum), "{told}");
        assert!(
            told.contains("pipelines: 900 exact, 0 adapted, 100 unsupported"),
            "{told}"
        );
        assert!(told.contains("not taken over: plugins"), "{told}");
        let last = told.lines().last().unwrap();
        assert!(
            last.starts_with(&format!("{verb} 1011 documents in "))
                && last.ends_with(", refused 2")
        );
        println!("{sum}: {last}");
        assert_eq!(lines.lines().count(), PIPELINES + 2);
        let odd = "unsupported app0/pipeline 0: stage \"Some stage\" is of the type madeUp, which is not there yet";
        assert!(lines.lines().next().unwrap().starts_with(odd), "{lines}");
        assert!(lines.contains("refused     pipelines/nameless/"), "{lines}");
    }
    // What was imported is what the API shows.
    let gate = Served::start(&config, "gate", &[]);
    let url = format!("http://{address}");
    let path = "/applications/APP3/pipelineConfigs/pipeline%203";
    let mut stored = serde_json::Value::Null;
    wait_until("the API shows a pipeline", || {
        match try_request(&url, "GET", path, None) {
            Ok((200, body)) => {
                stored = serde_json::from_str(&body).unwrap();
                true
            }
            Ok(_) | Err(_) => false,
        }
    });
    assert_eq!(
        (&stored["id"], &stored["lastModifiedBy"]),
        (&json!("id-3"), &json!("ann"))
    );
    gate.end();
}

#[test]
fn what_cannot_be_read_is_said() {
    let broker = Server::start_with("max_payload: 1MB");
    let folder = tempfile::tempdir().unwrap();
    let mut command = gennaker(&["import", "spinnaker", "--dir", "/nonexistent"]);
    command
        .env("GENNAKER_BROKER__URLS", format!("[\"{}\"]", broker.url()))
        .env("GENNAKER_BROKER__USERNAME", broker.user())
        .env("GENNAKER_BROKER__PASSWORD", broker.password())
        .current_dir(folder.path());
    let done = output(&mut command);
    assert_ne!(done.status.code(), Some(0));
    let told = text(&done.stderr);
    assert!(told.contains("failed to read /nonexistent"), "{told}");
    assert!(
        told.contains("importing /nonexistent, into the broker at nats://"),
        "{told}"
    );
    let neither = output(&mut gennaker(&["import", "spinnaker"]));
    assert_eq!(neither.status.code(), Some(2), "{}", text(&neither.stderr));
}

#[test]
fn a_running_dev_can_be_imported_into() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = json!({"id": "one", "application": "demo", "name": "first", "stages": [{"type": "madeUp"}]});
    let path = "front50/pipelines/one/pipeline-metadata.json";
    write(folder.path(), path, &pipeline.to_string());
    let mut dev = Dev::start(&folder.path().join("data"));
    let settings = dev.data.join("settings.toml");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&settings).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let arguments = [
        "import",
        "spinnaker",
        "--dir",
        folder.path().to_str().unwrap(),
        "--config",
        settings.to_str().unwrap(),
    ];
    let done = output(&mut gennaker(&arguments));
    let told = text(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{told}");
    assert!(
        told.contains("\n      1 x stage … is of the type madeUp, which is not there yet\n"),
        "{told}"
    );
    wait_until("the API shows it", || {
        dev.get("/applications/demo/pipelineConfigs/first").0 == 200
    });
    dev.end_by("TERM");
    assert!(!settings.exists());
}
