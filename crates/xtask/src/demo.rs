//! `cargo xtask demo`: from a fresh clone to pipelines that run, in one command.
//!
//! The last step replaces this process by `gennaker dev --demo`, so that terminal, signals and exit code are those of
//! the program itself, with nobody between it and the person. What stands beside it with `--kubernetes` is a child of this process
//! and so of that program, and ends with it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{console, process, tools};

/// The cluster, the Jenkins, the mail server and the Slack of the demo.
const SERVERS: &str = "gennaker-demo-servers";

/// Gets the tools, builds the programs, runs them. Does not return when the program could be started.
///
/// With `kubernetes` the pipelines work with a control plane, a Jenkins, a mail server and a Slack that are started for them.
/// `arguments` go to `gennaker dev`; an address is chosen here only where they name none.
pub(crate) fn run(kubernetes: bool, arguments: &[String]) -> Result<ExitCode> {
    if kubernetes && names(arguments, "--kubeconfig") {
        bail!("--kubernetes starts a cluster of its own: leave out either it or --kubeconfig");
    }
    let nats_server = tools::ensure_nats_server()?;
    let kube = kubernetes.then(tools::ensure_kube).transpose()?;

    console::note("building gennaker (about 4 minutes the first time, seconds after that)");
    let started = Instant::now();
    let program = process::build_binary("gennaker", &[])?;
    let servers = kubernetes.then(|| process::build_binary(SERVERS, &[]));
    let servers = servers.transpose()?;
    console::note(&format!(
        "built gennaker in {}",
        console::elapsed(started.elapsed())
    ));

    let mut command = Command::new(program);
    command
        .args(["dev", "--demo"])
        .env("GENNAKER_NATS_SERVER", nats_server);
    if let Some((servers, kube)) = servers.zip(kube) {
        command.envs(start(Command::new(servers).env("GENNAKER_KUBE", kube))?);
    }
    if !names(arguments, "--listen") {
        // Port 0: a free one. The demo shall run beside whatever already runs here; it prints where it listens.
        command.args(["--listen", "127.0.0.1:0"]);
    }
    become_program(command.args(arguments))
}

/// Starts the servers and waits until they run; what they want to have in the environment of `gennaker`.
fn start(command: &mut Command) -> Result<BTreeMap<String, String>> {
    console::note(
        "starting a Kubernetes control plane with simulated nodes, and stand-ins for Jenkins, a mail server and Slack \
         (about 6 seconds)",
    );
    let started = Instant::now();
    own_group(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("failed to start {SERVERS}"))?;
    let output = child.stdout.take().context("the output is not a pipe")?;
    let mut line = String::new();
    BufReader::new(output)
        .read_line(&mut line)
        .with_context(|| format!("failed to read what {SERVERS} says"))?;
    if line.is_empty() {
        let status = child.wait().context("failed to wait for it")?;
        bail!("{SERVERS} did not start ({status}); what it said is above");
    }
    console::note(&format!(
        "started them in {}; they end with the demo",
        console::elapsed(started.elapsed())
    ));
    serde_json::from_str(&line).with_context(|| format!("{SERVERS} says nothing usable: {line}"))
}

fn names(arguments: &[String], option: &str) -> bool {
    arguments.iter().any(|word| {
        word == option
            || word
                .strip_prefix(option)
                .is_some_and(|rest| rest.starts_with('='))
    })
}

/// A Ctrl-C on the terminal is for the demo, whose end these servers wait for.
#[cfg(unix)]
fn own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn own_group(_: &mut Command) {}

#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    bail!(
        "failed to start {}: {error}",
        command.get_program().display()
    )
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result<ExitCode> {
    process::run(command)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_options_are_recognised() {
        let words = [
            "--listen=127.0.0.1:1".to_owned(),
            "--data".to_owned(),
            "x".to_owned(),
            "--database".to_owned(),
        ];
        assert!(names(&words, "--listen"));
        assert!(names(&words, "--data"));
        assert!(!names(&words[3..], "--data"));
    }

    #[test]
    fn what_the_servers_say_is_handed_on() {
        let environment = start(Command::new("echo").arg(r#"{"A": "1"}"#)).unwrap();
        assert_eq!(
            environment,
            BTreeMap::from([("A".to_owned(), "1".to_owned())])
        );
        let silent = start(&mut Command::new("false")).unwrap_err();
        assert!(silent.to_string().contains("did not start"), "{silent}");
    }

    #[test]
    fn one_cluster_is_enough() {
        let words = ["--kubeconfig=x".to_owned()];
        let refused = run(true, &words).unwrap_err();
        assert!(refused.to_string().contains("leave out"), "{refused}");
    }
}
