//! Command lines: the program's own verbs; and `spin`, which is this program under that name, or another one that
//! `GENNAKER_SPIN` names, such as the original.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::process::program;

/// A command line with a home folder of its own, for one server.
pub struct Client {
    program: PathBuf,
    home: TempDir,
    address: SocketAddr,
}

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Exit code.
    pub code: Option<i32>,
    /// Standard output, without the blank lines at its end.
    pub out: String,
    /// Error output, likewise.
    pub err: String,
}

impl Client {
    /// `spin`, for the server at this address.
    ///
    /// # Panics
    /// When there is no program, or no folder can be made.
    pub fn spin(address: SocketAddr) -> Self {
        let home = home();
        let program = match std::env::var_os("GENNAKER_SPIN").filter(|named| !named.is_empty()) {
            Some(named) => PathBuf::from(named),
            None => {
                let spin = home.path().join("spin");
                std::os::unix::fs::symlink(program(), &spin).expect("a link can be made");
                spin
            }
        };
        Self {
            program,
            home,
            address,
        }
    }

    /// The program's own verbs.
    ///
    /// # Panics
    /// As [`Client::spin`].
    pub fn gennaker(address: SocketAddr) -> Self {
        Self {
            program: program(),
            home: home(),
            address,
        }
    }

    /// Whether it is this program.
    pub fn is_ours(&self) -> bool {
        self.program.starts_with(self.home.path())
    }

    /// Writes a file for a command; its path.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn file(&self, name: &str, content: &str) -> String {
        let path = self.home.path().join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("a folder can be made in our own");
        }
        std::fs::write(&path, content).expect("a file can be written in our own folder");
        path.to_str()
            .expect("a temporary folder has a plain name")
            .to_owned()
    }

    /// Its home folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs a command with this standard input.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn run(&self, arguments: &[&str], input: &str) -> Ended {
        // The original colours its output unless it is told that "no colour" is false.
        let mut child = Command::new(&self.program)
            .args(arguments)
            .args([
                "--no-color=false",
                "--gate-endpoint",
                &format!("http://{}", self.address),
            ])
            .env("HOME", self.home.path())
            .env_remove("GENNAKER_URL")
            .env_remove("XDG_STATE_HOME")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        // A command that does not read its input may be gone before it is written.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let ended = child.wait_with_output().expect("the program ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        Ended {
            code: ended.status.code(),
            out: text(&ended.stdout),
            err: text(&ended.stderr),
        }
    }

    /// Runs a command that must succeed; its standard output.
    ///
    /// # Panics
    /// When it fails.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments, "");
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.out
    }

    /// Runs a command that must fail with code 1 and print nothing but an error; the error.
    ///
    /// # Panics
    /// When it does not.
    pub fn fails(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments, "");
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (Some(1), ""),
            "{arguments:?}: {ended:?}"
        );
        ended.err
    }
}

fn home() -> TempDir {
    tempfile::Builder::new()
        .prefix("gennaker-test-")
        .tempdir()
        .expect("a folder can be made")
}
