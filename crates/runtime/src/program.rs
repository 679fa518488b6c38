//! Programs of others, run so that they cannot do more than they should.
//!
//! Each runs with an environment that holds nothing but what is given, as the leader of a process group of its own, within
//! [`Limits`] on time, output, the folder that it works in and, on Linux, processor time, memory and the size of a file.
//! However the run ends, also when its future is dropped, the whole group is killed: a tool's children do not outlive it.
//!
//! This is no sandbox: a program may read what its user may read, and use the network. What must not be reached has to be
//! kept from the user that Gennaker runs as.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::{Instant, MissedTickBehavior};

/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// How much of what a program complains is kept: the end, because the cause stands there.
const COMPLAINT_BYTES_MAX: usize = 16 * 1024;

/// How much is read at once, at least.
const READ_BYTES: usize = 8 * 1024;

/// What a run may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest time.
    pub time: Duration,
    /// Longest standard output, in bytes.
    pub output_bytes_max: usize,
    /// Most bytes of the files below the folder.
    pub folder_bytes_max: u64,
    /// Most entries below the folder.
    pub folder_files_max: u64,
    /// Most memory for data, in bytes, for each process (Linux).
    pub memory_bytes_max: u64,
}

/// One run of a program.
#[derive(Clone, Debug)]
pub struct Program {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: PathBuf,
    watched: PathBuf,
    limits: Limits,
}

/// A program that ran to its end.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to its standard output.
    pub output: Vec<u8>,
    /// The end of what it wrote to its standard error.
    pub complaint: String,
}

/// A program that did not.
#[derive(Debug)]
pub enum ProgramError {
    /// It cannot be started.
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It took longer than it may.
    Time(Duration),
    /// It wrote more than it may, in bytes.
    Output(usize),
    /// Its folder holds more than it may.
    Folder(FolderTooLarge),
    /// It cannot be watched.
    Io(io::Error),
}

/// A folder that holds more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderTooLarge {
    /// More bytes than this.
    Bytes(u64),
    /// More entries than this.
    Files(u64),
}

impl Program {
    /// A run in `folder` with nothing in its environment but the `PATH` of this process.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, folder: impl Into<PathBuf>, limits: Limits) -> Self {
        let folder = folder.into();
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: vec![("PATH".into(), path)],
            watched: folder.clone(),
            folder,
            limits,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(|one| one.as_ref().to_owned());
        self.arguments.extend(arguments);
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let (name, value) = (name.as_ref().to_owned(), value.as_ref().to_owned());
        self.environment.push((name, value));
        self
    }

    /// Hands these variables of this process on, where they are set.
    #[must_use]
    pub fn inherit(mut self, names: &[&str]) -> Self {
        let set = names
            .iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?)));
        let set: Vec<_> = set.map(|(name, value)| ((*name).into(), value)).collect();
        self.environment.extend(set);
        self
    }

    /// Sets the folder whose size is limited, where it is not the one that the program starts in.
    #[must_use]
    pub fn watching(mut self, folder: impl Into<PathBuf>) -> Self {
        self.watched = folder.into();
        self
    }

    /// The arguments, for tests and messages.
    #[must_use]
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// Runs it to its end. When the future is dropped, everything that was started is killed.
    ///
    /// # Errors
    /// [`ProgramError`]. A program that ends with another code than 0 is none.
    pub async fn run(&self) -> Result<Finished, ProgramError> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| ProgramError::Start {
                program: self.program.clone(),
                source,
            })?;
        let group = Group::of(&child);
        group.limit(&self.limits);
        let (output, complaint) = (child.stdout.take(), child.stderr.take());
        let mut output = Kept::new(output, self.limits.output_bytes_max, Keep::Start);
        let mut complaint = Kept::new(complaint, COMPLAINT_BYTES_MAX, Keep::End);
        let deadline = Instant::now() + self.limits.time;
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut status = None;
        while status.is_none() || output.is_open() || complaint.is_open() {
            tokio::select! {
                ended = child.wait(), if status.is_none() => {
                    status = Some(ended.map_err(ProgramError::Io)?);
                    // What it left behind holds its output open.
                    group.kill();
                }
                read = output.read(), if output.is_open() => {
                    read.map_err(ProgramError::Io)?;
                    if output.is_over() {
                        return Err(ProgramError::Output(self.limits.output_bytes_max));
                    }
                }
                read = complaint.read(), if complaint.is_open() => read.map_err(ProgramError::Io)?,
                _ = look.tick() => self.look().await?,
                () = tokio::time::sleep_until(deadline) => {
                    return Err(ProgramError::Time(self.limits.time));
                }
            }
        }
        self.look().await?;
        let Some(status) = status else {
            return Err(ProgramError::Io(io::ErrorKind::Other.into()));
        };
        Ok(Finished {
            status,
            output: output.bytes,
            complaint: String::from_utf8_lossy(&complaint.bytes).into_owned(),
        })
    }

    async fn look(&self) -> Result<(), ProgramError> {
        let (folder, limits) = (self.watched.clone(), self.limits);
        let looked = tokio::task::spawn_blocking(move || {
            folder_within(&folder, limits.folder_bytes_max, limits.folder_files_max)
        });
        match looked.await {
            Ok(within) => within.map_err(ProgramError::Folder),
            Err(panicked) => Err(ProgramError::Io(io::Error::other(panicked))),
        }
    }
}

