//! How it goes with a source, kept for people: `GET /v2/pollers`, `gennaker pollers`.

use std::time::Duration;

use gennaker_bus::{Bucket, Bus, Kv, Put, token};
use gennaker_model::polling::{Health, Status, VERSION};

use crate::{cycle::Outcome, metrics, source::Id};

/// How long it stays when nobody polls the source any more.
const KEPT: Duration = Duration::from_secs(600);

/// How old it may become without being written again, in milliseconds.
const AGE_MAX_MS: i64 = 60_000;

/// Tries to replace what another process wrote.
const TRIES: usize = 3;

/// Longest text that is kept, in characters.
const TEXT_CHARS_MAX: usize = 2_000;

/// The status of one source, and what of it others can read.
pub(crate) struct Record {
    kv: Kv,
    key: String,
    status: Status,
    written: Option<Status>,
    written_at_ms: i64,
    revision: u64,
}

impl Record {
    pub(crate) fn new(bus: &Bus, id: &Id, process: &str) -> Self {
        Self {
            kv: bus.kv(Bucket::Poll),
            key: format!("s.{}.{}", token(id.kind), token(&id.name)),
            status: Status {
                v: VERSION,
                kind: id.kind.to_owned(),
                source: id.name.clone(),
                process: process.to_owned(),
                ..Status::default()
            },
            written: None,
            written_at_ms: 0,
            revision: 0,
        }
    }

    pub(crate) fn succeeded(&mut self, outcome: &Outcome, now_ms: i64, took: Duration) {
        self.looked(now_ms, took);
        let status = &mut self.status;
        status.succeeded_at_ms = Some(now_ms);
        status.failures = 0;
        status.error = outcome.trouble().map(|text| cut(&text));
        status.warnings = outcome.warnings.iter().map(|text| cut(text)).collect();
        status.found = outcome.found as u64;
        status.known = outcome.known as u64;
        if outcome.events > 0 {
            status.event_at_ms = Some(now_ms);
        }
        status.state = match status.error.is_none() && status.warnings.is_empty() {
            true => Health::Ok,
            false => Health::Warning,
        };
        metrics::failures(&status.kind, &status.source, 0);
    }

    pub(crate) fn failed(&mut self, why: &str, now_ms: i64, took: Duration) {
        self.looked(now_ms, took);
        let status = &mut self.status;
        status.failures = status.failures.saturating_add(1);
        status.error = Some(cut(why));
        status.state = Health::Failing;
        metrics::failures(&status.kind, &status.source, status.failures);
    }

    /// How many looks failed since the last one that succeeded, and why the last one did.
    pub(crate) fn failures(&self) -> (u32, Option<&str>) {
        (self.status.failures, self.status.error.as_deref())
    }

    /// Another process polls it now.
    pub(crate) fn left(&self) {
        metrics::failures(&self.status.kind, &self.status.source, 0);
    }

    /// Writes it, if others would read something else, or it is old.
    pub(crate) async fn write(&mut self, next_at_ms: i64, now_ms: i64) {
        self.status.next_at_ms = Some(next_at_ms);
        let is_same = self
            .written
            .as_ref()
            .is_some_and(|written| gist(written) == gist(&self.status));
        if is_same && now_ms - self.written_at_ms < AGE_MAX_MS {
            return;
        }
        let Ok(text) = serde_json::to_vec(&self.status) else {
            return;
        };
        for _ in 0..TRIES {
            let put = self
                .kv
                .put_if(&self.key, self.revision, text.clone().into(), Some(KEPT));
            match put.await {
                Ok(Put::Done(revision)) => {
                    self.revision = revision;
                    self.written = Some(self.status.clone());
                    self.written_at_ms = now_ms;
                    return;
                }
                Ok(Put::Conflict) => match self.kv.get(&self.key).await {
                    Ok(found) => self.revision = found.map_or(0, |record| record.revision),
                    Err(_) => return,
                },
                Err(error) => {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "the status of {} {} is not kept",
                        self.status.kind,
                        self.status.source
                    );
                    return;
                }
            }
        }
    }

    fn looked(&mut self, now_ms: i64, took: Duration) {
        self.status.polled_at_ms = Some(now_ms);
        self.status.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    }
}

/// What is worth a write at once.
fn gist(status: &Status) -> (Health, &Option<String>, &[String], Option<i64>, u64) {
    (
        status.state,
        &status.error,
        &status.warnings,
        status.event_at_ms,
        status.found,
    )
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
