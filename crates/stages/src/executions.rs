//! What a stage may learn of other executions: how they are getting on, and their artifacts.
//!
//! The scheduler asks their owner and answers with [`told`] and [`artifacts_of`]; the stages that ask read those answers here.

use gennaker_engine::{Lookup, LookupAnswer, TaskContext, Watched, decide::first_failure, state};
use gennaker_model::{Execution, ExecutionId, Map, Status};
use serde_json::{Value, json};

use crate::{
    artifacts::{self, Artifact},
    run_multiple_pipelines::deployed,
};

/// Largest answer in bytes of its JSON. It is recorded with the execution that asked, with what the stage makes of it: artifacts
/// stand in its context and in its outputs, twice in each.
pub const ANSWER_BYTES_MAX: usize = 4 << 20;

/// What the execution has deployed, for the stage that has started it among others.
pub(crate) const DEPLOYED: &str = "deployed";

/// Why the outputs are not in the answer.
const WITHHELD: &str = "outputsWithheld";

/// The answer to [`Lookup::Execution`]: status, application, name, times, what it has deployed; of a halted one the failure; of a complete one, if they are asked
/// for, the outputs, or why they cannot be handed on.
#[must_use]
pub fn told(execution: &Execution, outputs: bool) -> Value {
    let mut told = Map::new();
    told.insert("type".to_owned(), json!(execution.kind));
    told.insert("status".to_owned(), json!(execution.status));
    told.insert("application".to_owned(), json!(execution.application));
    told.insert("name".to_owned(), json!(execution.name));
    for (key, value) in [
        ("startTime", execution.start_time.map(Value::from)),
        ("endTime", execution.end_time.map(Value::from)),
        (DEPLOYED, deployed(execution)),
    ] {
        told.extend(value.map(|value| (key.to_owned(), value)));
    }
    if execution.status.is_halt()
        && let Some(exception) = first_failure(execution)
    {
        told.insert("exception".to_owned(), exception);
    }
    if outputs && execution.status.is_complete() {
        let outputs = Value::Object(state::merged_outputs(execution));
        let what = format!("the outputs of execution {}", execution.id);
        match bounded(outputs, &what) {
            Ok(outputs) => told.insert("outputs".to_owned(), outputs),
            Err(reason) => told.insert(WITHHELD.to_owned(), json!(reason)),
        };
    }
    Value::Object(told)
}

/// The answer to [`Lookup::Artifacts`]: the artifacts of this execution, without those of the stages with refId `without`.
///
/// # Errors
/// A sentence for people, when they are too large to be handed on.
pub fn artifacts_of(execution: &Execution, without: Option<&str>) -> Result<Value, String> {
    let found = artifacts::of_stages(execution, |stage| {
        without.is_none_or(|ref_id| stage.ref_id != ref_id)
    });
    let found: Vec<Value> = found.iter().map(Artifact::to_value).collect();
    bounded(
        json!({"execution": execution.id, "artifacts": found}),
        &format!("the artifacts of execution {}", execution.id),
    )
}

/// What is known of an execution that a task waits for.
pub(crate) enum Seen<'a> {
    /// It must be asked first.
    Unasked(Lookup),
    /// There is none with this id.
    Missing,
    /// Nobody could say; that may pass.
    Failed,
    /// What was told.
    Told(Told<'a>),
}

/// What was told of an execution.
#[derive(Clone, Copy)]
pub(crate) struct Told<'a>(&'a Map);

/// Looks at what is known of an execution since the task looked last, with its outputs if it is complete and they are wanted.
pub(crate) fn look<'a>(context: &TaskContext<'a>, id: &str, outputs: bool) -> Seen<'a> {
    let Ok(execution) = ExecutionId::new(id) else {
        return Seen::Missing;
    };
    let lookup = Lookup::Execution(Watched { execution, outputs });
    match context.state.answer(&context.stage.id, &lookup) {
        None => Seen::Unasked(lookup),
        Some(LookupAnswer::Found {
            value: Value::Object(told),
        }) => Seen::Told(Told(told)),
        Some(LookupAnswer::Found { .. } | LookupAnswer::Missing) => Seen::Missing,
        Some(LookupAnswer::Failed { .. }) => Seen::Failed,
    }
}

