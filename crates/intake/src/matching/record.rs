//! What became of an event, as it is kept for people: a verdict on each trigger that it concerned.

use serde::{Deserialize, Serialize};

use super::Event;

/// Version of [`Record`].
const VERSION: u8 = 1;

/// Verdicts that one record keeps; the rest is counted.
const VERDICTS_MAX: usize = 500;

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// [`Record::is_readable`].
    pub v: u8,
    /// The event's id, as whoever sent it was told.
    pub event_id: String,
    /// What kind of event it is: `webhook`, `git`, `cron`.
    pub kind: String,
    /// Where it came from.
    pub source: String,
    /// When it came in, or the instant that it stands for; epoch milliseconds.
    pub at_ms: i64,
    /// When it was matched, epoch milliseconds.
    pub matched_at_ms: i64,
    /// Why it concerns no trigger at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Those that started something first, then those that nearly did.
    pub verdicts: Vec<Judged>,
    /// Triggers of the event's kind that are not listed, because there are so many.
    #[serde(default)]
    pub others: usize,
}

/// What became of one trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Judged {
    /// The pipeline's application.
    pub application: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// The pipeline's id.
    pub pipeline_config_id: String,
    /// Place of the trigger in the pipeline's list, from 0.
    pub trigger: usize,
    /// What came of it.
    pub outcome: Outcome,
    /// The execution that it started, or would have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// Why it started nothing: the first condition that failed, with the values that were compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What came of a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It fired, and the execution exists.
    Started,
    /// It fired, and the start was refused.
    Refused,
    /// It fired too; another trigger of the same pipeline had started it already.
    Repeated,
    /// It did not fire.
    Passed,
}

impl Record {
    /// What became of `event`, matched at `matched_at_ms`. Beside each verdict stands whether it is one that people look for
    /// ([`super::is_near`]). `others` are triggers of the event's kind that have no verdict here.
    #[must_use]
    pub fn new(
        event: &Event,
        matched_at_ms: i64,
        reason: Option<String>,
        mut verdicts: Vec<(Judged, bool)>,
        others: usize,
    ) -> Self {
        // Stable: among equals the order of the pipelines stays.
        verdicts.sort_by_key(|(judged, is_near)| (judged.outcome, !is_near));
        let others = others + verdicts.len().saturating_sub(VERDICTS_MAX);
        verdicts.truncate(VERDICTS_MAX);
        Self {
            v: VERSION,
            event_id: event.header.id.clone(),
            kind: event.header.kind.clone(),
            source: event.header.source.clone(),
            at_ms: event.header.at_ms,
            matched_at_ms,
            reason,
            verdicts: verdicts.into_iter().map(|(judged, _)| judged).collect(),
            others,
        }
    }

    /// Whether this program knows everything that the record says.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.v <= VERSION
    }
}
