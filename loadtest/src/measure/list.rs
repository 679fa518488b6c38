//! A list of 25 executions among many.

use std::time::Instant;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::api::{APPLICATION, Api};
use crate::load::{Load, Options, ms};
use crate::report::Row;
use crate::statistics::Times;
use crate::target::Target;

use super::{Plan, new_row, note_failures};

const LISTED: usize = 25;

/// The pipeline: one stage that ends in the decision that starts it, so that many executions are made soon.
pub fn stages() -> Vec<Value> {
    vec![
        json!({"type": "wait", "name": "Nothing", "refId": "1", "requisiteStageRefIds": [], "waitTime": 0}),
    ]
}

/// Makes many and lists some, as Spinnaker's clients do and by our own route.
///
/// # Errors
/// A list fails or is not what was asked for.
pub async fn measure(plan: &Plan<'_>, target: &mut Target) -> Result<Vec<Row>> {
    let wanted = if plan.quick { 3_000 } else { 100_000 };
    let load = Load::start(
        target.address,
        Options {
            clients: 64,
            pipelines: vec!["instant".to_owned()],
            insistent: false,
            per_second_max: None,
            deletes: false,
        },
    );
    let begin = Instant::now();
    // The short set takes what it gets in its time; the row says how many that was.
    while load.shared().complete() < wanted && (!plan.quick || begin.elapsed().as_secs() < 3) {
        target.check_alive()?;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let shared = load.finish().await;
    let made = shared.complete();

    let mut rows = Vec::new();
    let of_application = format!("/applications/{APPLICATION}/pipelines");
    let search = format!("/applications/{APPLICATION}/executions/search?size={LISTED}");
    let routes = [
        (
            "as Spinnaker",
            format!("{of_application}?limit={LISTED}&pipelineNameFilter=instant"),
            LISTED,
        ),
        (
            "as Spinnaker, without contexts",
            format!("{of_application}?limit={LISTED}&expand=false"),
            LISTED,
        ),
        (
            "newest of all",
            format!("/v2/executions?limit={LISTED}"),
            LISTED,
        ),
        (
            "searched by name",
            format!("{search}&pipelineName=instant"),
            LISTED,
        ),
        (
            // {"type":"[a-z]+"}
            "searched by trigger",
            format!("{search}&trigger=eyJ0eXBlIjoiW2Etel0rIn0%3D"),
            LISTED,
        ),
        (
            "searched, page 41",
            format!("{search}&startIndex={}", 40 * LISTED),
            LISTED,
        ),
        (
            "what runs",
            format!("{of_application}?statuses=RUNNING,NOT_STARTED,PAUSED&expand=false"),
            0,
        ),
        (
            "what failed",
            format!("{of_application}?statuses=TERMINAL&expand=false"),
            0,
        ),
    ];
    for (name, path, expected) in routes {
        let name = format!("list of {expected} among {made}, {name}");
        let mut row = timed(plan, target, &name, &path, expected).await?;
        note_failures(&mut row, &shared.failures());
        if !plan.quick {
            row.check(
                "among 100 000: p99 under 20 ms",
                row.p99_ms,
                "ms",
                |found| found < 20.0,
            );
        }
        rows.push(row);
    }
    Ok(rows)
}

async fn timed(
    plan: &Plan<'_>,
    target: &mut Target,
    name: &str,
    path: &str,
    expected: usize,
) -> Result<Row> {
    let mut api = Api::new(target.address);
    let mut times = Vec::new();
    for _ in 0..if plan.quick { 100 } else { 500 } {
        let begin = Instant::now();
        let listed = api.raw("GET", path, None).await?;
        times.push(ms(begin.elapsed()));
        let listed: Value = serde_json::from_slice(&listed)?;
        match listed.as_array().map(Vec::len) {
            Some(found) if found == expected => {}
            other => bail!("{path} answers {other:?} executions instead of {expected}"),
        }
    }
    Ok(new_row(name, target).with_times(&Times::new(times)))
}
