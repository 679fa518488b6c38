//! Consumers of the twin: pulls, deliveries, acknowledgements, redelivery.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use serde_json::Value;

use super::network::{State, inbox_id, status};
use super::stream::Stream;
use crate::backend::{PullRequest, Raw, Reader, ReaderSpec, Start};
use crate::error::Error;
use crate::layout::{ConsumerSpec, Retention};

pub(super) struct Consumer {
    /// The specification of a durable consumer; a reader has none and needs no acknowledgements.
    pub spec: Option<ConsumerSpec>,
    filter: Option<String>,
    /// The last messages of each subject that were there at the beginning and are not delivered yet.
    snapshot: BTreeSet<u64>,
    /// Where new messages begin.
    next: u64,
    /// Delivered and not acknowledged.
    pending: BTreeMap<u64, Pending>,
    /// Those of them that are to be delivered again.
    again: BTreeSet<u64>,
    pulls: VecDeque<Pull>,
    consumer_sequence: u64,
}

struct Pending {
    deliveries: u64,
    /// Changes with every delivery, progress and nak, so that an older timer means nothing.
    token: u64,
}

struct Pull {
    id: u64,
    inbox: u64,
    open: usize,
}

impl Consumer {
    fn durable(spec: &ConsumerSpec) -> Self {
        Self {
            filter: spec.filter.clone(),
            spec: Some(spec.clone()),
            snapshot: BTreeSet::new(),
            next: 0,
            pending: BTreeMap::new(),
            again: BTreeSet::new(),
            pulls: VecDeque::new(),
            consumer_sequence: 0,
        }
    }

    pub(super) fn is_durable(&self) -> bool {
        self.spec.is_some()
    }

    pub(super) fn forget_pulls(&mut self) {
        self.pulls.clear();
    }

    /// The next message to deliver, if there is one that may be delivered now and stands at or below `visible`.
    fn choose(&mut self, stream: &Stream, visible: u64) -> Option<u64> {
        while let Some(sequence) = self.again.pop_first() {
            if stream.get(sequence).is_some() {
                return Some(sequence);
            }
            self.pending.remove(&sequence);
        }
        let limit = self
            .spec
            .as_ref()
            .map_or(usize::MAX, |spec| spec.ack_pending_max as usize);
        if self.pending.len() >= limit {
            return None;
        }
        while let Some(sequence) = self.snapshot.pop_first() {
            if stream.get(sequence).is_some() {
                return Some(sequence);
            }
        }
        match stream.next_from(self.filter.as_deref(), self.next) {
            Some(stored) if stored.sequence > visible => None,
            Some(stored) => {
                self.next = stored.sequence + 1;
                Some(stored.sequence)
            }
            None => {
                self.next = self.next.max(stream.bounds().last + 1);
                None
            }
        }
    }

    /// Whether more waits at or below `visible`; the twin tells 1 for any number.
    fn waits(&self, stream: &Stream, visible: u64) -> u64 {
        let next = stream.next_from(self.filter.as_deref(), self.next);
        let more = !self.snapshot.is_empty() || next.is_some_and(|next| next.sequence <= visible);
        u64::from(more)
    }
}

impl State {
    pub(super) fn create_consumer(&mut self, spec: &ConsumerSpec) -> Result<(), Error> {
        let stream = self.stream_mut(&spec.stream)?;
        let consumers = &mut stream.consumers;
        consumers
            .entry(spec.name.clone())
            .or_insert_with(|| Consumer::durable(spec));
        Ok(())
    }

    pub(super) fn create_reader(&mut self, spec: &ReaderSpec) -> Result<Reader, Error> {
        let name = format!("reader-{}", self.id());
        let horizon_ms = self.horizon_ms();
        let stream = self.stream_mut(&spec.stream)?;
        let visible = stream.last_until(horizon_ms);
        let (snapshot, next) = match spec.start {
            Start::Sequence(sequence) => (BTreeSet::new(), sequence),
            Start::LastOfEach => {
                let mut snapshot = stream.last_of_each(&spec.filter);
                snapshot.retain(|sequence| *sequence <= visible);
                (snapshot, visible + 1)
            }
        };
        let consumer = Consumer {
            spec: None,
            filter: Some(spec.filter.clone()),
            snapshot,
            next,
            pending: BTreeMap::new(),
            again: BTreeSet::new(),
            pulls: VecDeque::new(),
            consumer_sequence: 0,
        };
        let pending = match spec.start {
            Start::Sequence(_) => consumer.waits(stream, visible),
            Start::LastOfEach => consumer.snapshot.len() as u64,
        };
        stream.consumers.insert(name.clone(), consumer);
        Ok(Reader { name, pending })
    }

