//! One stream of the twin: messages, limits, conditions.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::Lapse;
use super::consumer::Consumer;
use super::network::State;
use crate::backend::{Expect, Headers, MARKER, StoreError, Stored, StreamBounds, Write};
use crate::error::Error;
use crate::layout::{Discard, Storage, StreamSpec};
use crate::subject;

/// How much later than its lifetime a message goes, at most: as measured on the broker.
const EXPIRY_LATE_MS: u64 = 260;

pub(super) struct Stream {
    pub spec: StreamSpec,
    pub consumers: BTreeMap<String, Consumer>,
    messages: BTreeMap<u64, Stored>,
    subjects: BTreeMap<String, BTreeSet<u64>>,
    message_ids: BTreeMap<String, (u64, u64)>,
    last: u64,
    bytes: u64,
}

impl Stream {
    pub(super) fn new(spec: StreamSpec) -> Self {
        Self {
            spec,
            consumers: BTreeMap::new(),
            messages: BTreeMap::new(),
            subjects: BTreeMap::new(),
            message_ids: BTreeMap::new(),
            last: 0,
            bytes: 0,
        }
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = &Stored> {
        self.messages.values()
    }

    pub(super) fn get(&self, sequence: u64) -> Option<&Stored> {
        self.messages.get(&sequence)
    }

    pub(super) fn bounds(&self) -> StreamBounds {
        StreamBounds {
            first: self
                .messages
                .first_key_value()
                .map_or(self.last + 1, |(first, _)| *first),
            last: self.last,
        }
    }

    /// The last sequence that was stored at or before a time.
    pub(super) fn last_until(&self, time_ms: u64) -> u64 {
        let newest = self.messages.values().next_back();
        if newest.is_none_or(|newest| newest.time_ms <= time_ms) {
            return self.last;
        }
        let visible = self
            .messages
            .values()
            .rev()
            .find(|stored| stored.time_ms <= time_ms);
        visible.map_or(0, |stored| stored.sequence)
    }

    pub(super) fn last_of(&self, subject: &str) -> Option<&Stored> {
        let sequence = self.subjects.get(subject)?.last()?;
        self.messages.get(sequence)
    }

    /// The first message at or above a sequence that a filter matches.
    pub(super) fn next_from(&self, filter: Option<&str>, sequence: u64) -> Option<&Stored> {
        self.messages
            .range(sequence..)
            .map(|(_, stored)| stored)
            .find(|stored| filter.is_none_or(|filter| subject::matches(filter, &stored.subject)))
    }

    /// The sequences of the last message of each subject that a filter matches.
    pub(super) fn last_of_each(&self, filter: &str) -> BTreeSet<u64> {
        self.subjects
            .iter()
            .filter(|(subject, _)| subject::matches(filter, subject))
            .filter_map(|(_, sequences)| sequences.last().copied())
            .collect()
    }

    pub(super) fn remove(&mut self, sequence: u64) -> Option<Stored> {
        let stored = self.messages.remove(&sequence)?;
        self.bytes -= size(&stored.subject, &stored.payload);
        if let Some(sequences) = self.subjects.get_mut(&stored.subject) {
            sequences.remove(&sequence);
            if sequences.is_empty() {
                self.subjects.remove(&stored.subject);
            }
        }
        Some(stored)
    }

    pub(super) fn purge_below(&mut self, sequence: u64) {
        while let Some((&first, _)) = self.messages.first_key_value() {
            if first >= sequence {
                break;
            }
            self.remove(first);
        }
        self.last = self.last.max(sequence.saturating_sub(1));
    }

    /// Whether it lies in files. What is bound to connections ends in any case.
    pub(super) fn survives_restart(&mut self) -> bool {
        self.consumers.retain(|_, consumer| consumer.is_durable());
        for consumer in self.consumers.values_mut() {
            consumer.forget_pulls();
        }
        self.spec.storage == Storage::File
    }

    fn check(
        &self,
        write: &Write,
        now: u64,
        lapse: Option<&Lapse>,
    ) -> Result<Option<u64>, StoreError> {
        let refused = |error| Err(StoreError::Refused(error));
        if matches!(lapse, Some(Lapse::Swallows(prefix)) if write.stream.starts_with(prefix)) {
            return Ok(Some(self.last));
        }
        match write.expect {
            _ if matches!(lapse, Some(Lapse::Expectations(prefix)) if write.stream.starts_with(prefix)) =>
                {}
            Expect::Stream(expected) if expected != self.last => return Err(StoreError::Conflict),
            Expect::Subject(expected) => {
                let last = self
                    .last_of(&write.subject)
                    .map_or(0, |stored| stored.sequence);
                if expected != last {
                    return Err(StoreError::Conflict);
                }
            }
            Expect::Stream(_) | Expect::Anything => {}
        }
        if let (Some(id), Some(window)) = (&write.message_id, self.spec.duplicate_window)
            && let Some((sequence, at)) = self.message_ids.get(id)
            && u128::from(now - at) < window.as_millis()
        {
            return Ok(Some(*sequence));
        }
        if let Some(limit) = self.spec.message_bytes_max
            && write.payload.len() > limit as usize
        {
            return refused(Error::TooLarge {
                size: write.payload.len(),
                limit: limit as usize,
            });
        }
        if write.ttl.is_some() && !self.spec.message_ttl {
            return refused(Error::Misconfigured {
                stream: write.stream.clone(),
                text: "per-message TTL is disabled".to_owned(),
            });
        }
        if let Some(limit) = self.spec.bytes_max
            && self.spec.discard == Discard::New
            && self.bytes + size(&write.subject, &write.payload) > limit
        {
            return refused(Error::Full {
                stream: write.stream.clone(),
                text: "maximum bytes exceeded".to_owned(),
            });
        }
        Ok(None)
    }

    fn insert(&mut self, stored: Stored) {
        self.last = stored.sequence;
        self.bytes += size(&stored.subject, &stored.payload);
        let of_subject = self.subjects.entry(stored.subject.clone()).or_default();
        of_subject.insert(stored.sequence);
        let excess = self
            .spec
            .per_subject_max
            .and_then(|limit| of_subject.len().checked_sub(limit as usize))
            .unwrap_or(0);
        let oldest: Vec<u64> = of_subject.iter().take(excess).copied().collect();
        self.messages.insert(stored.sequence, stored);
        for sequence in oldest {
            self.remove(sequence);
        }
        while self.spec.bytes_max.is_some_and(|limit| self.bytes > limit) {
            let Some((&first, _)) = self.messages.first_key_value() else {
                break;
            };
            self.remove(first);
        }
    }
}

impl State {
    /// Stores a message if its conditions hold, and delivers it to whoever waits.
    pub(super) fn store(&mut self, write: &Write) -> Result<u64, StoreError> {
        let now = self.now();
        let stream = self
            .streams
            .get_mut(&write.stream)
            .ok_or(StoreError::Missing)?;
        if let Some(sequence) = stream.check(write, now, self.lapse.as_ref())? {
            return Ok(sequence);
        }
        let lives_ms = match (write.ttl, stream.spec.age_max) {
            (Some(ttl), _) => Some(ttl.as_millis().div_ceil(1000).max(1) * 1000),
            (None, Some(age)) => Some(age.as_millis()),
            (None, None) => None,
        };
        let sequence = stream.last + 1;
        if let Some(id) = &write.message_id {
            stream.message_ids.insert(id.clone(), (sequence, now));
        }
        let stored = Stored {
            subject: write.subject.clone(),
            sequence,
            time_ms: self.epoch_ms + now,
            headers: write.headers(),
            payload: write.payload.clone(),
        };
        stream.insert(stored.clone());
        self.record(&write.stream, &stored);
        if let Some(lives_ms) = lives_ms {
            let late = self.random.between(&(0..=EXPIRY_LATE_MS));
            let stream = write.stream.clone();
            let lives_ms = u64::try_from(lives_ms).unwrap_or(u64::MAX / 2);
            self.later(
                lives_ms.saturating_add(late),
                Box::new(move |state: &mut State| state.expire(&stream, sequence)),
            );
        }
        self.pump(&write.stream);
        self.pump_lagging(&write.stream);
        Ok(sequence)
    }

