//! Processes that end with the test, however the test ends.
//!
//! Each is the child of a small keeper shell, which reads from a pipe that the test holds: when the pipe closes, because the
//! value was dropped or the test was killed, the shell kills the process. Keeper and process stand in a group of their own, so that a
//! Ctrl-C on the terminal does not take the keeper away first.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use gennaker_broker::{Signal, signal};

/// Longest wait for the end of a process that was asked to end.
const END_DEADLINE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// Everything that the process says goes to the log; the keeper's own output is only the process id. It waits for a word, or for
/// the end of the pipe, whoever closes it, and then ends the process.
const KEEPER: &str = r#"
log=$1; shift
"$@" >>"$log" 2>&1 </dev/null & pid=$!
echo $pid
how=KILL; read how
kill -${how:-KILL} $pid
wait $pid
"#;

/// What removes a folder: it waits for the end of the pipe, and tries until those who wrote there are gone, too.
const BROOM: &str = r#"
read end
for try in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" 2>/dev/null && exit; sleep 1; done
"#;

/// A folder that is removed when the program ends, however it ends. For values that live in a static, which are never dropped, and for
/// programs that may be killed.
pub struct Broom {
    _keeper: Child,
}

impl Broom {
    /// Has a folder removed at the end of this process.
    ///
    /// # Panics
    /// When there is no shell.
    pub fn for_folder(folder: &Path) -> Self {
        let keeper = Command::new("sh")
            .args(["-c", BROOM, "broom"])
            .arg(folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh can be started");
        Self { _keeper: keeper }
    }
}

/// A process that is killed (SIGKILL) with this value.
pub struct Leashed {
    keeper: Child,
    leash: Option<ChildStdin>,
    pid: u32,
}

impl Leashed {
    /// Starts a program; its output is added to the file `log`.
    ///
    /// # Panics
    /// When there is no shell, or it does not say that the program was started.
    pub fn start<A: AsRef<OsStr>, E: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        environment: impl IntoIterator<Item = (E, E)>,
        log: &Path,
    ) -> Self {
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(log)
            .arg(program)
            .args(arguments)
            .envs(environment)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh can be started");
        let leash = keeper.stdin.take();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().expect("stdout is a pipe"))
            .read_line(&mut line)
            .expect("the keeper says the process id");
        let pid = line.trim().parse().expect("the keeper says the process id");
        Self { keeper, leash, pid }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends it a signal.
    pub fn signal(&self, what: Signal) {
        // A process that is gone needs none.
        signal(self.pid, what);
    }

    /// Whether it runs; false for one that ended by itself, too.
    pub fn is_running(&self) -> bool {
        lives(self.pid)
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn end(mut self) {
        if let Some(leash) = self.leash.as_mut() {
            leash.write_all(b"TERM\n").expect("the keeper listens");
        }
        let until = Instant::now() + END_DEADLINE;
        while !matches!(self.keeper.try_wait(), Ok(Some(_))) {
            assert!(
                Instant::now() < until,
                "the process {} does not end within {END_DEADLINE:?}",
                self.pid
            );
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        // One that stands still does not die before it goes on, not even by SIGKILL on some systems.
        self.signal(Signal::Continue);
        self.leash = None;
        // It has nothing else to do than to kill the process and wait for its end.
        let _ = self.keeper.wait();
    }
}

/// Whether a process runs; one that ended and that nobody asked about does not.
///
/// # Panics
/// When there is no `ps`.
pub fn lives(pid: u32) -> bool {
    let state = Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .expect("ps can be started");
    let state = String::from_utf8_lossy(&state.stdout);
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}
