//! One stage, then a hundred beside each other, then one that waits for all of them.

use std::time::Instant;

use anyhow::Result;

use crate::load::{Load, Options, times};
use crate::process::{between, own_usage};
use crate::report::Row;
use crate::target::Target;

use super::{Plan, new_row, note_failures, seconds};

const STAGES: f64 = 102.0;

/// One client.
///
/// # Errors
/// A process ended.
pub async fn measure(plan: &Plan<'_>, target: &mut Target) -> Result<Vec<Row>> {
    let load = Load::start(
        target.address,
        Options {
            clients: 1,
            pipelines: vec!["fan".to_owned()],
            insistent: false,
            per_second_max: None,
            deletes: false,
        },
    );
    tokio::time::sleep(seconds(plan.quick, 0.3, 2.0)).await;
    let (before, own_before, begin) = (target.usages(), own_usage(), Instant::now());
    tokio::time::sleep(seconds(plan.quick, 1.5, 10.0)).await;
    let (after, own_after, end) = (target.usages(), own_usage(), Instant::now());
    let shared = load.finish().await;
    target.check_alive()?;

    let mut records = shared.take_records();
    records.retain(|record| record.begin >= begin && record.end <= end);
    #[expect(clippy::cast_precision_loss, reason = "a count of runs")]
    let stages = records.len() as f64 * STAGES;
    let mut row = new_row("1 → 100 → 1", target)
        .with_times(&times(&records))
        .with_usage(
            between(&before, &after),
            own_after.since(own_before),
            stages,
        );
    row.clients = Some(1);
    row.stages_per_s = Some(stages / (end - begin).as_secs_f64());
    note_failures(&mut row, &shared.failures());
    if target.setup.fsync() && target.setup.brokers() == 1 {
        row.check("p50 under 25 ms", row.p50_ms, "ms", |found| found < 25.0);
    }
    Ok(vec![row])
}
