//! The broker's configuration that is shipped for operators: nats-server takes it as it is.

use std::path::Path;
use std::process::Command;

use gennaker_testkit::certificates::{Authority, Valid};

use crate::support::{output, text};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../nats");

/// Lets nats-server read a configuration file, and no more.
fn check(folder: &Path, file: &str) {
    let mut command = Command::new(gennaker_testkit::nats::find());
    command.args(["-t", "-c", file]).current_dir(folder);
    for user in ["", "_SYSTEM", "_SCHEDULER", "_TRIGGERS", "_GATE"] {
        command.env(format!("GENNAKER_NATS{user}_PASSWORD"), "secret");
    }
    for pool in ["DEPLOY", "JENKINS", "CANARY", "NOTIFY"] {
        command.env(format!("GENNAKER_NATS_WORKER_{pool}_PASSWORD"), "secret");
    }
    let ended = output(&mut command);
    assert!(
        ended.status.success(),
        "{file}: {}{}",
        text(&ended.stdout),
        text(&ended.stderr)
    );
}

#[test]
fn the_server_takes_the_shipped_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut main = Vec::new();
    for entry in std::fs::read_dir(SHIPPED).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".conf") {
            std::fs::copy(&path, folder.join(&name)).unwrap();
            // The others are included by these.
            if name == "dev.conf" || name.starts_with("cluster-") {
                main.push(name);
            }
        }
    }
    assert_eq!(main.len(), 4, "{main:?}");
    let tls = folder.join("tls");
    std::fs::create_dir(&tls).unwrap();
    let authority = Authority::new("ca");
    authority.write(&tls);
    authority.issue(&tls, "server", &["gk-a"], Valid::Now);
    for name in &main {
        check(folder, name);
    }
    // With a user for each role, as the comment in them says.
    for name in ["dev.conf", "cluster.conf"] {
        let file = folder.join(name);
        let one_user = std::fs::read_to_string(&file).unwrap();
        let roles = one_user
            .replace(
                "    users: [ { user: gennaker,",
                "    # users: [ { user: gennaker,",
            )
            .replace("# include ./users.conf", "include ./users.conf");
        assert_ne!(roles, one_user);
        std::fs::write(&file, roles).unwrap();
    }
    for name in &main {
        check(folder, name);
    }
}
