//! The rules of the orchestration reference, sections 1.5, 2, 3.2 to 3.8, 4 and 5: a test for each, named after its section. What needs
//! stage types of its own is tested in `gennaker-engine` (`tests/parts.rs`, `tests/loops.rs`), the tables of section 2 beside
//! `rollup`, restarts, limits and judgements in files of their own
//! here, and who is next in a line of executions in `gennaker-scheduler`.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "the other test files use the rest")]
mod driver;

#[path = "reference/cancel.rs"]
mod cancel;
#[path = "reference/consequences.rs"]
mod consequences;
#[path = "reference/exceptions.rs"]
mod exceptions;
#[path = "reference/graph.rs"]
mod graph;
#[path = "reference/handlers.rs"]
mod handlers;
#[path = "reference/nested.rs"]
mod nested;
#[path = "reference/operators.rs"]
mod operators;
#[path = "reference/options.rs"]
mod options;
#[path = "reference/pause.rs"]
mod pause;
#[path = "reference/starting.rs"]
mod starting;
#[path = "reference/timing.rs"]
mod timing;

use driver::Driver;
use serde_json::{Value, json};

/// A pipeline that begins with a judgement with these options, which is made with this word.
fn judged(flags: &Value, word: &str, more: &[Value]) -> Driver {
    let mut judgement = json!({"refId": "1", "type": "manualJudgment"});
    judgement
        .as_object_mut()
        .unwrap()
        .extend(flags.as_object().unwrap().clone());
    let mut stages = vec![judgement];
    stages.extend(more.iter().cloned());
    let mut driver = Driver::start(json!({ "stages": stages }));
    driver.patch("1", json!({ "judgmentStatus": word }));
    driver
}
