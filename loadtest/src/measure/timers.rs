//! How late waits end: by the times in the documents, which include the append, and by the scheduler's own count.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::api::Api;
use crate::completions::Completions;
use crate::report::Row;
use crate::statistics::{Buckets, Times};
use crate::target::Target;

use super::{Plan, new_row};

const METRIC: &str = "gennaker_timer_late_seconds";
const PATIENCE: Duration = Duration::from_secs(30);
const WAIT_MS: f64 = 1_000.0;

/// The pipeline: one wait.
pub fn stages() -> Vec<Value> {
    vec![
        json!({"type": "wait", "name": "Wait", "refId": "1", "requisiteStageRefIds": [], "waitTime": 1}),
    ]
}

/// Starts many waits over a second, so that they do not all end at once.
///
/// # Errors
/// An execution cannot be started or does not end.
pub async fn measure(plan: &Plan<'_>, target: &mut Target) -> Result<Vec<Row>> {
    let mut api = Api::new(target.address);
    let completions = Completions::new(target.address);
    let before = Buckets::read(&api.metrics().await?, METRIC);
    let mut ids = Vec::new();
    for _ in 0..if plan.quick { 100 } else { 1_000 } {
        ids.push(api.start("wait", None).await?);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut late = Vec::new();
    for id in &ids {
        // Without the feed: these are looked at after their end.
        let document = match api.execution(id).await? {
            done if done["status"] == "SUCCEEDED" => done,
            _ => {
                completions.wait(id, &mut api, PATIENCE).await?;
                api.execution(id).await?
            }
        };
        let stage = &document["stages"][0];
        if let (Some(start), Some(end)) = (stage["startTime"].as_f64(), stage["endTime"].as_f64()) {
            late.push(end - start - WAIT_MS);
        }
    }
    let mut row = new_row("a wait ends late", target).with_times(&Times::new(late));
    let own = Buckets::read(&api.metrics().await?, METRIC).since(&before);
    if let Some(limit) = own.percentile(0.99) {
        row.notes.push(format!(
            "the scheduler's own count says p99 at most {:.1} ms",
            limit * 1_000.0
        ));
    }
    row.check("p99 under 20 ms", row.p99_ms, "ms", |found| found < 20.0);
    Ok(vec![row])
}
