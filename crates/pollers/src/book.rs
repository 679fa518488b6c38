//! What is kept of a source in the bucket `gk_poll`: one head, and chunks that never change.
//!
//! | key | holds | written |
//! |---|---|---|
//! | `h.<kind>.<name>` | [`Head`]: which chunks count, the latest entries, events that are on their way | conditional on its revision |
//! | `c.<kind>.<name>.<chunk>` | entries ([`known`](crate::known)) | once, before the head that names it |
//! | `s.<kind>.<name>` | how it goes, for people ([`health`](crate::health)) | when it changes, and once a minute |
//!
//! The head is the commit: whatever becomes known does so by one conditional write. A chunk that no head names is rubbish, whoever
//! wrote it; it is swept after a head was written by the sweeper, so that everybody who still wants to name it is refused.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use gennaker_bus::{Bucket, Bus, Error, Kv, Put, token};
use gennaker_model::Map;
use serde::{Deserialize, Serialize};

use crate::{
    known::{Change, ENTRY_BYTES, Known, decode, encode},
    source::Id,
};

/// Version of [`Head`].
const VERSION: u8 = 1;

/// Entries in a chunk: some 330 kB, well below the broker's limit on messages.
const CHUNK_ENTRIES_MAX: usize = 16_384;

/// Entries that the head itself holds before they become a chunk: 40 kB.
const TAIL_ENTRIES_MAX: usize = 2_000;

/// Chunks beyond those that are needed before all are written anew.
const CHUNKS_SPARE: usize = 16;

/// Most entries of one source.
pub(crate) const ENTRIES_MAX: usize = 1_000_000;

/// An event that is stored, or will be: what makes it up is decided once and kept, so that whoever stores it again stores the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Pending {
    /// Its id.
    pub(crate) id: String,
    /// When it happened, epoch milliseconds.
    pub(crate) at_ms: i64,
    /// Its body.
    pub(crate) content: Map,
    /// Under which hash the item is known once the event is stored, and with which value.
    pub(crate) hash: u64,
    /// See `hash`.
    pub(crate) value: u64,
}

/// What stands at the top of a source's state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Head {
    pub(crate) v: u8,
    /// Where the source was.
    pub(crate) origin: String,
    /// What of it was looked at.
    pub(crate) scope: String,
    /// When it was seen first, epoch milliseconds.
    pub(crate) since_ms: i64,
    /// When all entries were written anew last, epoch milliseconds.
    pub(crate) rewritten_ms: i64,
    /// The chunks that count, oldest first.
    pub(crate) chunks: Vec<String>,
    /// Entries that are in no chunk yet, later than those: hexadecimal digits of [`encode`].
    pub(crate) tail: String,
    /// Events on their way.
    pub(crate) pending: Vec<Pending>,
}

/// A source's state in memory, as of a revision of its head.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) head: Head,
    pub(crate) known: Known,
    tail: Vec<Change>,
    revision: u64,
}

/// Why the state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Somebody else wrote it: it must be read again.
    #[error("another process polls this source too")]
    Superseded,
    /// It is too large.
    #[error("more than {ENTRIES_MAX} things are known of it; look at less")]
    TooMany,
    /// A newer program wrote it.
    #[error("its state has version {0}, which is newer than this program")]
    Newer(u8),
    /// The broker.
    #[error("its state cannot be read or written: {0}")]
    Broker(#[from] Error),
}

/// Reads and writes the state of sources.
#[derive(Clone)]
pub(crate) struct Book {
    kv: Kv,
    /// Drawn for this process; with a number, so that no two chunks have one name.
    nonce: String,
    drawn: Arc<AtomicU64>,
}

impl Book {
    pub(crate) fn new(bus: &Bus, nonce: u64) -> Self {
        Self {
            kv: bus.kv(Bucket::Poll),
            nonce: format!("{nonce:016x}"),
            drawn: Arc::default(),
        }
    }

    /// The state of a source; `former` is used as far as it is still true. `None` when there is none, or when it is damaged: then
    /// the source is seen for the first time again, which fires nothing.
    pub(crate) async fn load(
        &self,
        id: &Id,
        former: Option<State>,
    ) -> Result<(u64, Option<State>), Fault> {
        loop {
            let Some(record) = self.kv.get(&head_key(id)).await? else {
                return Ok((0, None));
            };
            if let Some(former) = former.as_ref().filter(|it| it.revision == record.revision) {
                return Ok((record.revision, Some(former.clone())));
            }
            let read = match read_head(&record.value)? {
                Some((head, tail)) => self.with_chunks(id, head, tail, record.revision).await?,
                None => None,
            };
            if let Some(state) = read {
                return Ok((record.revision, Some(state)));
            }
            // A chunk that is gone was replaced meanwhile, unless the head still names it.
            let now = self.kv.get(&head_key(id)).await?;
            if now.is_some_and(|now| now.revision == record.revision) {
                tracing::error!(
                    "what is known of {} {} is damaged; it is seen for the first time again",
                    id.kind,
                    id.name
                );
                return Ok((record.revision, None));
            }
        }
    }

