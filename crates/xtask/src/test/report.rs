//! The steps as they were run, the table of them and the closing line.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::results::Counts;
use crate::console;

/// What came of a step that runs tests.
pub(super) struct Outcome {
    pub(super) counts: Counts,
    /// The tests that failed, and the programs that crashed.
    pub(super) problems: Vec<String>,
}

/// All steps so far.
pub(super) struct Report {
    started: Instant,
    rows: Vec<Row>,
}

struct Row {
    name: &'static str,
    result: String,
    time: Duration,
    counts: Counts,
}

impl Report {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            rows: Vec::new(),
        }
    }

    /// Runs a step that counts as one. Answers what it made unless it failed.
    pub(super) fn step<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<T>,
    ) -> Option<T> {
        let started = begin(name);
        match work() {
            Ok(made) => {
                self.end(
                    name,
                    started,
                    "ok".to_owned(),
                    Counts {
                        passed: 1,
                        ..Counts::default()
                    },
                );
                Some(made)
            }
            Err(error) => {
                self.fail(name, started, &format!("{error:#}"));
                None
            }
        }
    }

    /// Runs a step in which every test counts.
    pub(super) fn tests(&mut self, name: &'static str, work: impl FnOnce() -> Result<Outcome>) {
        let started = begin(name);
        match work() {
            Ok(Outcome {
                mut counts,
                problems,
            }) => {
                for problem in &problems {
                    eprintln!("error: {problem}");
                }
                // A program that crashes counts as a test that failed.
                counts.failed = counts.failed.max(problems.len() as u64);
                let verdict = if counts.failed == 0 { "ok" } else { "FAILED" };
                let result = format!(
                    "{verdict}: {} passed, {} failed, {} ignored",
                    counts.passed, counts.failed, counts.ignored
                );
                self.end(name, started, result, counts);
            }
            Err(error) => self.fail(name, started, &format!("{error:#}")),
        }
    }

    /// Prints the table and, alone and last, `N passed, N failed`.
    pub(super) fn finish(self) -> ExitCode {
        console::heading("summary");
        let width = self
            .rows
            .iter()
            .map(|row| row.name.len())
            .max()
            .unwrap_or(0);
        for row in &self.rows {
            println!(
                "{:width$}  {:>12}  {}",
                row.name,
                console::elapsed(row.time),
                row.result
            );
        }
        println!(
            "{:width$}  {:>12}",
            "all",
            console::elapsed(self.started.elapsed())
        );
        let total = self.total();
        println!("\n{} passed, {} failed", total.passed, total.failed);
        if total.failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.rows.iter().for_each(|row| total.add(row.counts));
        total
    }

    fn fail(&mut self, name: &'static str, started: Instant, problem: &str) {
        eprintln!("error: {problem}");
        self.end(
            name,
            started,
            "FAILED".to_owned(),
            Counts {
                failed: 1,
                ..Counts::default()
            },
        );
    }

    fn end(&mut self, name: &'static str, started: Instant, result: String, counts: Counts) {
        let time = started.elapsed();
        println!("--- {name}: {result} ({})", console::elapsed(time));
        self.rows.push(Row {
            name,
            result,
            time,
            counts,
        });
    }
}

fn begin(name: &str) -> Instant {
    console::heading(name);
    Instant::now()
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn steps_count_as_one_and_tests_each() {
        let mut report = Report::new();
        assert_eq!(report.step("a", || Ok(7)), Some(7));
        assert_eq!(report.step("b", || Err::<(), _>(anyhow!("no"))), None);
        let counts = Counts {
            passed: 5,
            failed: 2,
            ignored: 1,
        };
        report.tests("c", || {
            Ok(Outcome {
                counts,
                problems: Vec::new(),
            })
        });
        assert_eq!(
            report.total(),
            Counts {
                passed: 6,
                failed: 3,
                ignored: 1
            }
        );
        assert_eq!(report.finish(), ExitCode::FAILURE);
    }

    #[test]
    fn a_crash_without_a_failed_test_is_a_failure() {
        let mut report = Report::new();
        let counts = Counts {
            passed: 5,
            ..Counts::default()
        };
        report.tests("c", || {
            Ok(Outcome {
                counts,
                problems: vec!["engine: signal: 9 (SIGKILL)".to_owned()],
            })
        });
        assert_eq!(
            report.total(),
            Counts {
                passed: 5,
                failed: 1,
                ignored: 0
            }
        );
        assert_eq!(report.finish(), ExitCode::FAILURE);
    }

    #[test]
    fn all_well_is_success() {
        let mut report = Report::new();
        report.step("a", || Ok(()));
        assert_eq!(report.finish(), ExitCode::SUCCESS);
    }
}
