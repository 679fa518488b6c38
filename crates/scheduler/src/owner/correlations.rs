//! A start with the correlation id of an execution that is not over is that execution (orchestration reference 4.2).
//!
//! Orca compares with all executions of the same kind; here only those of one pipeline (or of one application, for tasks) are
//! sure to meet, because they belong to one owner.

use std::collections::BTreeMap;

use gennaker_engine::State;
use gennaker_model::{ExecutionId, ExecutionType, Map, command::Start};
use serde_json::Value;

/// Executions that are not over, by kind and correlation id.
#[derive(Default)]
pub(super) struct Correlations(BTreeMap<(ExecutionType, String), ExecutionId>);

impl Correlations {
    /// Takes note of what an execution does now.
    pub fn note(&mut self, state: &State) {
        let doc = &state.doc;
        let Some(correlation) = of(&doc.trigger) else {
            return;
        };
        let key = (doc.kind, correlation.to_owned());
        if !doc.status.is_complete() {
            self.0.entry(key).or_insert_with(|| doc.id.clone());
        } else if self.0.get(&key) == Some(&doc.id) {
            self.0.remove(&key);
        }
    }

    /// The other execution that a start means.
    pub fn of(&self, start: &Start) -> Option<&ExecutionId> {
        let correlation = of(&start.trigger)?;
        let found = self.0.get(&(start.kind, correlation.to_owned()));
        found.filter(|id| **id != start.execution)
    }
}

fn of(trigger: &Map) -> Option<&str> {
    let correlation = trigger.get("correlationId").and_then(Value::as_str);
    correlation.filter(|correlation| !correlation.is_empty())
}