    /// The first state of a source, in place of whatever has the revision `over`.
    pub(crate) async fn begin(
        &self,
        id: &Id,
        over: u64,
        head: Head,
        known: Known,
    ) -> Result<State, Fault> {
        let mut state = State {
            head: Head { v: VERSION, ..head },
            known,
            tail: Vec::new(),
            revision: over,
        };
        self.rewrite(id, &mut state).await?;
        Ok(state)
    }

    /// Makes changes known and keeps these events as the ones that are on their way, by one conditional write of the head.
    pub(crate) async fn commit(
        &self,
        id: &Id,
        state: &mut State,
        changes: &[Change],
        pending: Vec<Pending>,
    ) -> Result<(), Fault> {
        let fresh = changes
            .iter()
            .filter(|(hash, _)| state.known.get(*hash).is_none());
        if state.known.len() + fresh.count() > ENTRIES_MAX {
            return Err(Fault::TooMany);
        }
        let mut next = state.clone();
        next.known.apply(changes.iter().copied());
        next.tail.extend_from_slice(changes);
        next.head.pending = pending;
        let needed = next.known.len() / CHUNK_ENTRIES_MAX;
        if next.head.chunks.len() > needed + CHUNKS_SPARE {
            self.rewrite(id, &mut next).await?;
        } else {
            if next.tail.len() > TAIL_ENTRIES_MAX {
                let tail = std::mem::take(&mut next.tail);
                let chunks = self.write_chunks(id, &tail).await?;
                next.head.chunks.extend(chunks);
            }
            self.put_head(id, &mut next).await?;
        }
        *state = next;
        Ok(())
    }

    /// Writes everything anew and sweeps what no head names.
    pub(crate) async fn rewrite(&self, id: &Id, state: &mut State) -> Result<(), Fault> {
        if state.known.len() > ENTRIES_MAX {
            return Err(Fault::TooMany);
        }
        let found = self.kv.walk(&chunk_prefix(id)).await?;
        state.tail = Vec::new();
        state.head.chunks = self.write_chunks(id, &state.known.changes()).await?;
        self.put_head(id, state).await?;
        let named: BTreeSet<String> = state
            .head
            .chunks
            .iter()
            .map(|name| chunk_key(id, name))
            .collect();
        for chunk in found.into_iter().filter(|it| !named.contains(&it.key)) {
            self.kv.delete_if(&chunk.key, chunk.revision).await?;
        }
        Ok(())
    }

    async fn with_chunks(
        &self,
        id: &Id,
        head: Head,
        tail: Vec<Change>,
        revision: u64,
    ) -> Result<Option<State>, Fault> {
        let mut known = Known::default();
        for name in &head.chunks {
            let chunk = self.kv.get(&chunk_key(id, name)).await?;
            match chunk.and_then(|chunk| decode(&chunk.value)) {
                Some(changes) => known.apply(changes),
                None => return Ok(None),
            }
        }
        known.apply(tail.iter().copied());
        Ok(Some(State {
            head,
            known,
            tail,
            revision,
        }))
    }

    async fn write_chunks(&self, id: &Id, changes: &[Change]) -> Result<Vec<String>, Fault> {
        let mut names = Vec::new();
        for part in changes.chunks(CHUNK_ENTRIES_MAX) {
            let number = self.drawn.fetch_add(1, Ordering::Relaxed);
            let name = format!("{}-{number}", self.nonce);
            let bytes = encode(part).into();
            let put = self
                .kv
                .put_if(&chunk_key(id, &name), 0, bytes, None)
                .await?;
            if put == Put::Conflict {
                return Err(Fault::Superseded);
            }
            names.push(name);
        }
        Ok(names)
    }

    async fn put_head(&self, id: &Id, state: &mut State) -> Result<(), Fault> {
        state.head.tail = hex(&encode(&state.tail));
        let text = serde_json::to_vec(&state.head).expect("a head is plain data");
        let put = self
            .kv
            .put_if(&head_key(id), state.revision, text.into(), None)
            .await?;
        match put {
            Put::Done(revision) => {
                state.revision = revision;
                Ok(())
            }
            Put::Conflict => Err(Fault::Superseded),
        }
    }
}

/// Nothing when it cannot be read.
fn read_head(bytes: &[u8]) -> Result<Option<(Head, Vec<Change>)>, Fault> {
    #[derive(Deserialize)]
    struct Versioned {
        v: u8,
    }
    if let Ok(Versioned { v }) = serde_json::from_slice(bytes)
        && v > VERSION
    {
        return Err(Fault::Newer(v));
    }
    let head: Option<Head> = serde_json::from_slice(bytes).ok();
    Ok(head.and_then(|head| {
        let tail = unhex(&head.tail).and_then(|bytes| decode(&bytes))?;
        Some((head, tail))
    }))
}

fn head_key(id: &Id) -> String {
    format!("h.{}.{}", token(id.kind), token(&id.name))
}

fn chunk_prefix(id: &Id) -> String {
    format!("c.{}.{}", token(id.kind), token(&id.name))
}

fn chunk_key(id: &Id, name: &str) -> String {
    format!("{}.{name}", chunk_prefix(id))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes everything");
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || !text.len().is_multiple_of(ENTRY_BYTES * 2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes = pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok());
    bytes.collect()
}
