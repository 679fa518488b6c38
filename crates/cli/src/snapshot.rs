//! An execution as the views need it, read leniently from Spinnaker's document, and what changed between two readings.
//!
//! Pure: the same documents give the same snapshots and changes.

use gennaker_model::Status;
use serde_json::Value;

/// One reading of an execution.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) id: String,
    pub(crate) application: String,
    pub(crate) name: String,
    pub(crate) config_id: Option<String>,
    pub(crate) status: Status,
    pub(crate) build_ms: Option<i64>,
    pub(crate) start_ms: Option<i64>,
    pub(crate) end_ms: Option<i64>,
    pub(crate) canceled_by: Option<String>,
    pub(crate) cancellation_reason: Option<String>,
    pub(crate) stages: Vec<StageView>,
}

/// One stage of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StageView {
    pub(crate) id: String,
    pub(crate) ref_id: String,
    /// Its name, after the names of the stages that it is a synthetic part of: `Deploy / Wait for rollout`.
    pub(crate) label: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) status: Status,
    pub(crate) start_ms: Option<i64>,
    pub(crate) end_ms: Option<i64>,
    /// Labels of the stages that must be complete first.
    pub(crate) after: Vec<String>,
    pub(crate) question: Option<Question>,
    /// The execution that a running `pipeline` stage waits for.
    pub(crate) child: Option<String>,
    /// Why it failed, the first sentence.
    pub(crate) error: Option<String>,
}

/// What a person is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) instructions: Option<String>,
    pub(crate) options: Vec<String>,
}

/// The groups that the views count and order by, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Failed,
    Asking,
    Running,
    Done,
    Ahead,
}

/// Something that is different from the last reading.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Execution { to: Status },
    Stage { index: usize },
}

impl Snapshot {
    /// Reads a document; what is missing is empty, an unknown status counts as not started.
    pub(crate) fn read(document: &Value) -> Self {
        let raw = stages(document);
        Self {
            id: text(document, "id").unwrap_or_default(),
            application: text(document, "application").unwrap_or_default(),
            name: text(document, "name")
                .or_else(|| text(document, "description"))
                .unwrap_or_default(),
            config_id: text(document, "pipelineConfigId"),
            status: status(document),
            build_ms: millis(document, "buildTime"),
            start_ms: millis(document, "startTime"),
            end_ms: millis(document, "endTime"),
            canceled_by: text(document, "canceledBy"),
            cancellation_reason: text(document, "cancellationReason"),
            stages: raw
                .iter()
                .map(|stage| StageView::read(stage, raw))
                .collect(),
        }
    }

    /// Application and pipeline as a reference is written.
    pub(crate) fn title(&self) -> String {
        format!("{}/{}", self.application, self.name)
    }

    /// How long it has run, or ran.
    pub(crate) fn took_ms(&self, now_ms: i64) -> Option<i64> {
        let end_ms = match self.end_ms {
            // One that failed before it began has no end.
            None if self.status.is_complete() => return None,
            end_ms => end_ms.unwrap_or(now_ms),
        };
        Some(end_ms - self.start_ms.or(self.build_ms)?)
    }

    /// Stages that wait for a person.
    pub(crate) fn asking(&self) -> impl Iterator<Item = &StageView> {
        self.stages.iter().filter(|stage| stage.question.is_some())
    }
}

