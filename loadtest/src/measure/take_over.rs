//! Two schedulers, one is killed: how long until the other one runs on what it had.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::brokers::Sync;
use crate::load::{Load, Options, ms};
use crate::report::Row;
use crate::statistics::Times;
use crate::target::{Setup, Target};

use super::{Plan, new_row, note_failures, save_pipelines, seconds, spread};

const CLIENTS: usize = 16;
const RECOVERED_WITHIN: Duration = Duration::from_secs(60);

/// Clients of pipelines in all partitions run all the time; the longest time until one of them gets on counts.
///
/// # Errors
/// The installation does not start.
pub async fn measure(plan: &Plan<'_>) -> Result<Vec<Row>> {
    let setup = match plan.setup {
        Setup::Dev => Setup::Serve {
            brokers: 1,
            sync: Sync::Always,
        },
        serve @ Setup::Serve { .. } => serve,
    };
    let mut target = Target::serve(
        plan.programs,
        setup,
        &["gate,worker,triggers", "scheduler", "scheduler"],
    )
    .await?;
    target.wait_healthy().await?;
    save_pipelines(&target).await?;
    let mut longest = Vec::new();
    let options = Options {
        clients: CLIENTS,
        pipelines: spread("ten"),
        insistent: true,
        per_second_max: None,
        deletes: false,
    };
    let load = Load::start(target.address, options);
    tokio::time::sleep(seconds(plan.quick, 1.0, 5.0)).await;

    let killed = Instant::now();
    target.kill_9(1)?;
    let first_after = |load: &Load, firsts: &mut BTreeMap<usize, Duration>| {
        for record in load
            .shared()
            .take_records()
            .into_iter()
            .filter(|record| record.end > killed)
        {
            // A run that was nearly done says nothing: only those that began after the kill do.
            if record.begin >= killed {
                firsts.entry(record.client).or_insert(record.end - killed);
            }
        }
    };
    let mut firsts = BTreeMap::new();
    while firsts.len() < CLIENTS && killed.elapsed() < RECOVERED_WITHIN {
        tokio::time::sleep(Duration::from_millis(20)).await;
        first_after(&load, &mut firsts);
    }
    longest.extend(firsts.values().copied().map(ms));
    let missing = CLIENTS - firsts.len();
    let failures = load.finish().await.failures();
    target.check_alive()?;

    let times = Times::new(longest);
    let mut row = new_row(
        "kill -9 of a scheduler until a client's next run is done",
        &target,
    )
    .with_times(&times);
    row.clients = Some(CLIENTS);
    row.notes
        .push("p99 is the slowest client: its partition had to be taken over".to_owned());
    if missing > 0 {
        row.notes.push(format!(
            "{missing} clients did not get on within {RECOVERED_WITHIN:?}"
        ));
    }
    note_failures(&mut row, &failures);
    let slowest = if missing > 0 {
        Some(ms(RECOVERED_WITHIN))
    } else {
        times.percentile(1.0)
    };
    row.check(
        "other process runs on under 5 000 ms",
        slowest,
        "ms",
        |found| found < 5_000.0,
    );
    Ok(vec![row])
}
