//! `gennaker-with-cluster PROGRAM ARGUMENTS…`: runs a program beside a control plane of its own, whose kubeconfig is in its environment
//! as `KUBECONFIG`. The control plane ends with it.
#![expect(clippy::print_stderr, reason = "a program's words about what it does")]

use std::env;
use std::process::ExitCode;

use gennaker_testkit::kube::Cluster;
use tokio::process::Command;

fn main() -> ExitCode {
    let mut words = env::args_os().skip(1);
    let Some(program) = words.next() else {
        eprintln!("usage: gennaker-with-cluster PROGRAM ARGUMENTS…");
        return ExitCode::from(2);
    };
    eprintln!("starting a Kubernetes control plane with simulated nodes (about 5 seconds)");
    let cluster = Cluster::start();
    let mut command = Command::new(&program);
    command.args(words).env("KUBECONFIG", cluster.kubeconfig());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = runtime.and_then(|runtime| runtime.block_on(run(command)));
    drop(cluster);
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {} cannot be run: {error}", program.display());
            ExitCode::FAILURE
        }
    }
}

/// Waits for the program; Ctrl-C is for it.
async fn run(mut command: Command) -> std::io::Result<u8> {
    let mut child = command.spawn()?;
    loop {
        tokio::select! {
            status = child.wait() => {
                let code = status?.code();
                return Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1));
            }
            asked = tokio::signal::ctrl_c() => asked?,
        }
    }
}
