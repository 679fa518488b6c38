//! `gennaker-simulation --seeds 300`: runs seeds of the simulation and stops at the first broken promise.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal"
)]

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
};

use clap::{Parser, ValueEnum};
use gennaker_simulation::{Outcome, Rule, Summary, run_seed};

/// Lines of the trace that a failure shows.
const TRACE_LINES: usize = 50;

/// Runs the whole system in simulation, one run per seed.
#[derive(Parser)]
struct Arguments {
    /// How many seeds to run
    #[arg(long, default_value_t = 300)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    start: u64,
    /// Break a rule on purpose; then a seed must notice
    #[arg(long = "break", value_name = "RULE")]
    broken: Option<Broken>,
    /// Print a line for each seed, the whole trace of a failure, and that of a single seed
    #[arg(long)]
    verbose: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Broken {
    /// A former owner's appends are taken
    Fence,
    /// Workers keep no effect ledger
    Ledger,
    /// Owners prove their answers by what they remember
    Proof,
    /// Executions of one pipeline belong to different owners
    Route,
    /// The end of an execution is told to nobody
    Tell,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let broken = arguments.broken.map(|broken| match broken {
        Broken::Fence => Rule::Fence,
        Broken::Ledger => Rule::Ledger,
        Broken::Proof => Rule::Proof,
        Broken::Route => Rule::Route,
        Broken::Tell => Rule::Tell,
    });
    let began = std::time::Instant::now();
    let mut sum: Option<Summary> = None;
    let failed = run_all(&arguments, broken, |outcome| {
        if arguments.verbose {
            outcome.trace.iter().for_each(|line| println!("{line}"));
            println!("{}", outcome.summary);
        }
        match &mut sum {
            Some(sum) => sum.add(&outcome.summary),
            None => sum = Some(outcome.summary.clone()),
        }
    });
    eprintln!("took {:.1} s", began.elapsed().as_secs_f64());
    if let Some(outcome) = failed {
        tell(&outcome, &arguments, broken);
        return if broken.is_some() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    if let Some(sum) = sum {
        println!("{} seeds from {sum}", arguments.seeds);
    }
    if broken.is_some() {
        println!("a rule was broken on purpose and no seed noticed");
        return ExitCode::FAILURE;
    }
    println!("every promise was kept");
    ExitCode::SUCCESS
}

/// Runs the seeds on all cores, hands their outcomes over in order, and gives the first that broke a promise. Each run has
/// one thread, so that neither their number nor their order changes anything.
fn run_all(
    arguments: &Arguments,
    broken: Option<Rule>,
    mut each: impl FnMut(&Outcome),
) -> Option<Outcome> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (first, end) = (
        arguments.start,
        arguments.start.saturating_add(arguments.seeds),
    );
    let traced = arguments.verbose && arguments.seeds == 1;
    let next = AtomicU64::new(first);
    let (sender, outcomes) = mpsc::sync_channel(threads);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (next, sender) = (&next, sender.clone());
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    // Nobody receives any more once a promise was broken.
                    if seed >= end || sender.send(run_seed(seed, broken, traced)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting: BTreeMap<u64, Outcome> = BTreeMap::new();
        let mut due = first;
        for outcome in outcomes {
            waiting.insert(outcome.summary.seed, outcome);
            while let Some(outcome) = waiting.remove(&due) {
                due += 1;
                if outcome.violation.is_some() {
                    return Some(outcome);
                }
                each(&outcome);
            }
        }
        None
    })
}

/// Runs the seed again to show what happened, and says how to repeat it.
fn tell(first: &Outcome, arguments: &Arguments, broken: Option<Rule>) {
    let seed = first.summary.seed;
    let again = run_seed(seed, broken, true);
    let from = if arguments.verbose {
        0
    } else {
        again.trace.len().saturating_sub(TRACE_LINES)
    };
    for line in &again.trace[from..] {
        println!("{line}");
    }
    if let Some(violation) = &first.violation {
        println!("seed {seed} broke a promise {violation}");
    }
    if (&again.summary, &again.violation) != (&first.summary, &first.violation) {
        println!(
            "and it does not repeat: the second run found {:?}",
            again.violation.map(|violation| violation.to_string())
        );
        println!("  first  {}\n  second {}", first.summary, again.summary);
    }
    let rule = arguments
        .broken
        .and_then(|broken| broken.to_possible_value());
    let rule = rule
        .map(|rule| format!(" --break {}", rule.get_name()))
        .unwrap_or_default();
    println!(
        "repeat it with: cargo run -p gennaker-simulation -- --seeds 1 --start {seed} --verbose{rule}"
    );
}
