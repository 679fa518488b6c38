//! Tries the expression language with random texts: `fuzz_expressions [--inputs N] [--seed S]`.
//!
//! Each text has a number; the same seed and number give the same text. A text that breaks a promise is printed with its
//! number, and the program fails. It prints the text that took the longest, too.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a console program that measures time"
)]

mod inputs;
mod promises;

use std::{
    env,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Numbers that a thread takes at once.
const PORTION: u64 = 1_000;
/// Broken promises after which there is nothing more to learn.
const SHOWN: usize = 20;
/// What one evaluation of a text may take. Checked three times before it counts: other programs use the machine, too.
const EVALUATION_MAX: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Found {
    broken: Vec<(u64, String, String)>,
    parsed: u64,
    worked: u64,
    slowest: (Duration, u64),
}

fn main() -> ExitCode {
    let (inputs, seed, first) = match options() {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("error: {problem}");
            return ExitCode::FAILURE;
        }
    };
    std::panic::set_hook(Box::new(|_| {}));
    let started = Instant::now();
    let next = AtomicU64::new(first);
    let end = first + inputs;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let found: Vec<Found> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| work(seed, &next, end)))
            .collect();
        workers
            .into_iter()
            .filter_map(|worker| worker.join().ok())
            .collect()
    });
    let whole = found.len() == threads;
    let broken: Vec<_> = found.iter().flat_map(|found| &found.broken).collect();
    for (number, text, problem) in broken.iter().take(SHOWN) {
        println!("input {number} of seed {seed}: {text:?}\n  {problem}");
    }
    let worked: u64 = found.iter().map(|found| found.worked).sum();
    let parsed: u64 = found.iter().map(|found| found.parsed).sum();
    println!(
        "{inputs} inputs (seed {seed}) in {:.0} s: {parsed} parsed, {worked} without an error, {} broke a promise",
        started.elapsed().as_secs_f64(),
        broken.len()
    );
    if let Some((took, number)) = found.iter().map(|found| found.slowest).max() {
        println!(
            "the slowest evaluation: {:.2} ms, input {number}: {:?}",
            took.as_secs_f64() * 1e3,
            inputs::text(&mut inputs::Random::of(seed, number))
        );
    }
    if whole && broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn work(seed: u64, next: &AtomicU64, end: u64) -> Found {
    let ground = promises::Ground::new();
    let mut found = Found::default();
    loop {
        let from = next.fetch_add(PORTION, Ordering::Relaxed);
        if from >= end {
            return found;
        }
        for number in from..end.min(from + PORTION) {
            try_one(&ground, seed, number, &mut found);
        }
    }
}

fn try_one(ground: &promises::Ground, seed: u64, number: u64, found: &mut Found) {
    let text = inputs::text(&mut inputs::Random::of(seed, number));
    if let Err(problem) = ground.check(&text) {
        found.broken.push((number, text, problem));
        return;
    }
    let timed = || {
        let begin = Instant::now();
        let (_, summary, good) = ground.evaluate(&text, false);
        (begin.elapsed(), summary, good)
    };
    let (mut took, summary, good) = timed();
    for _ in 0..3 {
        if took > EVALUATION_MAX / 20 {
            took = took.min(timed().0);
        }
    }
    found.worked += u64::from(good && text.contains("${"));
    found.parsed += u64::from(!summary.contains("ParseException"));
    found.slowest = found.slowest.max((took, number));
    if took > EVALUATION_MAX {
        found
            .broken
            .push((number, text, format!("it took {took:?}")));
    }
}

fn options() -> Result<(u64, u64, u64), String> {
    let (mut inputs, mut seed, mut first) = (1_000_000, 0, 0);
    let mut arguments = env::args().skip(1);
    while let Some(name) = arguments.next() {
        let place = match name.as_str() {
            "--inputs" => &mut inputs,
            "--seed" => &mut seed,
            "--first" => &mut first,
            _ => return Err(format!("unknown argument {name}")),
        };
        *place = arguments
            .next()
            .and_then(|value| value.parse().ok())
            .ok_or_else(|| format!("{name} needs a number"))?;
    }
    Ok((inputs, seed, first))
}
