//! `cargo bench -p gennaker-judge`: how long a verdict takes, and how often each judge raises a false alarm.
//!
//! The table is of 10 000 canaries a row, in which nothing is wrong (or a shift is) and the window grows over 12 looks of ten
//! points; a canary counts when any look failed the metric. `--quick` makes it 1 000. It prints, and fails nothing.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and prints"
)]

mod alarms;

use std::{hint::black_box, time::Instant};

use gennaker_judge::{Judge, Netflix, Request, Sequential};

const METRICS: u64 = 100;
const POINTS: usize = 1440;

fn main() {
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let text = request();
    println!(
        "{METRICS} metrics of {POINTS} points a side, {} kB, one core",
        text.len() / 1000
    );
    let request = Request::read(&text).expect("the request is whole");
    time("read", || {
        black_box(Request::read(&text).is_ok());
    });
    for judge in [&Netflix as &dyn Judge, &Sequential] {
        time(judge.name(), || {
            black_box(judge.judge(&request).is_ok());
        });
    }
    alarms::print(if is_quick { 1_000 } else { 10_000 });
}

/// The best of several runs, in milliseconds.
fn time(what: &str, mut run: impl FnMut()) {
    let mut best = f64::INFINITY;
    for _ in 0..15 {
        let begun = Instant::now();
        run();
        best = best.min(begun.elapsed().as_secs_f64() * 1e3);
    }
    println!("{what:>24}  {best:8.2} ms");
}

/// Latencies, rates, counters and constants in turn.
fn request() -> String {
    let (mut configs, mut pairs) = (Vec::new(), Vec::new());
    for metric in 0..METRICS {
        let mut random = alarms::Random::new(metric);
        let mut series = |shift: f64| -> String {
            let values: Vec<String> = (0..POINTS)
                .map(|_| match metric % 4 {
                    0 => format!("{}", 120.0 + shift + 15.0 * random.normal()),
                    1 => format!(
                        "{:.4}",
                        (0.02 + 0.001 * shift + 0.005 * random.normal()).abs()
                    ),
                    2 => format!("{}", (3.0 + shift + random.normal()).abs().floor()),
                    _ => format!("{:.1}", 50.0 + random.normal()),
                })
                .collect();
            values.join(",")
        };
        configs.push(format!(
            r#"{{"name":"m{metric}","groups":["g{}"],"analysisConfigurations":{{"canary":{{"outliers":{{"strategy":"remove"}}}}}}}}"#,
            metric % 7
        ));
        let (experiment, control) = (series(0.2), series(0.0));
        pairs.push(format!(
            r#"{{"name":"m{metric}","id":"{metric}","tags":{{}},"values":{{"experiment":[{experiment}],"control":[{control}]}}}}"#
        ));
    }
    format!(
        r#"{{"canaryConfig":{{"metrics":[{}],"classifier":{{}}}},"scoreThresholds":{{"pass":95,"marginal":75}},"metricSetPairList":[{}]}}"#,
        configs.join(","),
        pairs.join(",")
    )
}