    pub(super) fn consumer_config(
        &mut self,
        stream: &str,
        name: &str,
    ) -> Result<Option<Value>, Error> {
        let stream = self.stream_mut(stream)?;
        let spec = stream
            .consumers
            .get(name)
            .and_then(|consumer| consumer.spec.as_ref());
        Ok(spec.map(ConsumerSpec::to_config))
    }

    pub(super) fn delete_consumer(&mut self, stream: &str, name: &str) -> Result<(), Error> {
        let consumer = self.stream_mut(stream)?.consumers.remove(name);
        let Some(consumer) = consumer else {
            return Err(Error::NotFound {
                name: name.to_owned(),
            });
        };
        for pull in consumer.pulls {
            self.deliver(pull.inbox, status(409, "Consumer Deleted"));
        }
        Ok(())
    }

    pub(super) fn pull(&mut self, stream: &str, consumer: &str, request: PullRequest, reply: &str) {
        let Some(inbox) = inbox_id(reply) else { return };
        let id = self.id();
        let found = self
            .streams
            .get_mut(stream)
            .and_then(|s| s.consumers.get_mut(consumer));
        let Some(found) = found else {
            self.deliver(inbox, status(503, "No Responders"));
            return;
        };
        found.pulls.push_back(Pull {
            id,
            inbox,
            open: request.batch,
        });
        let expires_ms = u64::try_from(request.expires.as_millis()).unwrap_or(u64::MAX / 2);
        let (stream, consumer) = (stream.to_owned(), consumer.to_owned());
        let owned = stream.clone();
        self.later(
            expires_ms,
            Box::new(move |state: &mut State| state.pull_expires(&owned, &consumer, id)),
        );
        self.pump(&stream);
    }

    /// Delivers what can be delivered from a stream.
    pub(super) fn pump(&mut self, name: &str) {
        let Some(mut stream) = self.streams.remove(name) else {
            return;
        };
        let mut consumers = std::mem::take(&mut stream.consumers);
        for (consumer_name, consumer) in &mut consumers {
            self.pump_consumer(&stream, name, consumer_name, consumer);
        }
        stream.consumers = consumers;
        self.streams.insert(name.to_owned(), stream);
    }

    /// Carries out what was published to the reply address of a delivery; true when there was such a delivery.
    pub(super) fn acknowledge(&mut self, reply: &str, word: &[u8]) -> bool {
        let tokens: Vec<&str> = reply.split('.').collect();
        let ["$JS", "ACK", stream_name, consumer_name, _, sequence, ..] = tokens.as_slice() else {
            return false;
        };
        let Ok(sequence) = sequence.parse::<u64>() else {
            return false;
        };
        let token = self.id();
        let Some(stream) = self.streams.get_mut(*stream_name) else {
            return false;
        };
        let Some(consumer) = stream.consumers.get_mut(*consumer_name) else {
            return false;
        };
        let ack_wait_ms = consumer.ack_wait_ms();
        if word.starts_with(b"+WPI") {
            if let Some(pending) = consumer.pending.get_mut(&sequence) {
                pending.token = token;
                consumer.again.remove(&sequence);
                self.redeliver_later(stream_name, consumer_name, sequence, token, ack_wait_ms);
            }
        } else if word.starts_with(b"-NAK") {
            if let Some(pending) = consumer.pending.get_mut(&sequence) {
                pending.token = token;
                let delay_ms = nak_delay_ms(word);
                self.redeliver_later(stream_name, consumer_name, sequence, token, delay_ms);
            }
        } else {
            consumer.pending.remove(&sequence);
            consumer.again.remove(&sequence);
            if stream.spec.retention == Retention::WorkQueue {
                stream.remove(sequence);
            }
            self.pump(stream_name);
        }
        true
    }

