//! `gennaker dev --demo` without a terminal.

use crate::support::{gennaker, output, text};

#[test]
fn the_demo_runs_to_its_end_and_says_where_to_look() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // The second run finds the documents and the executions of the first.
    for _ in 0..2 {
        let mut command = gennaker(&[
            "dev",
            "--demo",
            "--data",
            data.to_str().unwrap(),
            "--listen",
            "127.0.0.1:0",
        ]);
        // A proxy is for the way out, never for this machine.
        command
            .envs([
                ("http_proxy", "http://127.0.0.1:1"),
                ("HTTP_PROXY", "http://127.0.0.1:1"),
            ])
            .env("TERM", "xterm");
        let ended = output(&mut command);
        let (out, err) = (text(&ended.stdout), text(&ended.stderr));
        assert!(ended.status.success(), "{}: {out}{err}", ended.status);
        for wanted in [
            "Gennaker is ready at",
            "SUCCEEDED  demo/release",
            "finished in",
            "Where to look next",
        ] {
            assert!(out.contains(wanted), "{wanted}: {out}{err}");
        }
        // One line for each change, both branches among them.
        for wanted in [
            "ok    Deploy to test",
            "ok    Automatic check",
            "ok    Deploy to prod",
            "stop  If rollback",
        ] {
            assert!(err.contains(wanted), "{wanted}: {err}");
        }
        assert!(
            !err.contains('\u{1b}') && !err.contains("WARN") && !err.contains("ERROR"),
            "{err}"
        );
    }
}
