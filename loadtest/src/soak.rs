//! Many minutes of load, looking for stalls: times in which nothing ends although everything lives.
//!
//! Executions are deleted when they are complete, because half an hour at full speed would fill a disk.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::api::Api;
use crate::load::{Load, Options, Record, Shared, times};
use crate::measure::prepared_for_soak;
use crate::process::{between, own_usage, total};
use crate::target::{Programs, Setup, Target};

const CLIENTS: usize = 64;
/// A time without any end that is longer than this is a stall.
const STALL: Duration = Duration::from_secs(2);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(100);
/// How often a line is printed.
const LINE: Duration = Duration::from_secs(60);
/// Executions in flight that are shown.
const SHOWN: usize = 5;

/// Runs for so long and prints a line a minute; fails when there was a stall or a run failed.
///
/// # Errors
/// The installation does not start, or a process ended.
pub async fn run(
    programs: &Programs,
    setup: Setup,
    minutes: f64,
    pace: Option<f64>,
) -> Result<ExitCode> {
    println!(
        "soak: {}, {CLIENTS} clients, {minutes} minutes, {}",
        setup.describe(),
        pace.map_or("as fast as they can".to_owned(), |pace| format!(
            "at most {pace} executions/s"
        ))
    );
    let (mut target, pipelines) = prepared_for_soak(programs, setup).await?;
    let options = Options {
        clients: CLIENTS,
        pipelines,
        insistent: false,
        per_second_max: pace,
        deletes: true,
    };
    let load = Load::start(target.address, options);
    let begin = Instant::now();
    let end = begin + Duration::from_secs_f64(minutes * 60.0);
    let mut watch = Watch {
        last: Instant::now(),
        stalled: false,
        stalls: 0,
    };
    let mut minute = Minute::new(&target);
    while Instant::now() < end {
        tokio::time::sleep(LOOK).await;
        target.check_alive()?;
        let records = load.shared().take_records();
        if watch.look(&records) {
            println!(
                "{}",
                describe_stall(&target, load.shared(), begin.elapsed(), watch.last).await
            );
        }
        minute.records.extend(records);
        if minute.begin.elapsed() >= LINE {
            minute = minute.print(&target, begin);
        }
    }
    minute.print(&target, begin);
    let shared = load.finish().await;
    let (failures, reasons) = shared.failures();
    println!(
        "soak: {} stalls, {failures} failed runs {reasons:?}, {} hints of the feed lost",
        watch.stalls,
        shared.lost()
    );
    Ok(if watch.stalls > 0 || failures > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

struct Watch {
    last: Instant,
    stalled: bool,
    stalls: u32,
}

impl Watch {
    /// Takes the runs that ended; true at the begin of a stall.
    fn look(&mut self, records: &[Record]) -> bool {
        if let Some(last) = records.iter().map(|record| record.end).max() {
            if self.stalled {
                println!(
                    "soak: the stall is over after {:.1} s",
                    (last - self.last).as_secs_f64()
                );
            }
            self.last = last.max(self.last);
            self.stalled = false;
        }
        let begins = !self.stalled && self.last.elapsed() > STALL;
        if begins {
            self.stalled = true;
            self.stalls += 1;
        }
        begins
    }
}

struct Minute {
    begin: Instant,
    records: Vec<Record>,
    usages: crate::process::Usages,
    own: crate::process::Usage,
}

impl Minute {
    fn new(target: &Target) -> Self {
        Self {
            begin: Instant::now(),
            records: Vec::new(),
            usages: target.usages(),
            own: own_usage(),
        }
    }

    fn print(self, target: &Target, begin: Instant) -> Self {
        let next = Self::new(target);
        let used = between(&self.usages, &next.usages);
        let elapsed = self.begin.elapsed().as_secs_f64();
        let times = times(&self.records);
        let part = |share: f64| times.percentile(share).unwrap_or(0.0);
        #[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
        let (runs, memory) = (
            times.count() as f64,
            total(&used).resident_bytes as f64 / 1e6,
        );
        println!(
            "{:7.0} s: {:6.1} runs/s, p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms, {:.2} cores (own {:.2}), {memory:.0} MB resident",
            begin.elapsed().as_secs_f64(),
            runs / elapsed,
            part(0.5),
            part(0.99),
            part(1.0),
            total(&used).cpu_s / elapsed,
            next.own.since(self.own).cpu_s / elapsed,
        );
        next
    }
}

/// Everything that may explain it.
async fn describe_stall(
    target: &Target,
    load: &Shared,
    elapsed: Duration,
    last: Instant,
) -> String {
    let mut out = format!(
        "STALL at {:.1} s: nothing ended for {:.1} s\n",
        elapsed.as_secs_f64(),
        last.elapsed().as_secs_f64()
    );
    let mut api = Api::new(target.address);
    match tokio::time::timeout(Duration::from_secs(5), api.metrics()).await {
        Ok(Ok(page)) => {
            for line in page
                .lines()
                .filter(|line| line.starts_with("gennaker_") && !line.contains("_bucket"))
            {
                out.push_str(&format!("  {line}\n"));
            }
        }
        Ok(Err(error)) => out.push_str(&format!("  /metrics: {error:#}\n")),
        Err(_) => out.push_str("  /metrics does not answer\n"),
    }
    let flights = load.in_flight();
    out.push_str(&format!("  {} runs in flight\n", flights.len()));
    for (client, flight) in flights.into_iter().take(SHOWN) {
        let since = flight.since.elapsed().as_secs_f64();
        let why = match &flight.id {
            None => "its start is not answered".to_owned(),
            Some(id) => match tokio::time::timeout(Duration::from_secs(5), api.why(id)).await {
                Ok(Ok(why)) => why,
                Ok(Err(error)) => format!("{id}: {error:#}"),
                Err(_) => format!("{id}: why does not answer"),
            },
        };
        out.push_str(&format!("  client {client}, for {since:.1} s: {why}\n"));
    }
    out.push_str(&format!(
        "  consumers: {}\n{}",
        target.consumers().await,
        target.log_tail()
    ));
    out
}
