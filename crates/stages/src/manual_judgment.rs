//! `manualJudgment`: a person decides. Source: orca `ManualJudgmentStage` (reference 6.7).

use gennaker_engine::{
    Cleared, Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::PlanError,
};
use gennaker_model::{Map, Stage, Status};
use serde_json::Value;

use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
    read,
};

/// The stage type.
pub(crate) struct ManualJudgment;

static WAIT_FOR_JUDGMENT: TaskDefinition = TaskDefinition {
    name: "waitForJudgment",
    class: "com.netflix.spinnaker.orca.echo.pipeline.ManualJudgmentStage$WaitForManualJudgmentTask",
    step,
    timeout_ms: Some(3 * 24 * 60 * 60 * 1000),
    timeout_overridable: true,
};

impl StageType for ManualJudgment {
    fn names(&self) -> &'static [&'static str] {
        &["manualJudgment"]
    }

    fn summary(&self) -> &'static str {
        "Waits until a person says continue or stop."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::optional("instructions", FieldType::Text, "Shown to whoever judges."),
                Field::optional(
                    "judgmentInputs",
                    FieldType::List,
                    "Choices, as {value}; the chosen one is read by #judgment(…).",
                ),
                Field::optional(
                    "judgmentStatus",
                    FieldType::Word(&["continue", "stop"]),
                    "Set by the judgement.",
                ),
                Field::optional("judgmentInput", FieldType::Text, "The chosen value."),
                Field::optional(
                    "propagateAuthenticationContext",
                    FieldType::Boolean,
                    "Later stages run as the judge.",
                ),
                Field::optional(
                    "selectedStageRoles",
                    FieldType::List,
                    "Roles of which whoever judges must have one.",
                ),
                Field::optional(
                    "sendNotifications",
                    FieldType::Boolean,
                    "Whether notifications are sent.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&WAIT_FOR_JUDGMENT] }
    }
}

impl StageDefinition for ManualJudgment {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&WAIT_FOR_JUDGMENT]))
    }

    /// A judgement by somebody who has none of the roles is taken back: the stage waits for another (reference 6.7).
    fn patched(&self, context: &Map, mut patch: Map, roles: Option<&[String]>) -> Map {
        if let (Some(held), true) = (roles, patch.contains_key("judgmentStatus")) {
            let wanted: Vec<&str> = ["selectedStageRoles", "requiredJudgmentRoles"]
                .iter()
                .filter_map(|key| context.get(*key)?.as_array())
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let may = wanted.is_empty()
                || held.iter().any(|role| {
                    wanted
                        .iter()
                        .any(|wanted| wanted.eq_ignore_ascii_case(role))
                });
            if !may {
                patch.insert("judgmentStatus".to_owned(), Value::from(""));
            }
        }
        patch
    }

    fn judgment(&self, context: &Map) -> Option<&'static str> {
        Some(match judged(context) {
            Some(true) => "manualJudgmentContinue",
            Some(false) => "manualJudgmentStop",
            None => "manualJudgment",
        })
    }

    /// A person has said no.
    fn may_retry(&self) -> bool {
        false
    }

    /// What was told of the former judgement is told of the new one again; Orca would stay silent.
    fn restarted(&self, stage: &Stage, _by_child: bool) -> Cleared {
        let mut cleared = Cleared::keys(&["judgmentStatus", "lastModifiedBy"]);
        if let Some(Value::Array(entries)) = stage.context.get("notifications") {
            let mut entries = entries.clone();
            for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
                entry.shift_remove("lastNotifiedByNotificationState");
            }
            let key = "notifications".to_owned();
            cleared.context.insert(key, entries.into());
        }
        cleared
    }
}

fn step(context: &TaskContext<'_>) -> Step {
    match judged(context.context) {
        Some(true) => TaskResult::of(Status::Succeeded).into(),
        Some(false) => TaskResult::of(Status::Terminal).into(),
        None => Step::Ask {
            context: Map::new(),
        },
    }
}

/// Whether a person has said continue, or stop; `None` as long as nobody has.
fn judged(context: &Map) -> Option<bool> {
    let status = read::text(context, "judgmentStatus").unwrap_or_default();
    if status.eq_ignore_ascii_case("continue") {
        Some(true)
    } else if status.eq_ignore_ascii_case("stop") {
        Some(false)
    } else {
        None
    }
}
