//! StartExecution and CompleteExecution (orchestration reference 3.3 and 2.4).

use gennaker_expressions::{Environment, evaluate_json};
use gennaker_model::{
    Execution, Status,
    command::{ChildResult, PeerBody},
};
use serde_json::{Value, json};

use super::draft::{Draft, Message};
use crate::{
    event::Event,
    graph, rollup,
    scope::{self, Scope},
};

impl Draft<'_> {
    pub(super) fn start_execution(&mut self) {
        let doc = &self.state.doc;
        if doc.status != Status::NotStarted {
            return;
        }
        if doc.canceled {
            self.end_execution(Status::Canceled);
            return;
        }
        if self.texts_are_evaluated() && !self.waits_for_others() {
            self.begin_execution();
        }
    }

    /// StartExecution, once nothing keeps it any more.
    pub(crate) fn begin_execution(&mut self) {
        let doc = &self.state.doc;
        let restarted = self.state.book.restarts > 0;
        if !restarted
            && doc
                .start_time_expiry
                .is_some_and(|expiry| expiry < self.now())
        {
            let reason = "Could not begin execution before start time expiry".to_owned();
            self.emit(Event::CancelRequested {
                by: "spinnaker".to_owned(),
                reason: Some(reason),
            });
            self.end_execution(Status::Canceled);
            return;
        }
        let initial: Vec<_> = graph::initial(doc).map(|stage| stage.id.clone()).collect();
        if initial.is_empty() {
            let reason = if doc.stages.is_empty() {
                "The pipeline has no stages".to_owned()
            } else {
                let why = graph::topological(doc)
                    .err()
                    .map(|error| format!(": {error}"))
                    .unwrap_or_default();
                format!("No stage can start, because every stage requires another one{why}")
            };
            self.emit(Event::CancelRequested {
                by: "system".to_owned(),
                reason: Some(reason),
            });
            self.end_execution(Status::Terminal);
            return;
        }
        if restarted {
            // Later than the end of whatever halted before, which must not halt it again.
            let ended = doc.top_level_stages().filter_map(|stage| stage.end_time);
            let at = ended.map(|end| end + 1).max().unwrap_or(0).max(self.now());
            self.emit(Event::ExecutionStarted { at });
            self.evaluate_notifications();
            self.look_at_everything();
            return;
        }
        self.emit(Event::ExecutionStarted { at: self.now() });
        self.evaluate_notifications();
        self.announce_start();
        for stage in initial {
            self.push(Message::StartStage(stage));
        }
    }

    pub(super) fn complete_execution(&mut self) {
        if self.state.doc.status.is_complete() {
            return;
        }
        let Some(status) =
            rollup::execution_status(&self.state.doc).or_else(|| self.canceled_between())
        else {
            return;
        };
        if status == Status::Terminal
            && !self.state.doc.canceled
            && !self
                .state
                .doc
                .top_level_stages()
                .any(|stage| stage.status.is_halt())
            && let Err(error) = graph::topological(&self.state.doc)
        {
            self.emit(Event::CancelRequested {
                by: "system".to_owned(),
                reason: Some(error.to_string()),
            });
        }
        self.end_execution(status);
        if status != Status::Succeeded {
            let running: Vec<_> = self
                .state
                .doc
                .top_level_stages()
                .filter(|stage| matches!(stage.status, Status::Running | Status::Paused))
                .map(|stage| stage.id.clone())
                .collect();
            for stage in running {
                self.push(Message::CancelStage(stage));
            }
        }
    }

    /// A cancelled execution in which nothing runs any more, although stages could still start.
    fn canceled_between(&self) -> Option<Status> {
        let doc = &self.state.doc;
        let runs = doc
            .stages
            .iter()
            .any(|stage| matches!(stage.status, Status::Running | Status::Paused));
        (doc.canceled && !runs).then_some(Status::Canceled)
    }

    pub(super) fn end_execution(&mut self, status: Status) {
        self.end_all_reads();
        self.emit(Event::ExecutionEnded {
            status,
            at: self.now(),
        });
        self.merge_application();
        self.evaluate_notifications();
        self.announce_end();
        self.tell_parent();
    }

    /// Expressions in the notifications, with what is known of the execution now: that it has started, or how it ended (reference 5.6,
    /// orca `EchoNotifyingExecutionListener.processSpelInNotifications`). What cannot be evaluated, or would have to be looked up,
    /// stays text.
    fn evaluate_notifications(&mut self) {
        let doc = &self.state.doc;
        if !doc.notifications.iter().any(scope::holds_expression) {
            return;
        }
        let written = Value::Array(doc.notifications.to_vec());
        let rules = self.context.rules;
        let seed = scope::seed(doc, None, self.state.revision);
        let mut environment = Environment::fixed(self.now(), seed);
        environment.zone = rules.zone.clone();
        environment.limits = rules.limits;
        let evaluated = evaluate_json(&written, &Scope::of_execution(doc), &environment).value;
        let bytes = serde_json::to_vec(&evaluated).map_or(usize::MAX, |written| written.len());
        if let Value::Array(notifications) = evaluated
            && *doc.notifications != notifications
            && bytes <= rules.context_bytes_max
        {
            self.emit(Event::NotificationsEvaluated { notifications });
        }
    }

    /// Tells the stage that started this execution how it ended.
    pub(super) fn tell_parent(&mut self) {
        let Some(parent) = self.state.book.parent.clone() else {
            return;
        };
        let result = ChildResult {
            stage: parent.stage,
            name: self.state.doc.name.clone().unwrap_or_default(),
            status: self.state.doc.status,
            outputs: self.state.merged_outputs(),
            exception: first_failure(&self.state.doc),
        };
        self.say(parent.execution, PeerBody::ChildFinished(Box::new(result)));
    }
}

/// The failure of an execution that the `context.exception` of whoever waits for it shows (orchestration reference 4.8).
#[must_use]
pub fn first_failure(doc: &Execution) -> Option<Value> {
    let pipeline = doc.name.as_deref().unwrap_or_default();
    let failed = doc.stages.iter().enumerate().find(|(_, stage)| {
        stage.status == Status::Terminal && stage.context.get("exception").is_some()
    });
    let Some((index, stage)) = failed else {
        let reason = doc.cancellation_reason.as_ref()?;
        return Some(json!({
            "details": { "errors": [format!("Exception in child pipeline ({pipeline}): {reason}")] },
            "source": { "executionId": doc.id },
        }));
    };
    let details = stage
        .context
        .get("exception")
        .and_then(|exception| exception.get("details"));
    let mut messages: Vec<String> = details
        .and_then(|details| details.get("errors"))
        .and_then(Value::as_array)
        .map(|errors| {
            errors
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default();
    if messages.is_empty() {
        messages.extend(
            details
                .and_then(|details| details.get("error"))
                .and_then(Value::as_str)
                .map(str::to_owned),
        );
    }
    let errors: Vec<String> = messages
        .iter()
        .map(|message| {
            format!(
                "Exception in child pipeline stage ({pipeline}: {}): {message}",
                stage.name
            )
        })
        .collect();
    Some(json!({
        "details": { "errors": errors },
        "source": { "executionId": doc.id, "stageId": stage.id, "stageName": stage.name, "stageIndex": index },
    }))
}
