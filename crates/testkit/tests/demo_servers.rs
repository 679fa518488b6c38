//! The servers of the demo end with whoever started them, and leave nothing behind.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gennaker_testkit::kube::programs;
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(60);

/// Starts them as `cargo xtask demo` does: from a process that is not us, on a terminal's group of its own. Their folder is below
/// this one.
fn start(folder: &Path) -> Child {
    Command::new("sh")
        .args(["-c", "set -m; \"$0\" & wait"])
        .arg(env!("CARGO_BIN_EXE_gennaker-demo-servers"))
        .env("TMPDIR", folder)
        .env("GENNAKER_KUBE", programs())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills the process that has started them.
fn kill(mut parent: Child) {
    parent.kill().unwrap();
    parent.wait().unwrap();
}

/// Waits until no process has the folder in its command line, and the folder is empty.
fn wait_until_nothing_is_left(folder: &Path) {
    let until = Instant::now() + DEADLINE;
    loop {
        let processes = Command::new("ps").args(["-eo", "args"]).output().unwrap();
        let processes = String::from_utf8_lossy(&processes.stdout).into_owned();
        let name = folder.to_str().unwrap();
        let running: Vec<&str> = processes.lines().filter(|it| it.contains(name)).collect();
        let files = std::fs::read_dir(folder).unwrap().count();
        if running.is_empty() && files == 0 {
            return;
        }
        assert!(
            Instant::now() < until,
            "{files} folders are left, and {running:#?}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn nothing_is_left_when_their_parent_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut parent = start(folder.path());
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let environment: Value = serde_json::from_str(&line).unwrap();
    let kubeconfig = environment["KUBECONFIG"].as_str().unwrap();
    assert!(Path::new(kubeconfig).is_file());
    kill(parent);
    wait_until_nothing_is_left(folder.path());
}

#[test]
fn nothing_is_left_of_a_start_that_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let parent = start(folder.path());
    let until = Instant::now() + DEADLINE;
    // The first file of the first server's store.
    let has_begun = || {
        let below = std::fs::read_dir(folder.path()).unwrap().flatten();
        below
            .flat_map(|entry| std::fs::read_dir(entry.path()).unwrap().flatten())
            .any(|cluster| cluster.path().join("etcd").exists())
    };
    while !has_begun() {
        assert!(Instant::now() < until, "the start does not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    kill(parent);
    wait_until_nothing_is_left(folder.path());
}
