//! Tries the rules for manifests with random objects and texts: `fuzz_manifests [--inputs N] [--seed S] [--first K]`.
//!
//! Each input has a number; the same seed and number give the same input. An input that breaks a promise, or panics, is printed with
//! its number, and the program fails. `cargo xtask fuzz manifests` runs it.
//!
//! With `--print` it prints, instead, a live object, what is applied to it, the patch and the result, one case a line. A program beside
//! it compares them with what kubectl's own code makes of them (it needs Go and its modules):
//!
//! ```sh
//! cargo run --release -p gennaker-manifests --example fuzz_manifests -- --print --inputs 30000 > /tmp/cases
//! (cd crates/manifests/examples/fuzz_manifests/kubectl && go run . < /tmp/cases)
//! ```
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a console program that measures time"
)]

mod inputs;
mod promises;

use std::{env, process::ExitCode, time::Instant};

use gennaker_manifests::apply;
use serde_json::json;

/// Broken promises after which there is nothing more to learn.
const SHOWN: usize = 20;

struct Options {
    inputs: u64,
    seed: u64,
    first: u64,
    print: bool,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("error: {problem}");
            return ExitCode::FAILURE;
        }
    };
    if options.print {
        print(&options);
        return ExitCode::SUCCESS;
    }
    std::panic::set_hook(Box::new(|_| {}));
    let started = Instant::now();
    let mut broken = 0;
    for number in options.first..options.first.saturating_add(options.inputs) {
        let tried = std::panic::catch_unwind(|| {
            promises::check(&mut inputs::Random::of(options.seed, number))
        });
        let problem = match tried {
            Ok(Ok(())) => continue,
            Ok(Err(problem)) => problem,
            Err(_) => "it panicked".to_owned(),
        };
        println!("input {number} of seed {}: {problem}", options.seed);
        broken += 1;
        if broken == SHOWN {
            break;
        }
    }
    let (inputs, seed) = (options.inputs, options.seed);
    println!(
        "{inputs} inputs (seed {seed}) in {:.0} s: {broken} broke a promise",
        started.elapsed().as_secs_f64()
    );
    match broken {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn print(options: &Options) {
    for number in options.first..options.first.saturating_add(options.inputs) {
        let (live, modified) = promises::three(&mut inputs::Random::of(options.seed, number));
        let Ok(patch) = apply::patch(&live, &modified) else {
            continue;
        };
        let result = patch.as_ref().map(|patch| apply::patched(&live, patch));
        let result = result.and_then(Result::ok).unwrap_or_else(|| live.clone());
        let body = patch.map_or(json!({}), |patch| patch.body);
        println!(
            "{}",
            json!({"live": live, "modified": modified, "patch": body, "result": result})
        );
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        inputs: 1_000_000,
        seed: 0,
        first: 0,
        print: false,
    };
    let mut arguments = env::args().skip(1);
    while let Some(name) = arguments.next() {
        let place = match name.as_str() {
            "--inputs" => &mut options.inputs,
            "--seed" => &mut options.seed,
            "--first" => &mut options.first,
            "--print" => {
                options.print = true;
                continue;
            }
            _ => return Err(format!("unknown argument {name}")),
        };
        let value = arguments.next().and_then(|value| value.parse().ok());
        *place = value.ok_or_else(|| format!("{name} needs a number"))?;
    }
    Ok(options)
}
