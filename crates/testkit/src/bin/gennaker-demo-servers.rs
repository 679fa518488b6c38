//! `gennaker-demo-servers`: what stands beside Gennaker in `cargo xtask demo --kubernetes`.
//!
//! Prints one line when all of it runs: the environment that Gennaker needs, as a JSON object. It ends with the process that has
//! started it, however that ends, and leaves nothing behind. Ctrl-C on the terminal is for that process.
#![expect(clippy::print_stderr, reason = "a program's words about what failed")]

use std::io::Write as _;
use std::os::unix::process::parent_id;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use gennaker_testkit::demo::World;
use gennaker_testkit::leash::Broom;
use serde_json::json;

/// How often it is looked whether there is a parent. No system but Linux tells a process about the end of its parent.
const LOOK_EVERY: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    // Before anything that takes time: an end in the meantime would be missed.
    let parent = parent_id();
    let folder = tempfile::Builder::new()
        .prefix("gennaker-demo-")
        .tempdir()
        .map(tempfile::TempDir::keep);
    let folder = match folder {
        Ok(folder) => folder,
        Err(error) => return failed(&format!("no temporary folder can be made: {error}")),
    };
    // Removes the folder when this process is gone, and with it those who write there.
    let _broom = Broom::for_folder(&folder);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("the operating system gives no threads: {error}")),
    };
    let ended = runtime.block_on(async {
        tokio::select! {
            biased;
            () = orphaned(parent) => Ok(()),
            ended = run(&folder) => ended,
        }
    });
    // A start that is under way is not waited for.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => failed(&problem),
    }
}

/// Starts everything, says so, and keeps it.
async fn run(folder: &Path) -> Result<(), String> {
    let world = World::start(folder).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", json!(world.environment()))
        .and_then(|()| out.flush())
        .map_err(|error| format!("nobody reads what is said: {error}"))?;
    std::future::pending().await
}

async fn orphaned(parent: u32) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    while parent_id() == parent {
        look.tick().await;
    }
}

fn failed(problem: &str) -> ExitCode {
    eprintln!("error: {problem}");
    ExitCode::FAILURE
}
