//! The `gennaker` program as a process that can be killed, paused and started again.

use std::fs;
use std::path::{Path, PathBuf};

use gennaker_broker::Signal;
use gennaker_testkit::leash::Leashed;

/// A process, or the place of one that was killed.
pub struct Process {
    /// What it is called in this test.
    pub name: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    running: Option<Leashed>,
}

impl Process {
    /// Starts the program with these arguments; its output is added to a file in `folder`.
    ///
    /// # Panics
    /// When there is no program, or it cannot be started.
    pub fn start(name: &str, arguments: &[&str], folder: &Path) -> Self {
        Self::start_with(name, arguments, &[], folder)
    }

    /// The same, with environment variables.
    ///
    /// # Panics
    /// As [`Process::start`].
    pub fn start_with(
        name: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
        folder: &Path,
    ) -> Self {
        let mut process = Self {
            name: name.to_owned(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            environment: environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
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
        let server = gennaker_testkit::nats::find();
        let named = self
            .environment
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()));
        let environment = named.chain([("GENNAKER_NATS_SERVER".as_ref(), server.as_os_str())]);
        let running = Leashed::start(&program(), &self.arguments, environment, &self.log);
        self.running = Some(running);
    }

    /// Kills it at once (SIGKILL) and waits until it is gone.
    pub fn kill_9(&mut self) {
        self.running = None;
    }

    /// Stops its execution without closing anything (SIGSTOP).
    pub fn pause(&self) {
        self.signal(Signal::Stop);
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::Continue);
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn end(&mut self) {
        if let Some(running) = self.running.take() {
            running.end();
        }
    }

    /// Its process id.
    ///
    /// # Panics
    /// When it was killed.
    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("it was started").pid()
    }

    /// Whether it runs; false for one that ended by itself, too.
    pub fn is_running(&self) -> bool {
        self.running.as_ref().is_some_and(Leashed::is_running)
    }

    /// Everything that it has said so far, over all its starts.
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    fn signal(&self, what: Signal) {
        if let Some(running) = &self.running {
            running.signal(what);
        }
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
