//! Messages of a work queue or of the event stream, delivered until acknowledged.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::backend::{Backend, Headers, Raw};
use crate::bootstrap::Remembered;
use crate::error::Error;
use crate::layout::ConsumerSpec;
use crate::parts::{self, Share};
use crate::pull::{Meta, Pulled, Pulling};

/// Most messages asked for at once.
const WINDOW_MAX: usize = 256;

/// A delivered message. It is delivered again unless it is acknowledged, and when it stays silent for longer than the
/// consumer's `ack_wait`.
pub struct Delivery {
    /// The subject that it was published to; [`crate::TaskAddress::parse`] reads a task's.
    pub address: String,
    /// What was published.
    pub payload: Bytes,
    /// What was published beside it.
    pub headers: BTreeMap<String, String>,
    /// Which delivery of this message this is, from 1.
    pub delivered: u64,
    /// Its sequence in the stream.
    pub sequence: u64,
    /// When it was stored, in milliseconds since 1970.
    pub time_ms: u64,
    backend: Backend,
    reply: String,
    slot: Option<OwnedSemaphorePermit>,
    /// What it has in common with others of the same message.
    share: Option<Arc<Share>>,
}

/// Continuous delivery from one consumer; see [`crate::Tasks::pull`].
///
/// Poll it without long pauses: what was delivered waits in it while its time for acknowledgement runs.
///
/// It heals itself: a pull whose heartbeat is missed is made again, a consumer or stream that is gone is created again
/// from the layout. It ends only when the semaphore or the bus is closed.
pub struct DeliveryStream {
    backend: Backend,
    remembered: Remembered,
    spec: ConsumerSpec,
    slots: Arc<Semaphore>,
    pulling: Option<Pulling>,
    /// Slots taken for messages that are asked for.
    asked: Vec<OwnedSemaphorePermit>,
    /// Slots taken and not yet asked with.
    held: Vec<OwnedSemaphorePermit>,
    /// Messages that came when no slot was left.
    backlog: VecDeque<Raw>,
    /// Parts of a message whose first one was handed out.
    parts: VecDeque<Delivery>,
    /// How many to ask for at once: grows while messages come, shrinks while none do, so that an idle consumer does not
    /// sit on the slots that a busy one needs.
    window: usize,
    /// Messages that came since the window changed.
    served: usize,
    failures: u32,
}

impl Delivery {
    /// Acknowledges and waits for the broker's confirmation: after `Ok` it is never delivered again. With several replicas
    /// its address stays taken a moment longer.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: it may be delivered again.
    pub async fn ack(&self) -> Result<(), Error> {
        if !self.is_last() {
            return Ok(());
        }
        self.backend
            .request(&self.reply, Bytes::from_static(b"+ACK"))
            .await
            .map(|_| ())
    }

    /// Acknowledges without waiting: half the messages of [`Delivery::ack`]. If the word is lost with the connection, the
    /// message is delivered again.
    ///
    /// # Errors
    /// As [`Delivery::progress`].
    pub async fn ack_unconfirmed(&self) -> Result<(), Error> {
        if !self.is_last() {
            return Ok(());
        }
        self.say(Bytes::from_static(b"+ACK")).await
    }

    /// Says that work goes on: the silence allowed by `ack_wait` begins anew.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Closed`].
    pub async fn progress(&self) -> Result<(), Error> {
        if self.share.as_ref().is_some_and(|share| !share.speak()) {
            return Ok(());
        }
        self.say(Bytes::from_static(b"+WPI")).await
    }

    /// Hands the message back, to be delivered again after `delay`; with it the other events that were stored with it.
    ///
    /// # Errors
    /// As [`Delivery::progress`].
    pub async fn nak(&self, delay: Duration) -> Result<(), Error> {
        if self.share.as_ref().is_some_and(|share| !share.hand_back()) {
            return Ok(());
        }
        if delay.is_zero() {
            return self.say(Bytes::from_static(b"-NAK")).await;
        }
        self.say(Bytes::from(format!(
            "-NAK {{\"delay\":{}}}",
            delay.as_nanos()
        )))
        .await
    }