impl StageView {
    fn read(stage: &Value, all: &[Value]) -> Self {
        let context = &stage["context"];
        let status = status(stage);
        let kind = text(stage, "type").unwrap_or_default();
        let after = stage["requisiteStageRefIds"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|required| {
                all.iter()
                    .find(|other| {
                        text(other, "refId").as_deref() == Some(required)
                            && other["parentStageId"] == stage["parentStageId"]
                    })
                    .map_or_else(|| required.to_owned(), name)
            })
            .collect();
        Self {
            id: text(stage, "id").unwrap_or_default(),
            ref_id: text(stage, "refId").unwrap_or_default(),
            label: label(stage, all),
            name: name(stage),
            start_ms: millis(stage, "startTime"),
            end_ms: millis(stage, "endTime"),
            after,
            question: (is_asking(stage)).then(|| Question::read(context)),
            child: (kind == "pipeline" && status == Status::Running)
                .then(|| text(context, "executionId"))
                .flatten(),
            error: status
                .is_failure()
                .then(|| crate::cause::reasons(stage).into_iter().next())
                .flatten(),
            kind,
            status,
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.status {
            Status::Terminal | Status::FailedContinue => Phase::Failed,
            Status::Running | Status::Paused | Status::Suspended | Status::Redirect => {
                if self.question.is_some() {
                    Phase::Asking
                } else {
                    Phase::Running
                }
            }
            Status::NotStarted | Status::Buffered => Phase::Ahead,
            // A branch that stops is often meant to: the other answer to a question. The word says what it is.
            Status::Succeeded | Status::Skipped | Status::Canceled | Status::Stopped => Phase::Done,
        }
    }

    /// The word for its state; colour only repeats it.
    pub(crate) fn word(&self) -> &'static str {
        match self.status {
            Status::Terminal => "FAIL",
            Status::FailedContinue => "fail",
            Status::Stopped => "stop",
            Status::Canceled => "canc",
            Status::Succeeded => "ok",
            Status::Skipped => "skip",
            Status::NotStarted | Status::Buffered => "next",
            Status::Paused | Status::Suspended => "hold",
            Status::Running | Status::Redirect => {
                if self.question.is_some() {
                    "wait"
                } else {
                    "run"
                }
            }
        }
    }

    pub(crate) fn took_ms(&self, now_ms: i64) -> Option<i64> {
        Some(self.end_ms.unwrap_or(now_ms) - self.start_ms?)
    }
}

impl Question {
    fn read(context: &Value) -> Self {
        let options = context["judgmentInputs"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|input| input["value"].as_str().or(input.as_str()))
            .map(str::to_owned)
            .collect();
        Self {
            instructions: text(context, "instructions"),
            options,
        }
    }
}

/// What is different: stages first, in the order of the document, then the execution itself. Against nothing, everything
/// that has begun is a change.
pub(crate) fn changes(before: Option<&Snapshot>, after: &Snapshot) -> Vec<Change> {
    let same_place = |index: usize, stage: &StageView| {
        before.and_then(|before| {
            before
                .stages
                .get(index)
                .filter(|other| other.id == stage.id)
                .or_else(|| before.stages.iter().find(|other| other.id == stage.id))
        })
    };
    let mut found: Vec<Change> = after
        .stages
        .iter()
        .enumerate()
        .filter(|(index, stage)| match same_place(*index, stage) {
            Some(old) => {
                (old.status, old.question.is_some()) != (stage.status, stage.question.is_some())
            }
            None => stage.status != Status::NotStarted,
        })
        .map(|(index, _)| Change::Stage { index })
        .collect();
    if before.map(|before| before.status) != Some(after.status) {
        found.push(Change::Execution { to: after.status });
    }
    found
}

/// Stages of a document; none when it has none.
pub(crate) fn stages(document: &Value) -> &[Value] {
    document["stages"].as_array().map_or(&[], Vec::as_slice)
}

