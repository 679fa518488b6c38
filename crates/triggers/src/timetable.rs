//! The clock: each instant of each schedule becomes an event, once, however many processes see it.
//!
//! Nothing is remembered. The event of an instant is derived from pipeline, trigger and instant, and so is the execution that it
//! starts: a process that tells an instant again tells nothing new. That is how instants are made up for that nobody was there
//! to see: after a start the role looks back as far as the settings say. Echo drops such instants, unless its compensation job
//! is switched on, which looks back ten minutes.
//!
//! An instant before the pipeline was saved last is never told: perhaps there was no such schedule then.

use std::{sync::Arc, time::Duration};

use gennaker_bus::Bus;
use gennaker_cron::Fires;
use gennaker_intake::matching::{self, CRON, Scheduled};
use gennaker_runtime::{CancellationToken, Clock};
use gennaker_store::Store;
use gennaker_telemetry::metrics::{Counter, InvalidMetric, registry};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use crate::candidates::{self, Candidate, Candidates};

/// How often the clock and the documents are looked at; the wall clock may be set meanwhile.
const TICK: Duration = Duration::from_millis(500);

/// How late an instant may be told like any other. Of earlier ones of a schedule only the last is made up for.
const LATE_MS: i64 = 60_000;

static INSTANTS: Counter<1> = Counter::labelled(
    "gennaker_triggers_cron_instants_total",
    "Instants of schedules: told (an event was stored, perhaps by several processes), skipped (older than the look back, or one of several).",
    ["outcome"],
);

/// How schedules are read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether schedules fire at all.
    pub enabled: bool,
    /// The zone of their local times.
    pub zone: TimeZone,
    /// How far to look back after a start, in milliseconds.
    pub catch_up_ms: i64,
}

/// The clock of one process.
pub(crate) struct Timetable {
    pub(crate) bus: Bus,
    pub(crate) store: Store,
    pub(crate) candidates: candidates::Shared,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
}

/// A schedule and where it stands.
struct Row {
    pipeline: String,
    scheduled: Scheduled,
    fires: Fires,
    /// The next instant to be told.
    next: Option<Timestamp>,
}

impl Timetable {
    /// Registers the figures; once per process is enough, again does no harm.
    ///
    /// # Errors
    /// When another metric has the name.
    pub(crate) fn register() -> Result<(), InvalidMetric> {
        registry().register(&[&INSTANTS])
    }

    /// Tells instants until `cancel`.
    pub(crate) async fn run(&self, cancel: CancellationToken) {
        if !self.settings.enabled {
            return;
        }
        // Before the documents are there, nothing is known to be due: no instant counts as told.
        tokio::select! {
            () = cancel.cancelled() => return,
            is_there = async { self.store.watch().changed().await } => if !is_there {
                return;
            },
        }
        let mut known: Option<Arc<Candidates>> = None;
        let mut rows: Vec<Row> = Vec::new();
        let mut since_ms = self.clock.now_ms() - self.settings.catch_up_ms;
        loop {
            let current = self.candidates.current();
            if !known
                .as_ref()
                .is_some_and(|known| Arc::ptr_eq(known, &current))
            {
                rows = self.rows(&current, since_ms);
                known = Some(current);
            }
            let now_ms = self.clock.now_ms();
            if self.tell_all(&mut rows, now_ms).await {
                // Everything up to now is told; a row that is made anew begins here.
                since_ms = since_ms.max(now_ms);
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = self.clock.sleep(TICK) => {}
            }
        }
    }

    /// The schedules of all pipelines, from `since_ms` on.
    fn rows(&self, candidates: &Candidates, since_ms: i64) -> Vec<Row> {
        let mut rows = Vec::new();
        for candidate in candidates.iter() {
            for scheduled in matching::schedules(&candidate.config) {
                let schedule = match &scheduled.schedule {
                    Ok(schedule) => schedule,
                    Err(problem) => {
                        tracing::warn!(
                            pipeline.config_id = candidate.id,
                            "the schedule {:?} of pipeline {} in {} never fires: {problem}",
                            scheduled.expression,
                            candidate.name,
                            candidate.application
                        );
                        continue;
                    }
                };
                let fires = schedule.fires(&scheduled.trigger, self.settings.zone.clone());
                let from_ms = since_ms.max(saved_ms(candidate));
                let next = Timestamp::from_millisecond(from_ms)
                    .ok()
                    .and_then(|from| fires.next_after(from));
                rows.push(Row {
                    pipeline: candidate.id.clone(),
                    scheduled,
                    fires,
                    next,
                });
            }
        }
        rows
    }

    /// Tells what is due; whether all of it is stored.
    async fn tell_all(&self, rows: &mut [Row], now_ms: i64) -> bool {
        let mut is_all = true;
        for row in rows {
            is_all &= self.tell(row, now_ms).await;
        }
        is_all
    }

    async fn tell(&self, row: &mut Row, now_ms: i64) -> bool {
        while let Some(due) = row.next.filter(|next| next.as_millisecond() <= now_ms) {
            let following = row.fires.next_after(due);
            let is_late = due.as_millisecond() < now_ms - LATE_MS;
            if is_late && following.is_some_and(|following| following.as_millisecond() <= now_ms) {
                INSTANTS.inc_for(["skipped"]);
            } else if let Err(error) = self.publish(row, due).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the instant {due} of a schedule of pipeline {} is not stored yet",
                    row.pipeline
                );
                return false;
            }
            row.next = following;
        }
        true
    }

    async fn publish(&self, row: &Row, due: Timestamp) -> Result<(), gennaker_bus::Error> {
        let (header, body) = matching::firing(&row.pipeline, &row.scheduled, due.as_millisecond());
        let stored = matching::encode(&header, body.to_string().as_bytes());
        let events = self.bus.events();
        events
            .publish_once(CRON, &header.source, &header.id, stored.into())
            .await?;
        INSTANTS.inc_for(["told"]);
        Ok(())
    }
}

/// When the pipeline was saved last; for one that does not say, the beginning of time.
fn saved_ms(candidate: &Candidate) -> i64 {
    match candidate.document.get("updateTs") {
        Some(Value::String(text)) => text.parse().unwrap_or(0),
        Some(Value::Number(number)) => number.as_i64().unwrap_or(0),
        Some(_) | None => 0,
    }
}
