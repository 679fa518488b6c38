//! The client verbs, and the program as `spin`.

use std::process::Command;

use crate::support::{Dev, gennaker, output, text};

#[test]
fn without_a_server_the_code_is_nine_and_the_way_out_is_said() {
    let ended = output(&mut gennaker(&["ls", "--server", "http://127.0.0.1:1"]));
    assert_eq!(ended.status.code(), Some(9));
    assert!(
        text(&ended.stderr).contains("gennaker dev"),
        "{}",
        text(&ended.stderr)
    );
}

#[test]
fn own_words_and_the_clients_stand_in_one_help() {
    let help = text(&output(&mut gennaker(&["--help"])).stdout);
    for verb in [
        "dev",
        "serve",
        "config",
        "run",
        "watch",
        "judge",
        "application",
        "pipeline",
        "lint",
    ] {
        assert!(help.contains(&format!("\n  {verb} ")), "{verb}: {help}");
    }
    assert!(!help.contains("keeper"), "{help}");
    let version = text(&output(&mut gennaker(&["--version"])).stdout);
    assert_eq!(version, format!("gennaker {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(output(&mut gennaker(&["lsx"])).status.code(), Some(2));
}

#[test]
fn linked_as_spin_it_is_spin() {
    let folder = tempfile::tempdir().unwrap();
    let spin = folder.path().join("spin");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_gennaker"), &spin).unwrap();
    let dev = Dev::start(&folder.path().join("data"));
    let mut command = Command::new(&spin);
    command
        .args(["application", "list", "--gate-endpoint", &dev.url])
        .env("HOME", folder.path());
    let ended = output(&mut command);
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    assert_eq!(text(&ended.stdout).trim(), "[]");
}

#[test]
fn what_operators_configure_is_printed() {
    let schema = output(&mut gennaker(&["config", "schema"])).stdout;
    let schema: serde_json::Value = serde_json::from_slice(&schema).unwrap();
    assert!(schema["properties"]["broker"].is_object());
    let streams: serde_json::Value =
        serde_json::from_slice(&output(&mut gennaker(&["config", "streams"])).stdout).unwrap();
    assert!(streams.to_string().contains("GK_LOG_0"));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gennaker.toml");
    std::fs::write(&file, output(&mut gennaker(&["config", "example"])).stdout).unwrap();
    let file = file.to_str().unwrap();
    assert!(
        output(&mut gennaker(&["config", "check", file]))
            .status
            .success()
    );
    std::fs::write(file, "[broker]\nreplicas = 2\n").unwrap();
    let ended = output(&mut gennaker(&["config", "check", file]));
    assert_eq!(ended.status.code(), Some(2));
    assert!(
        text(&ended.stderr).contains("broker.replicas is 2"),
        "{}",
        text(&ended.stderr)
    );
}
