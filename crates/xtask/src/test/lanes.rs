//! Test programs, several at a time: most of what the long ones do is wait, for a lease to end or for a pod to become ready.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::report::Outcome;
use super::results::{Counts, failed_test};
use crate::console;

/// A program that takes longer hangs: the longest takes five minutes.
const LIMIT: Duration = Duration::from_mins(20);

/// A program that runs tests, and prints them as Rust's test programs do.
pub(super) struct Job {
    /// As cargo names it: `gennaker-engine tests/properties.rs`.
    pub(super) name: String,
    pub(super) command: Command,
}

/// What came of a job.
struct Ended {
    name: String,
    output: Vec<u8>,
    time: Duration,
    /// How it ended, or why it never ran or was stopped.
    status: Result<ExitStatus>,
}

enum Event {
    Started(String),
    Ended(Ended),
}

/// Runs the jobs in their order, `lanes` of them at a time. Says which one starts, prints the whole output of each when it has ended, and
/// names at last what failed.
pub(super) fn run(jobs: Vec<Job>, lanes: usize, to: &mut impl Write) -> Result<Outcome> {
    let waiting = Mutex::new(VecDeque::from(jobs));
    let mut summary = Summary::default();
    thread::scope(|scope| {
        let (events, told) = mpsc::channel();
        for _ in 0..lanes.max(1) {
            let events = events.clone();
            scope.spawn(|| run_lane(&waiting, events));
        }
        // The channel ends with the last lane.
        drop(events);
        told.into_iter().try_for_each(|event| match event {
            Event::Started(name) => writeln!(to, "     Running {name}"),
            Event::Ended(ended) => {
                print(&ended, to)?;
                summary.add(&ended);
                Ok(())
            }
        })
    })
    .context("failed to print the output of the tests")?;
    summary.outcome()
}

fn run_lane(waiting: &Mutex<VecDeque<Job>>, events: Sender<Event>) {
    // A statement of its own: the queue is free while the job runs.
    let next = || {
        let mut jobs = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.pop_front()
    };
    while let Some(job) = next() {
        // Nobody listens any more if the output cannot be printed; then the lane ends.
        if events.send(Event::Started(job.name.clone())).is_err()
            || events.send(Event::Ended(job.run(LIMIT))).is_err()
        {
            return;
        }
    }
}

impl Job {
    fn run(self, limit: Duration) -> Ended {
        let started = Instant::now();
        let mut output = Vec::new();
        let status = run_into(self.command, limit, &mut output);
        Ended {
            name: self.name,
            output,
            time: started.elapsed(),
            status,
        }
    }
}

/// Output goes to a file and not to a pipe: a server that a crashed test left behind would hold a pipe open.
fn run_into(mut command: Command, limit: Duration, output: &mut Vec<u8>) -> Result<ExitStatus> {
    let mut file = tempfile::tempfile().context("failed to make a file for the output")?;
    let copy = |file: &File| file.try_clone().context("failed to share a file");
    command
        .stdin(Stdio::null())
        .stdout(copy(&file)?)
        .stderr(copy(&file)?);
    let mut child = command.spawn().context("failed to start")?;
    let status = wait(&mut child, limit);
    file.rewind()
        .and_then(|()| file.read_to_end(output))
        .context("failed to read the output back")?;
    status
}

fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().context("failed to wait")? {
            return Ok(status);
        }
        if Instant::now() >= end {
            child.kill().context("failed to kill it")?;
            child.wait().context("failed to wait")?;
            bail!("killed after {}", console::elapsed(limit));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn print(ended: &Ended, to: &mut impl Write) -> io::Result<()> {
    writeln!(
        to,
        "\n     Ended {} ({})",
        ended.name,
        console::elapsed(ended.time)
    )?;
    to.write_all(&ended.output)?;
    to.flush()
}

/// The numbers of all jobs, and what is to be said at the end.
#[derive(Default)]
struct Summary {
    counts: Counts,
    problems: Vec<String>,
}

impl Summary {
    fn add(&mut self, ended: &Ended) {
        let mut counts = Counts::default();
        for line in String::from_utf8_lossy(&ended.output).lines() {
            counts.add(Counts::in_line(line).unwrap_or_default());
            if let Some(test) = failed_test(line) {
                self.problems.push(format!("{}: {test}", ended.name));
            }
        }
        // A program that crashes prints no result.
        match &ended.status {
            Ok(status) if status.success() || counts.failed > 0 => {}
            Ok(status) => self.problems.push(format!("{}: {status}", ended.name)),
            Err(error) => self.problems.push(format!("{}: {error:#}", ended.name)),
        }
        self.counts.add(counts);
    }

    fn outcome(self) -> Result<Outcome> {
        let Self { counts, problems } = self;
        if counts.passed + counts.failed == 0 && problems.is_empty() {
            bail!("no test was run");
        }
        Ok(Outcome { counts, problems })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str, script: &str) -> Job {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Job {
            name: name.to_owned(),
            command,
        }
    }

    fn run_all(jobs: Vec<Job>, lanes: usize) -> (Outcome, String) {
        let mut printed = Vec::new();
        let outcome = run(jobs, lanes, &mut printed).unwrap();
        (outcome, String::from_utf8(printed).unwrap())
    }

    const OK: &str = "echo 'test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured'";

    #[test]
    fn all_are_run_and_counted() {
        let jobs = (0..7).map(|n| job(&format!("j{n}"), OK)).collect();
        let (outcome, printed) = run_all(jobs, 3);
        let counts = Counts {
            passed: 14,
            failed: 0,
            ignored: 7,
        };
        assert_eq!(outcome.counts, counts);
        assert_eq!(outcome.problems, Vec::<String>::new());
        for n in 0..7 {
            assert_eq!(printed.matches(&format!("Running j{n}\n")).count(), 1);
            assert_eq!(printed.matches(&format!("Ended j{n} (")).count(), 1);
        }
    }

    #[test]
    fn lanes_run_beside_each_other() {
        // Each waits for what the other says.
        let folder = tempfile::tempdir().unwrap();
        let script = |own: &str, other: &str| {
            let folder = folder.path().display();
            format!(
                "touch {folder}/{own}; until [ -e {folder}/{other} ]; do sleep 0.01; done; {OK}"
            )
        };
        let jobs = vec![job("a", &script("a", "b")), job("b", &script("b", "a"))];
        assert_eq!(run_all(jobs, 2).0.counts.passed, 4);
    }

    #[test]
    fn output_stays_together_and_unchanged() {
        let both = r"printf 'one\n\377'; echo two >&2; printf 'three\n'; ";
        let (_, printed) = {
            let mut printed = Vec::new();
            let jobs = vec![job("a", &format!("{both}{OK}")), job("b", OK)];
            let outcome = run(jobs, 2, &mut printed).unwrap();
            (outcome, printed)
        };
        let whole = b"one\n\xfftwo\nthree\ntest result: ok.";
        assert!(printed.windows(whole.len()).any(|part| part == whole));
    }

    #[test]
    fn what_failed_is_named() {
        let failed = "echo 'test engine::it_works ... FAILED'; \
            echo 'test result: FAILED. 1 passed; 1 failed; 0 ignored'; exit 101";
        let jobs = vec![
            job("a", failed),
            job("b", "exit 3"),
            job("c", &format!("{OK}; kill -9 $$")),
            Job {
                name: "d".to_owned(),
                command: Command::new("/no/such/program"),
            },
        ];
        let (outcome, _) = run_all(jobs, 1);
        assert_eq!((outcome.counts.passed, outcome.counts.failed), (3, 1));
        let problems = outcome.problems;
        assert_eq!(problems[0], "a: engine::it_works");
        assert_eq!(problems[1], "b: exit status: 3");
        assert!(problems[2].starts_with("c: signal: 9"), "{problems:?}");
        assert!(
            problems[3].starts_with("d: failed to start"),
            "{problems:?}"
        );
        assert_eq!(problems.len(), 4);
    }

    #[test]
    fn what_hangs_is_killed_and_what_it_said_is_kept() {
        let ended = job("a", "echo begun; sleep 1000").run(Duration::from_millis(200));
        assert_eq!(ended.output, b"begun\n");
        let error = ended.status.unwrap_err().to_string();
        assert!(error.starts_with("killed after"), "{error}");
    }

    #[test]
    fn no_test_at_all_is_an_error() {
        assert!(run(Vec::new(), 2, &mut Vec::new()).is_err());
    }
}
