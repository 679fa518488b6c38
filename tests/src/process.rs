//! The `gennaker` program as a process that can be killed, paused and started again.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// A process, or the place of one that was killed.
pub struct Process {
    /// What it is called in this test.
    pub name: String,
    arguments: Vec<String>,
    log: PathBuf,
    running: Option<Running>,
}

struct Running {
    keeper: Child,
    /// The keeper kills the process when this closes, so that nothing is left of a test that was killed itself.
    leash: Option<ChildStdin>,
    pid: u32,
}

impl Process {
    /// Starts the program with these arguments; its output is added to a file in `folder`.
    ///
    /// # Panics
    /// When there is no program, or it cannot be started.
    pub fn start(name: &str, arguments: &[&str], folder: &Path) -> Self {
        let mut process = Self {
            name: name.to_owned(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            log: folder.join(format!("{name}.log")),
            running: None,
        };
        process.start_again();
        process
    }

    /// Starts it, unless it runs.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_again(&mut self) {
        if self.running.is_some() {
            return;
        }
        let mut keeper = Command::new("sh")
            .arg("-c")
            // Everything that the program says goes to the log; the keeper's own output is only the process id.
            .arg(r#"log=$1; shift; "$@" >>"$log" 2>&1 </dev/null & pid=$!; echo $pid; read end; kill -KILL $pid; wait $pid"#)
            .arg("keeper")
            .arg(&self.log)
            .arg(program())
            .args(&self.arguments)
            .env("GENNAKER_NATS_SERVER", gennaker_testkit::nats::find())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh can be started");
        let leash = keeper.stdin.take();
        let mut line = String::new();
        let output = keeper.stdout.take().expect("stdout is a pipe");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("the keeper says the process id");
        let pid = line.trim().parse().expect("the keeper says the process id");
        self.running = Some(Running { keeper, leash, pid });
    }

    /// Kills it at once (SIGKILL) and waits until it is gone.
    pub fn kill_9(&mut self) {
        self.running = None;
    }

    /// Stops its execution without closing anything (SIGSTOP).
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Whether it runs; false for one that ended by itself, too.
    pub fn is_running(&self) -> bool {
        let Some(running) = &self.running else {
            return false;
        };
        let status = fs::read_to_string(format!("/proc/{}/stat", running.pid)).unwrap_or_default();
        // A process that ended and was not waited for is still listed, as a zombie.
        status
            .rsplit_once(')')
            .is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
    }

    /// Everything that it has said so far, over all its starts.
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    fn signal(&self, name: &str) {
        if let Some(running) = &self.running {
            signal(running.pid, name);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A paused process does not die before it goes on, not even by SIGKILL on some systems.
        signal(self.pid, "CONT");
        self.leash = None;
        let _ = self.keeper.wait();
    }
}

/// The program under test: `GENNAKER_BIN`, else what `cargo build` made beside the test.
///
/// # Panics
/// When there is none.
pub fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("GENNAKER_BIN").filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        assert!(
            named.is_file(),
            "GENNAKER_BIN names {}, which is no file",
            named.display()
        );
        return named;
    }
    let own = std::env::current_exe().expect("a test has a path");
    // target/debug/deps/test-0123: the program is two folders up.
    let built = own.ancestors().nth(2).map(|folder| folder.join("gennaker"));
    built.filter(|built| built.is_file()).expect(
        "these tests run the real program and there is none: run `cargo build --bin gennaker` first, or name one in GENNAKER_BIN",
    )
}

fn signal(pid: u32, name: &str) {
    // A process that is gone needs no signal.
    let _ = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .stderr(Stdio::null())
        .status();
}
