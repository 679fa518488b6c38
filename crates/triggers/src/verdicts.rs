//! What became of each event, kept for people: "why did it not fire" has an answer for three days.

use bytes::Bytes;
use gennaker_bus::{Bucket, Bus, Error, Kv, Put, token};
use gennaker_intake::matching::{self, Event, Judged, Outcome, Record, Verdict};
use gennaker_model::Map;

use crate::{
    candidates::{Candidate, Candidates},
    observe,
    starter::{Ended, Fired},
};

/// Tries to replace a record that an earlier delivery of the event left.
const TRIES: usize = 3;

/// Verdicts in a record on triggers that an event concerns by their type only.
const FAR_MAX: usize = 50;

/// What the triggers said to an event.
pub(crate) struct Verdicts<'a> {
    /// Pipelines to start, each once.
    pub(crate) fired: Vec<Fired<'a>>,
    rest: Vec<(Judged, bool)>,
    /// Triggers of the event's type that are only counted.
    others: usize,
}

impl<'a> Verdicts<'a> {
    /// Considers every candidate. `held` says of a trigger that fires why its start is held back, if it is.
    pub(crate) fn of(
        event: &Event,
        candidates: &'a Candidates,
        held: &dyn Fn(&Map, &Map) -> Option<String>,
    ) -> Self {
        let considered = candidates.consider(event, FAR_MAX);
        observe::passed(considered.others);
        let mut found = Self {
            fired: Vec::new(),
            rest: Vec::new(),
            others: considered.others,
        };
        for one in considered.found {
            if let Some(candidate) = candidates.get(one.config) {
                found.add(event, candidate, one, held);
            }
        }
        tracing::info!(
            event.id = event.header.id,
            "event {} of {}/{} fires {} of {} pipelines with triggers",
            event.header.id,
            event.header.kind,
            event.header.source,
            found.fired.len(),
            candidates.len()
        );
        found
    }

    fn add(
        &mut self,
        event: &Event,
        candidate: &'a Candidate,
        found: matching::Found,
        held: &dyn Fn(&Map, &Map) -> Option<String>,
    ) {
        let id = &event.header.id;
        let place = found.place;
        let verdict = match found.verdict {
            Verdict::Fires(trigger) => match held(&candidate.config, &trigger) {
                Some(reason) => Verdict::Passes(reason),
                None => Verdict::Fires(trigger),
            },
            Verdict::Passes(reason) => Verdict::Passes(reason),
        };
        observe::judged(&verdict);
        match verdict {
            // A second trigger that fires starts nothing more: echo collects a set of pipelines.
            Verdict::Fires(_) if self.starts(candidate) => {
                let judged = judged(candidate, place, Outcome::Repeated, None);
                self.rest.push((judged, true));
            }
            Verdict::Fires(trigger) => self.fired.push(Fired {
                candidate,
                place,
                trigger: *trigger,
            }),
            Verdict::Passes(reason) => {
                if found.is_near {
                    tracing::info!(
                        event.id = id,
                        pipeline.config_id = candidate.id,
                        "event {id}: trigger {place} of pipeline {} in {} does not fire: {reason}",
                        candidate.name,
                        candidate.application
                    );
                }
                let judged = judged(candidate, place, Outcome::Passed, Some(reason));
                self.rest.push((judged, found.is_near));
            }
        }
    }

    /// Whether the pipeline is started already. Verdicts come in the order of the pipelines.
    fn starts(&self, candidate: &Candidate) -> bool {
        let last = self.fired.last();
        last.is_some_and(|fired| std::ptr::eq(fired.candidate, candidate))
    }

    /// The record, now that every start was answered.
    pub(crate) fn record(
        self,
        event: &Event,
        matched_at_ms: i64,
        reason: Option<String>,
        ended: Vec<Ended>,
    ) -> Record {
        let mut all = self.rest;
        for (fired, ended) in self.fired.iter().zip(ended) {
            let (outcome, reason) = match ended.refused {
                None => (Outcome::Started, None),
                Some(reason) => (Outcome::Refused, Some(reason)),
            };
            let mut judged = judged(fired.candidate, fired.place, outcome, reason);
            judged.execution_id = Some(ended.execution.to_string());
            all.push((judged, true));
        }
        Record::new(event, matched_at_ms, reason, all, self.others)
    }
}

/// Keeps a record; one of an earlier delivery is replaced.
pub(crate) async fn keep(bus: &Bus, record: &Record) {
    let stored = match serde_json::to_vec(record) {
        Ok(bytes) => put(&bus.kv(Bucket::Verdicts), &record.event_id, bytes.into()).await,
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the verdicts on event {} cannot be written",
                record.event_id
            );
            return;
        }
    };
    // What people read about an event is not worth handling the event again.
    if let Err(error) = stored {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the verdicts on event {} are not kept",
            record.event_id
        );
    }
}

async fn put(kv: &Kv, event: &str, value: Bytes) -> Result<(), Error> {
    let key = token(event);
    let mut expected = 0;
    for _ in 0..TRIES {
        match kv.put_if(&key, expected, value.clone(), None).await? {
            Put::Done(_) => return Ok(()),
            Put::Conflict => {
                expected = kv.get(&key).await?.map_or(0, |record| record.revision);
            }
        }
    }
    Ok(())
}

fn judged(candidate: &Candidate, place: usize, outcome: Outcome, reason: Option<String>) -> Judged {
    Judged {
        application: candidate.application.clone(),
        pipeline: candidate.name.clone(),
        pipeline_config_id: candidate.id.clone(),
        trigger: place,
        outcome,
        execution_id: None,
        reason,
    }
}