    fn expire(&mut self, name: &str, sequence: u64) {
        let Some(stream) = self.streams.get_mut(name) else {
            return;
        };
        let Some(stored) = stream.remove(sequence) else {
            return;
        };
        let Some(marker_ttl) = stream.spec.marker_ttl else {
            return;
        };
        if stored.is_marker() || stream.last_of(&stored.subject).is_some() {
            return;
        }
        let marker = Stored {
            subject: stored.subject,
            sequence: stream.last + 1,
            time_ms: self.epoch_ms + self.now(),
            headers: Headers::from([(MARKER.to_owned(), "MaxAge".to_owned())]),
            payload: Bytes::new(),
        };
        let Some(stream) = self.streams.get_mut(name) else {
            return;
        };
        stream.insert(marker.clone());
        self.record(name, &marker);
        let owned = name.to_owned();
        self.later(
            u64::try_from(marker_ttl.as_millis()).unwrap_or(u64::MAX / 2),
            Box::new(move |state: &mut State| state.expire(&owned, marker.sequence)),
        );
        self.pump(name);
        self.pump_lagging(name);
    }

    /// Delivers to readers once they may see what was just stored.
    fn pump_lagging(&mut self, name: &str) {
        if self.faults.lag_ms > 0 {
            let (lag_ms, name) = (self.faults.lag_ms, name.to_owned());
            self.later(lag_ms, Box::new(move |state: &mut Self| state.pump(&name)));
        }
    }
}

fn size(subject: &str, payload: &Bytes) -> u64 {
    (subject.len() + payload.len()) as u64
}
