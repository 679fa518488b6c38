//! A storm of webhooks over many pipelines, and one of two processes with the role `triggers` is killed in it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use tokio::task::JoinSet;

use crate::api::{APPLICATION, Api};
use crate::brokers::Sync;
use crate::load::ms;
use crate::report::Row;
use crate::statistics::Times;
use crate::target::{Setup, Target};

use super::{Plan, list, new_row};

/// Webhooks in all, and in a second.
const WEBHOOKS: u32 = 1_000;
/// Pipelines, each with a source of its own.
const PIPELINES: u32 = 1_000;
/// Connections that send them.
const SENDERS: u32 = 32;
/// How long until every event has its verdict.
const MATCHED_WITHIN: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);

/// What a sender was told.
struct Sent {
    took: Duration,
    event: String,
}

/// Sends on a schedule that does not wait for answers; a time counts from the moment that the webhook was due.
///
/// # Errors
/// The installation does not start, a webhook is refused, or an event has no verdict in time.
pub async fn measure(plan: &Plan<'_>) -> Result<Vec<Row>> {
    let setup = match plan.setup {
        Setup::Dev => Setup::Serve {
            brokers: 1,
            sync: Sync::Always,
        },
        serve @ Setup::Serve { .. } => serve,
    };
    let roles = ["gate,scheduler,worker", "triggers", "triggers"];
    let mut target = Target::serve(plan.programs, setup, &roles).await?;
    target.wait_healthy().await?;
    let pipelines = if plan.quick { 100 } else { PIPELINES };
    save(&target, pipelines).await?;
    // The first event shows that the pipelines are known.
    let mut api = Api::new(target.address);
    let first = send(&mut api, 0, Instant::now()).await?;
    matched(&mut api, &first.event, Instant::now() + MATCHED_WITHIN).await?;

    let begin = Instant::now();
    let answered = Rc::new(RefCell::new(Vec::new()));
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let (answered, address) = (Rc::clone(&answered), target.address);
        senders.spawn_local(async move {
            let mut api = Api::new(address);
            for number in (sender..WEBHOOKS).step_by(SENDERS as usize) {
                let due = begin + Duration::from_secs(1) * number / WEBHOOKS;
                tokio::time::sleep_until(due.into()).await;
                let sent = send(&mut api, number % pipelines, due).await?;
                answered.borrow_mut().push(sent);
            }
            anyhow::Ok(())
        });
    }
    tokio::time::sleep_until((begin + Duration::from_millis(500)).into()).await;
    target.kill_9(1)?;
    while let Some(ended) = senders.join_next().await {
        ended.context("a sender panicked")??;
    }
    let sent = answered.take();
    let last = Instant::now();
    for one in &sent {
        matched(&mut api, &one.event, last + MATCHED_WITHIN).await?;
    }
    let behind = last.elapsed();
    target.check_alive()?;

    let times = Times::new(sent.iter().map(|it| ms(it.took)).collect());
    let name =
        format!("{WEBHOOKS} webhooks in a second, {pipelines} pipelines, triggers killed: answer");
    let mut row = new_row(name, &target).with_times(&times);
    row.clients = Some(SENDERS as usize);
    row.usage = target.usages();
    row.notes.push(format!(
        "all {} are stored, matched and have started their pipeline, the last {:.1} s after the last answer",
        sent.len(),
        behind.as_secs_f64()
    ));
    row.check("p99 under 50 ms", times.percentile(0.99), "ms", |found| {
        found < 50.0
    });
    Ok(vec![row])
}

async fn save(target: &Target, pipelines: u32) -> Result<()> {
    let mut api = Api::new(target.address);
    api.save(&[]).await?;
    for number in 0..pipelines {
        let pipeline = json!({
            "application": APPLICATION, "name": format!("hooked-{number}"), "stages": list::stages(),
            "triggers": [{"type": "webhook", "enabled": true, "source": format!("hook-{number}")}],
        });
        api.call("POST", "/pipelines", Some(&pipeline)).await?;
    }
    Ok(())
}

async fn send(api: &mut Api, source: u32, due: Instant) -> Result<Sent> {
    let path = format!("/webhooks/webhook/hook-{source}");
    let body = json!({"parameters": {"tag": "v1"}, "repository": {"name": "web", "owner": "acme"}});
    let answer = api.call("POST", &path, Some(&body)).await?;
    let event = answer["eventId"].as_str();
    Ok(Sent {
        took: due.elapsed(),
        event: event.context("a webhook is not processed")?.to_owned(),
    })
}

/// Waits for the verdict on an event: it has started its pipeline.
async fn matched(api: &mut Api, event: &str, until: Instant) -> Result<()> {
    let path = format!("/v2/events/{event}");
    loop {
        if let Ok(record) = api.call("GET", &path, None).await {
            let outcome = &record["verdicts"][0]["outcome"];
            if outcome != "started" {
                bail!("event {event} started nothing: {record}");
            }
            return Ok(());
        }
        if Instant::now() > until {
            bail!("event {event} has no verdict in {MATCHED_WITHIN:?}");
        }
        tokio::time::sleep(POLL).await;
    }
}
