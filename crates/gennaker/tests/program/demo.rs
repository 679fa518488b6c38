//! `gennaker dev --demo` without a terminal.

use std::path::Path;
use std::process::{Command, Output};

use gennaker_testkit::demo::World;

use crate::support::{gennaker, output, text};

/// A demo with this data folder, on any free port.
fn demo(data: &Path) -> Command {
    let data = data.to_str().unwrap();
    gennaker(&["dev", "--demo", "--data", data, "--listen", "127.0.0.1:0"])
}

/// What both outputs together must have, in this order within each.
fn assert_said(ended: &Output, out_lines: &[&str], err_lines: &[&str]) {
    let (out, err) = (text(&ended.stdout), text(&ended.stderr));
    assert!(ended.status.success(), "{}: {out}{err}", ended.status);
    for (said, wanted) in [(&out, out_lines), (&err, err_lines)] {
        let mut rest = said.as_str();
        for line in wanted {
            let found = rest.split_once(line);
            rest = found.unwrap_or_else(|| panic!("{line}: {out}\n{err}")).1;
        }
    }
    assert!(
        !err.contains('\u{1b}') && !err.contains("WARN") && !err.contains("ERROR"),
        "{err}"
    );
}

#[test]
fn the_demo_runs_to_its_end_and_says_where_to_look() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // The second run finds the documents and the executions of the first.
    for _ in 0..2 {
        let mut command = demo(&data);
        // A proxy is for the way out, never for this machine.
        command
            .envs([
                ("http_proxy", "http://127.0.0.1:1"),
                ("HTTP_PROXY", "http://127.0.0.1:1"),
            ])
            .env("TERM", "xterm")
            // A cluster that somebody works with is none for the demo.
            .env("KUBECONFIG", "/dev/null/kubeconfig");
        let ended = output(&mut command);
        assert_said(
            &ended,
            &[
                "Gennaker is ready at",
                "1. Commit ",
                "is pushed to acme/shop: GitHub sends a signed webhook",
                "2. That starts `release`",
                "waits for a person",
                "the judgement is `prod`",
                "SUCCEEDED  demo/release",
                "4. Prod runs the image that was tested",
                "5. The success of `release` starts `after-release`",
                "SUCCEEDED  demo/after-release",
                "Where to look next",
            ],
            &[
                "ok    Build",
                "ok    Deploy to test",
                "ok    Automatic check",
                "ok    Deploy to prod",
                "ok    Prod runs what was tested",
                "ok    Measure prod",
            ],
        );
    }
}

/// The same image for test and prod, the build's tag: a signed push, Jenkins, a real control plane, people, and a second pipeline.
#[test]
fn with_everything_beside_it_the_demo_shows_the_whole_chain() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::start(folder.path())).unwrap();
    let data = folder.path().join("data");
    for run in 1..=2 {
        let mut command = demo(&data);
        command
            .envs(world.environment())
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .env("http_proxy", "http://127.0.0.1:1");
        let ended = output(&mut command);
        let built = world.built();
        assert_eq!(built.len(), run, "one build for one push");
        let image = format!("registry.example.com/acme/shop:{}", built[run - 1]);
        assert_said(
            &ended,
            &[
                "GitHub sends a signed webhook",
                "2. That starts `release`. Jenkins builds",
                &format!("Test runs the tag {}, which Jenkins left", built[run - 1]),
                "mail to ops@example.com",
                &format!("Test runs shop {}", built[run - 1]),
                "Slack, channel #releases",
                "[ prod ]  [ rollback ]  [ Stop ]",
                "the judgement is `prod`",
                "SUCCEEDED  demo/release",
                &format!("test: {image}"),
                &format!("prod: {image}"),
                "SUCCEEDED  demo/after-release",
                &format!("shop {} is in prod", built[run - 1]),
                "Where to look next",
            ],
            &["ok    Build", "ok    Deploy to prod", "ok    Smoke test"],
        );
        for place in ["shop-test", "shop-prod"] {
            let live = world.cluster().get("deployment", "gennaker-demo", place);
            let pod = &live.unwrap()["spec"]["template"]["spec"];
            assert_eq!(pod["containers"][0]["image"], image.as_str(), "{place}");
        }
    }
}