    /// Ends the message without success; the broker announces the reason.
    ///
    /// # Errors
    /// As [`Delivery::progress`].
    pub async fn term(&self, reason: &str) -> Result<(), Error> {
        // Others of the same message go on.
        if self.share.is_some() {
            return self.ack().await;
        }
        let reason: String = reason
            .chars()
            .filter(|c| !c.is_control())
            .take(200)
            .collect();
        self.say(Bytes::from(format!("+TERM {reason}"))).await
    }

    /// Frees the slot that this delivery occupies, while the message is kept.
    pub fn free_slot(&mut self) {
        self.slot = None;
    }

    /// Takes the slot out of the delivery, to be held by whoever does the work.
    pub fn take_slot(&mut self) -> Option<OwnedSemaphorePermit> {
        self.slot.take()
    }

    /// Whether nothing of the message is left to be done with.
    fn is_last(&self) -> bool {
        self.share.as_ref().is_none_or(|share| share.finish())
    }

    async fn say(&self, word: Bytes) -> Result<(), Error> {
        self.backend
            .publish(&self.reply, None, Headers::new(), word)
            .await
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("address", &self.address)
            .field("delivered", &self.delivered)
            .field("sequence", &self.sequence)
            .field("bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

impl DeliveryStream {
    pub(crate) fn new(
        backend: &Backend,
        remembered: &Remembered,
        spec: ConsumerSpec,
        slots: Arc<Semaphore>,
    ) -> Self {
        Self {
            backend: backend.clone(),
            remembered: remembered.clone(),
            spec,
            slots,
            pulling: None,
            asked: Vec::new(),
            held: Vec::new(),
            backlog: VecDeque::new(),
            parts: VecDeque::new(),
            window: 1,
            served: 0,
            failures: 0,
        }
    }

    /// The next message, with a slot of its own; `None` when the semaphore or the bus is closed. May be dropped and
    /// called again without loss.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            if let Some(part) = self.parts.pop_front() {
                return Some(part);
            }
            if !self.backlog.is_empty() {
                let slot = self.any_slot().await?;
                let raw = self.backlog.pop_front().expect("just seen");
                if let Some(delivery) = self.deliver(raw, slot) {
                    return Some(delivery);
                }
                continue;
            }
            if self.slots.is_closed() {
                return None;
            }
            if let Err(error) = self.turn().await {
                self.recover(&error).await?;
            }
        }
    }

    /// Stops and hands back, for others, what was delivered and not yet taken.
    pub async fn close(mut self) {
        for part in self.parts.drain(..) {
            if let Err(error) = part.nak(Duration::ZERO).await {
                tracing::debug!("a delivery was not handed back and will come again: {error}");
            }
        }
        if let Some(pulling) = self.pulling.as_mut() {
            while let Some(pulled) = pulling.arrived().await {
                match pulled {
                    Pulled::Message(raw) => self.backlog.push_back(raw),
                    Pulled::Expired(_) | Pulled::Cut => {}
                    Pulled::Broken(_) => break,
                }
            }
        }
        for raw in self.backlog.drain(..) {
            if let Some(reply) = raw.reply {
                let nak = Bytes::from_static(b"-NAK");
                if let Err(error) = self
                    .backend
                    .publish(&reply, None, Headers::new(), nak)
                    .await
                {
                    tracing::debug!("a delivery was not handed back and will come again: {error}");
                }
            }
        }
    }

