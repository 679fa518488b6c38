//! From the start of `gennaker dev` in an empty folder until the first stage is done.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::api::{Api, noops};
use crate::load::ms;
use crate::report::Row;
use crate::statistics::Times;
use crate::target::{Setup, Target};

use super::{Plan, new_row};

const WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(3);

/// Starts it several times.
///
/// # Errors
/// It does not start, or the stage does not end.
pub async fn measure(plan: &Plan<'_>) -> Result<Vec<Row>> {
    let mut times = Vec::new();
    let mut row = Row::default();
    for _ in 0..if plan.quick { 3 } else { 10 } {
        let mut target = Target::start(plan.programs, Setup::Dev).await?;
        let opened = target.started.elapsed();
        first_stage(&mut target).await?;
        times.push(ms(target.started.elapsed()));
        row = new_row("cold start of dev to first stage done", &target);
        row.usage = target.usages();
        row.notes.push(format!(
            "the port was open after {:.0} ms in the last one",
            ms(opened)
        ));
    }
    row = row.with_times(&Times::new(times));
    row.check("under 1 500 ms", row.p50_ms, "ms", |found| found < 1_500.0);
    Ok(vec![row])
}

/// Starts an execution as soon as that is possible, and waits for its end.
async fn first_stage(target: &mut Target) -> Result<()> {
    let until = Instant::now() + WITHIN;
    let mut api = Api::new(target.address);
    let stages = noops(1);
    let mut id = None;
    loop {
        let trouble = match &id {
            None => match api.start_unsaved("first", &stages).await {
                Ok(started) => {
                    id = Some(started);
                    continue;
                }
                Err(error) => error,
            },
            Some(id) => match api.execution(id).await {
                Ok(document) if document["status"] == "SUCCEEDED" => return Ok(()),
                Ok(document) => anyhow::anyhow!("the execution is {}", document["status"]),
                Err(error) => error,
            },
        };
        target.check_alive()?;
        if Instant::now() > until {
            bail!(
                "no stage is done after {WITHIN:?}: {trouble:#}\n{}",
                target.log_tail()
            );
        }
        tokio::time::sleep(POLL).await;
    }
}
