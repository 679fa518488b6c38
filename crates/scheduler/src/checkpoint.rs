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

mod load;
mod save;

use std::{collections::BTreeMap, sync::Arc};

use gennaker_bus::token;
use gennaker_engine::State;
use gennaker_model::{ExecutionId, Stage, StageId};
use serde::{Deserialize, Serialize};

use crate::history::{Kept, Tail};
pub(crate) use load::{Brief, LoadError, document_of, load};
pub(crate) use save::{SaveError, erase, save};

/// Version of the header.
const VERSION: u8 = 1;

/// A stage larger than this has a record of its own, in bytes.
const STAGE_BYTES_INLINE: usize = 4 * 1024;

/// Largest record, in bytes.
const RECORD_BYTES_MAX: usize = 512 * 1024;

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
    /// Keys that hold large stages in pieces.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    stages: BTreeMap<StageId, Vec<String>>,
    /// What led to the state.
    #[serde(default)]
    history: Kept,
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
    pieces: Vec<String>,
    stages: BTreeMap<StageId, (Arc<Stage>, Vec<String>)>,
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
