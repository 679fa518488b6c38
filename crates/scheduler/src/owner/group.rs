//! A group: what is decided between two appends, and what is to be released after the second.

use gennaker_engine::{Effect, Event};
use gennaker_model::{
    ExecutionId,
    command::{Refusal, Reply},
};

use super::caller::Caller;
use crate::{config::Config, record::Writer};

pub(super) struct Group {
    /// Time of all its decisions, epoch milliseconds.
    pub at: i64,
    /// Inputs decided.
    pub inputs: usize,
    /// Executions that changed.
    pub changed: Vec<ExecutionId>,
    /// Ends of stages and executions, for their spans.
    pub ended: Vec<(ExecutionId, Event)>,
    /// Effects, in the order of the decisions.
    pub effects: Vec<(ExecutionId, Effect)>,
    /// Answers that the append of this group proves.
    pub answers: Vec<(Caller, Result<Reply, Refusal>)>,
    writer: Writer,
}

impl Group {
    pub fn new(at: i64) -> Self {
        Self {
            at,
            inputs: 0,
            changed: Vec::new(),
            ended: Vec::new(),
            effects: Vec::new(),
            answers: Vec::new(),
            writer: Writer::new(at),
        }
    }

    /// Adds encoded facts about an execution.
    pub fn add(&mut self, execution: &ExecutionId, entry: &[u8]) {
        self.writer.add(entry);
        if self.changed.last() != Some(execution) {
            self.changed.push(execution.clone());
        }
    }

    pub fn is_empty(&self) -> bool {
        self.writer.is_empty()
    }

    pub fn is_full(&self, config: &Config) -> bool {
        self.inputs >= config.group_max || self.writer.len() >= config.group_bytes_max
    }

    /// The log message; nothing can be added after that.
    pub fn payload(&mut self) -> Vec<u8> {
        std::mem::replace(&mut self.writer, Writer::new(self.at)).message()
    }
}