impl<'a> Told<'a> {
    pub(crate) fn is_of(self, kind: &str) -> bool {
        self.text("type") == Some(kind)
    }

    pub(crate) fn status(self) -> Status {
        // What is no status was written by a newer release: nothing final is known.
        self.text("status")
            .and_then(Status::parse)
            .unwrap_or(Status::Running)
    }

    pub(crate) fn application(self) -> &'a str {
        self.text("application").unwrap_or_default()
    }

    pub(crate) fn exception(self) -> Option<&'a Value> {
        self.0.get("exception")
    }

    /// What it has put out, or why that cannot be had.
    pub(crate) fn outputs(self) -> Result<Map, &'a str> {
        match self.text(WITHHELD) {
            Some(reason) => Err(reason),
            None => {
                let outputs = self.0.get("outputs").and_then(Value::as_object);
                Ok(outputs.cloned().unwrap_or_default())
            }
        }
    }

    pub(crate) fn get(self, key: &str) -> Option<&'a Value> {
        self.0.get(key)
    }

    fn text(self, key: &str) -> Option<&'a str> {
        self.0.get(key).and_then(Value::as_str)
    }
}

fn bounded(answer: Value, what: &str) -> Result<Value, String> {
    let bytes = answer.to_string().len();
    if bytes > ANSWER_BYTES_MAX {
        return Err(format!(
            "{what} take {} KiB; the limit is {} KiB",
            bytes / 1024,
            ANSWER_BYTES_MAX / 1024
        ));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn made(status: &str, artifacts: &Value) -> Execution {
        let stages = json!([
            {"id": "S1", "refId": "1", "type": "x", "name": "one", "status": status, "context":
                {"exception": {"details": {"errors": ["boom"]}}}, "outputs": {"artifacts": artifacts, "a": 1}},
            {"id": "S2", "refId": "2", "type": "x", "name": "two", "status": status, "requisiteStageRefIds": ["1"],
             "outputs": {"artifacts": [{"name": "late"}]}},
        ]);
        let trigger =
            json!({"type": "manual", "artifacts": [{"name": "received"}, {"name": "late"}]});
        let mut execution = testing::execution(&stages, &trigger);
        execution.status = Status::parse(status).unwrap();
        execution
    }

    #[test]
    fn outputs_are_told_of_a_complete_one_and_failures_of_a_halted_one() {
        let running = made("RUNNING", &json!([]));
        let plain =
            json!({"type": "PIPELINE", "status": "RUNNING", "application": "app", "name": "pipe"});
        assert_eq!(told(&running, true), plain);
        let done = told(&made("SUCCEEDED", &json!([])), true);
        assert_eq!(done["outputs"]["a"], 1);
        assert_eq!(done.get("exception"), None);
        let failed = told(&made("TERMINAL", &json!([])), false);
        assert_eq!(
            failed["exception"]["details"]["errors"][0],
            "Exception in child pipeline stage (pipe: one): boom"
        );
        assert_eq!(failed.get("outputs"), None, "nobody asked for them");
    }

    #[test]
    fn artifacts_come_latest_first_and_once() {
        let execution = made("SUCCEEDED", &json!([{"name": "first"}, {"name": "second"}]));
        let names = |without: Option<&str>| -> Vec<String> {
            let answer = artifacts_of(&execution, without).unwrap();
            let names = answer["artifacts"].as_array().unwrap().iter();
            names
                .map(|artifact| artifact["name"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(names(None), ["late", "second", "first", "received"]);
        assert_eq!(names(Some("1")), ["late", "received"]);
    }

    #[test]
    fn what_is_too_large_is_not_handed_on() {
        let large = json!([{"name": "x", "reference": "r".repeat(ANSWER_BYTES_MAX)}]);
        let execution = made("SUCCEEDED", &large);
        assert_eq!(
            artifacts_of(&execution, None).unwrap_err(),
            "the artifacts of execution E take 4096 KiB; the limit is 4096 KiB"
        );
        let told = told(&execution, true);
        assert_eq!(
            told[WITHHELD],
            "the outputs of execution E take 4096 KiB; the limit is 4096 KiB"
        );
        assert_eq!(told.get("outputs"), None);
    }
}
