//! Ten stages in sequence, each one done by a worker that does nothing: what the way through the whole machine costs.

use std::time::Instant;

use anyhow::Result;

use crate::load::{Load, Options, Record, times};
use crate::process::{between, own_usage};
use crate::report::Row;
use crate::target::Target;

use super::{Plan, new_row, note_failures, seconds, spread};

const STAGES: f64 = 10.0;

/// At each of these numbers of clients.
///
/// # Errors
/// A process ended.
pub async fn measure(plan: &Plan<'_>, target: &mut Target, clients: &[usize]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for clients in clients {
        rows.push(at(plan, target, *clients).await?);
    }
    Ok(rows)
}

async fn at(plan: &Plan<'_>, target: &mut Target, clients: usize) -> Result<Row> {
    let load = Load::start(
        target.address,
        Options {
            clients,
            pipelines: spread("ten"),
            insistent: false,
            per_second_max: None,
            deletes: false,
        },
    );
    tokio::time::sleep(seconds(plan.quick, 0.6, 5.0)).await;
    let (before, own_before, begin) = (target.usages(), own_usage(), Instant::now());
    tokio::time::sleep(seconds(plan.quick, 1.8, 20.0)).await;
    let (after, own_after, end) = (target.usages(), own_usage(), Instant::now());
    let shared = load.finish().await;
    target.check_alive()?;

    let ended: Vec<Record> = shared
        .take_records()
        .into_iter()
        .filter(|record| (begin..=end).contains(&record.end))
        .collect();
    let whole: Vec<Record> = ended
        .iter()
        .copied()
        .filter(|record| record.begin >= begin)
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "a count of runs")]
    let stages = ended.len() as f64 * STAGES;
    let name = match target.setup.brokers() {
        1 => "ten stages in sequence".to_owned(),
        brokers => format!("ten stages in sequence, {brokers} brokers"),
    };
    let mut row = new_row(name, target).with_times(&times(&whole)).with_usage(
        between(&before, &after),
        own_after.since(own_before),
        stages,
    );
    row.clients = Some(clients);
    row.stages_per_s = Some(stages / (end - begin).as_secs_f64());
    note_failures(&mut row, &shared.failures());
    if shared.lost() > 0 {
        row.notes.push(format!(
            "{clients} clients: {} hints of the feed were lost",
            shared.lost()
        ));
    }
    if target.setup.fsync() {
        budgets(&mut row, target.setup.brokers(), clients);
    }
    Ok(row)
}

fn budgets(row: &mut Row, brokers: usize, clients: usize) {
    match (brokers, clients) {
        (1, 1) => row.check("one client: p50 under 12 ms", row.p50_ms, "ms", |found| {
            found < 12.0
        }),
        (1, 64) => {
            row.check(
                "64 clients: above 12 000 stages/s",
                row.stages_per_s,
                "stages/s",
                |found| found > 12_000.0,
            );
            let cpu: f64 = row.cpu_s_per_1000_stages.values().sum();
            row.check(
                "64 clients: at most 0.2 CPU s per 1 000 stages, all processes",
                Some(cpu),
                "s",
                |found| found <= 0.2,
            );
        }
        (3, 64) => row.check(
            "64 clients: above 5 000 stages/s",
            row.stages_per_s,
            "stages/s",
            |found| found > 5_000.0,
        ),
        _ => {}
    }
}