/// Whether the files below a folder stay within limits on their bytes and their number. Links are not followed; what
/// disappears meanwhile counts for nothing.
///
/// # Errors
/// The limit that does not hold.
pub fn folder_within(folder: &Path, bytes_max: u64, files_max: u64) -> Result<(), FolderTooLarge> {
    let (mut bytes, mut files) = (0_u64, 0_u64);
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            files += 1;
            if files > files_max {
                return Err(FolderTooLarge::Files(files_max));
            }
            let Ok(about) = entry.metadata() else {
                continue;
            };
            if about.is_dir() {
                open.push(entry.path());
            } else {
                bytes = bytes.saturating_add(about.len());
            }
            if bytes > bytes_max {
                return Err(FolderTooLarge::Bytes(bytes_max));
            }
        }
    }
    Ok(())
}

impl std::fmt::Display for FolderTooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(most) => write!(f, "its files have more than {} MiB", most >> 20),
            Self::Files(most) => write!(f, "it has more than {most} files"),
        }
    }
}

impl std::fmt::Display for ProgramError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start { program, .. } => write!(f, "{} cannot be started", program.display()),
            Self::Time(most) => write!(f, "it was not done within {} s", most.as_secs()),
            Self::Output(most) => write!(f, "it wrote more than {most} bytes"),
            Self::Folder(why) => write!(f, "it filled its folder: {why}"),
            Self::Io(_) => f.write_str("it cannot be watched"),
        }
    }
}

impl std::error::Error for ProgramError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start { source, .. } | Self::Io(source) => Some(source),
            Self::Time(_) | Self::Output(_) | Self::Folder(_) => None,
        }
    }
}

