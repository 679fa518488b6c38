//! Checkpoints: executions in the state bucket, written behind the log.
//!
//! | key | holds |
//! |---|---|
//! | `x.<execution>` | the header: the state, or where its parts are, with the epoch and the log sequence it stands for |
//! | `s.<execution>.<what>.<sequence>.<n>` | a part: one large stage, or a piece of a large header |
//! | `h.<execution>.history.<sequence>.<n>` | older steps of its history (module `history`) |
//! | `l.<execution>` | a mark: this one is live, load it first at take-over (a hint) |
//!
//! Several records are not atomic. Parts go to *new* keys first; then the header, which names them, is written on the
//! revision that we know: that write is the commit. Then the replaced parts are deleted. A header with a higher epoch than
//! ours means that we are deposed; one with a lower epoch was a late write of a former owner and is replaced.
//!
//! Large values of stages and of the rest of the state lie in neither: the records refer to them (`gennaker_store::Blobs`). Of
//! an execution that has some and only waits, the header says enough to let it wait on, so that nobody has to read them.
//!
//! The document and the history of an execution that was complete long enough are in the archive (module `archive`); its header
//! stays and says where.

mod archive;
mod erase;
mod load;
mod save;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gennaker_bus::{Kv, token};
use gennaker_engine::State;
use gennaker_model::{Execution, ExecutionId, Stage, StageId};
use gennaker_store::{Archive, Blobs, Object};
use serde::{Deserialize, Serialize};

use crate::history::{Kept, Tail};
pub(crate) use archive::{Moved, move_out};
pub(crate) use erase::{erase, forget};
pub(crate) use load::{Brief, Found, LoadError, brief_of, load, load_or_rest, shown, stands_for};
pub(crate) use save::{SaveError, save, weight};

/// Version of the header.
const VERSION: u8 = 1;

/// A stage larger than this has a record of its own, in bytes.
const STAGE_BYTES_INLINE: usize = 4 * 1024;

/// Largest record, in bytes.
const RECORD_BYTES_MAX: usize = 512 * 1024;

/// Where the executions of a partition lie.
#[derive(Clone)]
pub(crate) struct Records {
    /// The state bucket.
    pub kv: Kv,
    /// Where documents go in the end.
    pub archive: Archive,
    /// Where large values lie.
    pub blobs: Blobs,
}

/// The header as it is stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    v: u8,
    /// Of the owner that wrote it.
    epoch: u64,
    /// Log sequence up to which it stands.
    sequence: u64,
    /// The execution was deleted; the header stays until nothing late can arrive any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    /// The state, with the stages in `stages` emptied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    /// Keys that hold the state in pieces, when it is too large for the header.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pieces: Vec<String>,
    /// What take-over and lists need of a state in pieces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outline: Option<Box<Outline>>,
    /// It has large values, and waits for nothing but a person, a timer or another execution.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    rests: bool,
    /// Keys that hold large stages in pieces.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    stages: BTreeMap<StageId, Vec<String>>,
    /// What led to the state.
    #[serde(default)]
    history: Kept,
    /// The state and the history are in the archive, and not here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    archived: Option<Box<Archived>>,
    /// What is not needed any more.
    #[serde(default, skip_serializing_if = "Leftovers::is_empty")]
    leftovers: Leftovers,
}

/// What a header says of a state that lies in pieces.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outline {
    /// The document as lists show it, and the timers.
    state: State,
    /// Whether the document has everything that lists show.
    is_whole: bool,
    /// What [`State::is_live`] says of the whole.
    is_live: bool,
}

/// What a header says about an execution in the archive.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Archived {
    /// Where it is.
    object: Object,
    /// The document as lists show it, so that neither they nor a take-over need the archive.
    brief: Execution,
    /// Whether the brief has everything that lists show.
    is_whole: bool,
}

/// What is to be deleted, named until it surely is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Leftovers {
    /// Keys of the state bucket.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    records: Vec<String>,
    /// Objects of the archive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    objects: Vec<Object>,
}

/// What the owner knows of an execution's records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Saved {
    /// Revision of the header; 0 if there is none.
    pub revision: u64,
    /// Log sequence it stands for.
    pub sequence: u64,
    /// Revision of the live mark; 0 if there is none.
    pub mark: u64,
    /// Where the older part of the history is.
    pub history: Kept,
    /// Bytes of the tail, as it was handed over, that this checkpoint moved to a chunk.
    pub moved: usize,
    /// Large values of the execution that are known to be stored. They stay as long as it does.
    pub values: Arc<BTreeSet<Object>>,
    pieces: Vec<String>,
    stages: BTreeMap<StageId, (Arc<Stage>, Vec<String>)>,
    /// Where the archive has what was loaded.
    archived: Option<Object>,
    leftovers: Leftovers,
}

impl Saved {
    /// Nothing but the log sequence that a header stands for.
    pub fn of_sequence(sequence: u64) -> Self {
        Self {
            sequence,
            ..Self::default()
        }
    }

    /// Keys of the records that hold the state.
    fn parts(&self) -> impl Iterator<Item = &String> {
        let stages = self.stages.values().flat_map(|(_, keys)| keys);
        self.pieces.iter().chain(stages)
    }

    /// Everything beside the header.
    fn everything(&self) -> Leftovers {
        let mut leftovers = self.leftovers.clone();
        let records = self.parts().chain(&self.history.chunks).cloned();
        leftovers.records.extend(records);
        leftovers.objects.extend(self.archived.clone());
        leftovers
    }
}

impl Leftovers {
    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.objects.is_empty()
    }
}

/// An execution as it was loaded.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// `None` for a deleted one.
    pub state: Option<State>,
    /// The newest steps of its history.
    pub tail: Tail,
    /// Epoch of the owner that wrote it.
    pub epoch: u64,
    /// Its records.
    pub saved: Saved,
}

pub(crate) fn header_key(execution: &ExecutionId) -> String {
    format!("x.{}", token(execution.as_str()))
}

pub(crate) fn mark_key(execution: &ExecutionId) -> String {
    format!("l.{}", token(execution.as_str()))
}

/// What a record of an execution is for, beside its header.
#[derive(Clone, Copy)]
enum Part {
    /// A large stage, or a piece of a large header.
    State,
    /// Steps of its history.
    History,
}

impl Part {
    const fn letter(self) -> char {
        match self {
            Self::State => 's',
            Self::History => 'h',
        }
    }

    /// Start of the keys of all such records of an execution.
    fn prefix(self, execution: &ExecutionId) -> String {
        format!("{}.{}", self.letter(), token(execution.as_str()))
    }
}

fn part_key(
    part: Part,
    execution: &ExecutionId,
    what: &str,
    epoch: u64,
    sequence: u64,
    number: usize,
) -> String {
    format!(
        "{}.{}.{epoch}-{sequence}.{number}",
        part.prefix(execution),
        token(what)
    )
}