    /// Asks for as much as there are slots, and waits for one thing to happen.
    async fn turn(&mut self) -> Result<(), Error> {
        if self.pulling.is_none() {
            self.pulling =
                Some(Pulling::open(&self.backend, &self.spec.stream, &self.spec.name).await?);
        }
        let pulling = self.pulling.as_mut().expect("opened above");
        let outstanding = pulling.outstanding();
        while outstanding + self.held.len() < self.window {
            match Arc::clone(&self.slots).try_acquire_owned() {
                Ok(slot) => self.held.push(slot),
                Err(_) => break,
            }
        }
        // Asking at half the window keeps requests large when messages flow, and costs no waiting when they do not.
        if !self.held.is_empty() && outstanding * 2 <= self.window {
            let batch = self.held.len();
            self.asked.append(&mut self.held);
            pulling.request(batch, None).await?;
            return Ok(());
        }
        let wants_slot = self.held.is_empty() && outstanding < self.window;
        tokio::select! {
            biased;
            pulled = pulling.next() => match pulled {
                Pulled::Message(raw) => {
                    self.failures = 0;
                    self.served += 1;
                    if self.served >= self.window {
                        self.window = (self.window * 2).min(WINDOW_MAX);
                        self.served = 0;
                    }
                    self.backlog.push_back(raw);
                }
                Pulled::Expired(open) => {
                    self.failures = 0;
                    // Nothing came for seconds: one slot is enough to notice when that changes.
                    self.window = if self.served == 0 { 1 } else { (self.window / 2).max(1) };
                    self.served = 0;
                    self.asked.truncate(self.asked.len().saturating_sub(open));
                    self.held.clear();
                }
                // Requests for tasks are not limited in size.
                Pulled::Cut => {}
                Pulled::Broken(why) => return Err(Error::unavailable(why)),
            },
            slot = Arc::clone(&self.slots).acquire_owned(), if wants_slot => {
                if let Ok(slot) = slot {
                    self.held.push(slot);
                }
            }
        }
        Ok(())
    }

    async fn any_slot(&mut self) -> Option<OwnedSemaphorePermit> {
        if let Some(slot) = self.asked.pop().or_else(|| self.held.pop()) {
            return Some(slot);
        }
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }

    /// The first part of a message; the others wait.
    fn deliver(&mut self, raw: Raw, slot: OwnedSemaphorePermit) -> Option<Delivery> {
        let reply = raw.reply?;
        let meta = Meta::parse(&reply)?;
        // What is torn is handed out as it is: whoever reads it says so.
        let parts = parts::split(&raw.payload).unwrap_or_else(|| vec![raw.payload.clone()]);
        let mut slot = Some(slot);
        let share = (parts.len() > 1).then(|| Arc::new(Share::new(parts.len(), slot.take())));
        for payload in parts {
            self.parts.push_back(Delivery {
                address: raw.subject.clone(),
                payload,
                headers: raw.headers.clone(),
                delivered: meta.delivered,
                sequence: meta.sequence,
                time_ms: meta.time_ms,
                backend: self.backend.clone(),
                reply: reply.clone(),
                slot: slot.take(),
                share: share.clone(),
            });
        }
        self.parts.pop_front()
    }

    /// Starts anew after trouble; `None` when there is nothing to come back to.
    async fn recover(&mut self, error: &Error) -> Option<()> {
        self.pulling = None;
        self.asked.clear();
        self.held.clear();
        if matches!(error, Error::Closed) {
            return None;
        }
        let longest = 50 * u64::from(self.failures.min(20)) + 20;
        self.failures += 1;
        tracing::debug!(
            consumer = self.spec.name,
            "delivery from {} is interrupted and starts again: {error}",
            self.spec.stream
        );
        tokio::time::sleep(self.backend.jitter(longest / 2, longest)).await;
        match self
            .remembered
            .ensure_consumer(&self.backend, &self.spec)
            .await
        {
            Err(Error::Closed) => return None,
            Err(error) => tracing::warn!(
                consumer = self.spec.name,
                "the consumer of {} cannot be made yet: {error}",
                self.spec.stream
            ),
            Ok(()) => {}
        }
        Some(())
    }
}