    fn pump_consumer(
        &mut self,
        stream: &Stream,
        stream_name: &str,
        name: &str,
        consumer: &mut Consumer,
    ) {
        let visible = match consumer.spec {
            Some(_) => u64::MAX,
            None => stream.last_until(self.horizon_ms()),
        };
        loop {
            while consumer
                .pulls
                .front()
                .is_some_and(|pull| !self.listens(pull.inbox))
            {
                consumer.pulls.pop_front();
            }
            if consumer.pulls.is_empty() {
                return;
            }
            let Some(sequence) = consumer.choose(stream, visible) else {
                return;
            };
            let Some(pull) = consumer.pulls.front_mut() else {
                return;
            };
            let inbox = pull.inbox;
            pull.open -= 1;
            if pull.open == 0 {
                consumer.pulls.pop_front();
            }
            consumer.consumer_sequence += 1;
            let mut deliveries = 1;
            if consumer.spec.is_some() {
                let token = self.id();
                let pending = consumer.pending.entry(sequence).or_insert(Pending {
                    deliveries: 0,
                    token,
                });
                pending.deliveries += 1;
                pending.token = token;
                deliveries = pending.deliveries;
                self.redeliver_later(stream_name, name, sequence, token, consumer.ack_wait_ms());
            }
            let Some(stored) = stream.get(sequence) else {
                return;
            };
            let nanos = u128::from(stored.time_ms) * 1_000_000;
            let consumer_sequence = consumer.consumer_sequence;
            let pending = consumer.waits(stream, visible);
            let raw = Raw {
                subject: stored.subject.clone(),
                reply: Some(format!(
                    "$JS.ACK.{stream_name}.{name}.{deliveries}.{sequence}.{consumer_sequence}.{nanos}.{pending}"
                )),
                headers: stored.headers.clone(),
                payload: stored.payload.clone(),
                status: None,
                description: String::new(),
            };
            if consumer.spec.is_some() && self.random.chance(self.faults.duplicate) {
                self.deliver(inbox, raw.clone());
            }
            self.deliver(inbox, raw);
        }
    }

    /// The time up to which readers see messages.
    fn horizon_ms(&self) -> u64 {
        self.epoch_ms + self.now() - self.faults.lag_ms.min(self.now())
    }

    fn redeliver_later(
        &mut self,
        stream: &str,
        consumer: &str,
        sequence: u64,
        token: u64,
        delay_ms: u64,
    ) {
        let (stream, consumer) = (stream.to_owned(), consumer.to_owned());
        self.later(
            delay_ms,
            Box::new(move |state: &mut State| {
                let found = state
                    .streams
                    .get_mut(&stream)
                    .and_then(|stream| stream.consumers.get_mut(&consumer));
                let Some(found) = found else { return };
                if found
                    .pending
                    .get(&sequence)
                    .is_some_and(|pending| pending.token == token)
                {
                    found.again.insert(sequence);
                    state.pump(&stream);
                }
            }),
        );
    }

    fn pull_expires(&mut self, stream: &str, consumer: &str, id: u64) {
        let found = self
            .streams
            .get_mut(stream)
            .and_then(|s| s.consumers.get_mut(consumer));
        let Some(found) = found else { return };
        let Some(at) = found.pulls.iter().position(|pull| pull.id == id) else {
            return;
        };
        if let Some(pull) = found.pulls.remove(at) {
            self.deliver(pull.inbox, status(408, "Request Timeout"));
        }
    }

    fn stream_mut(&mut self, name: &str) -> Result<&mut Stream, Error> {
        self.streams.get_mut(name).ok_or_else(|| Error::NotFound {
            name: name.to_owned(),
        })
    }
}

impl Consumer {
    fn ack_wait_ms(&self) -> u64 {
        let ack_wait = self.spec.as_ref().map(|spec| spec.ack_wait.as_millis());
        ack_wait
            .and_then(|ms| u64::try_from(ms).ok())
            .unwrap_or(u64::MAX / 2)
    }
}

fn nak_delay_ms(word: &[u8]) -> u64 {
    let json = Bytes::copy_from_slice(word.get(4..).unwrap_or_default());
    serde_json::from_slice::<Value>(&json)
        .ok()
        .and_then(|value| value["delay"].as_u64())
        .map_or(0, |nanos| nanos.div_ceil(1_000_000))
}