/// A process group that does not outlive this value.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    #[cfg(target_os = "linux")]
    fn limit(&self, limits: &Limits) {
        use rustix::process::{Resource, Rlimit, prlimit};

        // The time of all threads counts together.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let seconds = (limits.time.as_secs() + 1).saturating_mul(cores as u64);
        for (resource, most) in [
            (Resource::Cpu, seconds),
            (Resource::Fsize, limits.folder_bytes_max),
            (Resource::Data, limits.memory_bytes_max),
            (Resource::Core, 0),
        ] {
            let limit = Rlimit {
                current: Some(most),
                maximum: Some(most),
            };
            // It may have ended already; the limits on time and the folder hold without these.
            let _ = prlimit(self.0, resource, limit);
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn limit(&self, _limits: &Limits) {}

    fn kill(&self) {
        if let Some(leader) = self.0 {
            // Nobody is left in it: that is what is wanted.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Which part of a stream is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Start,
    End,
}

/// A stream that is read to its end, and what is kept of it.
struct Kept<S> {
    stream: Option<S>,
    bytes: Vec<u8>,
    bytes_max: usize,
    keep: Keep,
}

impl<S: AsyncRead + Unpin> Kept<S> {
    fn new(stream: Option<S>, bytes_max: usize, keep: Keep) -> Self {
        Self {
            stream,
            bytes: Vec::new(),
            bytes_max,
            keep,
        }
    }

    fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    fn is_over(&self) -> bool {
        self.bytes.len() > self.bytes_max
    }

    /// Reads what is there. Cancel-safe.
    async fn read(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        self.bytes.reserve(READ_BYTES);
        if stream.read_buf(&mut self.bytes).await? == 0 {
            self.stream = None;
        }
        if self.keep == Keep::End && self.is_over() {
            self.bytes.drain(..self.bytes.len() - self.bytes_max);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        time: Duration::from_secs(20),
        output_bytes_max: 1_000,
        folder_bytes_max: 100_000,
        folder_files_max: 5,
        memory_bytes_max: 1 << 30,
    };

    fn shell(folder: &Path, script: &str, limits: Limits) -> Program {
        Program::new("/bin/sh", folder, limits).args(["-c", script])
    }

    #[tokio::test]
    async fn runs_with_what_it_is_given_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let script = "pwd; echo $GIVEN; env | grep -c ^CARGO; echo oh >&2; exit 3";
        let run = shell(folder.path(), script, LIMITS).env("GIVEN", "this");
        let finished = run.run().await.unwrap();
        let real = folder.path().canonicalize().unwrap();
        let expected = format!("{}\nthis\n0\n", real.display());
        assert_eq!(String::from_utf8(finished.output).unwrap(), expected);
        assert_eq!(
            (finished.status.code(), finished.complaint.as_str()),
            (Some(3), "oh\n")
        );
    }

    #[tokio::test]
    async fn what_is_too_long_or_too_large_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let time = Duration::from_millis(200);
        let short = Limits { time, ..LIMITS };
        let ended = shell(folder.path(), "sleep 60 & sleep 60", short)
            .run()
            .await;
        assert!(matches!(ended, Err(ProgramError::Time(_))), "{ended:?}");
        let ended = shell(folder.path(), "yes", LIMITS).run().await;
        assert!(
            matches!(ended, Err(ProgramError::Output(1_000))),
            "{ended:?}"
        );
        let many = "for i in 1 2 3 4 5 6; do echo x >$i; done";
        let ended = shell(folder.path(), many, LIMITS).run().await.unwrap_err();
        assert_eq!(
            ended.to_string(),
            "it filled its folder: it has more than 5 files"
        );
        let large = tempfile::tempdir().unwrap();
        let script = "head -c 200000 /dev/zero >x; cat x >y; sleep 60";
        let ended = shell(large.path(), script, LIMITS).run().await.unwrap_err();
        assert!(
            matches!(ended, ProgramError::Folder(FolderTooLarge::Bytes(_))),
            "{ended:?}"
        );
        let missing = Program::new("/nobody/has/this", folder.path(), LIMITS)
            .run()
            .await;
        assert!(
            matches!(missing, Err(ProgramError::Start { .. })),
            "{missing:?}"
        );
    }

    #[tokio::test]
    async fn what_it_leaves_behind_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        // The one behind holds the output open for an hour, unless it is killed.
        let finished = shell(folder.path(), "sleep 3600 & echo $!", LIMITS)
            .run()
            .await;
        let left = String::from_utf8(finished.unwrap().output).unwrap();
        let left: i32 = left.trim().parse().unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while is_alive(left) {
            assert!(Instant::now() < until, "{left} lives");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_long_complaint_keeps_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let script =
            "i=0; while [ $i -lt 4000 ]; do echo 0123456789 >&2; i=$((i+1)); done; echo last >&2";
        let finished = shell(folder.path(), script, LIMITS).run().await.unwrap();
        assert!(finished.complaint.ends_with("last\n"));
        assert!(finished.complaint.len() <= COMPLAINT_BYTES_MAX);
    }

    fn is_alive(process: i32) -> bool {
        let state = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let state = state.rsplit(')').next().unwrap_or_default().trim_start();
        !state.is_empty() && !state.starts_with('Z')
    }
}
