//! How long evaluation takes: a usual context, a context without expressions, and what is made to take long.
//!
//! Prints a table in Markdown. `cargo bench -p gennaker-expressions`; a word as argument selects rows that contain it.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and prints"
)]
#![allow(missing_docs, clippy::unwrap_used, reason = "no library")]

mod hostile;
mod usual;

use std::time::{Duration, Instant};

use gennaker_engine::scope::Scope;
use gennaker_expressions::{Environment, Evaluation, contains_expression, evaluate_json};
use gennaker_model::Execution;
use serde_json::Value;

/// One thing to measure: a document, evaluated in the scope of a stage.
pub struct Row {
    pub name: String,
    pub execution: Execution,
    pub stage: usize,
    pub document: Value,
}

impl Row {
    pub fn run(&self) -> Evaluation {
        let scope = Scope::of_stage(&self.execution, &self.execution.stages[self.stage]);
        evaluate_json(
            &self.document,
            &scope,
            &Environment::fixed(1_735_689_600_000, 7),
        )
    }
}

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| name.contains(w));
    println!("| what | median | slowest of the runs | came of it |\n|---|---|---|---|");
    let usual = usual::row();
    if is_wanted("usual") {
        report(&usual.name, 2_000, || outcome(&usual.run()));
    }
    if is_wanted("scan") {
        let bare = usual::without_expressions();
        let name = "looking for `${` in the same context without any";
        report(name, 2_000, || match contains_expression(&bare) {
            true => "found".to_owned(),
            false => "none".to_owned(),
        });
    }
    let mut slowest = (Duration::ZERO, String::new());
    for row in hostile::rows() {
        if is_wanted(&row.name) {
            let took = report(&row.name, 7, || outcome(&row.run()));
            slowest = slowest.max((took, row.name));
        }
    }
    println!("\nslowest: {:?} ({})", slowest.0, slowest.1);
}

/// Runs it often enough and prints a row. Gives the median.
fn report(name: &str, runs: usize, work: impl Fn() -> String) -> Duration {
    let mut times = Vec::with_capacity(runs);
    let mut came = String::new();
    for _ in 0..runs {
        let start = Instant::now();
        came = std::hint::black_box(work());
        times.push(start.elapsed());
    }
    times.sort();
    let (median, most) = (times[runs / 2], times[runs - 1]);
    println!("| {name} | {} | {} | {came} |", shown(median), shown(most));
    median
}

fn shown(time: Duration) -> String {
    match time.as_micros() {
        micros @ 0..1_000 => format!("{micros} µs"),
        micros => format!("{:.1} ms", micros as f64 / 1_000.0),
    }
}

fn outcome(evaluation: &Evaluation) -> String {
    let entries = evaluation.summary.0.values().flatten();
    let descriptions: Vec<&str> = entries.map(|entry| entry.description.as_str()).collect();
    let Some(first) = descriptions.first() else {
        return "evaluated".to_owned();
    };
    let why = [
        "units of work",
        "EL1085E",
        "nested deeper",
        "larger than",
        "EL1073E",
        "too many steps",
        "EL1078E",
        "EL1079E",
        "store a value",
        "not found",
    ];
    let found = why.iter().find(|text| first.contains(**text));
    let reason = found.copied().map_or_else(
        || {
            first
                .chars()
                .take(60)
                .collect::<String>()
                .replace(['\n', '|'], " ")
        },
        str::to_owned,
    );
    match descriptions.len() {
        1 => format!("refused: {reason}"),
        count => format!("{count} entries, {reason}"),
    }
}