/// A text field that is there and not empty.
pub(crate) fn text(document: &Value, key: &str) -> Option<String> {
    document[key]
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// A time field in epoch milliseconds.
pub(crate) fn millis(document: &Value, key: &str) -> Option<i64> {
    let value = &document[key];
    value
        .as_i64()
        .or_else(|| value.as_str()?.parse().ok())
        .filter(|ms| *ms > 0)
}

/// The status of an execution, stage or task.
pub(crate) fn status(document: &Value) -> Status {
    document["status"]
        .as_str()
        .and_then(Status::parse)
        .unwrap_or(Status::NotStarted)
}

/// The name of a stage; its type where it has none.
pub(crate) fn name(stage: &Value) -> String {
    text(stage, "name")
        .or_else(|| text(stage, "type"))
        .unwrap_or_else(|| "unnamed".to_owned())
}

/// Whether the stage is a judgement that nobody has given. It can be given while the execution is paused, and then counts as soon as
/// that is resumed.
pub(crate) fn is_asking(stage: &Value) -> bool {
    let judged = stage["context"]["judgmentStatus"]
        .as_str()
        .unwrap_or_default();
    let is_open = matches!(status(stage), Status::Running | Status::Paused);
    stage["type"] == "manualJudgment" && is_open && judged.is_empty()
}

fn label(stage: &Value, all: &[Value]) -> String {
    let mut names = vec![name(stage)];
    let mut current = stage;
    while let Some(parent) = current["parentStageId"]
        .as_str()
        .and_then(|id| all.iter().find(|other| other["id"] == id))
        .filter(|_| names.len() < 8)
    {
        names.push(name(parent));
        current = parent;
    }
    names.reverse();
    names.join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        json!({"id": "E", "application": "demo", "name": "deploy", "status": "RUNNING", "buildTime": 1000,
            "startTime": 2000, "stages": [
            {"id": "a", "refId": "1", "type": "wait", "name": "Wait", "status": "SUCCEEDED", "startTime": 2000, "endTime": 5000},
            {"id": "b", "refId": "2", "type": "manualJudgment", "name": "Approve", "status": "RUNNING", "startTime": 5000,
             "requisiteStageRefIds": ["1"],
             "context": {"instructions": "look", "judgmentInputs": [{"value": "prod"}, {"value": "rollback"}]}},
            {"id": "c", "refId": "2<1", "type": "checkPreconditions", "name": "Check", "parentStageId": "b",
             "status": "TERMINAL", "context": {"exception": {"details": {"errors": ["no go"]}}}},
            {"id": "d", "refId": "3", "type": "webhook", "status": "NOT_STARTED", "requisiteStageRefIds": ["2", "9"]}
        ]})
    }

    #[test]
    fn a_document_is_read_leniently() {
        let snapshot = Snapshot::read(&document());
        assert_eq!(snapshot.title(), "demo/deploy");
        assert_eq!(snapshot.took_ms(9000), Some(7000));
        let seen: Vec<_> = snapshot
            .stages
            .iter()
            .map(|stage| (stage.label.as_str(), stage.word(), stage.phase()))
            .collect();
        assert_eq!(
            seen,
            [
                ("Wait", "ok", Phase::Done),
                ("Approve", "wait", Phase::Asking),
                ("Approve / Check", "FAIL", Phase::Failed),
                ("webhook", "next", Phase::Ahead)
            ]
        );
        assert_eq!(snapshot.stages[2].error.as_deref(), Some("no go"));
        assert_eq!(snapshot.stages[3].after, ["Approve", "9"]);
        assert_eq!(
            snapshot.asking().next().unwrap().question,
            Some(Question {
                instructions: Some("look".into()),
                options: vec!["prod".into(), "rollback".into()]
            })
        );
        let empty = Snapshot::read(&json!([1]));
        assert_eq!((empty.status, empty.stages.len()), (Status::NotStarted, 0));
    }

    #[test]
    fn against_nothing_everything_begun_is_a_change() {
        let snapshot = Snapshot::read(&document());
        assert_eq!(
            changes(None, &snapshot),
            [
                Change::Stage { index: 0 },
                Change::Stage { index: 1 },
                Change::Stage { index: 2 },
                Change::Execution {
                    to: Status::Running
                }
            ]
        );
        assert_eq!(changes(Some(&snapshot), &snapshot), []);
    }

    #[test]
    fn a_stage_that_moved_in_the_list_is_compared_with_itself() {
        let before = Snapshot::read(&document());
        let mut later = document();
        let stages = later["stages"].as_array_mut().unwrap();
        stages.reverse();
        stages[2]["context"]["judgmentStatus"] = json!("continue");
        assert_eq!(
            changes(Some(&before), &Snapshot::read(&later)),
            [Change::Stage { index: 2 }],
            "the judgement was given"
        );
    }
}
