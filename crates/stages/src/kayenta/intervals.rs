//! When is analysed what. Source: orca `RunCanaryIntervalsStage` (canary reference 3.3). All of it comes from the first scope.

use gennaker_engine::definition::PlanError;

use super::{RUNS_MAX, config::Config};

const MINUTE_MS: i64 = 60_000;

/// From when to when the metrics of both sides are taken, in epoch milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) control: (i64, i64),
    pub(super) experiment: (i64, i64),
}

/// All analyses of a canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Windows {
    pub(super) list: Vec<Window>,
    /// Whether time must pass between them: nothing was said about when it ends.
    pub(super) are_live: bool,
    pub(super) interval_mins: i64,
}

pub(super) fn windows(config: &Config, now_ms: i64) -> Result<Windows, PlanError> {
    let first = config.scopes.first();
    let start = first.and_then(|scope| scope.start_ms).unwrap_or(now_ms);
    let end = first.and_then(|scope| scope.end_ms);
    let lifetime = match end {
        Some(end) => (end - start) / MINUTE_MS,
        None => config.lifetime_mins.unwrap_or(0),
    };
    if lifetime < 1 {
        return Err(PlanError::argument(
            "the lifetime of a canary must be at least one minute",
        ));
    }
    let wanted = config.interval_mins.unwrap_or(lifetime);
    let interval = if wanted <= 0 || wanted > lifetime {
        lifetime
    } else {
        wanted
    };
    let count = lifetime / interval;
    if count > RUNS_MAX {
        return Err(PlanError::argument(format!(
            "the canary would be analysed {count} times, more than {RUNS_MAX}"
        )));
    }
    let minutes = |number: i64| number.saturating_mul(MINUTE_MS);
    // With an end the warm-up is waited for and shifts nothing.
    let begin = if end.is_some() {
        start
    } else {
        start + minutes(config.begin_after_mins)
    };
    let offset = minutes(config.baseline_offset_mins);
    let list = (1..=count).map(|number| {
        let end = begin.saturating_add(minutes(number * interval));
        let start = if config.lookback_mins > 0 {
            end.saturating_sub(minutes(config.lookback_mins))
        } else {
            begin
        };
        Window {
            control: (start.saturating_sub(offset), end.saturating_sub(offset)),
            experiment: (start, end),
        }
    });
    Ok(Windows {
        list: list.collect(),
        are_live: end.is_none(),
        interval_mins: interval,
    })
}
