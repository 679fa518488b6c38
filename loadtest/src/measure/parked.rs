//! Executions that wait for a person: they must not show in memory or processor time.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::api::Api;
use crate::load::ms;
use crate::process::{Usages, between, total};
use crate::report::Row;
use crate::statistics::{Times, metric};
use crate::target::Target;

use super::{Plan, megabytes, new_row, prepared, seconds, spread};

const CLIENTS: usize = 32;
const PARKED_WITHIN: Duration = Duration::from_secs(120);
const JUDGED_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

/// The pipeline: a judgement.
pub fn stages() -> Vec<Value> {
    vec![
        json!({"type": "manualJudgment", "name": "Judge", "refId": "1", "requisiteStageRefIds": [], "judgmentInputs": []}),
    ]
}

/// Parks many on a fresh installation, looks at it, and lets a few go on.
///
/// # Errors
/// They cannot be started, or do not leave memory.
pub async fn measure(plan: &Plan<'_>) -> Result<Vec<Row>> {
    let count = if plan.quick { 1_000 } else { 10_000 };
    let mut target = prepared(plan.programs, plan.setup).await?;
    let idle = idle_cpu(&target, plan.quick).await;
    let before = target.usages();

    let begin = Instant::now();
    let ids = start_all(&target, count).await?;
    let started = begin.elapsed();
    let loaded = wait_until_parked(&mut target, count).await?;
    let waited = begin.elapsed() - started;
    // What the start itself left behind is given back or not; either way it counts.
    let busy = idle_cpu(&target, plan.quick).await;
    let after = target.usages();

    let name = format!("{count} parked on a judgement");
    let mut row = new_row(name, &target).with_times(&judge_some(&target, &ids).await?);
    #[expect(clippy::cast_precision_loss, reason = "a count of executions")]
    let rate = count as f64 / started.as_secs_f64();
    row.usage = between(&before, &after);
    row.notes.push(format!(
        "started at {rate:.0}/s; {loaded:.0} of them still in memory {:.1} s later; times are from the judgement to the end",
        waited.as_secs_f64()
    ));
    let grown = |name: &str| {
        let of = |usages: &Usages| {
            usages
                .get(name)
                .map_or(0.0, |usage| megabytes(usage.resident_bytes))
        };
        of(&after) - of(&before)
    };
    let all = megabytes(total(&after).resident_bytes) - megabytes(total(&before).resident_bytes);
    row.notes.push(format!(
        "memory above idle: gennaker {:.1} MB, nats-server {:.1} MB; CPU {:.4} cores idle, {:.4} with all parked",
        grown("gennaker"),
        grown("nats-server"),
        idle,
        busy
    ));
    if !plan.quick {
        row.check("under 20 MB above idle", Some(all), "MB", |found| {
            found < 20.0
        });
        let above = Some((busy - idle).max(0.0));
        row.check("no measurable CPU above idle", above, "cores", |found| {
            found < 0.01
        });
    }
    Ok(vec![row])
}

/// Cores that are used when nobody asks for anything.
async fn idle_cpu(target: &Target, quick: bool) -> f64 {
    let (before, begin) = (target.usages(), Instant::now());
    tokio::time::sleep(seconds(quick, 1.0, 10.0)).await;
    total(&between(&before, &target.usages())).cpu_s / begin.elapsed().as_secs_f64()
}

async fn start_all(target: &Target, count: usize) -> Result<Vec<String>> {
    let names = Rc::new(spread("judged"));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (address, names) = (target.address, Rc::clone(&names));
        let share = count / CLIENTS + usize::from(client < count % CLIENTS);
        clients.spawn_local(async move {
            let mut api = Api::new(address);
            let mut ids = Vec::new();
            for _ in 0..share {
                ids.push(api.start(&names[client % names.len()], None).await?);
            }
            anyhow::Ok(ids)
        });
    }
    let mut ids = Vec::new();
    while let Some(ended) = clients.join_next().await {
        ids.extend(ended??);
    }
    Ok(ids)
}

/// Waits until (nearly) all left memory; how many did not.
async fn wait_until_parked(target: &mut Target, count: usize) -> Result<f64> {
    let until = Instant::now() + PARKED_WITHIN;
    let mut api = Api::new(target.address);
    #[expect(clippy::cast_precision_loss, reason = "a count of executions")]
    let few = count as f64 / 100.0;
    loop {
        let page = api.metrics().await?;
        let Some(loaded) = metric(&page, "gennaker_executions_loaded") else {
            bail!("/metrics does not say how many executions are in memory");
        };
        if loaded <= few || Instant::now() > until {
            return Ok(loaded);
        }
        target.check_alive()?;
        tokio::time::sleep(POLL).await;
    }
}

/// Judges a few and times how long each takes to its end, one after the other.
async fn judge_some(target: &Target, ids: &[String]) -> Result<Times> {
    let mut api = Api::new(target.address);
    let mut times = Vec::new();
    for id in ids.iter().step_by((ids.len() / 20).max(1)) {
        let stage = api.execution(id).await?["stages"][0]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let begin = Instant::now();
        let judgement = json!({"judgmentStatus": "continue"});
        api.call(
            "PATCH",
            &format!("/pipelines/{id}/stages/{stage}"),
            Some(&judgement),
        )
        .await?;
        while api.execution(id).await?["status"] != "SUCCEEDED" {
            if begin.elapsed() > JUDGED_WITHIN {
                bail!("execution {id} does not end after its judgement");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        times.push(ms(begin.elapsed()));
    }
    Ok(Times::new(times))
}
